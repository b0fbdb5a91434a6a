/** What a hostile manifest can cost `verify`: the validator runs in a thread with limits of time and memory. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type C2paReader, c2paReader } from '../../src/proof/c2pa.ts';
import { verifyPaths } from '../../src/proof/verify.ts';
import { withMemoryLimit } from '../../src/proof/wasm-memory.ts';
import { type ProvenBatch, provenBatch } from '../support/proven-batch.ts';
import { png } from '../support/proven-records.ts';
import { replaceImage } from '../support/tamper.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { createdByAi, type VendorSigner, vendorSigner } from '../support/vendor-signer.ts';

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
parentPort.on('message', ({ image }) => {
  for (const [name, fault] of Object.entries(faults)) if (Buffer.from(image).includes(name)) fault();
});
await import(${JSON.stringify(pathToFileURL(THREAD).href)});
`;

let vendor: VendorSigner;
let reader: C2paReader;
let good: Buffer;
const context = { format: 'png' as const };

beforeEach(async () => {
  const script = join(tempFolder(), 'stand-in.mjs');
  writeFileSync(script, STAND_IN);
  vendor = await vendorSigner();
  const trust = { anchors: vendor.trustList, source: 'the list of this test', current: 1 };
  reader = c2paReader(trust, { script: pathToFileURL(script), seconds: 8 });
  good = await vendor.sign(await png('good'), 'png', createdByAi());
});
afterEach(() => reader.close());

const with_ = (fault: string) => Buffer.concat([good, Buffer.from(fault)]);

describe('a manifest that its validator does not get over', () => {
  test.each([
    ['FILL-THE-HEAP', /^could not be checked: .*memory/u],
    ['END-THE-THREAD', /^could not be checked: its thread ended with code 7$/u],
    ['THROW-OUTSIDE', /^could not be checked: nobody catches this$/u],
  ])('%s: not checked, and the next image is', async (fault, detail) => {
    const [before, struck, after] = await Promise.all(
      [good, with_(fault), good].map((image) => reader.read(image, context)),
    );
    expect(before).toMatchObject({ state: 'trusted', issuer: 'Test Vendor' });
    expect(struck).toMatchObject({
      state: 'not checked',
      issuer: null,
      detail: expect.stringMatching(detail),
    });
    expect(after).toMatchObject({ state: 'trusted', issuer: 'Test Vendor' });
  });
});
