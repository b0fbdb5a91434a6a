import type { KeptDownload } from '../artifacts/spooled-download.ts';
import { inspectImage } from '../artifacts/image-file.ts';
import type { ImageFacts } from '../domain/records.ts';
import { BadAnswer, type GivenImage } from '../provider/answer.ts';

export interface UsableImage {
  bytes: Buffer;
  facts: ImageFacts;
  revisedPrompt: string | null;
  /** Where it was fetched from, when the answer only linked to it. */
  origin?: string;
  /** Images in the answer before it that were broken. */
  broken: number;
  /** Images behind it, which nobody asked for and nobody looked at. */
  unused: number;
}

/**
 * The first image of an answer that decodes completely: it was paid for, and a broken one before it must not hide it (SPEC
 * G9). Throws the `BadAnswer` of the first one when none does. One link is followed, for one download is kept.
 */
export async function usableImage(
  images: readonly GivenImage[],
  fetchLinked: (link: string) => Promise<KeptDownload>,
): Promise<UsableImage> {
  let why: BadAnswer | null = null;
  let isLinkTried = false;
  for (const [broken, { read, revisedPrompt }] of images.entries()) {
    try {
      const given = read();
      if ('link' in given && isLinkTried) continue;
      isLinkTried ||= 'link' in given;
      const { bytes, origin } = 'link' in given ? await fetchLinked(given.link) : { bytes: given };
      const facts = await factsOf(bytes);
      const unused = images.length - 1 - broken;
      return { bytes, facts, revisedPrompt, broken, unused, ...(origin === undefined ? {} : { origin }) };
    } catch (error) {
      if (!(error instanceof BadAnswer)) throw error;
      why ??= error;
    }
  }
  throw why ?? new BadAnswer('the answer holds no image');
}

async function factsOf(bytes: Buffer): Promise<ImageFacts> {
  const inspected = await inspectImage(bytes);
  if (inspected === null) throw new BadAnswer('the answer holds bytes that are no PNG, JPEG or WebP image');
  const { decodes, problem, ...facts } = inspected;
  if (!decodes) throw new BadAnswer(`the image in the answer does not decode: ${problem ?? 'damaged'}`);
  return facts;
}
