/** What the disk says about one result, for the rules of SPEC P1 to judge. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { inspectImage } from '../artifacts/image-file.ts';
import type { Evidence } from '../domain/acceptance.ts';
import { attemptFolder, FILES } from '../domain/layout.ts';
import type { AttemptRecord, TaskRow } from '../domain/records.ts';
import type { C2paFinding } from '../domain/stronger-evidence.ts';
import type { C2paReader } from './c2pa.ts';
import { type Claims, type FoundResult, otherClaimant } from './claims.ts';
import { attemptPlaces, placesOf } from './recorded-path.ts';
import { type Read, READ_LIMITS, readRecord, readRegularFile } from './safe-read.ts';

export interface GatheredEvidence {
  evidence: Evidence;
  /** The image file that was looked at, or looked for. */
  imagePath: string | null;
  /** Null without an image. */
  c2pa: C2paFinding | null;
}

interface GatherOptions {
  batchRow: TaskRow | null | undefined;
  c2pa: C2paReader;
  /** sha256 of an image that somebody trusted has decoded; null: whatever it is, it is decoded. */
  decodedBefore: string | null;
}

export async function gatherEvidence(
  found: FoundResult,
  claims: Claims,
  { batchRow, c2pa, decodedBefore }: GatherOptions,
): Promise<GatheredEvidence> {
  const picture = await lookAtImage(found, { c2pa, decodedBefore });
  const inputs = await lookAtInputs(found);
  const attempt = await lastAttempt(found);
  const sha256 = picture.image?.sha256;
  const other = sha256 === undefined ? null : otherClaimant(claims, found, sha256);
  const evidence: Evidence = {
    result: found.result,
    image: picture.image,
    inputs: inputs.hashes,
    lastAttempt: attempt.record,
    ...(batchRow === undefined ? {} : { batchRow }),
    otherImages: new Set(other === null || sha256 === undefined ? [] : [sha256]),
    obstacles: {
      ...(picture.problem === null ? {} : { [picture.rule]: picture.problem }),
      ...(inputs.problem === null ? {} : { 'inputs-unchanged': inputs.problem }),
      ...(attempt.problem === null ? {} : { 'worker-binding': attempt.problem }),
      ...(other === null ? {} : { 'not-another-result': `also the image of ${other}` }),
    },
  };
  return { evidence, imagePath: picture.path, c2pa: picture.c2pa };
}

interface Picture {
  image: Evidence['image'];
  path: string | null;
  problem: string | null;
  /** The rule that a problem speaks to. */
  rule: 'image-exists' | 'image-decodes';
  c2pa: C2paFinding | null;
}

async function lookAtImage(
  found: FoundResult,
  { c2pa, decodedBefore }: Omit<GatherOptions, 'batchRow'>,
): Promise<Picture> {
  const { path, read } = await readFirst(placesOf(found, found.result.image_path), READ_LIMITS.imageBytes);
  const missing = (problem: string): Picture => ({
    image: null,
    path,
    problem,
    rule: 'image-exists',
    c2pa: null,
  });
  if (path === null) return missing('no absolute image_path is recorded');
  if (read.kind === 'missing') return missing(`there is no ${path}`);
  if (read.kind === 'refused') return missing(`${path} ${read.problem}`);
  try {
    const inspected = await inspectImage(read.value, decodedBefore);
    if (inspected === null) return missing(`${path} is no PNG, JPEG or WebP image`);
    const { problem = null, ...image } = inspected;
    const wasEmbedded = found.result.has_c2pa;
    const claim = await c2pa.read(read.value, { format: image.format, wasEmbedded });
    return { image, path, problem, rule: 'image-decodes', c2pa: claim };
  } catch (error) {
    return missing(`${path} could not be inspected: ${(error as Error).message}`);
  }
}

/** One hash after the other: five references of 50 MiB need not be in memory at once. */
async function lookAtInputs(
  found: FoundResult,
): Promise<{ hashes: Evidence['inputs']; problem: string | null }> {
  const { input_images } = found.result;
  const hashes: Evidence['inputs'] = [];
  let problem: string | null = null;
  for (const input of Array.isArray(input_images) ? input_images : []) {
    const recorded: unknown = (input as { path?: unknown } | null)?.path;
    if (typeof recorded !== 'string') continue;
    // A reference is the user's own file, not part of the tree: its recorded place counts first.
    const { path, read } = await readFirst(placesOf(found, recorded).toReversed(), READ_LIMITS.imageBytes);
    if (read.kind === 'refused') problem = `${path} ${read.problem}`;
    hashes.push({ path: recorded, sha256: hashOf(read) });
  }
  return { hashes, problem };
}

/** Null only when there is nothing: a file that can't be read is not the one that was sent. */
function hashOf(read: Read<Buffer>): string | null {
  switch (read.kind) {
    case 'read':
      return createHash('sha256').update(read.value).digest('hex');
    case 'missing':
      return null;
    case 'refused':
      return 'unreadable';
  }
}

async function lastAttempt(
  found: FoundResult,
): Promise<{ record: AttemptRecord | null; problem: string | null }> {
  const number = found.result.attempts.at(-1)?.attempt;
  if (number === undefined) return { record: null, problem: 'no attempt is recorded' };
  const name = join(attemptFolder(number), FILES.result);
  let problem = `there is no ${name}`;
  for (const place of attemptPlaces(found)) {
    const read = await readRecord(place, name);
    if (read.kind === 'read') return { record: read.value as unknown as AttemptRecord, problem: null };
    if (read.kind === 'refused') {
      problem = `${join(place, name)} ${read.problem}`;
      break;
    }
  }
  return { record: null, problem };
}

/** The first of the places where there is anything at all; else the first place, as missing. */
async function readFirst(
  places: readonly string[],
  limitBytes: number,
): Promise<{ path: string | null; read: Read<Buffer> }> {
  for (const path of places) {
    const read = await readRegularFile(path, limitBytes);
    if (read.kind !== 'missing') return { path, read };
  }
  return { path: places[0] ?? null, read: { kind: 'missing' } };
}
