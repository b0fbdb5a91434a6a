/** Every field that orders leave on disk, taken through the whole system (SPEC F5–F8, F10, R4). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import type {
  AttemptRecord,
  ProofIndexRow,
  ResultRecord,
  TaskStateRecord,
} from '../../src/domain/records.ts';
import { type FinishedOrders, finishedOrders, readJson } from '../support/finished-orders.ts';
import { filesBelow, startSystem, type System } from '../support/system.ts';

let system: System;
let orders: FinishedOrders;
beforeAll(async () => {
  system = await startSystem('time-skipping');
  return system.stop;
});
beforeAll(async () => {
  orders = await finishedOrders(system);
});

const provenRows = () => [...orders.rows, orders.lone];
const everyRow = () => [...provenRows(), orders.failed];

const text = expect.stringMatching(/./u) as unknown;
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u) as unknown;
const hash = expect.stringMatching(/^[0-9a-f]{64}$/u) as unknown;
const count = expect.any(Number) as unknown;
const list = expect.any(Array) as unknown;

/** SPEC R4. */
const ATTEMPT = {
  attempt: count,
  phase: 'done',
  http_status: count,
  request_id: expect.stringMatching(/^req_/u) as unknown,
  elapsed_ms: count,
  billing: expect.stringMatching(/^(?:no|possible|yes)$/u) as unknown,
  started_at: time,
  ended_at: time,
  worker_id: text,
  pid: process.pid,
  run_id: text,
};

describe('result.json of a proven task (F7)', () => {
  test('has every field', async () => {
    for (const { result_json, run_dir } of provenRows()) {
      const result = await readJson<ResultRecord>(result_json);
      expect(result).toMatchObject({
        ok: true,
        acceptable: true,
        status: 'completed',
        stage: 'done',
        provider: 'happy',
        endpoint_origin: new URL(system.provider.baseUrl).origin,
        model: 'gpt-image-2',
        mode: expect.stringMatching(/^(?:generation|edit)$/u) as unknown,
        input_images: list,
        output: result.image_path,
        image_path: text,
        bytes: count,
        sha256: hash,
        format: expect.stringMatching(/^(?:png|webp)$/u) as unknown,
        width: 1024,
        height: 1024,
        size: '1024x1024',
        warnings: [],
        prompt: text,
        prompt_sent: text,
        attempts_count: result.attempts.length,
        attempts: list,
        usage: expect.objectContaining({ total_tokens: count }) as unknown,
        request_id: ATTEMPT.request_id,
        generation_id: expect.stringMatching(/^g-[0-9a-f]{32}$/u) as unknown,
        request_fingerprint: hash,
        workflow_id: text,
        run_id: text,
        worker_id: text,
        pid: process.pid,
        thread_id: count,
        run_dir,
        created_at: time,
      });
      expect(result.attempts.at(-1)).toMatchObject({ ...ATTEMPT, ok: true, category: null, billing: 'yes' });
    }
  });

  test('names its reference with path, sha256, bytes and mime', async () => {
    const { input_images, mode } = await readJson<ResultRecord>(orders.lone.result_json);
    const path = orders.referencePath;
    const { length: bytes } = await readFile(path);
    expect([mode, input_images]).toEqual(['edit', [{ path, sha256: hash, bytes, mime: 'image/png' }]]);
  });

  test('lists the attempt that failed, with what it may have cost (R4)', async () => {
    const { attempts, billing } = await readJson<ResultRecord>(orders.rows[1]?.result_json ?? null);
    expect(attempts).toMatchObject([
      {
        ...ATTEMPT,
        attempt: 1,
        ok: false,
        category: 'server_error',
        billing: 'possible',
        next_attempt_at: time,
      },
      { ...ATTEMPT, attempt: 2, ok: true, category: null, billing: 'yes', next_attempt_at: null },
    ]);
    expect(billing).toEqual({ no: 0, possible: 1, yes: 1 });
  });

  test('is the row of the batch, the final line of stdout.txt, and its attempts are those on disk (F6, F8)', async () => {
    for (const row of everyRow()) {
      const result = await readJson<ResultRecord>(row.result_json);
      const { result_json: _, category, input_images, ...same } = row;
      expect(result).toMatchObject(same);
      expect(result.diagnosis?.category ?? null).toBe(category);
      expect(result.input_images.map(({ path }) => path)).toEqual(input_images);
      expect(JSON.parse(await readFile(join(result.run_dir, 'stdout.txt'), 'utf8'))).toEqual(result);
      expect(await readFile(join(result.run_dir, 'stderr.txt'), 'utf8')).toContain(
        result.image_path ?? result.error,
      );
      const onDisk = await Promise.all(
        result.attempts.map((_, i) =>
          readJson<AttemptRecord>(result.run_dir, `attempt-0${i + 1}`, 'result.json'),
        ),
      );
      expect(result.attempts).toEqual(onDisk);
    }
  });
});

test('result.json of a failed task has every field (F7)', async () => {
  const result = await readJson<ResultRecord>(orders.failed.result_json);
  expect(result).toMatchObject({
    ok: false,
    acceptable: false,
    status: 'failed',
    stage: 'failed',
    error: text,
    diagnosis: { category: 'moderation_blocked', human_reason: text, retryable: false },
    http_status: 400,
    attempts: [
      { ...ATTEMPT, ok: false, category: 'moderation_blocked', billing: 'no', next_attempt_at: null },
    ],
    image_path: null,
  });
});

test('state.json of an ended task has every field (F5)', async () => {
  for (const { run_dir, status, image_path, error, attempts_count } of everyRow()) {
    const state = await readJson<TaskStateRecord>(run_dir, 'state.json');
    expect(state).toMatchObject({
      status,
      attempt: attempts_count,
      max_attempts: 3,
      started_at: time,
      updated_at: time,
      elapsed_seconds: count,
      output: image_path,
      last_error: error,
    });
    expect(state.next_attempt_at).toBeUndefined();
  }
});

test('batch_result.json has every field, rows in order of index (F8)', async () => {
  const record = await readJson<BatchResultRecord>(orders.batch.batch_dir, 'batch_result.json');
  expect(record).toMatchObject({
    ok: true,
    acceptable: true,
    stage: 'done',
    batch_id: 'article-1',
    batch_dir: orders.batch.batch_dir,
    max_workers: 4,
    queue_limit: 200,
    total: 2,
    scheduled: 2,
    processed: 2,
    rejected: 0,
    success: 2,
    failed: 0,
    timeout: 0,
    cancelled: 0,
    skipped: 0,
    provider: 'happy',
    model: 'gpt-image-2',
    no_local_fallback: true,
    cost: { no: 0, possible: 1, yes: 2 },
  });
  expect(record.results.map(({ index, task_name }) => [index, task_name])).toEqual([
    [1, 'cover'],
    [2, 'hero'],
  ]);
});

test('the proof index points from batch id and key to fingerprint and result.json (F10)', async () => {
  const folder = join(system.outputDir, '_proofs');
  const index = await Promise.all(
    (await filesBelow(folder)).map((name) => readJson<ProofIndexRow>(folder, name)),
  );
  expect(index).toHaveLength(4);
  for (const row of provenRows()) {
    const result = await readJson<ResultRecord>(row.result_json);
    const { task_key, batch_id, batch_hash, request_fingerprint, generation_id } = result;
    expect(index.find((one) => one.task_key === row.task_key)).toEqual({
      schema_version: 1,
      task_key,
      batch_id,
      batch_hash,
      request_fingerprint,
      generation_id,
      result_json: row.result_json,
    });
  }
});
