/** What an arena's provider, records and files say of each other when all is over. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { AttemptRecord, ResultRecord } from '../../src/domain/records.ts';
import { verifyPaths } from '../../src/proof/verify.ts';
import { filesBelow } from '../support/system.ts';
import type { Arena } from './arena.ts';

export interface Judgement {
  tasks: number;
  completed: number;
  /** Ended as failed with every one of the attempts it may have listed: told, not lost. */
  usedUp: number;
  calls: number;
  /** Calls beyond the first of a task. */
  duplicates: number;
  /** Calls that died with a worker: so many duplicates there may be. */
  diedInFlight: number;
  billing: { yes: number; possible: number; no: number };
  /** Tasks whose answer or call outlived a kill, or was made up for, and that completed. */
  recovered: number;
  files: number;
  temporaryFiles: number;
  lost: string[];
  torn: string[];
  unexplained: string[];
  hidden: string[];
}

export async function judge(arena: Arena): Promise<Judgement> {
  const files = await allFiles(arena);
  const torn = await tornOf(files);
  const results = await resultsOf(files);
  const byPrompt = grouped(results, ({ prompt }) => prompt);
  const attempts = new Map(
    results.flatMap((result) =>
      result.attempts.map((one) => [`${one.generation_id}-${one.attempt}`, one] as const),
    ),
  );
  const prompts = arena.orders.flatMap((order) => order.prompts);
  const endOf = (prompt: string) => best(byPrompt.get(prompt) ?? []);
  const completed = prompts.filter((prompt) => endOf(prompt)?.status === 'completed');
  const usedUp = prompts.filter((prompt) => isUsedUp(endOf(prompt)));
  const unproven = await unprovenOf(arena);
  const lost = prompts
    .filter((prompt) => !completed.includes(prompt) && !usedUp.includes(prompt))
    .map((prompt) => `${prompt}: ${toldOf(endOf(prompt))}`);
  return {
    tasks: prompts.length,
    completed: completed.length,
    usedUp: usedUp.length,
    calls: arena.provider.calls.length,
    ...duplicatesOf(arena),
    billing: sumsOf([...attempts.values()]),
    recovered: recoveredOf(arena, completed),
    files: files.length,
    temporaryFiles: files.filter((path) => path.endsWith('.tmp')).length,
    lost: [...lost, ...unproven, ...untold(arena)],
    torn,
    hidden: hiddenOf(arena, attempts),
  };
}

const FAILED_BY_KILLS = 5;

function isUsedUp(result: ResultRecord | undefined): boolean {
  return result?.status === 'failed' && result.billing.possible >= FAILED_BY_KILLS;
}

function toldOf(result: ResultRecord | undefined): string {
  return result === undefined ? 'no result' : `${result.status}, ${result.error ?? 'no error'}`;
}

function best(results: readonly ResultRecord[]): ResultRecord | undefined {
  return results.find(({ status }) => status === 'completed') ?? results[0];
}

async function allFiles({ cli }: Arena): Promise<string[]> {
  const below = async (folder: string) =>
    (await filesBelow(folder).catch(() => [])).map((name) => join(folder, name));
  return [...(await below(cli.home)), ...(await below(cli.outputDir))];
}

/** JSON that does not parse, pictures that do not decode, lines that are cut. */
async function tornOf(files: readonly string[]): Promise<string[]> {
  const torn: string[] = [];
  for (const path of files) {
    const reason = await reasonTorn(path).catch((error: unknown) => String(error));
    if (reason !== null) torn.push(`${path}: ${reason}`);
  }
  return torn;
}

async function reasonTorn(path: string): Promise<string | null> {
  if (path.endsWith('.json')) JSON.parse(await readFile(path, 'utf8'));
  else if (path.endsWith('.jsonl'))
    for (const line of (await readFile(path, 'utf8')).trimEnd().split('\n')) JSON.parse(line);
  else if (path.endsWith('.png')) await sharp(await readFile(path)).stats();
  return null;
}

async function resultsOf(files: readonly string[]): Promise<ResultRecord[]> {
  const read = files
    .filter((path) => path.endsWith('/result.json'))
    .map(async (path) => JSON.parse(await readFile(path, 'utf8').catch(() => '{}')) as Partial<ResultRecord>);
  return (await Promise.all(read)).filter((one): one is ResultRecord => Array.isArray(one.attempts));
}

/** Of the batches whose end was told, everything that `imgproof verify` does not pass. */
async function unprovenOf({ orders }: Arena): Promise<string[]> {
  const folders = orders.flatMap(({ record }) => (record === null ? [] : [record.batch_dir]));
  const { items } = await verifyPaths(folders);
  return items
    .filter(({ verdict }) => verdict !== 'proven' && verdict !== 'not completed')
    .map(({ path, verdict, broken, note }) => `${path}: ${verdict} ${JSON.stringify(broken)} ${note}`);
}

function untold(arena: Arena): string[] {
  return arena
    .openOrders()
    .map(
      ({ name, complaints }) =>
        `${name}: no command told its end (${complaints.at(-1) ?? 'the last one hung'})`,
    );
}

function duplicatesOf({ provider, kills }: Arena) {
  const died = new Set(kills.flatMap(({ inFlight }) => inFlight));
  const byPrompt = grouped(provider.calls, ({ prompt }) => prompt ?? '');
  const further = [...byPrompt.values()].flatMap((calls) =>
    calls.slice(1).map((call, i) => ({ call, before: calls[i] })),
  );
  const unexplained = further
    .filter(({ before }) => !died.has(before?.x_client_request_id ?? ''))
    .map(
      ({ call, before }) =>
        `${call.prompt}: ${call.x_client_request_id} after ${before?.x_client_request_id} (${before?.event} ${before?.ended_at})`,
    );
  return { duplicates: further.length, diedInFlight: died.size, unexplained };
}

function hiddenOf({ provider }: Arena, attempts: ReadonlyMap<string, AttemptRecord>): string[] {
  return provider.calls.flatMap(({ x_client_request_id: id, prompt }) => {
    const listed = attempts.get(id ?? '');
    if (listed !== undefined && listed.billing !== 'no') return [];
    return [
      `${prompt}: ${id} is ${listed === undefined ? 'not listed' : `listed as ${listed.category}, not billed`}`,
    ];
  });
}

function recoveredOf({ provider, kills }: Arena, completed: readonly string[]): number {
  const died = new Set(kills.flatMap(({ inFlight }) => inFlight));
  const prompts = provider.calls
    .filter(({ x_client_request_id }) => died.has(x_client_request_id ?? ''))
    .map(({ prompt }) => prompt ?? '');
  return [...new Set(prompts)].filter((prompt) => completed.includes(prompt)).length;
}

function sumsOf(attempts: readonly AttemptRecord[]): Judgement['billing'] {
  const sums = { yes: 0, possible: 0, no: 0 };
  for (const { billing } of attempts) sums[billing] += 1;
  return sums;
}

function grouped<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}
