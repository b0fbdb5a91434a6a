/** The image of an answer that only links to it: fetched once, kept beside the answer, and tried again while that may help. */
import { AttemptFailed } from '../artifacts/call-failures.ts';
import type { AnswerHeader, SpoolEntry } from '../artifacts/spool.ts';
import { keepDownload, type KeptDownload, keptDownload } from '../artifacts/spooled-download.ts';
import { BadAnswer } from '../provider/answer.ts';
import { download, DownloadFailed } from '../provider/download.ts';

export interface LinkedImage {
  entry: SpoolEntry;
  header: AnswerHeader;
  /** Of the provider that wrote the link; rejects with what `AttemptFailed` says of its config. */
  baseUrl: () => Promise<string>;
  signal: AbortSignal;
  /** By the server's clock. */
  nowMs: () => number;
  /** When this activity was scheduled first, by the server's clock. */
  orderedMs: number;
  redact: (text: string) => string;
}

/** So long after the answer a link is tried again: Temporal attempts, each of which adopts the answer and buys nothing. */
const TRY_FOR_MS = 15 * 60_000;
const WAIT_MS = { least: 2_000, most: 60_000 };

/**
 * Throws `BadAnswer` when the link leads to no image, or nowhere it may lead; `AttemptFailed` with a wait when another
 * try may have more luck.
 */
export async function fetchLinked(link: string, image: LinkedImage): Promise<KeptDownload> {
  const { entry, header, signal } = image;
  const kept = await keptDownload(entry, header);
  if (kept !== null) return kept;
  try {
    const fetched = await download({ link, baseUrl: await image.baseUrl(), signal });
    await keepDownload(entry, header, fetched);
    return fetched;
  } catch (error) {
    if (error instanceof DownloadFailed) throw failureOf(error, image);
    if (signal.aborted) throw cancelled();
    if (error instanceof AttemptFailed) throw again(error.report.message, image) ?? error;
    throw error;
  }
}

/** It says nothing against the answer: that is kept, for whoever orders the task again. */
function cancelled(): AttemptFailed {
  const message = 'the task was cancelled before the image was fetched that its answer links to';
  return new AttemptFailed({ category: 'cancelled', message });
}

function failureOf(error: DownloadFailed, image: LinkedImage): Error {
  const why = `the image is given as a link, and ${image.redact(error.message)}`;
  const remedy = 'fetch it by hand before the link expires: it stands in the raw answer';
  return (error.isTransient ? again(why, image) : null) ?? new BadAnswer(`${why}; ${remedy}`);
}

/**
 * Longer each time, within what is left of the task's own time; null when that was enough. What counts is how long this go has
 * tried: since its answer came, by this host's clock, or since it was ordered, by the server's, for an answer of before.
 */
function again(why: string, { header, nowMs, orderedMs }: LinkedImage): AttemptFailed | null {
  const ageMs = Math.min(Date.now() - Date.parse(header.ended_at), nowMs() - orderedMs);
  const delayMs = Math.min(WAIT_MS.most, Math.max(WAIT_MS.least, ageMs));
  const deadline = Date.parse(header.deadline_at ?? '');
  // A deadline of before this go was that of the task's earlier one.
  const deadlineMs = deadline >= orderedMs ? deadline : Infinity;
  if (ageMs + delayMs > TRY_FOR_MS || nowMs() + delayMs > deadlineMs) return null;
  const message = `${why}; the answer is kept and the link tried again in ${Math.round(delayMs / 1000)} s, nothing is bought again`;
  return new AttemptFailed({ category: 'bad_response', message }, { delayMs });
}
