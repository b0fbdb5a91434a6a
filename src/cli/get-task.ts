/** `imgproof get` as it runs: everything that is known of one task (SPEC C, F11). */
import { join } from 'node:path';
import { describe, memoOf } from '../client.ts';
import { type OrderState, taskEnd } from '../client/orders.ts';
import { taskFacts } from '../client/task-facts.ts';
import { readBatchRequest } from '../artifacts/batch-folder.ts';
import { tailText } from '../artifacts/file-tail.ts';
import { readJson, TaskFolder } from '../artifacts/task-folder.ts';
import { FILES } from '../domain/layout.ts';
import type { AttemptRecord, ResultRecord, TaskStateRecord } from '../domain/records.ts';
import { findTask } from '../domain/task-selection.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import type { ServerFlags } from './flags.ts';
import { detailLines, type TaskDetail } from './get-screen.ts';
import { withLook } from './look-session.ts';
import { printJson, printLines, safe } from './output.ts';
import type { Session } from './session.ts';
import { findBatch, findTarget, type TaskTarget } from './target.ts';
import { type ListedTask, spanOf, tasksOfBatch } from './task-rows.ts';
import { lookOf } from './terminal.ts';

export interface GetFlags extends ServerFlags {
  tailBytes?: number;
  json?: boolean;
}

const TAIL_BYTES = 4_096;

export async function get(named: string, ofBatch: string | undefined, flags: GetFlags): Promise<void> {
  const tailBytes = flags.tailBytes ?? TAIL_BYTES;
  if (!Number.isInteger(tailBytes) || tailBytes < 0)
    throw new CommandProblem(EXIT.usage, `--tail-bytes ${tailBytes} is not a whole number from 0 on`);
  await withLook(flags, async (session) => {
    const detail = await detailOf(session, await place(session, named, ofBatch), tailBytes);
    if (flags.json) printJson({ ok: true, ...detail, exit_code: EXIT.ok, reason: detail.status });
    else printLines(detailLines(detail, lookOf(process.stdout)));
  });
}

/** Where a task stands: in its batch, or alone. */
interface Place {
  target: TaskTarget;
  /** What its batch says of it; null for a lone task, and when its batch is not known any more. */
  listed: ListedTask | null;
}

async function place(session: Session, named: string, ofBatch: string | undefined): Promise<Place> {
  if (ofBatch !== undefined) return placeInBatch(session, named, ofBatch);
  const target = await findTarget(session, named);
  if (target.kind === 'batch')
    throw new CommandProblem(
      EXIT.usage,
      `"${safe(named)}" is a batch; \`imgproof list ${safe(named)}\` shows its tasks, \`imgproof get ${safe(named)} <task>\` one of them`,
    );
  const batch = target.batchId === null ? null : await describe(session.client, target.batchId);
  const tasks = batch === null ? null : await tasksOfBatch(session, batch);
  return { target, listed: tasks?.find(({ task_key }) => task_key === target.key) ?? null };
}

async function placeInBatch(session: Session, batchId: string, named: string): Promise<Place> {
  const { run } = await findBatch(session, batchId);
  const found = findTask((await tasksOfBatch(session, run)) ?? [], named);
  if ('problem' in found) throw new CommandProblem(EXIT.usage, safe(found.problem));
  const key = found.task.task_key;
  const target: TaskTarget = { kind: 'task', key, batchId, run: await describe(session.client, key) };
  return { target, listed: found.task };
}

async function detailOf(session: Session, at: Place, tailBytes: number): Promise<TaskDetail> {
  const { target, listed } = at;
  const { client } = session;
  const facts = target.run === null ? null : await taskFacts(client, target.run);
  const run_dir = facts?.run_dir ?? (await folderInBatch(session, target));
  const files = run_dir === null ? NO_FILES : await filesIn(run_dir, tailBytes);
  const { result, state } = files;
  const now = listed ?? (await standing(session, target));
  const span = spanOf(files.attempts);
  return {
    task_key: target.key,
    task_name: listed?.task_name ?? facts?.task_name ?? target.key,
    batch_id: target.batchId,
    status: now.status,
    acceptable: result?.acceptable ?? null,
    mode: listed?.mode ?? facts?.mode ?? 'generation',
    references: listed?.references ?? facts?.references ?? 0,
    provider: result?.provider ?? facts?.provider ?? null,
    model: result?.model ?? facts?.model ?? null,
    prompt: result?.prompt ?? null,
    started_at: listed?.started_at ?? span.started_at ?? target.run?.startTime.toISOString() ?? null,
    ended_at: listed?.ended_at ?? target.run?.closeTime?.toISOString() ?? null,
    waiting_for: listed?.reason ?? state?.waiting_for ?? null,
    image_path: result?.image_path ?? listed?.image_path ?? null,
    bytes: result?.bytes ?? listed?.bytes ?? null,
    sha256: result?.sha256 ?? null,
    billing: result?.billing ?? now.billing,
    error: result?.error ?? now.error,
    attempts: files.attempts,
    stdout_tail: files.stdout_tail,
    stderr_tail: files.stderr_tail,
    result_path: result === null || run_dir === null ? null : join(run_dir, FILES.result),
    artifacts: artifactsOf(run_dir, result),
  };
}

/** Of a task that no batch tells of. */
async function standing(
  { client }: Session,
  { key, run }: TaskTarget,
): Promise<Pick<ListedTask, 'status' | 'billing' | 'error'>> {
  const nothing = { billing: { no: 0, possible: 0, yes: 0 }, error: null };
  if (run === null) return { status: 'queued', ...nothing };
  if (run.status.name === 'RUNNING') return { status: 'running', ...nothing };
  const state = run.status.name.toLowerCase() as OrderState;
  return taskEnd(client, { id: key, run_id: run.runId, state });
}

/** Of a task that has not begun, or never did. */
async function folderInBatch({ client }: Session, { key, batchId }: TaskTarget): Promise<string | null> {
  const batch = batchId === null ? null : await describe(client, batchId);
  const { batch_dir } = batch === null ? {} : memoOf(batch);
  const request = batch_dir === undefined ? null : await readBatchRequest(batch_dir);
  return request?.tasks.find(({ task_key }) => task_key === key)?.run_dir ?? null;
}

interface TaskFiles {
  result: ResultRecord | null;
  state: TaskStateRecord | null;
  attempts: AttemptRecord[];
  stdout_tail: string;
  stderr_tail: string;
}

/** With a worker elsewhere there is nothing to read. */
const NO_FILES: TaskFiles = { result: null, state: null, attempts: [], stdout_tail: '', stderr_tail: '' };

async function filesIn(folder: string, tailBytes: number): Promise<TaskFiles> {
  const [result, state, attempts, stdout_tail, stderr_tail] = await Promise.all([
    readJson<ResultRecord>(join(folder, FILES.result)),
    readJson<TaskStateRecord>(join(folder, FILES.state)),
    // What is there was redacted when it was written.
    new TaskFolder(folder, (text) => text).readAttempts(),
    tailText(join(folder, FILES.stdout), tailBytes).catch(() => ''),
    tailText(join(folder, FILES.stderr), tailBytes).catch(() => ''),
  ]);
  return { result, state, attempts, stdout_tail, stderr_tail };
}

function artifactsOf(run_dir: string | null, result: ResultRecord | null): TaskDetail['artifacts'] {
  const path = (name: string) => (run_dir === null ? null : join(run_dir, name));
  return {
    task_dir: run_dir,
    run_dir,
    output: result?.image_path ?? null,
    result_json: result === null ? null : path(FILES.result),
    state: path(FILES.state),
    stdout: result === null ? null : path(FILES.stdout),
    stderr: result === null ? null : path(FILES.stderr),
  };
}
