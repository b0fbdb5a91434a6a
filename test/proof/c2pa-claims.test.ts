/** What the vendor signed, held against the record: how the image was made, and when (`c2pa-fits-mode`, `c2pa-fits-call`). */
import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type C2paReader, c2paReader } from '../../src/proof/c2pa.ts';
import { shippedTrustList } from '../../src/proof/trust-list.ts';
import { verifyPaths } from '../../src/proof/verify.ts';
import { type ProvenBatch, provenBatch } from '../support/proven-batch.ts';
import { png } from '../support/proven-records.ts';
import { REAL_IMAGES, WITHOUT_REAL_IMAGES } from '../support/real-images.ts';
import { editJson, replaceImage, rewriteResult } from '../support/tamper.ts';
import { tempFolder } from '../support/temp-folder.ts';
import {
  type Claim,
  createdByAi,
  madeAs,
  type VendorSigner,
  vendorSigner,
} from '../support/vendor-signer.ts';

let vendor: VendorSigner;
let batch: ProvenBatch;
let knowing: C2paReader;
const shipped = c2paReader(await shippedTrustList());

beforeAll(async () => {
  vendor = await vendorSigner();
  knowing = c2paReader({ anchors: vendor.trustList, source: 'the list of this test', current: 1 });
});
afterAll(() => Promise.all([knowing.close(), shipped.close()]));
beforeEach(async () => {
  batch = await provenBatch(tempFolder());
});

/** Sequence numbers in the proven batch. Its calls ran on 24 November 2026 from 15:02:31 to 15:04:12 UTC. */
const [TEXT2IMG, IMG2IMG] = [0, 2] as const;

/** The broken rules of a task whose image the vendor signed with this claim, and what they found. */
async function brokenWith(claim: Claim, index: 0 | 2, c2pa = knowing) {
  const task = batch.tasks[index];
  const signed = await vendor.sign(readFileSync(task.imagePath), 'png', claim);
  await replaceImage(batch, task, signed);
  const { items } = await verifyPaths([task.resultPath], { c2pa });
  return items.flatMap(({ broken }) => broken).map(({ id, expected, found }) => ({ id, expected, found }));
}

describe('how the image was made', () => {
  const another = async (relationship: 'parentOf' | 'componentOf' | 'inputTo'): Promise<Claim> => ({
    ...createdByAi(),
    ingredients: [{ relationship, format: 'png', image: await png('another') }],
  });
  /** What was opened comes first in a manifest that creates nothing. */
  const opened = async (earlier: Buffer, ...actions: string[]): Promise<Claim> => ({
    actions: [
      { action: 'c2pa.opened', parameters: { ingredientIds: ['earlier'] } },
      ...actions.map((action) => ({ action })),
    ],
    ingredients: [{ label: 'earlier', relationship: 'parentOf', format: 'png', image: earlier }],
  });
  const signedEarlier = async () => vendor.sign(await png('own'), 'png', createdByAi());
  const fits = { text2img: [] as string[], img2img: [] as string[] };
  const onlyImg2img = { text2img: ['c2pa-fits-mode'], img2img: [] as string[] };
  const neither = { text2img: ['c2pa-fits-mode'], img2img: ['c2pa-fits-mode'] };

  test.each<[string, () => Claim | Promise<Claim>, Record<'text2img' | 'img2img', string[]>]>([
    ['created by AI, as OpenAI signs generations and edits', createdByAi, fits],
    [
      'created by AI, later opened and edited',
      async () => opened(await signedEarlier(), 'c2pa.edited'),
      fits,
    ],
    ['opened and converted, of unknown origin', async () => opened(await png('x'), 'c2pa.converted'), fits],
    ['opened and edited, of unknown origin', async () => opened(await png('x'), 'c2pa.edited'), onlyImg2img],
    [
      'a picture with AI parts',
      () => madeAs('c2pa.created', 'compositeWithTrainedAlgorithmicMedia'),
      onlyImg2img,
    ],
    ['created by AI with another picture as its input', () => another('inputTo'), onlyImg2img],
    ['created by AI with another picture put in', () => another('componentOf'), onlyImg2img],
    ['a photograph', () => madeAs('c2pa.created', 'digitalCapture'), neither],
    ['drawn by a person', () => madeAs('c2pa.created', 'digitalCreation'), neither],
  ])('%s', async (_, claim, expected) => {
    const ids = (broken: { id: string }[]) => broken.map(({ id }) => id);
    expect(ids(await brokenWith(await claim(), TEXT2IMG))).toEqual(expected.text2img);
    expect(ids(await brokenWith(await claim(), IMG2IMG))).toEqual(expected.img2img);
  });

  test('is told as expected and found, also when the signer is unknown', async () => {
    const claim = madeAs('c2pa.created', 'digitalCapture');
    expect(await brokenWith(claim, TEXT2IMG, shipped)).toEqual([
      { id: 'c2pa-fits-mode', expected: 'made by AI', found: 'created, digitalCapture' },
    ]);
  });
});

describe('when the image was made, by the day in the signed claim', () => {
  test.each([
    ['the day of the call', '2026-11-24T00:00:00Z', []],
    ['the second, in another zone', '2026-11-25T00:03:00+09:00', []],
    ['a month before', '2026-10-24T00:00:00Z', ['c2pa-fits-call']],
    ['the day before', '2026-11-23T23:59:59Z', ['c2pa-fits-call']],
    ['the day after', '2026-11-25T00:00:00Z', ['c2pa-fits-call']],
  ])('%s', async (_, when, ids) => {
    expect((await brokenWith(createdByAi(when), TEXT2IMG)).map(({ id }) => id)).toEqual(ids);
  });

  test('an old image is told with both times', async () => {
    expect(await brokenWith(createdByAi('2026-10-24T00:00:00Z'), TEXT2IMG)).toEqual([
      {
        id: 'c2pa-fits-call',
        expected: 'between 2026-11-24T14:02:31.000Z and 2026-11-24T16:04:12.000Z',
        found: 'made on 2026-10-24',
      },
    ]);
  });

  test('a record that does not say when it called fits no signed time, and one with times beyond all years is judged', async () => {
    const task = batch.tasks[TEXT2IMG];
    for (const started_at of [null, 'soon', '+275760-09-13T00:00:00Z']) {
      editJson(task.resultPath, (result) => {
        for (const attempt of result['attempts'] as Record<string, unknown>[])
          attempt['started_at'] = started_at;
      });
      const broken = await brokenWith(createdByAi(), TEXT2IMG);
      expect(broken.find(({ id }) => id === 'c2pa-fits-call')?.expected).toBe(
        'a record that says when it called',
      );
    }
  });
});

describe('when a real image was signed, by its time stamp', () => {
  beforeEach(({ skip }) => skip(...WITHOUT_REAL_IMAGES));

  /** Signed by OpenAI on 22 April 2026 at 15:18:27 UTC. */
  async function brokenAfterCall(started_at: string, ended_at: string): Promise<string[]> {
    const task = batch.tasks[TEXT2IMG];
    const image = readFileSync(REAL_IMAGES[0] as string);
    const { width, height } = await sharp(image).metadata();
    await replaceImage(batch, task, image);
    await rewriteResult(batch, task, { width, height, size: `${width}x${height}` });
    editJson(task.resultPath, (result) => {
      for (const attempt of result['attempts'] as Record<string, unknown>[])
        Object.assign(attempt, { started_at, ended_at });
    });
    const { items } = await verifyPaths([task.resultPath], { required: ['c2pa'], c2pa: shipped });
    return items.flatMap(({ broken }) => broken).map(({ id, found }) => `${id}: ${found}`);
  }

  test.each([
    ['in the call', '2026-04-22T15:17:00Z', '2026-04-22T15:18:40Z'],
    ['with a clock that is 50 minutes late', '2026-04-22T14:27:00Z', '2026-04-22T14:28:40Z'],
    ['with a clock that is 50 minutes early', '2026-04-22T16:07:00Z', '2026-04-22T16:08:40Z'],
  ])('%s: it fits, and is trusted', async (_, from, to) => {
    expect(await brokenAfterCall(from, to)).toEqual([]);
  });

  test.each([
    [
      'seven months before the call: an old image, presented as new',
      '2026-11-24T15:02:31Z',
      '2026-11-24T15:04:12Z',
    ],
    ['earlier on the day of the call', '2026-04-22T18:00:00Z', '2026-04-22T18:01:00Z'],
    ['after the call', '2026-04-21T15:17:00Z', '2026-04-21T15:18:00Z'],
  ])('%s: it does not', async (_, from, to) => {
    expect(await brokenAfterCall(from, to)).toEqual([
      'c2pa-fits-call: signed at 2026-04-22T15:18:27.317Z, made on 2026-04-22',
    ]);
  });
});
