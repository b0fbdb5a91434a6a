/** `<home>/worker.json`: what the embedded worker says of itself. Written by the worker alone. */
import { isSameProcess, ownIdentity, type ProcessIdentity } from '../host/process-identity.ts';
import { homeFiles } from './home.ts';
import { readHomeRecord, writeHomeRecord } from './home-record.ts';
import type { PublishedFacts } from './worker-facts.ts';

export interface WorkerRecord extends ProcessIdentity, PublishedFacts {
  /** `draining`: it takes no new paid call and ends when those in flight have. */
  phase: 'ready' | 'draining';
  /** `held`: a message is being delivered first (see `api-hold.ts`); `ready` all the same. */
  api_lane: 'polls' | 'held';
}

export type WorkerNews = Pick<WorkerRecord, 'phase' | 'api_lane'> & PublishedFacts;

/** Of this very process. */
export async function writeWorkerRecord(home: string, news: WorkerNews): Promise<void> {
  const record: WorkerRecord = { ...ownIdentity(), ...news };
  await writeHomeRecord(homeFiles(home).worker, record);
}

/** What exactly this process said; null before it did. A pid that was used before says nothing. */
export async function workerRecord(home: string, worker: ProcessIdentity): Promise<WorkerRecord | null> {
  const record = await readHomeRecord<WorkerRecord>(homeFiles(home).worker);
  return record !== null && isSameProcess(record, worker) ? record : null;
}
