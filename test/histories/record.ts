/**
 * `npm run record-histories`: plays every scenario on Temporal's dev server and keeps the histories, as
 * `temporal workflow show` prints them, for `test/workflows/replay.test.ts`.
 */
import { dirname } from 'node:path';
import { startSystem } from '../support/system.ts';
import type { WorkflowRun } from '../support/workflow-task-failures.ts';
import { commitHistories, type History } from './committed.ts';
import { SCENARIOS } from './scenarios.ts';
import { scrub } from './scrub.ts';

const system = await startSystem('dev server');
const histories = new Map<string, History>();
try {
  await playAll();
} finally {
  // Rejects when a workflow task failed: such a recording replaces nothing.
  await system.stop();
}
process.stdout.write(`${histories.size} histories in ${await commitHistories(histories)}\n`);

async function playAll(): Promise<void> {
  for (const [name, play] of Object.entries(SCENARIOS)) {
    const { workflow, child } = await play(system);
    histories.set(name, await historyOf(workflow));
    if (child !== undefined) histories.set(`${name}.child`, await historyOf(child));
    process.stdout.write(`recorded ${name}\n`);
  }
}

async function historyOf({ workflowId, runId }: WorkflowRun): Promise<History> {
  const run = ['--workflow-id', workflowId, '--run-id', runId];
  const shown = await system.temporal('workflow', 'show', ...run);
  return scrub(JSON.parse(shown) as History, dirname(system.outputDir));
}
