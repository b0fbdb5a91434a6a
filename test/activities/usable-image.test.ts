/** Which of several images in an answer is the one that was paid for (SPEC G9). */
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { usableImage } from '../../src/activities/usable-image.ts';
import { AttemptFailed } from '../../src/artifacts/call-failures.ts';
import { readAnswer } from '../../src/provider/answer.ts';

const JUNK = Buffer.from('<html>not found</html>'.repeat(10));
let good: Buffer;
let links: string[];

beforeAll(async () => {
  good = await sharp({ create: { width: 16, height: 16, channels: 3, background: '#447755' } })
    .png()
    .toBuffer();
});

/** `given`: images as bytes, links as text; every link leads to `linked`. */
function usable(given: readonly (Buffer | string)[], linked: Buffer | Error = JUNK) {
  links = [];
  const data = given.map((one, i) => ({
    ...(typeof one === 'string' ? { url: one } : { b64_json: one.toString('base64') }),
    revised_prompt: `prompt ${i}`,
  }));
  const { images } = readAnswer(Buffer.from(JSON.stringify({ data })));
  return usableImage(images, async (link) => {
    links.push(link);
    if (linked instanceof Error) throw linked;
    return Promise.resolve({ bytes: linked, origin: 'https://cdn.example' });
  });
}

test('the first that decodes is used, with its own prompt, and the others are counted', async () => {
  const found = await usable([JUNK, good.subarray(0, -12), good, JUNK]);
  expect(found).toMatchObject({ bytes: good, revisedPrompt: 'prompt 2', broken: 2, unused: 1 });
  expect(found.facts).toMatchObject({ format: 'png', width: 16, height: 16 });
});

test('when none decodes the first one says why', async () => {
  await expect(usable([good.subarray(0, -12), JUNK])).rejects.toThrow('it has no end mark (IEND)');
});

test('a link that leads to no image does not hide the image behind it; no second link is followed', async () => {
  expect(await usable(['https://x/1', 'https://x/2', good])).toMatchObject({ bytes: good, broken: 2 });
  expect(links).toEqual(['https://x/1']);
});

test('a link that may be there later is waited for: its failure is not the answer’s', async () => {
  const later = new AttemptFailed({ category: 'bad_response', message: 'answered 503' }, { delayMs: 2_000 });
  await expect(usable(['https://x/1', good], later)).rejects.toBe(later);
});
