/** Answers as large as the API's largest images, through the real activity over a real socket (SPEC G9, DESIGN 6). */
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { afterEach, expect, test } from 'vitest';
import { activityWorld } from '../support/activity-world.ts';
import { canariesAfter } from '../support/canary-sweep.ts';

afterEach(() => expect(canariesAfter()).toEqual([]));

const MIB = 1024 * 1024;
/** A slow machine may take minutes to make, send, hash, write and decode it. */
const LIMIT_MS = 300_000;

test(
  'an image of just below 64 MiB is taken whole, byte for byte',
  async () => {
    const image = await largestImage();
    expect(image.length).toBeGreaterThan(63 * MIB);
    expect(image.length).toBeLessThanOrEqual(64 * MIB);
    const { provider, task, attempt, recordOf } = await activityWorld({ images: [image] });
    const cover = task({ size: '3840x2160', timeout_ms: LIMIT_MS });
    const generated = await attempt(cover).result;
    expect(generated.image).toMatchObject({ bytes: image.length, width: 3840, height: 2160, format: 'png' });
    expect((await readFile(generated.image.path)).equals(image)).toBe(true);
    expect(provider.calls).toMatchObject([{ image_sha256: generated.image.sha256 }]);
    expect(await recordOf(cover)).toMatchObject({ ok: true, billing: 'yes', answer: { warnings: [] } });
  },
  LIMIT_MS,
);

/** The most pixels there are, 8 bytes each, not compressed. */
function largestImage(): Promise<Buffer> {
  return sharp({ create: { width: 3840, height: 2160, channels: 4, background: '#336699' } })
    .toColourspace('rgb16')
    .png({ compressionLevel: 0 })
    .toBuffer();
}
