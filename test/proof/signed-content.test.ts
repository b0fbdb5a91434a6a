/** What the signed statements say (SPEC P3): standard forms, and each fact as the files and the call have it. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import canonicalize from 'canonicalize';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ResultRecord } from '../../src/domain/records.ts';
import { FILES } from '../../src/domain/layout.ts';
import type { Envelope, Statement } from '../../src/proof/dsse.ts';
import { BATCH_PREDICATE, type ManifestLine } from '../../src/proof/manifest.ts';
import { TASK_PREDICATE } from '../../src/proof/task-statement.ts';
import { ownKeys } from '../../src/proof/trusted-keys.ts';
import { verifyPaths } from '../../src/proof/verify.ts';
import { writeReference } from '../support/reference-image.ts';
import { envelopeOf, type SignedBatch, signedBatch } from '../support/signed-batch.ts';
import { startSystem, type System } from '../support/system.ts';

let system: System;
let batch: SignedBatch;
beforeAll(async () => {
  system = await startSystem('time-skipping');
  batch = await signedBatch(system, 'signed');
  return system.stop;
});

const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

function signedIn(path: string): { text: string; statement: Statement } {
  const { payloadType, payload } = JSON.parse(readFileSync(path, 'utf8')) as Envelope;
  expect(payloadType).toBe('application/vnd.in-toto+json');
  const text = Buffer.from(payload, 'base64').toString();
  return { text, statement: JSON.parse(text) as Statement };
}

const linesOf = (batchDir: string) =>
  readFileSync(join(batchDir, FILES.manifest), 'utf8').trimEnd().split('\n');

describe('the statement of a task', () => {
  test('is an in-toto Statement v1 in canonical JSON whose subjects are the files beside it and the image', () => {
    const run = batch.record.results[0]?.run_dir as string;
    const { text, statement } = signedIn(envelopeOf(run));
    expect(text).toBe(canonicalize(statement));
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      predicateType: TASK_PREDICATE,
    });
    const image = batch.record.results[0]?.image_path as string;
    const places: Record<string, string> = {
      [FILES.result]: join(run, FILES.result),
      'attempt-01/request.json': join(run, 'attempt-01', FILES.request),
      'attempt-01/result.json': join(run, 'attempt-01', FILES.result),
      [basename(image)]: image,
    };
    expect(Object.fromEntries(statement.subject.map(({ name, digest }) => [name, digest]))).toEqual(
      Object.fromEntries(
        Object.entries(places).map(([name, path]) => [name, { sha256: sha256(readFileSync(path)) }]),
      ),
    );
  });

  test('tells what was asked, of whom, by whom, with which references, and what each call cost', async () => {
    const reference = join(system.settings.home, 'reference.png');
    await writeReference(reference);
    const asked = { prompt: 'edited [fault:500 times=1]', input_images: [reference], task_name: 'edit' };
    const handle = await system.startTask(system.alone(asked), 'edited');
    const { run_dir } = await handle.result();
    const result = JSON.parse(readFileSync(join(run_dir as string, FILES.result), 'utf8')) as ResultRecord;
    const { predicate } = signedIn(envelopeOf(run_dir as string)).statement;
    expect(predicate).toMatchObject({
      task: { task_key: 'edited', task_name: 'edit', batch_id: null, status: 'completed', ok: true },
      asked: {
        provider: 'happy',
        endpoint_origin: new URL(system.provider.baseUrl).origin,
        model: 'gpt-image-2',
        mode: 'edit',
        size: '1024x1024',
        request_fingerprint: result.request_fingerprint,
      },
      prompt_sha256: sha256(result.prompt),
      prompt_sent_sha256: sha256(result.prompt_sent),
      input_images: [{ name: basename(reference), sha256: sha256(readFileSync(reference)) }],
      generation_id: result.generation_id,
      temporal: {
        workflow_id: 'edited',
        run_id: result.run_id,
        worker_id: result.worker_id,
        pid: process.pid,
      },
      software: { name: 'imgproof', version, node: process.versions.node },
      attempts: [
        { attempt: 1, http_status: 500, billing: 'possible' },
        { attempt: 2, http_status: 200, billing: 'yes', request_id: result.request_id },
      ],
    });
    // The very bytes that the provider sent, as long as the spool has them.
    const [, answered] = predicate['attempts'] as { response?: { sha256: string; bytes: number } }[];
    const body = spooledBody(result);
    expect(answered?.response).toEqual({ sha256: sha256(body), bytes: body.length });
  });

  test('of a failed task has no image, and its error is in the result that it speaks of', () => {
    const run = batch.record.results[2]?.run_dir as string;
    const { statement } = signedIn(envelopeOf(run));
    expect(statement.subject.map(({ name }) => name)).toEqual([FILES.result]);
    expect(statement.predicate).toMatchObject({
      task: { status: 'failed', ok: false },
      attempts: [{ http_status: 400, billing: 'no' }],
    });
  });
});

/** What follows the header's line in `NN.answer`. */
function spooledBody({ generation_id, request_fingerprint }: ResultRecord): Buffer {
  const folder = join(system.settings.spoolDir, generation_id, request_fingerprint.slice(0, 16));
  const name = readdirSync(folder).find((one) => one.endsWith('.answer')) ?? '';
  const content = readFileSync(join(folder, name));
  return content.subarray(content.indexOf(0x0a) + 1);
}

describe('the manifest of a batch', () => {
  test('has a canonical line for each task, chained from zeros, and its head is signed with the records', () => {
    const { batch_dir } = batch.record;
    const lines = linesOf(batch_dir);
    let prev = '0'.repeat(64);
    for (const text of lines) {
      const line = JSON.parse(text) as ManifestLine;
      expect([text, line.prev]).toEqual([canonicalize(line), prev]);
      prev = sha256(text);
    }
    const { statement } = signedIn(join(batch_dir, FILES.manifestEnvelope));
    expect(statement.predicateType).toBe(BATCH_PREDICATE);
    expect(statement.predicate).toMatchObject({
      head: prev,
      count: 3,
      batch: { batch_id: 'signed', batch_hash: batch.record.batch_hash, total: 3, success: 2 },
    });
    expect(statement.subject).toEqual(
      [FILES.manifest, FILES.batchResult, FILES.batchRequest].map((name) => ({
        name,
        digest: { sha256: sha256(readFileSync(join(batch_dir, name))) },
      })),
    );
    expect(batch.summary.manifest).toMatchObject({ head: prev, count: 3 });
  });

  test('has lines for adopted, failed, skipped, rejected and cancelled tasks too', async () => {
    const tasks = [
      { prompt: 'taken over', task_name: 'adopted', task_key: 'twice' },
      { prompt: 'refused [fault:400]', task_name: 'failed' },
      { prompt: 'taken over', task_name: 'twin', task_key: 'twice' },
      { prompt: 'never begun', task_name: 'cancelled' },
      { prompt: 'one too many', task_name: 'rejected' },
    ];
    const request = system.batch(tasks, { max_workers: 1, queue_limit: 3 });
    const cancelled = async () => {
      const release = system.provider.hold();
      const handle = await system.startBatch(request, 'every end');
      await system.provider.waitForInFlight(1);
      await handle.executeUpdate('cancelTask', { args: [{ task: 'every end/cancelled' }] });
      release();
      return handle.result();
    };
    await cancelled();
    const { batch_dir, total, manifest } = await cancelled();
    const statuses = linesOf(batch_dir).map((line) => {
      const { index, status, result_json } = JSON.parse(line) as ManifestLine;
      return [index, status, result_json];
    });
    expect(statuses).toEqual([
      [1, 'completed', '01-adopted/result.json'],
      [2, 'failed', '02-failed/result.json'],
      [3, 'skipped', null],
      [4, 'cancelled', '04-cancelled/result.json'],
      [5, 'rejected', null],
    ]);
    expect([total, manifest?.count]).toEqual([5, 5]);
    expect(existsSync(join(batch_dir, '04-cancelled', FILES.resultEnvelope))).toBe(true);
    const { items } = await verifyPaths([batch_dir], { keys: await ownKeys(batch.keys.folder) });
    expect([items[0]?.verdict, items[0]?.evidence.signature?.state]).toEqual(['proven', 'trusted']);
  });

  test('of a queue run is in the run’s folder, and verify of the state directory asks for it', async () => {
    const stateDir = join(system.outputDir, '..', 'queue');
    const tasks = [
      { prompt: 'queued', task_name: 'one' },
      { prompt: '', task_name: 'no prompt' },
    ];
    const handle = await system.startBatch(
      { ...system.batch(tasks), queue: { state_dir: stateDir } },
      'queue run',
    );
    const { batch_dir, manifest } = await handle.result();
    expect([
      manifest?.count,
      linesOf(batch_dir).map((line) => (JSON.parse(line) as ManifestLine).status),
    ]).toEqual([2, ['completed', 'rejected']]);
    const { items } = await verifyPaths([stateDir], {
      keys: await ownKeys(batch.keys.folder),
      required: ['signature'],
    });
    expect(items.map(({ kind, verdict, evidence }) => [kind, verdict, evidence.signature?.state])).toEqual([
      ['batch', 'proven', 'trusted'],
      ['result', 'proven', 'trusted'],
      ['task', 'not completed', undefined],
    ]);
  });
});
