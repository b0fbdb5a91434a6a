/** Moments of orders as the server tells them, for tests of what people see. */
import type { LiveAttempt } from '../../src/client.ts';
import type { TaskState } from '../../src/domain/messages.ts';
import type { BatchSummary } from '../../src/domain/batch-records.ts';
import type { BillingTally, TaskRow } from '../../src/domain/records.ts';
import { type OrderFacts, type Snapshot, type View, viewOf } from '../../src/cli/progress-view.ts';
import type { Look } from '../../src/cli/terminal.ts';

/** Every picture is of this moment. */
export const NOW = Date.parse('2026-11-24T15:14:02Z');

export function ago(seconds: number): string {
  return new Date(NOW - seconds * 1000).toISOString();
}

export function terminal(columns: number, more: Partial<Look> = {}): Look {
  return { columns, rows: 30, colour: false, unicode: true, ...more };
}

export const ARTICLE_COVERS: OrderFacts = {
  kind: 'batch',
  id: '文章封面-3f9c1a7be2',
  total: 48,
  models: 'happy/gpt-image-2',
  isAttached: false,
};

export function task(index: number, task_name: string, more: Partial<TaskState> = {}): TaskState {
  return {
    index,
    task_key: `文章封面-3f9c1a7be2/${task_name}`,
    task_name,
    mode: 'generation',
    references: 0,
    status: 'queued',
    adopted: false,
    cancelling: null,
    started_at: null,
    ended_at: null,
    image_path: null,
    bytes: null,
    billing: { no: 0, possible: 0, yes: 0 },
    error: null,
    ...more,
  };
}

export function completed(
  index: number,
  name: string,
  tookSeconds: number,
  endedSecondsAgo: number,
): TaskState {
  return task(index, name, {
    status: 'completed',
    started_at: ago(endedSecondsAgo + tookSeconds),
    ended_at: ago(endedSecondsAgo),
    image_path: `/out/${name}.png`,
    bytes: 1_842_113,
    billing: { no: 0, possible: 0, yes: 1 },
  });
}

/** The same requests at 0.053 USD each. */
export function priced(billing: BillingTally): BillingTally {
  const { possible, yes } = billing;
  const money = { spent_micros: yes * 53_000, possibly_spent_micros: possible * 53_000 };
  return { ...billing, currency: 'USD', ...money };
}

/** The same moment of a batch whose requests have that price. */
export function pricedMoment(moment: Snapshot): Snapshot {
  return { ...moment, tasks: moment.tasks.map((one) => ({ ...one, billing: priced(one.billing) })) };
}

export function running(
  index: number,
  name: string,
  startedSecondsAgo: number,
  more: Partial<TaskState> = {},
) {
  return task(index, name, { status: 'running', started_at: ago(startedSecondsAgo), ...more });
}

export function request(
  elapsed_seconds: number,
  attempt: number,
  more: Partial<LiveAttempt['heartbeat']> = {},
): LiveAttempt {
  return {
    temporalAttempt: attempt,
    state: 'running',
    heartbeat: {
      now: 'request 1 is with the provider',
      waiting_for: 'the image',
      generation_id: 'g',
      temporal_attempt: attempt,
      sent: true,
      attempt,
      elapsed_seconds,
      limit_seconds: 600,
      deadline_at: null,
      next_attempt_at: null,
      ...more,
    },
    heartbeatAtMs: null,
    lastFailure: null,
    nextAttemptAtMs: null,
  };
}

/** Between two attempts. */
export function wait(seconds: number, attempt: number, lastFailure: string): LiveAttempt {
  return {
    ...request(0, attempt - 1, { sent: false, waiting_for: 'the spool' }),
    state: 'waiting',
    lastFailure,
    nextAttemptAtMs: NOW + seconds * 1000,
  };
}

export const RATE_LIMITED =
  'HTTP 429 (rate_limit_exceeded): Rate limit reached for gpt-image-2. (the provider asks for fewer requests (429); it is waited for and not counted)';

export function snapshot(
  tasks: TaskState[],
  live: Record<string, LiveAttempt | null> = {},
  more: Partial<Snapshot['progress']> = {},
): Snapshot {
  const runningTasks = tasks.filter(({ status }) => status === 'running');
  return {
    atMs: NOW,
    tasks,
    progress: {
      phase: 'running',
      started_at: ago(668),
      total: tasks.length,
      max_workers: 4,
      paused: null,
      warnings: [],
      ...more,
    },
    live: new Map(runningTasks.map(({ task_key, task_name }) => [task_key, live[task_name] ?? null])),
  };
}

export function view(moment: Snapshot, order: Partial<OrderFacts> = {}): View {
  return viewOf({ ...ARTICLE_COVERS, total: moment.tasks.length, ...order }, moment, NOW);
}

/** 48 covers, 23 ended, four at work in four different ways. */
export function runningBatch(): Snapshot {
  const done = Array.from({ length: 22 }, (_, i) =>
    completed(i + 1, `cover-${i + 1}`, 90 + 3 * i, 600 - 20 * i),
  );
  const failed = task(23, 'cover-23', {
    status: 'failed',
    started_at: ago(50),
    ended_at: ago(46),
    billing: { no: 1, possible: 0, yes: 0 },
    error: 'HTTP 400 (invalid_request): size 999x999 is not supported',
  });
  const atWork = [
    running(24, '封面-清晨的药房柜台', 112),
    running(25, '角色重绘', 300, { mode: 'edit', references: 1 }),
    running(26, 'cover-26-with-a-name-that-is-far-too-long-for-a-row', 3),
    running(27, '多参考图合成', 560, { mode: 'edit', references: 2 }),
  ];
  const queued = Array.from({ length: 21 }, (_, i) => task(i + 28, `cover-${i + 28}`));
  return snapshot([...done, failed, ...atWork, ...queued], {
    '封面-清晨的药房柜台': request(112, 1),
    角色重绘: wait(18, 2, RATE_LIMITED),
    'cover-26-with-a-name-that-is-far-too-long-for-a-row': request(0, 1, {
      sent: false,
      waiting_for: 'the spool',
    }),
    多参考图合成: request(552, 1),
  });
}

/** 8 tasks near their end: one refused, one timed out, one tried again. */
export function failingBatch(): Snapshot {
  const refused = task(6, 'cover-6', {
    status: 'failed',
    started_at: ago(300),
    ended_at: ago(296),
    billing: { no: 1, possible: 0, yes: 0 },
    error: 'HTTP 400 (moderation_blocked): The safety system refused the request.',
  });
  const timedOut = task(7, '夜景', {
    status: 'timed_out',
    started_at: ago(620),
    ended_at: ago(20),
    billing: { no: 0, possible: 1, yes: 0 },
    error:
      'POST https://images.example.com/v1/images/generations: no complete answer within the limit of 600 s (deadline, phase sent)',
  });
  const done = Array.from({ length: 5 }, (_, i) => completed(i + 1, `封面-${i + 1}`, 95 + i, 200 - i));
  return snapshot([...done, refused, timedOut, running(8, '角色重绘', 60, { mode: 'edit', references: 1 })], {
    角色重绘: wait(4, 3, 'HTTP 502 (bad_gateway): Bad gateway.'),
  });
}

/** A batch that somebody else follows already, of which another order had proven two. */
export function attachedBatch(): Snapshot {
  const proven = [1, 2].map((index) =>
    task(index, `封面-${index}`, {
      status: 'completed',
      adopted: true,
      bytes: 1_000_000,
      image_path: '/out/x.png',
    }),
  );
  const atWork = [running(3, '封面-3', 31), running(4, 'cover-4', 31)];
  return snapshot([...proven, ...atWork, task(5, 'cover-5')], {
    '封面-3': request(29, 1),
    'cover-4': { ...request(0, 1), state: 'queued', heartbeat: null, heartbeatAtMs: null },
  });
}

export function row(index: number, task_name: string, more: Partial<TaskRow> = {}): TaskRow {
  const folder = `/home/me/out/batches/covers-20261124-150231-1a2b3c/0${index}-${task_name}`;
  return {
    index,
    task_name,
    task_key: `文章封面-3f9c1a7be2/${task_name}`,
    status: 'completed',
    ok: true,
    acceptable: true,
    provider: 'happy',
    model: 'gpt-image-2',
    mode: 'generation',
    input_images: [],
    image_path: `/home/me/out/${task_name}-20261124-150231.png`,
    bytes: 1_842_113,
    sha256: '5f1d'.repeat(16),
    run_dir: folder,
    result_json: `${folder}/result.json`,
    workflow_id: null,
    run_id: null,
    worker_id: null,
    pid: null,
    attempts_count: 1,
    billing: { no: 0, possible: 0, yes: 1 },
    error: null,
    category: null,
    ...more,
  };
}

export function unfinished(index: number, task_name: string, more: Partial<TaskRow>): TaskRow {
  return row(index, task_name, {
    ok: false,
    acceptable: false,
    image_path: null,
    bytes: null,
    sha256: null,
    ...more,
  });
}

export function summary(rows: readonly TaskRow[], more: Partial<BatchSummary> = {}): BatchSummary {
  const count = (status: TaskRow['status']) => rows.filter((one) => one.status === status).length;
  const batchDir = '/home/me/out/batches/covers-20261124-150231-1a2b3c';
  return {
    ok: rows.every(({ ok }) => ok),
    acceptable: rows.every(({ acceptable }) => acceptable),
    stage: 'done',
    batch_id: ARTICLE_COVERS.id,
    batch_hash: '0',
    batch_dir: batchDir,
    max_workers: 4,
    queue_limit: 200,
    total: rows.length,
    scheduled: rows.length,
    processed: rows.length,
    rejected: count('rejected'),
    success: count('completed'),
    failed: count('failed'),
    timeout: count('timed_out'),
    cancelled: count('cancelled'),
    skipped: count('skipped'),
    adopted: 0,
    failed_by: {},
    provider: 'happy',
    model: 'gpt-image-2',
    no_local_fallback: true,
    cost: { no: 0, possible: 0, yes: rows.length },
    batch_result_json: `${batchDir}/batch_result.json`,
    ...more,
  };
}
