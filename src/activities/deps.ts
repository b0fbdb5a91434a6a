import type { PriceTable } from '../domain/cost.ts';
import type { SigningKeys } from '../artifacts/signing-keys.ts';
import type { Spool } from '../artifacts/spool.ts';
import type { ProviderEndpoint } from '../provider/image-api.ts';
import type { ProviderLanes } from '../provider/lane.ts';
import type { WorkerSlots } from './worker-slots.ts';

/** Everything activities need from the process they run in; made in `worker.ts` only. */
export interface ActivityDeps {
  spool: Spool;
  /** Of this worker: what it records is signed with the newest (SPEC P3). */
  keys: SigningKeys;
  slots: WorkerSlots;
  /** What providers asked this worker for: shared by its tasks. */
  lanes: ProviderLanes;
  /** Fires when this worker begins to end: a request that is not sent yet is left to another one (SPEC R6). */
  leaving: AbortSignal;
  /** While the worker starts: a command delivers a message that goes before any call (SPEC C5). */
  isHeld: () => Promise<boolean>;
  /** Read anew for every call, so that a corrected key helps at once (SPEC G8). Rejects with `ProviderConfigError`-like errors. */
  resolveProvider: (name: string, model: string) => Promise<ProviderEndpoint>;
  /** Hides every secret this process has seen (SPEC F9): for errors and logs. */
  redact: (text: string) => string;
  /** The same for records, where short values stay: they could be any word. */
  redactLong: (text: string) => string;
  /** The same for an answer before it is kept; images stay as they are. */
  redactBody: (body: Buffer) => Buffer;
  defaults: AdmissionDefaults;
  /** Read anew for each order; null: nothing is said about money (SPEC R8). */
  prices: () => PriceTable | null;
  /** Whether mock tasks may run here (SPEC M). */
  allowMock: boolean;
  /** Folders reference images may come from; null is anywhere. */
  inputRoots: () => readonly string[] | null;
  /** Folders images and proofs may go to; null is anywhere. */
  outputRoots: () => readonly string[] | null;
  /** Milliseconds without a sign of life after which Temporal starts another attempt. */
  heartbeatTimeoutMs: number;
}

/** Used where an order says nothing (SPEC G3: environment and config of the worker, then the built-in default). */
export interface AdmissionDefaults {
  provider?: string;
  model?: string;
  outputDir: string;
  /** Parent of batch folders; null means `<output_dir>/batches` (SPEC F3). */
  batchRoot: string | null;
  /** State directory of queue runs (SPEC F4). */
  queueDir: string;
  /** `outputDir` of queue runs. */
  queueOutputDir: string;
}
