/** A state directory as its readers see it, and `imgproof queue …` as a shorter call. */
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QUEUE_EVENTS, type QueueRow, type QueueState } from '../../src/domain/queue.ts';
import { linesIn } from '../../src/artifacts/json-lines.ts';
import type { Cli, Ended } from './cli.ts';

export interface QueueEnded extends Ended {
  /** The one document on standard output. */
  json: Record<string, unknown> & { counters: Record<string, number>; queue_id: string };
}

export interface Queue {
  stateDir: string;
  /** `imgproof queue <command> … --state-dir <it>`, to its end. */
  call: (...args: string[]) => Promise<QueueEnded>;
  exists: () => boolean;
  state: () => QueueState;
  rows: () => QueueRow[];
  lines: (name: 'tasks.jsonl' | 'events.jsonl') => Promise<Record<string, unknown>[]>;
}

export function queueIn(cli: Cli, name: string): Queue {
  const stateDir = join(cli.folder, name);
  const state = () => JSON.parse(readFileSync(join(stateDir, 'queue_state.json'), 'utf8')) as QueueState;
  return {
    stateDir,
    call: async (...args) => jsonOf(await cli.run(['queue', ...args, '--state-dir', stateDir])),
    exists: () => existsSync(join(stateDir, 'queue_state.json')),
    state,
    rows: () => Object.values(state().tasks),
    lines: async (file) => linesIn(await readFile(join(stateDir, file), 'utf8')),
  };
}

export function jsonOf(ended: Ended): QueueEnded {
  return { ...ended, json: JSON.parse(ended.stdout) as QueueEnded['json'] };
}

/** Looks about every 50 ms until `ended`; what contradicts itself in what it saw, and the highest counts. */
export async function pollState(queue: Queue, ended: Promise<unknown>) {
  const seen = { looks: 0, mostRunning: 0, mostWorkers: 0, problems: new Set<string>() };
  const over = ended.then(() => true);
  while (!(await Promise.race([over, sleep(50, false)]))) {
    const text = textOf(join(queue.stateDir, 'queue_state.json'));
    if (text === null) continue;
    seen.looks += 1;
    try {
      const state = JSON.parse(text) as QueueState;
      for (const problem of contradictions(state)) seen.problems.add(problem);
      seen.mostRunning = Math.max(seen.mostRunning, Object.keys(state.running).length);
      seen.mostWorkers = Math.max(seen.mostWorkers, Object.keys(state.workers).length);
    } catch (error) {
      seen.problems.add(`no JSON: ${(error as Error).message}`);
    }
  }
  return seen;
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

export function contradictions(state: QueueState): string[] {
  const rows = Object.values(state.tasks);
  const ids = (status: string) => rows.filter((row) => row.status === status).map(({ task_id }) => task_id);
  const sum = Object.values(state.counters).reduce((total, count) => total + count, 0);
  const problems: [string, boolean][] = [
    ['the counters are not the number of tasks', sum !== rows.length],
    ['running is not what runs', String(Object.keys(state.running)) !== String(ids('running'))],
    ['queued is not what waits', String(state.queued) !== String(ids('queued'))],
    ['counters.running is not what runs', state.counters.running !== ids('running').length],
    [
      'a worker has a task that is not running on it',
      Object.entries(state.workers).some(([worker, row]) => state.running[row.task_id]?.worker_id !== worker),
    ],
    [
      'two tasks on one worker',
      Object.keys(state.workers).length !==
        Object.values(state.running).filter(({ worker_id }) => worker_id).length,
    ],
  ];
  return problems.filter(([, isSo]) => isSo).map(([problem]) => problem);
}

export const isKnownEvent = (name: unknown): boolean => QUEUE_EVENTS.some((event) => event === name);
