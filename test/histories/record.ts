/**
 * `npm run record-histories [-- SCENARIO…]`: plays every scenario, or the named ones, on Temporal's dev server and keeps
 * the histories, as `temporal workflow show` prints them, for `test/workflows/replay.test.ts`. With names the others stay:
 * they are of workflows that began before.
 */
import { dirname } from 'node:path';
import { startSystem } from '../support/system.ts';
import type { WorkflowRun } from '../support/workflow-task-failures.ts';
import { commitHistories, type History } from './committed.ts';
import { SCENARIOS } from './scenarios.ts';
import { scrub } from './scrub.ts';

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !Object.hasOwn(SCENARIOS, name));
if (unknown !== undefined)
  throw new Error(`there is no scenario "${unknown}" in test/histories/scenarios.ts`);

const system = await startSystem('dev server');
const histories = new Map<string, History>();
try {
  await playAll();
} finally {
  // Rejects when a workflow task failed: such a recording replaces nothing.
  await system.stop();
}
process.stdout.write(
  `${histories.size} histories in ${await commitHistories(histories, { keepsOthers: wanted.length > 0 })}\n`,
);

async function playAll(): Promise<void> {
  for (const [name, play] of Object.entries(SCENARIOS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
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
