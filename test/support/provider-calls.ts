/** The provider's own memory of what it was asked: the judge of every test about money. */
import { appendFileSync } from 'node:fs';
import type { Mode } from '../../src/domain/task.ts';

/** A reference image as it arrived. */
export interface ReceivedReference {
  sha256: string;
  bytes: number;
  mime: string;
  field: string;
  filename: string;
}

/** One request; each line of the log file is one of these as it was at that moment. */
export interface CallRecord {
  /**
   * `arrived`: read completely. `answered`: the server did what its script says (the whole answer handed to the socket, or
   * the connection cut: `status` null when no header was sent). `aborted`: the client went away before that.
   */
  event: 'arrived' | 'answered' | 'aborted';
  /** From 1 in order of arrival; 0 only in the log, for an upload that broke off before it was read completely. */
  call: number;
  /** Time of `event`, ISO 8601. */
  at: string;
  arrived_at: string;
  /** Null while the call is in flight. */
  ended_at: string | null;
  method: string;
  path: string;
  mode: Mode | null;
  model: string | null;
  prompt: string | null;
  /** As asked; null when not sent. */
  size: string | null;
  references: ReceivedReference[];
  /** Lower-case names; of credentials only `present`. */
  headers: Record<string, string>;
  /** Every field that is not a file, as sent: JSON values, or the text of form fields. */
  fields: Record<string, unknown>;
  /** Row of the script's table that answered; null for requests that were refused on their own merits. */
  step: string | null;
  status: number | null;
  request_id: string;
  /** sha256 of the image that the answer carries. */
  image_sha256: string | null;
  /** Requests being served at the time of `event`, this one included on arrival. */
  in_flight: number;
  x_client_request_id: string | null;
  idempotency_key: string | null;
}

/** Keeps the call log in memory and, when a file is named, appends a JSON line per event to it. */
export function openCallLog(logFile?: string) {
  const calls: CallRecord[] = [];
  const waiters = new Set<() => void>();
  const state = { inFlight: 0, maxInFlight: 0, brokenUploads: 0 };

  function write(record: CallRecord): void {
    record.in_flight = state.inFlight;
    if (logFile !== undefined) appendFileSync(logFile, `${JSON.stringify(record)}\n`);
    wake();
  }

  function wake(): void {
    for (const waiter of waiters) waiter();
  }

  return {
    calls,
    state,
    /** A request's headers are here: it counts as in flight from now on. */
    entered(): void {
      state.inFlight += 1;
      state.maxInFlight = Math.max(state.maxInFlight, state.inFlight);
      wake();
    },
    arrived(record: CallRecord): void {
      calls.push(record);
      record.call = calls.length;
      write(record);
    },
    ended(record: CallRecord, event: 'answered' | 'aborted', status: number | null): void {
      state.inFlight -= 1;
      if (record.call === 0) state.brokenUploads += 1;
      const now = new Date().toISOString();
      Object.assign(record, { event, status, at: now, ended_at: now });
      write(record);
    },
    /** Rejects after `timeoutMs` saying how far it came. */
    waitUntil(what: string, reached: () => boolean, timeoutMs: number): Promise<void> {
      return new Promise((resolve, reject) => {
        const check = () => {
          if (!reached()) return;
          stop();
          resolve();
        };
        const timer = setTimeout(() => {
          stop();
          const { inFlight } = state;
          const now = `${calls.length} calls arrived, ${inFlight} in flight`;
          reject(new Error(`The provider server waited ${timeoutMs} ms for ${what}: ${now}.`));
        }, timeoutMs);
        const stop = () => {
          clearTimeout(timer);
          waiters.delete(check);
        };
        waiters.add(check);
        check();
      });
    },
  };
}

export type CallLog = ReturnType<typeof openCallLog>;

const CREDENTIALS = /^(authorization|proxy-authorization|api-key|x-api-key|cookie)$/u;

export function redactedHeaders(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      CREDENTIALS.test(name) ? 'present' : String(value),
    ]),
  );
}

/** The most of these calls that ran at one time. */
export function peakInFlight(calls: readonly Pick<CallRecord, 'arrived_at' | 'ended_at'>[]): number {
  const span = ({ arrived_at, ended_at }: Pick<CallRecord, 'arrived_at' | 'ended_at'>) =>
    [Date.parse(arrived_at), ended_at === null ? Infinity : Date.parse(ended_at)] as const;
  const spans = calls.map(span);
  return Math.max(0, ...spans.map(([at]) => spans.filter(([from, to]) => from <= at && at < to).length));
}
