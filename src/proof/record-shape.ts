/**
 * The least a record must have before rules are asked about it. Fields that a rule of SPEC P1 judges are left to that
 * rule; what no rule names must be there all the same, or the file is no proof.
 */
import type { BatchRequestRecord, BatchResultRecord } from '../domain/batch-records.ts';
import type { ResultRecord } from '../domain/records.ts';
import { TASK_STATUSES, type TaskStatus } from '../domain/status.ts';
import type { JsonObject, Read } from './safe-read.ts';

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isTextOrNull: Check = (value) => value === null || isText(value);
const isIndex: Check = (value) => Number.isSafeInteger(value) && Number(value) > 0;
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isStatus: Check = (value) => TASK_STATUSES.includes(value as TaskStatus);
const isArrayOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const isObjectWith =
  (fields: Record<string, Check>): Check =>
  (value) =>
    missingField(value, fields) === null;

const RESULT_FIELDS: Record<string, Check> = {
  status: isStatus,
  task_key: isText,
  task_name: isText,
  index: isIndex,
  batch_id: isTextOrNull,
  prompt: isText,
  prompt_sent: isText,
  generation_id: isText,
  request_fingerprint: isText,
  workflow_id: isText,
  run_dir: isText,
  created_at: isText,
  attempts: isArrayOf(isObjectWith({ attempt: isIndex })),
};

const REQUEST_FIELDS: Record<string, Check> = {
  batch_id: isText,
  batch_hash: isText,
  batch_name: isText,
  total: isCount,
  tasks: isArrayOf(
    isObjectWith({
      index: isIndex,
      task_key: isText,
      task_name: isText,
      run_dir: isTextOrNull,
      status: isStatus,
    }),
  ),
};

const SUMMARY_FIELDS: Record<string, Check> = {
  results: isArrayOf(
    isObjectWith({
      index: isIndex,
      task_key: isText,
      status: isStatus,
      billing: isObjectWith({ no: isCount, possible: isCount, yes: isCount }),
    }),
  ),
};

export function asResult(read: Read<JsonObject>): Read<ResultRecord> {
  return shaped<ResultRecord>(read, RESULT_FIELDS, 'result');
}

export function asBatchRequest(read: Read<JsonObject>): Read<BatchRequestRecord> {
  return shaped<BatchRequestRecord>(read, REQUEST_FIELDS, 'batch request');
}

export function asBatchResult(read: Read<JsonObject>): Read<BatchResultRecord> {
  return shaped<BatchResultRecord>(read, SUMMARY_FIELDS, 'batch result');
}

function shaped<T>(read: Read<JsonObject>, fields: Record<string, Check>, what: string): Read<T> {
  if (read.kind !== 'read') return read;
  const field = missingField(read.value, fields);
  if (field === null) return { kind: 'read', value: read.value as T };
  return {
    kind: 'refused',
    problem: `is not a ${what} of imgproof: "${field}" is missing or of the wrong type`,
  };
}

function missingField(value: unknown, fields: Record<string, Check>): string | null {
  if (value === null || typeof value !== 'object') return 'object';
  const record = value as JsonObject;
  return Object.keys(fields).find((name) => fields[name]?.(record[name]) !== true) ?? null;
}
