/** Where everything is on disk (SPEC F1–F4, F10, H1), as relative names; and who writes it. */

/**
 * `replace`: swapped whole, a reader sees the old or the new one. `once`: never written again under the same name.
 * `append`: at its end only, until it is rotated to `.1`. `in place`: as its writer likes, and read by nobody else.
 */
type Manner = 'replace' | 'once' | 'append' | 'in place';

/**
 * One table: each file, who alone writes it, and how. `[…]` is an addition to the name that may be missing: companions
 * of a database, takeovers of a lock, a rotated log.
 */
export const FILE_WRITERS = {
  '<output_dir>/<name>-<stamp>[-k].<ext>': { writer: 'generateImage', how: 'once' },
  '<output_dir>/_proofs/<sha256>.json': { writer: 'recordTask', how: 'replace' },
  '<run_dir>/state.json': { writer: 'TaskFolder.writeState', how: 'replace' },
  '<run_dir>/result.json': { writer: 'TaskFolder.writeResult', how: 'replace' },
  '<run_dir>/result.dsse.json': { writer: 'TaskFolder.writeEnvelope', how: 'replace' },
  '<run_dir>/stdout.txt': { writer: 'TaskFolder.writeResult', how: 'replace' },
  '<run_dir>/stderr.txt': { writer: 'TaskFolder.writeResult', how: 'replace' },
  '<run_dir>/attempt-NN/request.json': { writer: 'generateImage', how: 'once' },
  '<run_dir>/attempt-NN/result.json': { writer: 'TaskFolder.writeAttempt', how: 'replace' },
  '<run_dir>/attempt-NN/stdout.txt': { writer: 'TaskFolder.writeAttempt', how: 'replace' },
  '<run_dir>/attempt-NN/stderr.txt': { writer: 'TaskFolder.writeAttempt', how: 'replace' },
  '<output_dir>/_runs/<name>-<stamp>[-k]/task.json': { writer: 'admitTasks', how: 'replace' },
  '<run_dir>/attempt-NN/image.<ext>': { writer: 'TaskFolder.writeEvidence', how: 'replace' },
  '<batch_dir>/batch_request.json': { writer: 'admitTasks', how: 'replace' },
  '<batch_dir>/NN-<name>/batch_task.json': { writer: 'admitTasks', how: 'replace' },
  '<batch_dir>/batch_result.json': { writer: 'recordBatch', how: 'replace' },
  '<batch_dir>/manifest.jsonl': { writer: 'recordBatch', how: 'replace' },
  '<batch_dir>/manifest.dsse.json': { writer: 'recordBatch', how: 'replace' },
  '<batch_dir>/report/index.html': { writer: 'imgproof report', how: 'replace' },
  '<batch_dir>/report/thumbs/<content>.webp': { writer: 'imgproof report', how: 'once' },
  '<state_dir>/tasks/<task_id>/task.json': { writer: 'admitTasks', how: 'replace' },
  '<state_dir>/tasks/<task_id>/command.json': { writer: 'admitTasks', how: 'replace' },
  '<state_dir>/queue_state.json': { writer: 'QueueFolder', how: 'replace' },
  '<state_dir>/tasks.jsonl': { writer: 'QueueFolder', how: 'append' },
  '<state_dir>/events.jsonl': { writer: 'QueueFolder', how: 'append' },
  '<state_dir>/queue.lock[…]': { writer: 'acquireLock', how: 'replace' },
  '<batch_dir>/queue_state.json': { writer: 'QueueFolder', how: 'replace' },
  '<home>/spool/<generation>/…': { writer: 'Spool', how: 'once' },
  '<home>/spool/images/…': { writer: 'Spool', how: 'once' },
  '<home>/roots/<hash>.json': { writer: 'rememberRoot', how: 'once' },
  '<home>/temporal.db[…]': { writer: 'Temporal dev server', how: 'in place' },
  '<home>/supervisor.lock[…]': { writer: 'acquireLock', how: 'replace' },
  '<home>/embedded.json': { writer: 'PublishedState', how: 'replace' },
  '<home>/server.json': { writer: 'noteServed', how: 'replace' },
  '<home>/ports.json': { writer: 'bringUpServer', how: 'replace' },
  '<home>/keys/key-NNNN.json': { writer: 'SigningKeys', how: 'once' },
  '<home>/attempts/<attempt>.json': { writer: 'noteAttempts', how: 'replace' },
  '<home>/worker.json': { writer: 'writeWorkerRecord', how: 'replace' },
  '<home>/used.json': { writer: 'noteUse', how: 'replace' },
  '<home>/api-holds/<process>.json': { writer: 'holdApiLane', how: 'once' },
  '<home>/stop-now': { writer: 'stopEmbedded', how: 'once' },
  '<home>/logs/supervisor.log[…]': { writer: 'supervisor', how: 'append' },
  '<home>/logs/server.log[…]': { writer: 'Temporal dev server', how: 'append' },
  '<home>/logs/worker.log[…]': { writer: 'runWorker', how: 'append' },
} as const satisfies Record<string, { writer: string; how: Manner }>;

export const FILES = {
  state: 'state.json',
  result: 'result.json',
  /** Signature of what a run folder proves (SPEC P3). */
  resultEnvelope: 'result.dsse.json',
  /** One line for each task of a batch, chained, and the signature of its head. */
  manifest: 'manifest.jsonl',
  manifestEnvelope: 'manifest.dsse.json',
  request: 'request.json',
  stdout: 'stdout.txt',
  stderr: 'stderr.txt',
  batchRequest: 'batch_request.json',
  batchResult: 'batch_result.json',
  batchTask: 'batch_task.json',
  task: 'task.json',
  command: 'command.json',
  queueState: 'queue_state.json',
  queueTasks: 'tasks.jsonl',
  queueEvents: 'events.jsonl',
  queueLock: 'queue.lock',
  /** Below a state directory. */
  queueTaskFolders: 'tasks',
  queueRuns: 'runs',
  runs: '_runs',
  proofs: '_proofs',
  batches: 'batches',
  /** Of a batch or a run: a folder that can be made again, and proves nothing. */
  report: 'report',
} as const;

/** `YYYYMMDD-HHMMSS` in UTC (SPEC H4). */
export function timestamp(ms: number): string {
  const iso = new Date(ms).toISOString();
  return `${iso.slice(0, 10).replaceAll('-', '')}-${iso.slice(11, 19).replaceAll(':', '')}`;
}

export function attemptFolder(attempt: number): string {
  return `attempt-${String(attempt).padStart(2, '0')}`;
}

/** `NN-<task_name>`, NN as wide as the total needs (SPEC H4). */
export function taskFolder(index: number, total: number, safeName: string): string {
  return `${String(index).padStart(Math.max(2, String(total).length), '0')}-${safeName}`;
}

const SAFE_NAME_CHARACTERS = 60;

/**
 * A user's name as a file name: ASCII letters, digits, `.`, `_` and `-`, at most 60 characters; a hash is added when
 * anything was changed, so that different names stay different, also on file systems that fold case.
 */
export function safeName(name: string, sha256: (text: string) => string): string {
  const slug = name
    .normalize('NFC')
    .replaceAll(/[^A-Za-z0-9._-]+/gu, '-')
    .replaceAll(/^[.-]+|[.-]+$/gu, '')
    .slice(0, SAFE_NAME_CHARACTERS);
  const isReserved = slug === '' || RESERVED_ON_WINDOWS.test(slug);
  if (slug === name && !isReserved && slug === slug.toLowerCase()) return slug;
  // `con.txt-1a2b3c4d` is still the device `con`: on Windows only what stands before the first dot counts.
  const stem = isReserved ? `task-${slug}`.replace(/-+$/u, '') : slug;
  return `${stem}-${sha256(name).slice(0, 8)}`;
}

const RESERVED_ON_WINDOWS = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?$/iu;
