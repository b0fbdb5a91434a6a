/**
 * What a report shows, gathered from a batch's or a run's folder as it is now (SPEC P4). Whatever is missing, half-written,
 * foreign or broken is shown as that: the folder is looked at by the same readers as `verify`, and nothing of it is trusted.
 */
import { basename } from 'node:path';
import { FILES } from '../domain/layout.ts';
import { type BillingTally, sumBilling } from '../domain/records.ts';
import { type Tally, tally } from '../domain/status.ts';
import type { StrongerEvidence } from '../domain/stronger-evidence.ts';
import { mapLimited } from '../proof/map-limited.ts';
import { asBatchRequest } from '../proof/record-shape.ts';
import { listFolder, readRecord } from '../proof/safe-read.ts';
import type { VerifyItem } from '../proof/verdict.ts';
import { type VerifyOptions, verifyPaths } from '../proof/verify.ts';
import { asFields, asList, type Fields, numberOr, textOr, textsIn, timeOr } from './fields.ts';
import { type ReportTask, reportTask } from './report-task.ts';

export type { ReportReference, ReportTask } from './report-task.ts';

export interface ReportBatch {
  /** A run is a task that was ordered alone. */
  kind: 'batch' | 'run';
  id: string;
  name: string;
  folder: string;
  /** ISO 8601, like every time here. */
  created_at: string | null;
  as_of: string;
  has_ended: boolean;
  total: number;
  counters: Tally;
  /** Without adopted results: they were paid by an earlier run. */
  cost: BillingTally;
  /** Whether its records are one whole. */
  verdict: VerifyItem['verdict'];
  /** Why they are not. */
  broken: ReportTask['broken'];
  /** What `verify` says of it in one line. */
  note: string | null;
  evidence: StrongerEvidence;
  warnings: string[];
}

export interface ReportData {
  batch: ReportBatch;
  tasks: ReportTask[];
}

/** Folders read at the same time. */
const AT_ONCE = 16;

/** Null when this folder is neither a batch's nor a run's. */
export async function reportData(folder: string, options: VerifyOptions): Promise<ReportData | null> {
  const kind = await kindOf(folder);
  if (kind === null) return null;
  const { items } = await verifyPaths([folder], options);
  const data = kind === 'batch' ? await batchData(folder, items) : await runData(folder, items);
  return { ...data, tasks: data.tasks.toSorted((a, b) => a.index - b.index) };
}

export async function kindOf(folder: string): Promise<ReportBatch['kind'] | null> {
  const { files, links } = await listFolder(folder);
  const has = (name: string) => files.includes(name) || links.includes(name);
  if (has(FILES.batchRequest) || has(FILES.batchResult)) return 'batch';
  return has(FILES.result) || has(FILES.task) || has(FILES.batchTask) ? 'run' : null;
}

async function batchData(folder: string, [whole, ...items]: VerifyItem[]): Promise<ReportData> {
  const request = asBatchRequest(await readRecord(folder, FILES.batchRequest));
  const summary = await readRecord(folder, FILES.batchResult);
  const ended = summary.kind === 'read' ? summary.value : {};
  const rows = asList(ended['results']);
  // Of an order that can't be used, what is left are the results that `verify` found.
  const ordered = request.kind === 'read' ? request.value.tasks.map(asFields) : items.map(() => ({}));
  const head = request.kind === 'read' ? asFields(request.value) : ended;
  const batch = { id: textOr(head['batch_id'], null), hash: textOr(head['batch_hash'], null) };
  const tasks = await mapLimited(pairs(ordered, items), AT_ONCE, ({ task, item, index }) => {
    const row = asFields(rows.find((one) => one['index'] === index));
    return reportTask({ index, ordered: task, row, batch, item });
  });
  return {
    batch: {
      kind: 'batch',
      id: batch.id ?? basename(folder),
      name: textOr(head['batch_name'], batch.id ?? basename(folder)),
      folder,
      created_at: timeOr(head['created_at'], null),
      has_ended: summary.kind !== 'missing',
      warnings: textsIn(head['warnings']),
      ...sums(tasks, numberOr(head['total'], tasks.length)),
      ...judged(whole),
    },
    tasks,
  };
}

async function runData(folder: string, [item]: VerifyItem[]): Promise<ReportData> {
  const task = await reportTask({
    index: 1,
    ordered: {},
    row: {},
    batch: { id: null, hash: null },
    item: item as VerifyItem,
  });
  return {
    batch: {
      kind: 'run',
      id: task.key,
      name: task.name,
      folder,
      created_at: task.attempts[0]?.started_at ?? null,
      has_ended: task.result_json !== null,
      warnings: [],
      ...sums([task], 1),
      ...judged(item),
    },
    tasks: [task],
  };
}

/** `verify` tells of a batch first and then of each task, in the order of the order. */
function pairs(ordered: readonly Fields[], items: readonly VerifyItem[]) {
  return ordered.flatMap((task, i) => {
    const item = items[i];
    return item === undefined ? [] : [{ task, item, index: numberOr(task['index'], i + 1) }];
  });
}

function sums(tasks: readonly ReportTask[], total: number) {
  const mine = tasks.filter(({ adopted_from }) => adopted_from === null);
  return {
    as_of: new Date().toISOString(),
    total,
    counters: tally(tasks.map(({ status }) => status)),
    cost: sumBilling(mine.map(({ billing }) => billing)),
  };
}

function judged(item: VerifyItem | undefined): Pick<ReportBatch, 'verdict' | 'broken' | 'note' | 'evidence'> {
  return {
    verdict: item?.verdict ?? 'no proof',
    broken: (item?.broken ?? []).map(({ id, en, zh, found }) => ({
      id,
      en,
      zh,
      ...(found === undefined ? {} : { found }),
    })),
    note: item?.note ?? null,
    evidence: item?.evidence ?? { c2pa: null, signature: null },
  };
}
