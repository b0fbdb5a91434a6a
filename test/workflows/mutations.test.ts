/**
 * The replay can fail: one small change of the workflow code after the other, each of a kind that people make without a
 * thought, and each is noticed by a committed history (DESIGN 2.15).
 */
import { cpSync, symlinkSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { bundleWorkflowCode, type WorkflowBundle } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { committedHistories, currentVersion } from '../histories/committed.ts';
import { QUIET, quietRuntime } from '../support/quiet-runtime.ts';
import { replay } from '../support/replay.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const histories = new Map(committedHistories().map(({ name, history }) => [name, history]));
beforeAll(quietRuntime);
// Bundling is 1.5 s of work; a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

interface Mutation {
  file: string;
  from: string;
  to: string;
  /** The committed history of this version that notices, and what is said of the first command that differs. */
  history: string;
  complaint: RegExp;
}

const MUTATIONS: Record<string, Mutation> = {
  'the batch is not recorded': {
    file: 'image-batch.ts',
    from: 'recordBatch({ batch_dir, ends, max_workers })',
    to: 'Promise.resolve({} as BatchSummary)',
    history: 'success',
    complaint: /Complete workflow machine .* ActivityTaskScheduled/u,
  },
  'the memo is written after the tasks instead of before them': {
    file: 'image-batch.ts',
    from: `  upsertMemo({ batch_id, batch_hash, batch_dir });
  if (listed) list(commonAttributes(admission.tasks));
  window.admit(admission);
  for (;;) {
    await window.run(workOf({ listed }));`,
    to: `  if (listed) list(commonAttributes(admission.tasks));
  window.admit(admission);
  for (;;) {
    await window.run(workOf({ listed }));
    upsertMemo({ batch_id, batch_hash, batch_dir });`,
    history: 'success',
    complaint: /Child workflow machine .* WorkflowPropertiesModified/u,
  },
  'the memo does not keep the head of the manifest': {
    file: 'image-batch.ts',
    from: 'if (manifest !== undefined) upsertMemo',
    to: 'if (manifest === null) upsertMemo',
    history: 'signed',
    complaint: /Complete workflow machine .* WorkflowPropertiesModified/u,
  },
  'a cancelled task is not asked how it ended': {
    file: 'image-batch.ts',
    from: "if (!patched('2026-11-end-of-a-cancelled-task')) return unknown;",
    to: 'if (unknown !== null) return unknown;',
    history: 'aborted-by-update',
    complaint: /TMPRL1100|patch|ActivityTaskScheduled/iu,
  },
  'a cancelled task does not look for its answer': {
    file: 'image-task.ts',
    from: "if (!patched('2026-11-answer-before-cancel')) return null;",
    to: 'if (task !== null) return null;',
    history: 'answer-before-cancel.child',
    complaint: /TMPRL1100|patch|ActivityTaskScheduled/iu,
  },
  'a task is a child of another type': {
    file: 'image-batch.ts',
    from: 'startChild<typeof imageTask>(WORKFLOW_TYPES.task, {',
    to: 'startChild<typeof imageTask>(WORKFLOW_TYPES.batch, {',
    history: 'failure',
    complaint: /'imageTask' does not match child workflow type of command 'imageBatch'/u,
  },
  'the window is one task narrower': {
    file: 'task-window.ts',
    from: 'this.#running.size < this.#maxWorkers',
    to: 'this.#running.size < this.#maxWorkers - 1',
    history: 'twenty-tasks',
    complaint: /No command scheduled for .* StartChildWorkflowExecutionInitiated/u,
  },
  'a key that is active elsewhere fails at once': {
    file: 'image-batch.ts',
    from: 'if (!(error instanceof WorkflowExecutionAlreadyStartedError)) return endOfFailure(order, error);',
    to: 'if (error !== undefined) return endOfFailure(order, error);',
    history: 'duplicate-active-elsewhere',
    complaint: /'awaitActiveTask' does not match activity type of activity command 'recordTask'/u,
  },
  'a cancelled batch says nothing for tasks that never started': {
    file: 'image-batch.ts',
    from: 'drop: (order, failure) => lastWords(order, failure ?? NEVER_STARTED),',
    to: "drop: async (order) => emptyEnd(order.index, 'cancelled'),",
    history: 'cancel-batch',
    // By whether the last tasks of the four ended in one workflow task or in more.
    complaint: /No command scheduled for .* ActivityTaskScheduled|'recordTask' does not match/u,
  },
  'a task pauses before it pays': {
    file: 'image-task.ts',
    from: 'const outcome = await generate(order, call);',
    to: 'await new Promise((resolve) => setTimeout(resolve, 1000)); const outcome = await generate(order, call);',
    history: 'success.child',
    complaint: /Timer machine .* ActivityTaskScheduled/u,
  },
  'a task is recorded by another activity': {
    file: 'image-task.ts',
    from: "import { collectImage, paidCall, recordTask } from './activities.ts';",
    to: "import { collectImage, paidCall, recordBatch as recordTask } from './activities.ts';",
    history: 'timeout.child',
    complaint: /'recordTask' does not match activity type of activity command 'recordBatch'/u,
  },
  'a failed task closes as completed': {
    file: 'image-task.ts',
    from: "if (row.status === 'completed') return row;",
    to: "if (row.status !== 'cancelled') return row;",
    history: 'attempts-used-up.child',
    complaint: /Complete workflow machine .* WorkflowExecutionFailed/u,
  },
  'a cancel that meets a failing attempt is not noticed': {
    file: 'image-task.ts',
    from: 'error.retryState !== RetryState.CANCEL_REQUESTED',
    to: 'error.retryState !== RetryState.IN_PROGRESS',
    history: 'cancel-while-an-attempt-fails',
    complaint: /Fail workflow machine .* WorkflowExecutionCanceled/u,
  },
};

describe('a replay notices when', () => {
  test.each(Object.entries(MUTATIONS))('%s', async (_, { file, from, to, history, complaint }) => {
    const bundle = await bundleOf(async (workflows) => {
      const path = join(workflows, file);
      const source = await readFile(path, 'utf8');
      const parts = source.split(from);
      expect(parts, `${file} must have this text once; else mutate another`).toHaveLength(2);
      await writeFile(path, parts.join(to));
    });
    const error = await replay(bundle, recorded(history)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DeterminismViolationError);
    expect((error as Error).message).toMatch(complaint);
  });
});

test('the same histories replay with the unchanged copy', async () => {
  const bundle = await bundleOf(() => undefined);
  for (const name of new Set(Object.values(MUTATIONS).map(({ history }) => history))) {
    await expect(replay(bundle, recorded(name)), name).resolves.toBeUndefined();
  }
});

/** The workflow code of a copy of ours, after `change` had its way with the folder. */
async function bundleOf(change: (workflows: string) => void | Promise<void>): Promise<WorkflowBundle> {
  const folder = tempFolder();
  for (const part of ['workflows', 'domain']) {
    cpSync(join(ROOT, 'src', part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await change(join(folder, 'workflows'));
  return bundleWorkflowCode({ workflowsPath: join(folder, 'workflows', 'index.ts'), logger: QUIET });
}

function recorded(name: string) {
  const history = histories.get(`${currentVersion()}/${name}`);
  if (history === undefined) throw new Error(`there is no history "${name}"; run npm run record-histories`);
  return history;
}
