import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { brokenChecks, type RunEvidence } from '../../bench/checks.ts';
import { benchPng, labelled } from '../../bench/png.ts';
import { inspectImage } from '../../src/artifacts/image-file.ts';
import type { CallRecord } from '../support/provider-calls.ts';
import { tempFolder } from '../support/temp-folder.ts';

const TASKS = 6;
const png = await benchPng(100_000);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** A run of six tasks, four at a time, in which everything is as it has to be. */
let run: RunEvidence & { calls: CallRecord[] };
let folder: string;
const pathOf = (name: string) => join(folder, name);
beforeEach(async () => {
  folder = tempFolder();
  const tasks = Array.from({ length: TASKS }, (_, i) => ({ name: `image-${i}`, prompt: `prompt ${i}` }));
  const images = tasks.map(({ name }) => labelled(png, name));
  const calls = tasks.map(({ prompt }, i) => callOf(i, prompt, images[i] as Buffer));
  for (const [i, { name, prompt }] of tasks.entries()) {
    const image = images[i] as Buffer;
    await writeFile(pathOf(`${name}.png`), image);
    await writeFile(pathOf(`${name}.json`), JSON.stringify({ ok: true, prompt, sha256: sha256(image) }));
  }
  const delivered = tasks.map(({ name }) => ({
    task: name,
    imagePath: pathOf(`${name}.png`),
    resultJson: pathOf(`${name}.json`),
  }));
  run = { tasks, exitCode: 0, calls, delivered };
});

/** Calls of 100 ms, each beginning 25 ms after the one before. */
function callOf(i: number, prompt: string, image: Buffer): CallRecord {
  const at = (ms: number) => new Date(1_000_000 + ms).toISOString();
  const facts = { event: 'answered', status: 200, call: i + 1, prompt, image_sha256: sha256(image) };
  return { ...facts, arrived_at: at(i * 25), ended_at: at(i * 25 + 100) } as CallRecord;
}

describe('the checks of a measured run', () => {
  test('hold when each task has one call, its image and its proof', async () => {
    expect(await brokenChecks(run)).toEqual([]);
  });

  test('the fixed picture is a real PNG of the size that is asked for, and each copy differs in its bytes only', async () => {
    const [first, second] = await Promise.all(['a', 'b'].map((text) => inspectImage(labelled(png, text))));
    expect(first).toMatchObject({ format: 'png', width: 1024, height: 1024, decodes: true });
    expect(first?.sha256).not.toBe(second?.sha256);
    expect(Math.abs(png.length - 100_000)).toBeLessThan(20_000);
  });

  test.each<[string, () => void | Promise<void>, string]>([
    ['a command that failed', () => void (run = { ...run, exitCode: 1 }), 'the command ended with 1'],
    ['a call too many', () => void run.calls.push({ ...(run.calls[0] as CallRecord), call: 7 }), '7 calls'],
    ['a call that is missing', () => void run.calls.pop(), '5 calls'],
    ['an answer that was no success', () => patchCall({ status: 500 }), '1 calls were not answered with 200'],
    ['a call whose client went away', () => patchCall({ event: 'aborted' }), '1 calls were not answered'],
    [
      'five in flight',
      () => patchCall({ ended_at: new Date(1_000_500).toISOString() }),
      '5 calls were in flight',
    ],
    [
      'an image that is missing',
      () => void delete (run.delivered[2] as { imagePath?: string }).imagePath,
      'image-2: there is no image',
    ],
    [
      'an image of other bytes',
      () => writeFile(pathOf('image-2.png'), png),
      'is not the image that was sent',
    ],
    [
      'the image of another task',
      () => writeFile(pathOf('image-2.png'), labelled(png, 'image-3')),
      'is not the image that was sent',
    ],
    ['half a proof', () => writeFile(pathOf('image-2.json'), '{"ok": tr'), 'no result.json that can be read'],
    [
      'a proof of another image',
      () => writeFile(pathOf('image-2.json'), '{"ok":true,"sha256":"0"}'),
      'does not prove the image',
    ],
    ['a result that is not acceptable', () => refuse(), 'does not prove the image'],
  ])('bite for %s', async (_, tamper, sentence) => {
    await tamper();
    expect((await brokenChecks(run)).join('\n')).toContain(sentence);
  });
});

function patchCall(change: Partial<CallRecord>): void {
  Object.assign(run.calls[0] as CallRecord, change);
}

function refuse(): Promise<void> {
  const { prompt, image_sha256 } = run.calls[2] as CallRecord;
  const result = { ok: true, acceptable: false, prompt, sha256: image_sha256 };
  return writeFile(pathOf('image-2.json'), JSON.stringify(result));
}
