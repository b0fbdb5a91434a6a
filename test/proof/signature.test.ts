/** The worker's own signature (SPEC P3): what it covers, whose it is, and that a record never waits for it. */
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { SigningKey } from '../../src/artifacts/key-file.ts';
import { SigningKeys } from '../../src/artifacts/signing-keys.ts';
import { FILES } from '../../src/domain/layout.ts';
import { type Envelope, envelopeText, seal, type Statement } from '../../src/proof/dsse.ts';
import { signResult } from '../../src/proof/task-statement.ts';
import { verifyPaths } from '../../src/proof/verify.ts';
import {
  type BatchCopy,
  copyOf,
  envelopeOf,
  filesUnder,
  type SignedBatch,
  signedBatch,
  trusted,
} from '../support/signed-batch.ts';
import { textsIn } from '../support/canary.ts';
import { startSystem, type System } from '../support/system.ts';
import { tempFolder } from '../support/temp-folder.ts';

let system: System;
let batch: SignedBatch;
beforeAll(async () => {
  system = await startSystem('time-skipping');
  batch = await signedBatch(system, 'signed');
  return system.stop;
});

const keys = () => trusted(batch.keys);
const verify = async (copy: BatchCopy, options = {}) =>
  (await verifyPaths([copy.batchDir], { keys: await keys(), ...options })).items;
const brokenIn = async (copy: BatchCopy, options = {}) =>
  (await verify(copy, options)).flatMap(({ kind, task, broken }) =>
    broken.filter(({ id }) => id !== 'ok-true').map(({ id, found }) => [kind, task, id, found]),
  );

describe('a result, a failed task and a batch are signed when they are recorded (P3)', () => {
  test('with the worker’s key: trusted by whoever has it, also of a copy elsewhere', async () => {
    const items = await verify(copyOf(batch), { required: ['signature'] });
    const states = items.map(({ kind, task, verdict, evidence }) => [
      kind,
      task,
      verdict,
      evidence.signature?.state,
    ]);
    expect(states).toEqual([
      ['batch', 'signed', 'proven', 'trusted'],
      ['result', 'one', 'proven', 'trusted'],
      ['result', 'two', 'proven', 'trusted'],
      ['result', 'three', 'not completed', 'trusted'],
    ]);
  });

  test('whoever does not have it sees that nothing was changed, and not who signed', async () => {
    const nobody = { keys: { keys: [], source: 'nobody' } };
    const items = await verify(copyOf(batch), nobody);
    expect(items.map(({ evidence }) => evidence.signature?.state)).toEqual(
      items.map(() => 'valid, signer not trusted'),
    );
    expect(items.map(({ verdict }) => verdict)).toEqual(['proven', 'proven', 'proven', 'not completed']);
    const broken = await brokenIn(copyOf(batch), { ...nobody, required: ['signature'] });
    expect(broken.map(([, , id]) => id)).toEqual(broken.map(() => 'signature-required'));
    expect(broken).toHaveLength(4);
  });

  test('the workflow’s result and its memo keep head, count and key of the manifest', async () => {
    const lines = copyOf(batch).read(join(batch.record.batch_dir, FILES.manifest)).trimEnd().split('\n');
    const { keyId } = await batch.keys.current();
    const { manifest } = batch.summary;
    expect(manifest).toMatchObject({ count: 3, key_id: keyId });
    expect(lines).toHaveLength(3);
    const { memo } = await system.client.getHandle(batch.batchId).describe();
    expect(memo?.['manifest']).toEqual(manifest);
  });

  test('the private key is in its file alone: in no output, log, spool or history', async () => {
    const { file } = await batch.keys.current();
    const { private_key } = JSON.parse(readFileSync(file, 'utf8')) as { private_key: string };
    const secret = private_key.split('\n')[1] as string;
    const { home } = system.settings;
    const written = [...filesUnder(batch.outputDir), ...filesUnder(home)];
    const history = await system.client.getHandle(batch.batchId).fetchHistory();
    expect(written.length).toBeGreaterThan(20);
    expect(written.filter((path) => readFileSync(path).includes(secret))).toEqual([file]);
    expect(written.filter((path) => readFileSync(path).includes('PRIVATE KEY'))).toEqual([file]);
    expect(textsIn(history)).toContain(batch.summary.manifest?.key_id);
    expect(textsIn(history)).not.toContain(secret);
  });
});

interface Change {
  change: (copy: BatchCopy) => void | Promise<void>;
  /** Of the item and the rule that notice, and a part of what was found. */
  noticed: [kind: string, task: string, id: string, found: string];
}

const manifestOf = ({ batchDir }: BatchCopy) => join(batchDir, FILES.manifest);
const payloadOf = (text: string) =>
  JSON.parse(Buffer.from((JSON.parse(text) as Envelope).payload, 'base64').toString()) as Statement;
const linesOf = (change: (lines: string[]) => string[]) => (copy: BatchCopy) =>
  copy.change(manifestOf(copy), (text) => `${change(text.trimEnd().split('\n')).join('\n')}\n`);

const CHANGES: Record<string, Change> = {
  'a space in result.json': {
    change: ({ change, runs }) => change(join(runs[0]!, FILES.result), (text) => ` ${text}`),
    noticed: ['result', 'one', 'signature-holds', 'result.json was changed after it was signed'],
  },
  'another prompt in result.json': {
    change: ({ change, runs }) =>
      change(join(runs[1]!, FILES.result), (text) => text.replace('signed, two', 'signed, TWO')),
    noticed: ['result', 'two', 'signature-holds', 'result.json was changed'],
  },
  'a kinder error of a failed task': {
    change: ({ change, runs }) =>
      change(join(runs[2]!, FILES.result), (text) => text.replace('"phase": "done"', '"phase": "sent"')),
    noticed: ['result', 'three', 'signature-holds', 'result.json was changed'],
  },
  'another request of the attempt': {
    change: ({ change, runs }) =>
      change(join(runs[0]!, 'attempt-01', FILES.request), (text) => text.replace('signed, one', 'other')),
    noticed: ['result', 'one', 'signature-holds', 'attempt-01/request.json was changed'],
  },
  'the request of the attempt removed': {
    change: ({ runs }) => rmSync(join(runs[0]!, 'attempt-01', FILES.request)),
    noticed: ['result', 'one', 'signature-holds', 'attempt-01/request.json is signed, and is not there'],
  },
  'the payload of an envelope': {
    change: ({ change, runs }) =>
      change(envelopeOf(runs[0]!), (text) => {
        const envelope = JSON.parse(text) as Envelope;
        const payload = Buffer.from(envelope.payload, 'base64').toString().replace('happy', 'happz');
        return envelopeText({ ...envelope, payload: Buffer.from(payload).toString('base64') });
      }),
    noticed: ['result', 'one', 'signature-holds', 'the signature does not fit what is signed'],
  },
  'the envelope of another task': {
    change: ({ runs }) => cpSync(envelopeOf(runs[1]!), envelopeOf(runs[0]!)),
    noticed: ['result', 'one', 'signature-holds', 'result.json was changed after it was signed'],
  },
  'the envelope of the batch beside a task': {
    change: ({ batchDir, runs }) => cpSync(join(batchDir, FILES.manifestEnvelope), envelopeOf(runs[0]!)),
    noticed: ['result', 'one', 'signature-holds', 'is signed for something else'],
  },
  'half an envelope': {
    change: ({ change, runs }) => change(envelopeOf(runs[0]!), (text) => text.slice(0, 200)),
    noticed: ['result', 'one', 'signature-holds', 'it is no DSSE envelope'],
  },
  'the two images swapped': {
    change: ({ images: [one, two] }) => {
      cpSync(one!, `${one}.tmp`);
      cpSync(two!, one!);
      cpSync(`${one}.tmp`, two!);
      rmSync(`${one}.tmp`);
    },
    noticed: ['result', 'two', 'signature-holds', 'was changed after it was signed'],
  },
  'an envelope removed': {
    change: ({ runs }) => rmSync(envelopeOf(runs[0]!)),
    noticed: ['batch', 'signed', 'signature-holds', 'the signature beside 01-one/result.json is another one'],
  },
  'a line of the manifest removed': {
    change: linesOf((lines) => lines.slice(0, -1)),
    noticed: ['batch', 'signed', 'signature-holds', 'manifest.jsonl was changed after it was signed'],
  },
  'a line in the middle removed': {
    change: linesOf(([first, , last]) => [first!, last!]),
    noticed: ['batch', 'signed', 'signature-holds', 'line 2 does not follow from the one before it'],
  },
  'lines of the manifest in another order': {
    change: linesOf(([one, two, three]) => [two!, one!, three!]),
    noticed: ['batch', 'signed', 'signature-holds', 'line 1 does not follow'],
  },
  'a line twice': {
    change: linesOf((lines) => [...lines, lines[2]!]),
    noticed: ['batch', 'signed', 'signature-holds', 'line 4 does not follow'],
  },
  'the manifest removed': {
    change: (copy) => rmSync(manifestOf(copy)),
    noticed: ['batch', 'signed', 'signature-holds', 'manifest.jsonl is signed, and is not there'],
  },
  'another limit in batch_request.json': {
    change: ({ change, batchDir }) =>
      change(join(batchDir, FILES.batchRequest), (text) =>
        text.replace('"queue_limit": 200', '"queue_limit": 201'),
      ),
    noticed: ['batch', 'signed', 'signature-holds', 'batch_request.json was changed after it was signed'],
  },
  'a space in batch_result.json': {
    change: ({ change, batchDir }) => change(join(batchDir, FILES.batchResult), (text) => `${text} `),
    noticed: ['batch', 'signed', 'signature-holds', 'batch_result.json was changed after it was signed'],
  },
};

describe('what was changed after it was signed is noticed:', () => {
  test.each(Object.entries(CHANGES))('%s', async (_, { change, noticed }) => {
    const copy = copyOf(batch);
    expect(await brokenIn(copy)).toEqual([]);
    await change(copy);
    const [kind, task, id, found] = noticed;
    expect(await brokenIn(copy)).toContainEqual([kind, task, id, expect.stringContaining(found)]);
  });

  test('a forger who signs anew with a key of his own is nobody’s trusted signer', async () => {
    const copy = copyOf(batch);
    const forger = await new SigningKeys(join(tempFolder(), 'keys')).current();
    for (const [i, run] of copy.runs.entries())
      copy.change(envelopeOf(run), (text) => {
        const { subject, predicateType, predicate } = payloadOf(text);
        return envelopeText(seal({ subject, predicateType, predicate: { ...predicate, forged: i } }, forger));
      });
    const items = await verify(copy, { required: ['signature'] });
    const results = items.filter(({ kind }) => kind === 'result');
    expect(results.map(({ evidence }) => evidence.signature?.state)).toEqual(
      results.map(() => 'valid, signer not trusted'),
    );
    expect(results.map(({ broken }) => broken.at(-1)?.id)).toEqual(results.map(() => 'signature-required'));
    // And the chain of the batch still names the envelopes that were there.
    expect(items[0]?.evidence.signature).toMatchObject({ state: 'invalid' });
  });
});

describe('an image that a trusted signer has decoded, with the same bytes,', () => {
  test('is not decoded once more, but by --decode; nobody else’s word counts for that', async () => {
    const copy = copyOf(batch);
    const [run, image] = [copy.runs[0] as string, copy.images[0] as string];
    // As a worker that signs what it never decoded would have left it.
    const cut = readFileSync(image).subarray(0, -20);
    writeFileSync(image, cut);
    const sha256 = createHash('sha256').update(cut).digest('hex');
    copy.change(join(run, FILES.result), (text) =>
      JSON.stringify({ ...(JSON.parse(text) as object), bytes: cut.length, sha256 }),
    );
    const resultBytes = readFileSync(join(run, FILES.result));
    const sign = async (key: SigningKey) =>
      writeFileSync(envelopeOf(run), envelopeText(await signResult(run, resultBytes, key)));
    const verdict = async (options = {}) =>
      (await verifyPaths([run], { keys: await keys(), ...options })).items[0]?.broken
        .map(({ id }) => id)
        .filter((id) => id === 'image-decodes');
    await sign(await batch.keys.current());
    expect(await verdict()).toEqual([]);
    expect(await verdict({ decodeAll: true })).toEqual(['image-decodes']);
    await sign(await new SigningKeys(join(tempFolder(), 'keys')).current());
    expect(await verdict()).toEqual(['image-decodes']);
  });
});

describe('a result that another order adopts', () => {
  test('is signed again when it was, and not when somebody had rewritten it: ordering anew makes no evidence', async () => {
    const tasks = [
      { prompt: 'to be adopted', task_name: 'kept' },
      { prompt: 'to be forged', task_name: 'forged' },
    ];
    const order = async () => {
      const handle = await system.startBatch(system.batch(tasks), 'adopting');
      return handle.result();
    };
    const first = await system.recordOf(await order());
    const forged = first.results[1]?.result_json as string;
    writeFileSync(forged, readFileSync(forged, 'utf8').replace('"http_status": 200', '"http_status": 201'));
    const second = await order();
    expect(second).toMatchObject({ adopted: 2, acceptable: true });
    const { items } = await verifyPaths([second.batch_dir], { keys: await keys() });
    expect(items.map(({ task, evidence }) => [task, evidence.signature?.state])).toEqual([
      ['adopting', 'trusted'],
      ['kept', 'trusted'],
      ['forged', 'absent'],
    ]);
  });
});
