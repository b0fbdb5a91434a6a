/** One stack of real processes, a provider of its own, the orders it gets and the processes that are killed under it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import { findServer, findWorker } from '../../src/embedded/processes.ts';
import { supervised } from '../../src/embedded/status.ts';
import { type Cli, type Running, startCli } from '../support/cli.ts';
import type { CallRecord } from '../support/provider-calls.ts';
import { type Latency, type ProviderServer, startProviderServer } from '../support/provider-server.ts';
import type { Victim } from './cells.ts';
import { differentImages } from './images.ts';

export const HEARTBEAT_TIMEOUT_MS = 8_000;

export interface Kill {
  victim: Victim;
  point: string;
  atMs: number;
  pid: number;
  /** Client request ids of the calls that died with it: sent, and their answer not on disk. */
  inFlight: string[];
  tasksOpen: number;
}

export interface Order {
  name: string;
  prompts: string[];
  /** Null until a command has told how it ended. */
  record: BatchResultRecord | null;
  commands: number;
  /** How commands ended that told no record and were not killed by us. */
  complaints: string[];
  done: Promise<void>;
}

export class Arena {
  readonly name: string;
  readonly cli: Cli;
  readonly provider: ProviderServer;
  readonly orders: Order[] = [];
  readonly kills: Kill[] = [];
  /** Commands that run now. */
  readonly commands = new Set<Running>();
  /** When the last command began, milliseconds since 1970. */
  lastCommandAtMs = 0;
  readonly #killedCommands = new WeakSet<Running>();

  private constructor(name: string, { cli, provider }: { cli: Cli; provider: ProviderServer }) {
    this.name = name;
    this.cli = cli;
    this.provider = provider;
  }

  static async open(name: string, latencyMs: Latency, env: NodeJS.ProcessEnv = {}): Promise<Arena> {
    const provider = await startProviderServer({ latencyMs, images: await differentImages(3_000) });
    const limits = { IMGPROOF_HEARTBEAT_TIMEOUT_MS: String(HEARTBEAT_TIMEOUT_MS), IMGPROOF_IDLE_STOP: 'off' };
    const cli = await startCli(provider.baseUrl, { ...limits, ...env });
    return new Arena(name, { cli, provider });
  }

  /** A batch by a real command, which is given again until one tells how the batch ended. */
  order(count: number, untilMs: number): Order {
    const name = `${this.name}-${this.orders.length + 1}`;
    const prompts = Array.from({ length: count }, (_, i) => `chaos ${name} image ${i + 1}.`);
    const order: Order = {
      name,
      prompts,
      record: null,
      commands: 0,
      complaints: [],
      done: Promise.resolve(),
    };
    this.orders.push(order);
    order.done = this.#followToItsEnd(order, untilMs);
    return order;
  }

  async #followToItsEnd(order: Order, untilMs: number): Promise<void> {
    const tasks = order.prompts.map((prompt) => ({ prompt }));
    const file = await this.cli.batchFile(`${order.name}.json`, tasks, { max_attempts: 5 });
    while (order.record === null && Date.now() < untilMs) {
      const running = this.cli.start(['batch', file, '--json']);
      running.child.stdin?.end();
      this.commands.add(running);
      this.lastCommandAtMs = Date.now();
      order.commands += 1;
      const limit = setTimeout(() => running.child.kill('SIGKILL'), Math.max(1_000, untilMs - Date.now()));
      const { code, stdout, stderr } = await running.ended;
      clearTimeout(limit);
      this.commands.delete(running);
      order.record = recordIn(stdout);
      if (order.record !== null || this.#killedCommands.has(running)) continue;
      order.complaints.push(`exit ${code}: ${stderr.trim().split('\n').slice(-3).join(' / ')}`);
      await sleep(300);
    }
  }

  /** Null when there is no such process now. */
  async pidOf(victim: Victim): Promise<number | null> {
    switch (victim) {
      case 'supervisor':
        return (await supervised(this.cli.home)).holder?.pid ?? null;
      case 'server':
        return (await findServer(this.cli.home))?.pid ?? null;
      case 'worker':
        return (await findWorker(this.cli.home))?.pid ?? null;
      case 'command':
        return [...this.commands].at(-1)?.child.pid ?? null;
    }
  }

  /** SIGKILL; false when it was not there any more. Resolves when it is known which calls died with it. */
  async kill(victim: Victim, pid: number, point: string): Promise<boolean> {
    const command = [...this.commands].find(({ child }) => child.pid === pid);
    if (command !== undefined) this.#killedCommands.add(command);
    const tasksOpen = this.#tasksOpen();
    const open = this.provider.calls.filter(({ ended_at }) => ended_at === null);
    const atMs = Date.now();
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      return false;
    }
    const kill: Kill = { victim, point, atMs, pid, inFlight: [], tasksOpen };
    this.kills.push(kill);
    if (victim === 'worker') kill.inFlight = await this.#diedWithIt(open, atMs);
    return true;
  }

  /** Orders that nobody has told the end of. */
  openOrders(): Order[] {
    return this.orders.filter(({ record }) => record === null);
  }

  #tasksOpen(): number {
    const known = new Set(this.openOrders().flatMap(({ prompts }) => prompts));
    return known.size;
  }

  /** What the provider had read or reads yet, and what was answered but is not on disk. */
  async #diedWithIt(open: readonly CallRecord[], atMs: number): Promise<string[]> {
    await sleep(SETTLE_MS);
    const late = this.provider.calls.filter(({ arrived_at, ended_at, event }) => {
      const arrivedAtMs = Date.parse(arrived_at);
      if (arrivedAtMs > atMs + SETTLE_MS) return false;
      return (
        arrivedAtMs >= atMs || (event === 'answered' && Date.parse(ended_at ?? '') > atMs - LOOK_BACK_MS)
      );
    });
    const ids = new Set([...open, ...late].map(({ x_client_request_id }) => x_client_request_id ?? ''));
    return [...ids].filter((id) => !this.isSpooled(id));
  }

  /** True when the answer to this call is on disk. */
  isSpooled(clientRequestId: string): boolean {
    const at = clientRequestId.lastIndexOf('-');
    const folder = join(this.cli.home, 'spool', clientRequestId.slice(0, at));
    const answer = `${clientRequestId.slice(at + 1).padStart(2, '0')}.answer`;
    try {
      return readdirSync(folder).some((request) => readdirSync(join(folder, request)).includes(answer));
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    for (const { child } of this.commands) child.kill('SIGKILL');
    await this.cli.stop();
    await this.provider.close();
  }
}

/** Bytes that were on their way are read within this time; no new worker can be at work so soon. */
const SETTLE_MS = 300;
const LOOK_BACK_MS = 30_000;

function recordIn(stdout: string): BatchResultRecord | null {
  try {
    const record = JSON.parse(stdout) as Partial<BatchResultRecord>;
    return Array.isArray(record.results) ? (record as BatchResultRecord) : null;
  } catch {
    return null;
  }
}
