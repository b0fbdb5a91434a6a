/** Envelopes and manifests of others (SPEC P3): whatever they say, a verdict in bounded time and memory. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { SigningKey } from '../../src/artifacts/key-file.ts';
import { SigningKeys } from '../../src/artifacts/signing-keys.ts';
import { canonicalJson } from '../../src/domain/ids.ts';
import { FILES } from '../../src/domain/layout.ts';
import { type Envelope, envelopeText, seal, type Statement } from '../../src/proof/dsse.ts';
import { BATCH_PREDICATE, FIRST_PREV, type ManifestLine } from '../../src/proof/manifest.ts';
import { sha256Of, TASK_PREDICATE } from '../../src/proof/task-statement.ts';
import { verifyPaths } from '../../src/proof/verify.ts';
import {
  type BatchCopy,
  copyOf,
  envelopeOf,
  type SignedBatch,
  signedBatch,
  trusted,
} from '../support/signed-batch.ts';
import { startSystem, type System } from '../support/system.ts';

let system: System;
let batch: SignedBatch;
let stranger: SigningKey;
beforeAll(async () => {
  system = await startSystem('time-skipping');
  batch = await signedBatch(system, 'signed');
  stranger = await new SigningKeys(join(system.settings.home, 'keys of a stranger')).current();
  return system.stop;
});

async function signatureOf(path: string) {
  const { items } = await verifyPaths([path], { keys: await trusted(batch.keys) });
  const [first] = items;
  return { ok: first?.ok, verdict: first?.verdict, ...first?.evidence.signature };
}

const linesIn = ({ batchDir, read }: BatchCopy) =>
  read(join(batchDir, FILES.manifest))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ManifestLine);

/** A manifest of these lines, chained and signed as a stranger would. */
function signAnew({ batchDir }: BatchCopy, lines: readonly ManifestLine[]): void {
  let head = FIRST_PREV;
  const text = lines
    .map((line) => {
      const chained = canonicalJson({ ...line, prev: head });
      head = sha256Of(chained);
      return `${chained}\n`;
    })
    .join('');
  writeFileSync(join(batchDir, FILES.manifest), text);
  const digestOf = (name: string) => ({ sha256: sha256Of(readFileSync(join(batchDir, name))) });
  const subject = [FILES.manifest, FILES.batchResult].map((name) => ({ name, digest: digestOf(name) }));
  const predicate = { head, count: lines.length };
  const envelope = seal({ subject, predicateType: BATCH_PREDICATE, predicate }, stranger);
  writeFileSync(join(batchDir, FILES.manifestEnvelope), envelopeText(envelope));
}

function signTaskAnew(run: string, change: (statement: Statement) => Statement): void {
  const { payload } = JSON.parse(readFileSync(envelopeOf(run), 'utf8')) as Envelope;
  const statement = change(JSON.parse(Buffer.from(payload, 'base64').toString()) as Statement);
  writeFileSync(envelopeOf(run), envelopeText(seal(statement, stranger)));
}

describe('a manifest that a stranger chained and signed anew', () => {
  test('of the same lines holds, and is nobody’s whom the reader trusts', async () => {
    const copy = copyOf(batch);
    signAnew(copy, linesIn(copy));
    expect(await signatureOf(copy.batchDir)).toMatchObject({ ok: true, state: 'valid, signer not trusted' });
  });

  test.each<[string, (lines: ManifestLine[]) => ManifestLine[], string]>([
    ['in another order', ([one, two, three]) => [two!, one!, three!], 'is of task 1, after one of task 2'],
    ['with a task twice', ([one, two, three]) => [one!, two!, two!, three!], 'is of task 2, after one of'],
    [
      'with a result twice',
      ([one, two, three]) => [one!, { ...two!, result_json: one!.result_json }, three!],
      'names the result of another line',
    ],
    [
      'with a file outside of the batch',
      ([one, ...others]) => [{ ...one!, result_json: '../../../etc/result.json' }, ...others],
      'names a file outside of the batch',
    ],
    [
      'with another line',
      ([one, ...others]) => [one!, { ...one!, index: '2' as unknown as number }, ...others],
      'is no line of a manifest',
    ],
  ])('%s is invalid', async (_, change, problem) => {
    const copy = copyOf(batch);
    signAnew(copy, change(linesIn(copy)));
    expect(await signatureOf(copy.batchDir)).toMatchObject({
      verdict: 'broken',
      state: 'invalid',
      detail: expect.stringContaining(problem) as unknown,
    });
  });

  test('with 20,000 lines about one file is told in a few words, and soon', async () => {
    const copy = copyOf(batch);
    const [line] = linesIn(copy);
    signAnew(
      copy,
      Array.from({ length: 20_000 }, () => line!),
    );
    const { state, detail = '' } = await signatureOf(copy.batchDir);
    expect([state, detail.includes('and 19994 more'), detail.length < 1_000]).toEqual([
      'invalid',
      true,
      true,
    ]);
  });
});

describe('a manifest without a signature', () => {
  test('is no evidence, and breaks nothing as long as it holds', async () => {
    const copy = copyOf(batch);
    rmSync(join(copy.batchDir, FILES.manifestEnvelope));
    expect(await signatureOf(copy.batchDir)).toMatchObject({ ok: true, state: 'absent' });
  });

  test.each<[string, (text: string) => string, string]>([
    ['its first line taken out', (text) => text.slice(text.indexOf('\n') + 1), 'line 1 does not follow'],
    ['its end cut off', (text) => text.slice(0, -9), 'ends within a line'],
    ['another hash', (text) => text.replace(/"result_sha256":"../u, '"result_sha256":"zz'), 'another one'],
  ])('with %s breaks the batch', async (_, change, problem) => {
    const copy = copyOf(batch);
    rmSync(join(copy.batchDir, FILES.manifestEnvelope));
    copy.change(join(copy.batchDir, FILES.manifest), change);
    expect(await signatureOf(copy.batchDir)).toMatchObject({
      verdict: 'broken',
      state: 'invalid',
      detail: expect.stringContaining(problem) as unknown,
    });
  });
});

describe('an envelope that a stranger signed', () => {
  test('and that names one file of 4 MB two thousand times has it read not once', async () => {
    const copy = copyOf(batch);
    const [run] = copy.runs as [string];
    const name = 'attempt-01/result.json';
    const content = `{"x":"${'y'.repeat(4_000_000)}"}`;
    writeFileSync(join(run, name), content);
    const digest = { sha256: sha256Of(content) };
    const subject = Array.from({ length: 2_000 }, () => ({ name, digest }));
    signTaskAnew(run, (statement) => ({ ...statement, subject }));
    const before = process.memoryUsage().rss;
    expect(await signatureOf(run)).toMatchObject({ state: 'invalid' });
    // It was 8 GB.
    expect(process.memoryUsage().rss - before).toBeLessThan(500_000_000);
  });

  test.each<[string, (statement: Statement) => Statement, string]>([
    ['speaks of nothing', (of) => ({ ...of, subject: [] }), 'does not speak of result.json'],
    [
      'leaves the image out',
      (of) => ({ ...of, subject: of.subject.filter(({ name }) => !name.endsWith('.png')) }),
      'does not speak of its image',
    ],
    [
      'names files above the run folder',
      (of) => ({ ...of, subject: [...of.subject, { name: '../../x', digest: { sha256: '0'.repeat(64) } }] }),
      '../../x was changed',
    ],
    ['is of another type', (of) => ({ ...of, predicateType: 'urn:other' }), 'signed for something else'],
    [
      'has a hash that is none',
      (of) => ({ ...of, subject: [{ name: FILES.result, digest: { sha256: 'x' } }] }),
      'no in-toto statement',
    ],
  ])('and that %s is invalid', async (_, change, problem) => {
    const [run] = copyOf(batch).runs as [string];
    signTaskAnew(run, change);
    const detail = expect.stringContaining(problem) as unknown;
    expect(await signatureOf(run)).toMatchObject({ verdict: 'broken', state: 'invalid', detail });
  });

  test('with the operator’s key named in it, as signer and key id, is invalid', async () => {
    const [run] = copyOf(batch).runs as [string];
    const { keyId, publicKeyPem } = await batch.keys.current();
    const { payload } = JSON.parse(readFileSync(envelopeOf(run), 'utf8')) as Envelope;
    const statement = JSON.parse(Buffer.from(payload, 'base64').toString()) as Statement;
    const envelope = seal(
      { ...statement, predicateType: TASK_PREDICATE },
      { ...stranger, keyId, publicKeyPem },
    );
    writeFileSync(envelopeOf(run), envelopeText(envelope));
    expect(await signatureOf(run)).toMatchObject({ verdict: 'broken', state: 'invalid' });
  });
});

test('the signed records of another run of the same batch, as a whole, are noticed', async () => {
  const tasks = [{ prompt: 'made twice', task_name: 'one' }];
  const order = async () => (await system.startBatch(system.batch(tasks, { again: true }), 'twice')).result();
  const [first, second] = [await order(), await order()];
  expect(second.batch_hash).toBe(first.batch_hash);
  expect(await signatureOf(second.batch_dir)).toMatchObject({ ok: true, state: 'trusted' });
  for (const name of [FILES.manifest, FILES.manifestEnvelope, FILES.batchResult, FILES.batchRequest])
    cpSync(join(first.batch_dir, name), join(second.batch_dir, name));
  expect(await signatureOf(second.batch_dir)).toMatchObject({
    verdict: 'broken',
    state: 'invalid',
    detail: expect.stringContaining('01-one/result.json is another one') as unknown,
  });
});
