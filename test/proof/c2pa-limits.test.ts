/** What a hostile manifest can cost `verify`: the validator runs in a thread with limits of time and memory. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type C2paReader, c2paReader } from '../../src/proof/c2pa.ts';
import { verifyPaths } from '../../src/proof/verify.ts';
import { withMemoryLimit } from '../../src/proof/wasm-memory.ts';
import { provenBatch } from '../support/proven-batch.ts';
import { png } from '../support/proven-records.ts';
import { replaceImage } from '../support/tamper.ts';
import { newFolder, tempFolder } from '../support/temp-folder.ts';
import { createdByAi, vendorSigner } from '../support/vendor-signer.ts';

const THREAD = fileURLToPath(new URL('../../assets/c2pa-thread.mjs', import.meta.url));

/** Validates as the product does, but for images that carry the name of a fault. */
const STAND_IN = `
import { parentPort } from 'node:worker_threads';
const faults = {
  'SPIN-FOR-EVER': () => { for (;;); },
  'FILL-THE-HEAP': () => { for (const all = []; ;) all.push(new Array(1_000_000).fill({})); },
  'END-THE-THREAD': () => process.exit(7),
  'THROW-OUTSIDE': () => { throw new Error('nobody catches this'); },
};
const on = parentPort.on.bind(parentPort);
parentPort.on = (event, answer) => on(event, (job) => {
  for (const [name, fault] of Object.entries(faults)) if (Buffer.from(job.image).includes(name)) fault();
  return answer(job);
});
await import(${JSON.stringify(pathToFileURL(THREAD).href)});
`;

let good: Buffer;
let trustList: string;
let script: URL;
const context = { format: 'png' as const };
const folder = newFolder();

beforeAll(async () => {
  const path = join(folder, 'stand-in.mjs');
  writeFileSync(path, STAND_IN);
  script = pathToFileURL(path);
  const vendor = await vendorSigner();
  trustList = vendor.trustList;
  good = await vendor.sign(await png('good'), 'png', createdByAi(new Date().toISOString()));
});
afterAll(() => rmSync(folder, { recursive: true }));

function readerFor(seconds: number): C2paReader {
  const reader = c2paReader({ anchors: trustList, source: 'a test', current: 1 }, { script, seconds });
  onTestFinished(() => reader.close());
  return reader;
}

function withFault(name: string): Buffer {
  return Buffer.concat([good, Buffer.from(name)]);
}

describe('a manifest that its validator does not get over', () => {
  test.each([
    ['FILL-THE-HEAP', 20, /^could not be checked: .*memory/u],
    ['END-THE-THREAD', 20, /^could not be checked: its thread ended with code 7$/u],
    ['THROW-OUTSIDE', 20, /^could not be checked: nobody catches this$/u],
    // The image after it has half the time, on however busy a machine.
    ['SPIN-FOR-EVER', 6, /^could not be checked in 6 s$/u],
  ])('%s: not checked, and the images around it are', async (fault, seconds, detail) => {
    const reader = readerFor(seconds);
    const [before, struck, after] = await Promise.all(
      [good, withFault(fault), good].map((image) => reader.read(image, context)),
    );
    expect(before).toMatchObject({ state: 'trusted', issuer: 'Test Vendor' });
    expect(struck).toMatchObject({
      state: 'not checked',
      issuer: null,
      detail: expect.stringMatching(detail),
    });
    expect(after).toMatchObject({ state: 'trusted', issuer: 'Test Vendor' });
  });

  test('many that spin: each has half the time of the one before', async () => {
    const reader = readerFor(0.8);
    const found = await Promise.all([1, 2, 3].map(() => reader.read(withFault('SPIN-FOR-EVER'), context)));
    expect(found.map(({ detail }) => detail)).toEqual([
      'could not be checked in 0.8 s',
      'could not be checked in 0.4 s',
      'could not be checked in 0.2 s',
    ]);
  });

  test('proves nothing: the other rules judge the result, and --require c2pa refuses it', async () => {
    const reader = readerFor(0.5);
    const batch = await provenBatch(tempFolder());
    const [task] = batch.tasks;
    await replaceImage(batch, task, withFault('SPIN-FOR-EVER'));
    const report = await verifyPaths([task.resultPath], { c2pa: reader });
    expect(report).toMatchObject({ ok: true, totals: { evidence: { c2pa: { 'not checked': 1 } } } });
    const asked = await verifyPaths([task.resultPath], { c2pa: reader, required: ['c2pa'] });
    expect(asked.ok).toBe(false);
    expect(asked.items[0]?.broken).toMatchObject([
      { id: 'c2pa-required', found: 'not checked: could not be checked in 0.25 s' },
    ]);
  });
});

describe('the memory of the validator', () => {
  /** (module (memory 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))) */
  const MODULE = Buffer.from(
    '0061736d0100000001060160017f017f0302010005030100010708010467726f7700000a08010600200040000b',
    'hex',
  );

  test('grows to its limit and no further', async () => {
    const grow = await growOf(withMemoryLimit(MODULE, 10 * 65_536));
    expect([grow(8), grow(1), grow(1)]).toEqual([1, 9, -1]);
    const free = await growOf(MODULE);
    expect([free(8), free(1), free(1)]).toEqual([1, 9, 10]);
  });

  test('of a module with a limit of its own, or without memory, is refused', () => {
    expect(() => withMemoryLimit(withMemoryLimit(MODULE, 655_360), 655_360)).toThrow('has another form');
    expect(() => withMemoryLimit(MODULE.subarray(0, 8), 655_360)).toThrow('defines no memory');
  });
});

async function growOf(module: Buffer): Promise<(pages: number) => number> {
  const { instantiate } = Reflect.get(globalThis, 'WebAssembly') as {
    instantiate: (module: Buffer) => Promise<{ instance: { exports: { grow: (pages: number) => number } } }>;
  };
  return (await instantiate(module)).instance.exports.grow;
}
