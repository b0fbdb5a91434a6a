/** SPEC B6 as a table: what happens to an order, its task and its money, given what was there before. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  adoptionOf,
  decideActive,
  decideSubmission,
  generationId,
  proofIndexName,
  provesOtherContent,
  type SubmissionDecision,
  taskKeys,
} from '../../src/domain/ids.ts';
import { type ProofIndexRow, SCHEMA_VERSION } from '../../src/domain/records.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** One order of one task, as seen by admission. */
interface Order {
  batchId: string;
  /** What the task asks for; decides batch hash and fingerprint. */
  content: string;
  /** `firstExecutionRunId` of the batch. */
  orderRunId: string;
  retry: number;
  again: boolean;
  taskKey?: string;
  outputDir: string;
}

const FIRST: Order = {
  batchId: 'covers',
  content: 'a shop',
  orderRunId: 'run-1',
  retry: 0,
  again: false,
  outputDir: '/out',
};
const RESUBMITTED: Order = { ...FIRST, orderRunId: 'run-2' };

interface Scenario {
  name: string;
  /** The order that came first. */
  before?: Order;
  /** Its task completed, so that there is a row in the proof index of its output directory. Default true. */
  proven?: boolean;
  now: Order;
  /** Batch runs with this id that the server knows, with the hash of `before` in the memo. */
  server: 'open' | 'open without memo' | 'closed' | 'forgotten';
  /** Batch id of a task that is active under this key; undefined when none is. */
  active?: string;
  /** What the client decides. Left out of resets and retries: the server runs the same order on and asks nobody. */
  submission?: SubmissionDecision;
  /** What becomes of the task when it is admitted. */
  task:
    | 'adopted: same call'
    | 'adopted: same request'
    | 'called anew'
    | 'awaited'
    | 'skipped'
    | 'refused: other content'
    | 'not admitted';
}

const SCENARIOS: Scenario[] = [
  {
    name: 'attach: submitted again while it runs',
    now: RESUBMITTED,
    server: 'open',
    submission: 'attach',
    task: 'not admitted',
  },
  {
    name: 'attach to a run that has not written its memo yet',
    now: RESUBMITTED,
    server: 'open without memo',
    submission: 'attach',
    task: 'not admitted',
  },
  {
    name: 'resubmit after the end',
    now: RESUBMITTED,
    server: 'closed',
    submission: 'start',
    task: 'adopted: same request',
  },
  {
    name: 'resubmit after the end: a task that had failed',
    proven: false,
    now: RESUBMITTED,
    server: 'closed',
    submission: 'start',
    task: 'called anew',
  },
  {
    name: '--again',
    now: { ...RESUBMITTED, again: true },
    server: 'closed',
    submission: 'start',
    task: 'called anew',
  },
  {
    name: '--again while running',
    now: { ...RESUBMITTED, again: true },
    server: 'open',
    submission: 'refuse: still running',
    task: 'not admitted',
  },
  {
    name: 'retry within an order',
    proven: false,
    now: { ...FIRST, retry: 1 },
    server: 'open',
    task: 'called anew',
  },
  {
    name: 'retry within an --again order, where the first go was proven',
    before: { ...FIRST, again: true },
    now: { ...FIRST, again: true, retry: 1 },
    server: 'open',
    task: 'called anew',
  },
  {
    name: 'reset of a task',
    now: FIRST,
    server: 'open',
    task: 'adopted: same call',
  },
  {
    name: 'reset of a batch',
    now: FIRST,
    server: 'closed',
    task: 'adopted: same call',
  },
  {
    name: 'reset of an --again batch',
    before: { ...FIRST, again: true },
    now: { ...FIRST, again: true },
    server: 'closed',
    task: 'adopted: same call',
  },
  {
    name: 'same key in another batch, ended',
    before: { ...FIRST, taskKey: 'hero' },
    now: { ...RESUBMITTED, batchId: 'other', taskKey: 'hero' },
    server: 'forgotten',
    submission: 'start',
    task: 'called anew',
  },
  {
    name: 'same key in another batch, still active',
    before: { ...FIRST, taskKey: 'hero' },
    proven: false,
    now: { ...RESUBMITTED, batchId: 'other', taskKey: 'hero' },
    server: 'forgotten',
    active: 'covers',
    submission: 'start',
    task: 'skipped',
  },
  {
    name: 'own task still draining',
    proven: false,
    now: RESUBMITTED,
    server: 'closed',
    active: 'covers',
    submission: 'start',
    task: 'awaited',
  },
  {
    name: 'other output directory: no row there',
    now: { ...RESUBMITTED, outputDir: '/elsewhere' },
    server: 'closed',
    submission: 'start',
    task: 'called anew',
  },
  {
    name: 'database gone: no memo, the proof is enough',
    now: RESUBMITTED,
    server: 'forgotten',
    submission: 'start',
    task: 'adopted: same request',
  },
  {
    name: 'database gone, --again',
    now: { ...RESUBMITTED, again: true },
    server: 'forgotten',
    submission: 'start',
    task: 'called anew',
  },
  {
    name: 'explicit id with other content, ended',
    now: { ...RESUBMITTED, content: 'a boat' },
    server: 'closed',
    submission: 'refuse: other content',
    task: 'not admitted',
  },
  {
    name: 'explicit id with other content, running',
    now: { ...RESUBMITTED, content: 'a boat' },
    server: 'open',
    submission: 'refuse: other content',
    task: 'not admitted',
  },
  {
    name: 'explicit id with other content, --again',
    now: { ...RESUBMITTED, content: 'a boat', again: true },
    server: 'closed',
    submission: 'refuse: other content',
    task: 'not admitted',
  },
  {
    name: 'explicit id with other content, database gone: the proof index still knows',
    now: { ...RESUBMITTED, content: 'a boat' },
    server: 'forgotten',
    submission: 'start',
    task: 'refused: other content',
  },
  {
    name: 'explicit id with other content, database gone, --again',
    now: { ...RESUBMITTED, content: 'a boat', again: true },
    server: 'forgotten',
    submission: 'start',
    task: 'refused: other content',
  },
  {
    name: 'explicit id with other content, database gone, nothing was proven: nobody knows',
    proven: false,
    now: { ...RESUBMITTED, content: 'a boat' },
    server: 'forgotten',
    submission: 'start',
    task: 'called anew',
  },
];

describe('identity scenarios (SPEC B5, B6)', () => {
  test.each(SCENARIOS)('$name', (scenario) => {
    expect(submissionOf(scenario)).toBe(scenario.submission);
    expect(taskOf(scenario)).toBe(scenario.task);
  });

  test('a call is the same one only for the same namespace, key, order and retry', () => {
    const origin = { namespace: 'default', workflow_id: 'covers/a', order_run_id: 'run-1', retry: 0 };
    const others = [
      { ...origin, namespace: 'other' },
      { ...origin, workflow_id: 'covers/b' },
      { ...origin, order_run_id: 'run-2' },
      { ...origin, retry: 1 },
    ];
    const all = [origin, ...others].map((one) => generationId(one, sha256));
    expect(new Set(all).size).toBe(all.length);
    expect(generationId({ ...origin }, sha256)).toBe(all[0]);
  });
});

/** A reset or a retry is no submission: Temporal runs the same order on. */
function submissionOf({ before = FIRST, now, server }: Scenario): SubmissionDecision | undefined {
  if (now.orderRunId === before.orderRunId) return undefined;
  const known = { hash: server === 'open without memo' ? null : sha256(before.content) };
  return decideSubmission({
    hash: sha256(now.content),
    again: now.again,
    open: server.startsWith('open') ? known : null,
    closed: server === 'closed' ? known : null,
  });
}

function taskOf(scenario: Scenario): Scenario['task'] {
  const { before = FIRST, proven = true, now, active } = scenario;
  if (!['start', undefined].includes(submissionOf(scenario))) return 'not admitted';
  const row = proven ? (proofIndex(before).get(indexPath(now)) ?? null) : null;
  if (provesOtherContent(row, now.batchId, sha256(now.content))) return 'refused: other content';
  const adoption = adoptionOf(row, {
    batch_id: now.batchId,
    request_fingerprint: sha256(now.content),
    generation_id: generationOf(now),
    adopts: !now.again,
  });
  if (adoption !== 'none') return `adopted: ${adoption}`;
  if (active === undefined) return 'called anew';
  return decideActive(now.batchId, active) === 'await' ? 'awaited' : 'skipped';
}

function proofIndex(order: Order): Map<string, ProofIndexRow> {
  const row: ProofIndexRow = {
    schema_version: SCHEMA_VERSION,
    batch_id: order.batchId,
    batch_hash: sha256(order.content),
    task_key: keyOf(order),
    request_fingerprint: sha256(order.content),
    generation_id: generationOf(order),
    result_json: '/out/result.json',
  };
  return new Map([[indexPath(order), row]]);
}

function indexPath(order: Order): string {
  return `${order.outputDir}/_proofs/${proofIndexName(order.batchId, keyOf(order), sha256)}`;
}

function generationOf(order: Order): string {
  const { orderRunId, retry } = order;
  return generationId(
    { namespace: 'default', workflow_id: keyOf(order), order_run_id: orderRunId, retry },
    sha256,
  );
}

function keyOf({ batchId, taskKey }: Order): string {
  const task = { task_name: 'cover', ...(taskKey === undefined ? {} : { task_key: taskKey }) };
  return taskKeys(batchId, [task], sha256)[0] as string;
}
