/** What is not left to chance: each scenario has a stack of its own and one thing that happens to it. */
import { existsSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ResultRecord } from '../../src/domain/records.ts';
import { findWorker } from '../../src/embedded/processes.ts';
import { until } from '../support/cli.ts';
import { canMount, smallDisk } from '../support/small-disk.ts';
import { newFolder } from '../support/temp-folder.ts';
import { Arena, HEARTBEAT_TIMEOUT_MS, type Order } from './arena.ts';

export interface Scene {
  arena: Arena;
  /** What must hold beside the judgement that every arena gets, and did not. */
  problems: string[];
  /** For people. */
  figures: Record<string, number[]>;
  close: () => Promise<void>;
}

export type Scenario = (untilMs: number) => Promise<Scene | string>;

/** Longer than that the server takes an attempt for lost. */
const SUSPENDED_MS = HEARTBEAT_TIMEOUT_MS + 5_000;
const AT_A_TIME = 4;

/** `rounds` times a worker is killed when all answers of a batch are on disk, and not all are recorded. */
export async function killedAfterTheAnswer(name: string, rounds: number, untilMs: number): Promise<Scene> {
  const arena = await Arena.open(name, 300);
  await arena.cli.run(['up']);
  let counted = 0;
  for (let round = 0; counted < rounds && round < 3 * rounds && Date.now() < untilMs; round += 1)
    if (await killAfterTheAnswers(arena, untilMs)) counted += 1;
  const extra = arena.provider.calls.length - arena.orders.length * AT_A_TIME;
  const problems = [
    ...(counted === rounds ? [] : [`${name}: ${counted} of ${rounds} kills came between answer and record`]),
    ...(extra === 0 ? [] : [`${name}: ${extra} calls too many`]),
  ];
  return { arena, problems, figures: { 'kills after the answer': [counted] }, close: () => arena.close() };
}

/** False when the kill came too late to say anything. */
async function killAfterTheAnswers(arena: Arena, untilMs: number): Promise<boolean> {
  const before = arena.provider.calls.length;
  const release = arena.provider.hold();
  const order = arena.order(AT_A_TIME, untilMs);
  const ours = () => arena.provider.calls.slice(before);
  await until('all calls of the batch', () => ours().length === AT_A_TIME).finally(release);
  const isSpooled = () => ours().every(({ x_client_request_id: id }) => arena.isSpooled(id ?? ''));
  await until('all answers on disk', isSpooled);
  const pid = await arena.pidOf('worker');
  if (pid !== null) await arena.kill('worker', pid, 'all answers are on disk');
  const isTooLate = order.record !== null;
  await order.done;
  return !isTooLate;
}

/** Two batches share the four slots; the worker is killed with four calls in flight, and nothing else happens. */
export async function killedWithCallsInFlight(name: string, rounds: number, untilMs: number): Promise<Scene> {
  const arena = await Arena.open(name, 1_500);
  await arena.cli.run(['up']);
  const figures: Record<string, number[]> = { 'first new call after the start of the new worker': [] };
  for (let round = 0; round < rounds && Date.now() < untilMs; round += 1) {
    const orders = [arena.order(6, untilMs), arena.order(6, untilMs)];
    await arena.provider.waitForInFlight(AT_A_TIME, 60_000);
    const pid = (await arena.pidOf('worker')) as number;
    const before = arena.provider.calls.length;
    await arena.kill('worker', pid, 'four calls in flight, alone');
    const startedAtMs = await startOfTheNext(arena, pid);
    await arena.provider.waitForCalls(before + 1, 60_000);
    const first = arena.provider.calls[before];
    figures['first new call after the start of the new worker']?.push(
      Date.parse(first?.arrived_at ?? '') - startedAtMs,
    );
    await Promise.all(orders.map(({ done }) => done));
  }
  return { arena, problems: [], figures, close: () => arena.close() };
}

/** Found by its command line, looked for every few milliseconds. */
async function startOfTheNext({ cli }: Arena, pid: number): Promise<number> {
  let atMs = 0;
  await until('a new worker', async () => {
    const worker = await findWorker(cli.home);
    atMs = Date.now();
    return worker !== null && worker.pid !== pid;
  });
  return atMs;
}

/** SIGSTOP for longer than the heartbeat timeout, then SIGCONT; no call may be made twice. */
export async function suspended(
  name: string,
  victim: 'worker' | 'server',
  latencyMs: number,
  untilMs: number,
): Promise<Scene> {
  const arena = await Arena.open(name, latencyMs);
  const order = arena.order(AT_A_TIME + 2, untilMs);
  await arena.provider.waitForInFlight(AT_A_TIME, 60_000);
  const pid = (await arena.pidOf(victim)) as number;
  process.kill(pid, 'SIGSTOP');
  await sleep(SUSPENDED_MS);
  process.kill(pid, 'SIGCONT');
  await order.done;
  return sceneOf(arena, onlyOneCallEach(arena));
}

function onlyOneCallEach({ name, orders, provider }: Arena): string[] {
  const tasks = orders.reduce((sum, { prompts }) => sum + prompts.length, 0);
  const { calls } = provider;
  return calls.length === tasks ? [] : [`${name}: ${calls.length} calls for ${tasks} tasks`];
}

/** Two hours forward under running calls, then back: for everything of ours but Temporal's server, whose clock is real. */
export async function clockJumps(untilMs: number): Promise<Scene | string> {
  const library = FAKETIME.find((path) => existsSync(path));
  if (library === undefined) return 'libfaketime is not there (apt-get install libfaketime)';
  const file = join(newFolder(), 'clock');
  const jump = (by: string) => writeFileSync(file, by);
  jump('+0');
  const arena = await Arena.open('clock', 3_000, {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  });
  const problems: string[] = [];
  for (const [by, aheadMs] of JUMPS) {
    const before = arena.provider.calls.length;
    const order = arena.order(AT_A_TIME + 2, untilMs);
    await arena.provider.waitForCalls(before + AT_A_TIME, 60_000);
    jump(by);
    await order.done;
    const wrongMs = Math.abs((await endOf(order)) - Date.now() - aheadMs);
    if (!(wrongMs < JUMP_SEEN_MS)) problems.push(`clock: no record is of ${by}`);
  }
  return sceneOf(arena, [...problems, ...onlyOneCallEach(arena)]);
}

/** For faketime, and in milliseconds. */
const JUMPS = [
  ['+2h', 7_200_000],
  ['-1h', -3_600_000],
  ['+0', 0],
] as const;
const JUMP_SEEN_MS = 600_000;

/** By the records' own clock, milliseconds since 1970. */
async function endOf({ record }: Order): Promise<number> {
  const path = record?.results.at(-1)?.result_json;
  if (typeof path !== 'string') return NaN;
  const { created_at } = JSON.parse(await readFile(path, 'utf8')) as ResultRecord;
  return Date.parse(created_at);
}

const FAKETIME = ['x86_64', 'aarch64'].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`,
);

/** The disk of the home is full under four calls, the worker is killed, and room comes back after that. */
export async function fullDisk(untilMs: number): Promise<Scene | string> {
  if (!canMount()) return 'a small file system can only be mounted by root on Linux';
  const disk = smallDisk('64m');
  const arena = await Arena.open('disk', 2_000, { IMGPROOF_HOME: disk.folder });
  const order = arena.order(8, untilMs);
  await arena.provider.waitForInFlight(AT_A_TIME, 60_000);
  disk.fill();
  await sleep(3_000);
  const pid = await arena.pidOf('worker');
  if (pid !== null) await arena.kill('worker', pid, 'the disk is full');
  await sleep(5_000);
  disk.free();
  await order.done;
  const close = async () => {
    await arena.close();
    disk.remove();
  };
  return { arena, problems: [], figures: {}, close };
}

function sceneOf(arena: Arena, problems: string[]): Scene {
  return { arena, problems, figures: {}, close: () => arena.close() };
}
