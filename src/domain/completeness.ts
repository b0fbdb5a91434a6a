/** What makes the records of a batch one whole (SPEC P2): nothing missing, added, miscounted or contradicting. Pure. */
import { jsonInOrder } from './shown.ts';
import type { BatchRequestRecord, BatchResultRecord } from './batch-records.ts';
import { type ResultRecord, sumBilling, type TaskRow } from './records.ts';
import { rowFields } from './rows.ts';
import { allCompleted, hasEnded, tally } from './status.ts';

/** A batch directory as it was found. */
export interface BatchEvidence {
  request: BatchRequestRecord;
  /** `batch_result.json`; null while the batch has not ended. */
  summary: BatchResultRecord | null;
  /** Names of tasks that wait or run again after an end; then `summary` is null. */
  open: readonly string[];
  /** `result.json` of each ordered task that has one, by index. */
  results: ReadonlyMap<number, ResultRecord>;
  /** Task folders with a result that nobody ordered. */
  strangers: readonly string[];
}

interface BatchRule {
  en: string;
  zh: string;
  /** What is wrong, one text each; empty when the rule holds. */
  problems: (evidence: BatchEvidence) => string[];
}

/** Binding fields of a row are `worker-binding`'s business; where an adopted row comes from may stand in the row alone. */
const NOT_COMPARED = new Set(['worker_id', 'pid', 'run_id', 'adopted_from']);

const withSummary =
  (check: (summary: BatchResultRecord, evidence: BatchEvidence) => string[]) =>
  (evidence: BatchEvidence): string[] =>
    evidence.summary === null ? [] : check(evidence.summary, evidence);

export const BATCH_RULES = {
  'batch-finished': {
    en: 'The batch has ended: there is a batch_result.json, and no task waits or runs again.',
    zh: '批次已结束：存在 batch_result.json，且没有任务重新排队或运行。',
    problems: ({ summary, open }) => {
      if (open.length > 0) return open.map((name) => `task ${name} waits or runs again`);
      return summary === null ? ['unfinished: no batch_result.json'] : [];
    },
  },
  'batch-complete': {
    en: 'Every ordered task has exactly one row, and a result where the row says so.',
    zh: '每个任务恰有一行记录；凡该行声明有结果的，结果都在。',
    problems: (evidence) => [
      ...missingTasks(evidence),
      ...missingRows(evidence),
      ...missingResults(evidence),
    ],
  },
  'batch-no-extra': {
    en: 'There is no row and no result that was not ordered.',
    zh: '没有未经下单的记录行或结果。',
    problems: ({ request, summary, strangers }) => [
      ...(summary?.results ?? [])
        .filter(({ index }) => !request.tasks.some((task) => task.index === index))
        .map(({ index }) => `row ${index} was not ordered`),
      ...strangers.map((name) => `folder ${name} was not ordered`),
    ],
  },
  'batch-order': {
    en: 'Rows and results are of this batch, each of the task it stands for, and no task counts twice.',
    zh: '记录行和结果都属于本批次及各自的任务，没有任务被重复计算。',
    problems: (evidence) => [...foreignRecords(evidence), ...keysCountedTwice(evidence)],
  },
  'batch-rows': {
    en: 'Every row says what its result.json says.',
    zh: '每一行与其 result.json 一致。',
    problems: withSummary((summary, { results }) =>
      summary.results.flatMap((row) => differences(row, results.get(row.index))),
    ),
  },
  'batch-counters': {
    en: 'The counters of batch_result.json are those of its rows.',
    zh: 'batch_result.json 的计数与各行一致。',
    problems: withSummary((summary, { request }) =>
      unequal(summary, { ...countersOf(summary.results), total: request.total }).map(
        ([name, expected, found]) =>
          `${name} is ${jsonInOrder(found)}, the rows say ${jsonInOrder(expected)}`,
      ),
    ),
  },
} as const satisfies Record<string, BatchRule>;

export type BatchRuleId = keyof typeof BATCH_RULES;

/** Rules that do not hold, in the order of the table, with what is wrong. Empty means complete. */
export function brokenBatchRules(evidence: BatchEvidence): { id: BatchRuleId; problems: string[] }[] {
  return (Object.keys(BATCH_RULES) as BatchRuleId[])
    .map((id) => ({ id, problems: BATCH_RULES[id].problems(evidence) }))
    .filter(({ problems }) => problems.length > 0);
}

function missingTasks({ request }: BatchEvidence): string[] {
  const { tasks, total } = request;
  return tasks.length === total ? [] : [`${tasks.length} tasks are listed, ${total} were ordered`];
}

function missingRows({ request, summary }: BatchEvidence): string[] {
  if (summary === null) return [];
  const rows = new Map<number, number>();
  for (const { index } of summary.results) rows.set(index, (rows.get(index) ?? 0) + 1);
  return request.tasks
    .filter(({ index }) => rows.get(index) !== 1)
    .map(({ index, task_key }) => `task ${index} (${task_key}) has ${rows.get(index) ?? 0} rows`);
}

function missingResults({ request, summary, results }: BatchEvidence): string[] {
  return request.tasks
    .filter(({ index }) => !results.has(index))
    .filter(({ index }) => saysResult(summary?.results.find((row) => row.index === index)))
    .map(({ index, task_key }) => `task ${index} (${task_key}) has no readable result.json`);
}

function saysResult(row: TaskRow | undefined): boolean {
  return row !== undefined && (row.status === 'completed' || (row.result_json ?? null) !== null);
}

function foreignRecords({ request, summary, results }: BatchEvidence): string[] {
  const found: string[] = [];
  if (summary !== null) {
    found.push(
      ...unequal(summary, { batch_id: request.batch_id, batch_hash: request.batch_hash }).map(
        ([name, expected, other]) =>
          `batch_result.json has ${name} ${jsonInOrder(other)}, ordered was ${jsonInOrder(expected)}`,
      ),
    );
  }
  for (const { index, task_key } of request.tasks) {
    const row = summary?.results.find((candidate) => candidate.index === index);
    if (row && row.task_key !== task_key)
      found.push(`row ${index} is of task "${row.task_key}", not "${task_key}"`);
    const result = results.get(index);
    if (!result) continue;
    const wanted = { index, task_key, batch_id: request.batch_id, batch_hash: request.batch_hash };
    for (const [name, expected, other] of unequal(result, wanted)) {
      found.push(`result of task ${index} has ${name} ${jsonInOrder(other)}, not ${jsonInOrder(expected)}`);
    }
  }
  return found;
}

/** SPEC B5: of equal keys the first one counts. */
function keysCountedTwice({ request, results }: BatchEvidence): string[] {
  const delivered = request.tasks.filter(({ index }) => results.get(index)?.ok === true);
  const first = new Map<string, number>();
  return delivered.flatMap(({ index, task_key }) => {
    const before = first.get(task_key);
    if (before !== undefined) return [`task ${index} and task ${before} have the same key "${task_key}"`];
    first.set(task_key, index);
    return [];
  });
}

function differences(row: TaskRow, result: ResultRecord | undefined): string[] {
  if (result === undefined) return [];
  const { provider, model, mode } = result;
  const said = { ...rowFields(result), provider, model, mode };
  return unequal(row, said)
    .filter(([name]) => !NOT_COMPARED.has(name))
    .map(
      ([name, expected, found]) =>
        `row ${row.index}: ${name} is ${jsonInOrder(found)}, result.json says ${jsonInOrder(expected)}`,
    );
}

/** The counters of SPEC F8, from the rows alone: what `recordBatch` writes and `verify` recomputes. */
export function countersOf(rows: readonly TaskRow[]) {
  const statuses = rows.map(({ status }) => status);
  const counts = tally(statuses);
  const { rejected, skipped, completed, failed, orphan_late_output, timed_out, cancelled } = counts;
  const adopted = rows.filter(({ adopted_from }) => adopted_from !== undefined).length;
  return {
    ok: allCompleted(statuses),
    acceptable: rows.length > 0 && rows.every(({ acceptable }) => acceptable === true) && !haveTwins(rows),
    scheduled: rows.length - rejected - skipped - adopted,
    processed: statuses.filter(hasEnded).length - rejected - skipped,
    rejected,
    success: completed,
    failed: failed + orphan_late_output,
    timeout: timed_out,
    cancelled,
    skipped,
    adopted,
    failed_by: categoriesOf(rows),
    cost: sumBilling(
      rows.filter(({ adopted_from }) => adopted_from === undefined).map(({ billing }) => billing),
    ),
  };
}

/** How many tasks without an image ended in each category. */
function categoriesOf(rows: readonly TaskRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, category } of rows)
    if (status !== 'completed') counts[category ?? 'none'] = (counts[category ?? 'none'] ?? 0) + 1;
  return counts;
}

/** Two tasks with the same image: at most one of them was newly generated (SPEC P1). */
function haveTwins(rows: readonly TaskRow[]): boolean {
  const images = rows.flatMap(({ sha256 }) => sha256 ?? []);
  return new Set(images).size !== images.length;
}

/** Members of `wanted` that the record has otherwise: name, wanted, found. */
function unequal(record: object, wanted: object): [name: string, expected: unknown, found: unknown][] {
  const found = record as Record<string, unknown>;
  return Object.entries(wanted)
    .filter(([name, value]) => jsonInOrder(found[name]) !== jsonInOrder(value))
    .map(([name, value]) => [name, value, found[name]]);
}
