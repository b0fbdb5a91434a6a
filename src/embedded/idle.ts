/**
 * Use and idleness (SPEC C5). Every command that uses the stack changes a file *before* it reads the stack's state, and
 * the supervisor publishes `stopping` *before* it looks at that file for the last time: so either the command sees that
 * the stack stops and waits, or the supervisor sees the command and stays.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { type OrderMemo, WORKFLOW_TYPES } from '../domain/messages.ts';
import { homeFiles } from './home.ts';
import { readHomeRecord, writeHomeRecord } from './home-record.ts';

interface Use {
  pid: number;
  at: string;
  /** Tells one use from the next. */
  nonce: string;
  /** Of the command that used the stack last; null is never. */
  idle_stop_ms: number | null;
}

const KEEP_IN_USE_MS = { shortest: 250, longest: 60_000 };
const ASK_EVERY_MS = { shortest: 500, longest: 30_000 };
const ASK_LIMIT_MS = 5_000;

/** Rejects with what the file system says. */
export async function noteUse(home: string, idleStopMs: number | null): Promise<void> {
  const use: Use = {
    pid: process.pid,
    at: new Date().toISOString(),
    nonce: randomBytes(8).toString('hex'),
    idle_stop_ms: idleStopMs,
  };
  await writeHomeRecord(homeFiles(home).used, use);
}

/** For a command that goes on using the stack: note it again and again until the returned function is called. */
export function keepInUse(home: string, idleStopMs: number | null): () => void {
  const everyMs = within(KEEP_IN_USE_MS, (idleStopMs ?? Infinity) / 4);
  const timer = setInterval(() => void noteUse(home, idleStopMs).catch(() => undefined), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** The supervisor's eye. Time is this process's own: neither a set clock nor a laptop's sleep makes anything idle. */
export class IdleWatch {
  readonly #home: string;
  readonly #binary: string;
  #lastNonce: string | null = null;
  #busyAtMs = performance.now();
  #askedAtMs = performance.now();

  constructor(home: string, binary: string) {
    this.#home = home;
    this.#binary = binary;
  }

  /** True when for `idle_stop_ms` no command used the stack and no order was open; a paused batch is none. Cheap: asks the server now and then. */
  async isIdle(address: string, signal: AbortSignal): Promise<boolean> {
    const idleStopMs = (await this.#look())?.idle_stop_ms ?? null;
    if (idleStopMs === null) return false;
    const isOver = performance.now() - this.#busyAtMs >= idleStopMs;
    if (!isOver && performance.now() - this.#askedAtMs < within(ASK_EVERY_MS, idleStopMs / 10)) return false;
    this.#askedAtMs = performance.now();
    const isBusy = (await this.#openOrders(address, signal)) !== 0;
    if (isBusy) this.#busyAtMs = performance.now();
    return isOver && !isBusy;
  }

  /** True when a command came since `isIdle` was asked. */
  async isUsedAgain(): Promise<boolean> {
    const before = this.#lastNonce;
    return (await this.#look()) === null || this.#lastNonce !== before;
  }

  /** Null when it can't be known, as when a newer command wrote it: what isn't known is not idle. */
  async #look(): Promise<Use | null> {
    const use = await readHomeRecord<Use>(homeFiles(this.#home).used).catch(() => null);
    if (use !== null && use.nonce !== this.#lastNonce) {
      this.#lastNonce = use.nonce;
      this.#busyAtMs = performance.now();
    }
    return use;
  }

  /** Null when the server gives no answer: what isn't known is not idle. */
  async #openOrders(address: string, signal: AbortSignal): Promise<number | null> {
    const ask = (verb: string, types: readonly string[], ...more: string[]) => {
      const named = types.map((type) => `'${type}'`).join(', ');
      const query = `WorkflowType IN (${named}) AND ExecutionStatus = 'Running'`;
      const args = ['workflow', verb, '--query', query, '--output', 'json', '--address', address, ...more];
      return this.#temporal(args, signal);
    };
    try {
      const { count = 0 } = (await ask('count', Object.values(WORKFLOW_TYPES))) as {
        count?: string | number;
      };
      if (Number(count) === 0) return 0;
      const batches = (await ask('list', [WORKFLOW_TYPES.batch], '--limit', PAUSED_LIMIT)) as ListedOrder[];
      return Number(count) - batches.filter(isPaused).length;
    } catch {
      return null;
    }
  }

  async #temporal(args: string[], signal: AbortSignal): Promise<unknown> {
    const options = { env: {}, timeout: ASK_LIMIT_MS, maxBuffer: LIST_BYTES, signal };
    const { stdout } = await promisify(execFile)(this.#binary, args, options);
    return JSON.parse(stdout);
  }
}

/** As `temporal workflow list --output json` tells it. */
interface ListedOrder {
  memo?: { fields?: Pick<OrderMemo, 'paused'> | null } | null;
}

/** Nothing of it is begun until a person says so; tasks of it that still run are orders of their own. */
function isPaused({ memo }: ListedOrder): boolean {
  return typeof memo?.fields?.paused === 'string';
}

/** With more paused batches than these the stack stays up. */
const PAUSED_LIMIT = '500';
const LIST_BYTES = 16 * 1024 * 1024;

function within({ shortest, longest }: { shortest: number; longest: number }, ms: number): number {
  return Math.min(longest, Math.max(shortest, ms));
}
