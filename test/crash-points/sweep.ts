/**
 * One process is ended at one operation on files; another one goes on with the same spool and task folder. What must hold
 * whatever the point (SPEC R1, R4, R5): the task ends as it would have, no answer is bought again that is on disk, every
 * further call is told as possible, and no file is torn or lost.
 */
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import sharp from 'sharp';
import { expect } from 'vitest';
import type { AttemptRecord } from '../../src/domain/records.ts';
import type { AdmittedTask } from '../../src/domain/task.ts';
import { type ActivityWorld, activityWorld, RUN_ID } from '../support/activity-world.ts';
import { type Played, playTask, recordOutcome } from '../support/play-task.ts';
import { filesBelow } from '../support/system.ts';
import { type CutAt, type Doomed, type Operation, runDoomed } from './doomed.ts';
import { enqueue, judgeQueue, queuePlace } from './queue-place.ts';
import type { Cut } from './scenarios.ts';

export interface Point {
  cut: Cut;
  operation: Operation;
  moment: CutAt['moment'];
}

export interface Verdict {
  /** Null: all held. */
  problem: string | null;
  furtherCalls: number;
  temporaryFiles: number;
  /** The process did without this operation: it depends on which of two that run at a time comes first. */
  isMissed: boolean;
}

/** Of a process that nothing ends. */
export async function operationsOf(cut: Cut): Promise<Operation[]> {
  const world = await worldOf(cut);
  const { task, from } = await begun(world, cut);
  const { operations, signal } = await runDoomed(world, task, { from, cutAt: null });
  expect([signal, world.provider.calls.length]).toEqual([null, cut.uncut.calls]);
  return operations;
}

const WRITES = new Set(['write', 'writeFile', 'appendFile']);

/** Before and after each operation, and in the middle of each write. */
export async function pointsOf(cut: Cut): Promise<Point[]> {
  const operations = await operationsOf(cut);
  return operations.flatMap((operation) =>
    (WRITES.has(operation.op)
      ? (['before', 'within', 'after'] as const)
      : (['before', 'after'] as const)
    ).map((moment) => ({ cut, operation, moment })),
  );
}

export async function endAt(point: Point): Promise<Verdict> {
  const { cut, operation, moment } = point;
  const world = await worldOf(cut);
  const { task, from } = await begun(world, cut);
  const doomed = await runDoomed(world, task, { from, cutAt: { ...operation, moment } });
  const left = await filesOf(world);
  const furtherCalls = inFlightIn(left);
  const unknown = isUnmarked(doomed, left) ? 1 : 0;
  const temporaryFiles = [...left.keys()].filter((path) => path.endsWith('.tmp')).length;
  const told = { furtherCalls, temporaryFiles, isMissed: doomed.signal === null };
  try {
    await world.provider.waitForInFlight(0);
    const { row, result } = await goOn(world, task, from, doomed);
    expect({ status: row.status, acceptable: row.acceptable }).toEqual({
      status: cut.uncut.status,
      acceptable: cut.uncut.status === 'completed',
    });
    expect(await world.stateOf(task)).toMatchObject({ status: row.status });
    judgeMoney(world, cut, { result, furtherCalls, unknown });
    await judgeFiles(world, task, result.attempts, left);
    if (task.queue !== undefined) await judgeQueue(task.queue, row);
    return { problem: null, ...told };
  } catch (error) {
    const where = `${cut.name}, ${moment} ${operation.name} (${operation.time})`;
    return { problem: `${where}: ${(error as Error).message}`, ...told };
  }
}

/** The same bytes in each run: the spool has them in a file's name. */
const image = sharp({ create: { width: 816, height: 816, channels: 3, background: '#224466' } })
  .png()
  .toBuffer();

async function worldOf({ script }: Cut): Promise<ActivityWorld> {
  return activityWorld({ script, images: [await image] });
}

/** The task as the process finds it. */
async function begun(world: ActivityWorld, cut: Cut): Promise<{ task: AdmittedTask; from: number }> {
  const colours = ['#336699', '#996633'].slice(0, cut.references);
  const input_images = await Promise.all(colours.map((colour, i) => world.reference(`ref-${i}`, colour)));
  const queue = cut.isOfQueue === true ? queuePlace(join(world.folder, 'queue')) : undefined;
  const task = world.task({ input_images, ...(queue === undefined ? {} : { queue }) });
  if (queue !== undefined) await enqueue(task, queue);
  if (cut.endedAfterAnswer !== true) return { task, from: 1 };
  const answer = `home/spool/${task.generation_id}/${task.request_fingerprint.slice(0, 16)}/01.answer`;
  const cutAt = { name: `link ${answer}`, time: 1, moment: 'after' } as const;
  const { signal } = await runDoomed(world, task, { from: 1, cutAt });
  expect([signal, await world.spooledAnswers()]).toEqual(['SIGKILL', [expect.any(String)]]);
  return { task, from: 2 };
}

/** As Temporal does: an activity that had not ended is tried again; what its workflow knows is recorded. */
async function goOn(
  world: ActivityWorld,
  task: AdmittedTask,
  from: number,
  { outcome, attempt }: Doomed,
): Promise<Pick<Played, 'row' | 'result'>> {
  if (outcome !== null) return recordOutcome(world, task, outcome, Date.now());
  return playTask(world, task, { from: Math.max(from, attempt) + 1 });
}

/** Content by path, relative to the world's folder, of all that generation and recording wrote. */
async function filesOf({ folder, outputDir, spoolDir }: ActivityWorld): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const place of [outputDir, spoolDir, join(folder, 'queue')])
    for (const name of await filesBelow(place).catch(() => []))
      found.set(relative(folder, `${place}/${name}`), await readFile(`${place}/${name}`));
  return found;
}

/** Requests that may be with the provider when nobody is there any more: at most one more call each. */
function inFlightIn(files: ReadonlyMap<string, Buffer>): number {
  const paths = [...files.keys()];
  const sent = paths.filter((path) => path.endsWith('.sent'));
  return sent.filter((path) => {
    const stem = path.slice(0, -'.sent'.length);
    return !files.has(`${stem}.answer`) && !files.has(`${stem}.end.json`);
  }).length;
}

/** Its mark is not in the spool: whoever comes later can't know that it sent nothing, and says so (SPEC R4). */
function isUnmarked({ attempt }: Doomed, files: ReadonlyMap<string, Buffer>): boolean {
  return attempt > 0 && ![...files.keys()].some((path) => path.endsWith(`/began-${RUN_ID}-${attempt}.json`));
}

function judgeMoney(
  { provider }: ActivityWorld,
  { uncut }: Cut,
  { result, furtherCalls, unknown }: Pick<Played, 'result'> & { furtherCalls: number; unknown: number },
): void {
  const { attempts, billing, generation_id } = result;
  expect(provider.calls.length, 'calls').toBeLessThanOrEqual(uncut.calls + furtherCalls);
  expect(billing.yes, 'paid for certain').toBe(1);
  expect(billing.possible, 'possible').toBeLessThanOrEqual(uncut.billing.possible + furtherCalls + unknown);
  const called = provider.calls.map(({ x_client_request_id }) => x_client_request_id);
  const listed = attempts.map(({ attempt }) => `${generation_id}-${attempt}`);
  expect(new Set(called).size, 'no two calls are the same attempt').toBe(called.length);
  expect(listed, 'every call is listed').toEqual(expect.arrayContaining(called));
  for (const { attempt, phase, billing: paid, http_status } of attempts) {
    const call = provider.calls.find((one) => one.x_client_request_id === `${generation_id}-${attempt}`);
    if (phase === 'connecting') expect(call, `attempt ${attempt} was not sent`).toBeUndefined();
    else if (paid === 'possible') expect(http_status).not.toBe(429);
    else expect(call?.status, `attempt ${attempt} is in the provider's log`).toBe(http_status);
  }
}

async function judgeFiles(
  world: ActivityWorld,
  task: AdmittedTask,
  attempts: readonly AttemptRecord[],
  left: ReadonlyMap<string, Buffer>,
): Promise<void> {
  const files = await filesOf(world);
  for (const [path, content] of files) judgeWhole(path, content);
  const lost = [...left.keys()].filter((path) => !files.has(path) && !isPassing(path));
  expect(lost, 'what was there is there').toEqual([]);
  for (const [path, content] of left)
    if (/\.answer$|\.intent\.json$|\.end\.json$|\.png$/u.test(path)) expect(files.get(path)).toEqual(content);
  for (const record of attempts) expect(await world.recordOf(task, record.attempt)).toEqual(record);
  const images = (await world.images()).filter((name) => !name.endsWith('.tmp'));
  expect(images, 'one image').toHaveLength(attempts.some(({ ok }) => ok) ? 1 : 0);
}

function judgeWhole(path: string, content: Buffer): void {
  if (path.endsWith('.json')) JSON.parse(content.toString());
  if (/(?:^|[/.])lock(?:\.takeover-\w+)?$/u.test(path)) JSON.parse(content.toString());
  if (/\.jsonl$|stdout\.txt$/u.test(path)) expect(content.toString(), path).toMatch(/\}\n$/u);
}

/** Locks, and what was being written. */
function isPassing(path: string): boolean {
  return path.endsWith('.tmp') || /(?:^|[/.])lock(?:\.released-\w+)?$/u.test(path);
}
