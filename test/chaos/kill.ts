/** One kill: a real batch, one SIGKILL, the same order again, and what is left of images, servers and money. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import type { ResultRecord } from '../../src/domain/records.ts';
import { type Ended, type Running, startCli } from '../support/cli.ts';
import type { ProviderServer } from '../support/provider-server.ts';
import { arriveAt, type Cell, pidOf, type State } from './cells.ts';
import { watchServers } from './server-watch.ts';

export interface Outcome extends Cell {
  expected: number;
  completed: number;
  secondServers: number;
  /** Requests under way at the moment of the kill. */
  inFlight: number;
  /** Requests that the provider saw. */
  calls: number;
  /** Requests that the proofs list, those that were possibly sent among them. */
  recorded: number;
  /** For people: how the commands ended. */
  note: string;
}

const TASKS = 5;
/** Long enough that calls are still under way when the victim is found; a drain is entered by one more command. */
const LATENCY_MS: Record<State, number> = {
  'server starts': 500,
  'worker starts': 500,
  'ready, idle': 500,
  'ready, calls': 3_000,
  draining: 8_000,
};
const COMMAND_LIMIT_MS = 120_000;

export async function killOnce(cell: Cell, provider: ProviderServer): Promise<Outcome> {
  const { state, victim } = cell;
  provider.setLatencyMs(LATENCY_MS[state]);
  const cli = await startCli(provider.baseUrl, { IMGPROOF_HEARTBEAT_TIMEOUT_MS: '8000' });
  const servers = watchServers(cli.home);
  const name = `${state}, ${victim}`;
  const prompts = Array.from({ length: TASKS }, (_, i) => `kill at ${name}: image ${i + 1}`);
  const file = await cli.batchFile(
    'kill.json',
    prompts.map((prompt) => ({ prompt })),
  );
  const order = ['batch', file, '--json'];
  try {
    const arrived = await arriveAt(state, cli, order, provider);
    const pid = await pidOf(victim, cli, arrived);
    const { inFlight } = provider;
    process.kill(pid, 'SIGKILL');
    const next = cli.start(order);
    const ends = await Promise.all([...arrived.commands, next].map(inTime));
    const record = recordOf(ends.at(-1) as Ended);
    return {
      ...cell,
      expected: TASKS,
      completed: record?.success ?? 0,
      secondServers: servers.secondServers(),
      inFlight,
      calls: provider.calls.filter(({ prompt }) => prompt !== null && prompts.includes(prompt)).length,
      recorded: await attemptsOf(record),
      note: noteOf(ends),
    };
  } finally {
    await servers.stop();
    await cli.stop();
  }
}

/** A command that hangs is ended and told; it must not hold up the others. */
async function inTime({ child, ended }: Running): Promise<Ended> {
  child.stdin?.end();
  const limit = new AbortController();
  const hung = sleep(COMMAND_LIMIT_MS, null, { signal: limit.signal }).catch(() => null);
  const first = await Promise.race([ended, hung]);
  limit.abort();
  if (first !== null) return first;
  child.kill('SIGKILL');
  return { ...(await ended), code: null, stderr: `no end within ${COMMAND_LIMIT_MS / 1000} s` };
}

function recordOf({ stdout }: Ended): BatchResultRecord | null {
  try {
    const record = JSON.parse(stdout) as Partial<BatchResultRecord>;
    return Array.isArray(record.results) ? (record as BatchResultRecord) : null;
  } catch {
    return null;
  }
}

async function attemptsOf(record: BatchResultRecord | null): Promise<number> {
  const counts = await Promise.all(
    (record?.results ?? []).map(async ({ result_json }) => {
      if (result_json === null) return 0;
      return (JSON.parse(await readFile(result_json, 'utf8')) as ResultRecord).attempts.length;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

function noteOf(ends: readonly Ended[]): string {
  const codes = ends.map(({ code }) => code ?? 'killed').join(', ');
  const last = ends.at(-1) as Ended;
  const said = last.code === 0 ? '' : `: ${last.stderr.trim().split('\n').at(-1) ?? ''}`;
  return `commands ended with ${codes}${said}`;
}
