export type Redact = (text: string) => string;

/**
 * Names of places and identities. They are ours or the user's own, proofs are found by them, and a secret that happens to
 * be a word in a path must not break it (SPEC F9: patterns never in paths).
 */
const KEPT = new Set([
  'path',
  'image_path',
  'output',
  'output_dir',
  'run_dir',
  'state_dir',
  'task_dir',
  'batch_dir',
  'order_file',
  'queue_id',
  'task_id',
  'result_json',
  'adopted_from',
  'sha256',
  'generation_id',
  'request_fingerprint',
  'duplicate_of',
  'batch_id',
  'batch_hash',
  'task_key',
  'task_name',
  'workflow_id',
  'run_id',
  'worker_id',
]);

/** The record with every text in it redacted; numbers, names of fields, places and identities stay as they are. */
export function redactRecord<T>(record: T, redact: Redact): T {
  return redactValue(record, redact) as T;
}

function redactValue(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((item) => redactValue(item, redact));
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, field]) => {
    const isKept = KEPT.has(name) && typeof field === 'string';
    return [name, isKept ? field : redactValue(field, redact)] as const;
  });
  return Object.fromEntries(fields);
}
