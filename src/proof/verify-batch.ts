/** A whole batch directory (SPEC P2, F3): every task of it, and whether its records are one whole. */
import { basename, dirname, join } from 'node:path';
import { BATCH_RULES, type BatchEvidence, brokenBatchRules } from '../domain/completeness.ts';
import { FILES } from '../domain/layout.ts';
import { firstOf } from '../domain/shown.ts';
import type { BatchRequestRecord, BatchResultRecord } from '../domain/batch-records.ts';
import type { ResultRecord, TaskRow } from '../domain/records.ts';
import type { Claims, FoundResult } from './claims.ts';
import type { VerifyContext } from './context.ts';
import { IMAGES_AT_ONCE, mapLimited } from './map-limited.ts';
import { asBatchRequest, asBatchResult, asResult } from './record-shape.ts';
import { counterparts } from './recorded-path.ts';
import { listFolder, type Listing, type Read, READ_LIMITS, readRecord } from './safe-read.ts';
import { item, type VerifyItem } from './verdict.ts';
import { openTasks } from './open-tasks.ts';
import { signatureOfBatch } from './signature.ts';
import { folderName } from './task-places.ts';
import { explainEvidence, unreadableResult, verifyResult, verifyUnfinished } from './verify-result.ts';

type OrderedTask = BatchRequestRecord['tasks'][number];

interface Batch {
  dir: string;
  request: BatchRequestRecord;
  /** Null when there is none, none that can be read, or one of before the batch was taken up again. */
  summary: BatchResultRecord | null;
  /** Tasks that wait or run although there was an end, by index. */
  open: ReadonlyMap<number, string>;
  listing: Listing;
}

const NONE: ReadonlyMap<number, string> = new Map();

export async function verifyBatch(dir: string, context: VerifyContext): Promise<VerifyItem[]> {
  const listing = await listFolder(dir);
  const claims = await context.claims(join(dir, 'any task'));
  const request = asBatchRequest(await readRecord(dir, FILES.batchRequest, READ_LIMITS.batchBytes));
  if (request.kind !== 'read') return withoutRequest({ dir, listing, claims }, request, context);
  const summary = asBatchResult(await readRecord(dir, FILES.batchResult, READ_LIMITS.batchBytes));
  const open = summary.kind === 'read' ? await openTasks(dir, request.value) : NONE;
  const batch: Batch = {
    dir,
    request: request.value,
    summary: summary.kind === 'read' && open.size === 0 ? summary.value : null,
    open,
    listing,
  };
  context.tally.expect(batch.request.tasks.length);
  const tasks = await mapLimited(batch.request.tasks, IMAGES_AT_ONCE, async (task) => {
    const verified = await verifyTask(batch, task, { claims, context });
    context.tally.count(verified.item);
    return verified;
  });
  const whole =
    summary.kind === 'refused'
      ? unreadableBatch(dir, `${FILES.batchResult} ${summary.problem}`)
      : await verifyWhole(batch, resultsOf(tasks), context);
  return [whole, ...tasks.map((task) => task.item)];
}

/** The results that are there are judged all the same: a lost order does not make an image unproven, only the batch. */
async function withoutRequest(
  { dir, listing, claims }: { dir: string; listing: Listing; claims: Claims },
  request: Exclude<Read<unknown>, { kind: 'read' }>,
  context: VerifyContext,
): Promise<VerifyItem[]> {
  const problem = request.kind === 'missing' ? 'is missing' : request.problem;
  const whole = unreadableBatch(dir, `${FILES.batchRequest} ${problem}: what was ordered is not known`);
  const items = await mapLimited(listing.folders, IMAGES_AT_ONCE, async (name) => {
    const path = join(dir, name, FILES.result);
    const read = asResult(await readRecord(dir, join(name, FILES.result)));
    if (read.kind === 'missing') return null;
    if (read.kind === 'refused') return unreadableResult(path, read);
    return verifyResult({ path, folder: join(dir, name), result: read.value }, { claims }, context);
  });
  return [whole, ...items.filter((one) => one !== null)];
}

function unreadableBatch(dir: string, note: string): VerifyItem {
  return item({ kind: 'batch', path: dir, task: basename(dir), verdict: 'unreadable', note });
}

interface VerifiedTask {
  item: VerifyItem;
  index: number;
  result: ResultRecord | null;
}

async function verifyTask(
  batch: Batch,
  task: OrderedTask,
  { claims, context }: { claims: Claims; context: VerifyContext },
): Promise<VerifiedTask> {
  const { index, task_name } = task;
  if (batch.open.has(index)) {
    const place = join(batch.dir, folderName(task) ?? '');
    return { item: await verifyUnfinished(place, task_name, { isAgain: true }), index, result: null };
  }
  const row = batch.summary?.results.find((candidate) => candidate.index === index);
  const read = await findResult(batch, task, row);
  if (read.kind === 'read') {
    // A row that is missing is told once, by the batch.
    const verified = await verifyResult(read.value, { claims, row }, context);
    return { item: verified, index, result: read.value.result };
  }
  if (read.kind === 'refused') {
    const path = join(batch.dir, folderName(task) ?? '', FILES.result);
    return { item: { ...unreadableResult(path, read), task: task_name }, index, result: null };
  }
  return { item: await withoutResult(batch, task, row), index, result: null };
}

/** In the task's own folder, or, for a task that an earlier run of the same batch id made, where its row says. */
async function findResult(
  batch: Batch,
  task: OrderedTask,
  row: TaskRow | undefined,
): Promise<Read<FoundResult>> {
  const name = folderName(task);
  if (name === null) return { kind: 'missing' };
  const own = await readFound(batch.dir, join(name, FILES.result));
  const said: unknown = row?.result_json;
  if (own.kind !== 'missing' || typeof said !== 'string' || basename(said) !== FILES.result) return own;
  for (const folder of counterparts(join(batch.dir, name), dirname(said))) {
    const read = await readFound(folder, FILES.result);
    if (read.kind === 'read' && read.value.result.task_key === task.task_key) return read;
  }
  return own;
}

async function readFound(place: string, name: string): Promise<Read<FoundResult>> {
  const read = asResult(await readRecord(place, name));
  if (read.kind !== 'read') return read;
  const path = join(place, name);
  return { kind: 'read', value: { path, folder: dirname(path), result: read.value } };
}

async function withoutResult({ dir, summary }: Batch, task: OrderedTask, row?: TaskRow): Promise<VerifyItem> {
  const { task_name } = task;
  const path = join(dir, folderName(task) ?? '');
  const status = row?.status ?? task.status;
  const base = { kind: 'task', path, task: task_name, status } as const;
  switch (status) {
    case 'rejected':
    case 'skipped':
    case 'discarded':
    case 'failed':
    case 'timed_out':
    case 'cancelled':
    case 'orphan_late_output': {
      const reason: unknown = row?.error;
      const note = typeof reason === 'string' && reason !== '' ? `${status}: ${reason}` : status;
      return item({ ...base, verdict: 'not completed', note });
    }
    case 'completed':
      return item({ ...base, verdict: 'no proof', note: 'completed, they say, but there is no result.json' });
    case 'queued':
    case 'running':
      return summary === null
        ? verifyUnfinished(path, task_name)
        : item({ ...base, verdict: 'no proof', note: 'the batch has ended without a word about this task' });
  }
}

function resultsOf(tasks: readonly VerifiedTask[]): Map<number, ResultRecord> {
  return new Map(tasks.flatMap(({ index, result }) => (result === null ? [] : [[index, result] as const])));
}

async function verifyWhole(
  batch: Batch,
  results: Map<number, ResultRecord>,
  { keys, required }: VerifyContext,
): Promise<VerifyItem> {
  const { dir, request, summary, open, listing } = batch;
  const ordered = new Set(request.tasks.map(folderName));
  const folders = listing.folders.filter((name) => name !== FILES.report);
  const strangers = [...folders, ...listing.links].filter((name) => !ordered.has(name));
  const found: BatchEvidence = { request, summary, open: [...open.values()], results, strangers };
  const evidence = { c2pa: null, signature: open.size === 0 ? await signatureOfBatch(dir, keys) : null };
  const ofRecords = brokenBatchRules(found).map(({ id, problems }) => {
    const { en, zh } = BATCH_RULES[id];
    return { id, en, zh, found: firstOf(problems) };
  });
  // Images have c2pa, a batch has none.
  const asked = required.filter((level) => level === 'signature');
  const broken = [...ofRecords, ...explainEvidence(evidence, asked)];
  const verdict = broken.length === 0 ? 'proven' : summary === null ? 'unfinished' : 'broken';
  return item({
    kind: 'batch',
    path: dir,
    task: request.batch_id,
    verdict,
    broken,
    evidence,
    note: noteOf(batch),
  });
}

function noteOf({ request, summary, open }: Batch): string {
  if (open.size > 0)
    return `unfinished: taken up again after its end, ${open.size} of ${request.total} tasks wait or run`;
  return summary === null ? 'unfinished: there is no batch_result.json' : `${request.total} tasks`;
}
