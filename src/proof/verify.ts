/**
 * Check proofs offline (SPEC P2): no server, no configuration, nothing written. Whatever a path turns out to be, there
 * is a verdict; what can't be read or found is never ok.
 */
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { inspectImage } from '../artifacts/image-file.ts';
import { FILES } from '../domain/layout.ts';
import { PACKAGE_FILE } from '../domain/package.ts';
import type { Level } from '../domain/stronger-evidence.ts';
import { type C2paReader, c2paReader } from './c2pa.ts';
import { claimsLookup, type FoundResult, resultsBelow } from './claims.ts';
import type { VerifyContext } from './context.ts';
import type { TrustedKeys } from './dsse.ts';
import { shippedTrustList, type TrustList } from './trust-list.ts';
import { looksLikePackage, unpack } from './package.ts';
import { IMAGES_AT_ONCE, mapLimited } from './map-limited.ts';
import { placesOf, settled } from './recorded-path.ts';
import { indexTargets } from './proof-rows.ts';
import { listFolder, type Listing, READ_LIMITS, readRegularFile } from './safe-read.ts';
import { Tally } from './tally.ts';
import { item, type VerifyItem, type VerifyReport, verifyReport } from './verdict.ts';
import { verifyBatch } from './verify-batch.ts';
import { unreadableResult, verifyResultFile, verifyUnfinished } from './verify-result.ts';

export type { VerifyReport } from './verdict.ts';

export interface VerifyOptions {
  /** Whose signatures are trusted; default nobody's. */
  keys?: TrustedKeys;
  /** Whom a vendor's signature in an image must lead to; default the list that is shipped. */
  trust?: TrustList;
  /** Who reads vendors' signatures; default a reader with `trust`. Whoever gives one closes it. */
  c2pa?: C2paReader;
  /** Evidence that has to be there and trusted (`--require`); default none. */
  required?: readonly Level[];
  /** Decode also the images that a trusted signer has decoded, and whose bytes are the same (`--decode`); default false. */
  decodeAll?: boolean;
  /** Counts while it goes on. */
  tally?: Tally;
}

/** Each path is a result.json, an image, a run or batch directory, or an output or state directory with any of them. */
export async function verifyPaths(paths: string[], options: VerifyOptions = {}): Promise<VerifyReport> {
  const { keys = { keys: [], source: 'nobody' }, required = [] } = options;
  const items = new Map<string, VerifyItem>();
  const c2pa = options.c2pa ?? c2paReader(options.trust ?? (await shippedTrustList()));
  const context: VerifyContext = {
    claims: claimsLookup(),
    keys,
    required,
    decodeAll: options.decodeAll === true,
    c2pa,
    tally: options.tally ?? new Tally(),
  };
  try {
    for (const path of paths) {
      for (const one of await verifyPath(path, context)) items.set(`${one.kind} ${one.path}`, one);
    }
  } finally {
    if (options.c2pa === undefined) await c2pa.close();
  }
  return verifyReport([...items.values()]);
}

/** A link given as an argument is the user's own choice; below it links are not followed. */
async function verifyPath(argument: string, context: VerifyContext): Promise<VerifyItem[]> {
  // `resolve('')` would be the current directory: an unset shell variable must not verify that.
  if (argument === '') return [nothing('', 'the path is empty')];
  try {
    const path = await realpath(resolve(argument));
    const stats = await stat(path);
    if (stats.isDirectory()) return await verifyFolder(path, context);
    if (stats.isFile()) return await verifyFile(path, context);
    return [nothing(resolve(argument), 'is neither a file nor a folder')];
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const missing = code === 'ENOENT' || code === 'ENOTDIR';
    return [
      nothing(
        resolve(argument),
        missing ? 'there is no such file or folder' : `cannot be looked at: ${message}`,
      ),
    ];
  }
}

function nothing(path: string, note: string): VerifyItem {
  return item({ kind: 'path', path, verdict: 'no proof', note });
}

async function verifyFile(path: string, context: VerifyContext): Promise<VerifyItem[]> {
  const name = basename(path);
  if (name === FILES.batchRequest || name === FILES.batchResult) return verifyBatch(dirname(path), context);
  if (extname(name) === '.json') return [await verifyResultFile(path, context)];
  if (await looksLikePackage(path)) return verifyPackage(path, context);
  return verifyImage(path, context);
}

/** As the batch in it; places are told as in the package. */
async function verifyPackage(path: string, context: VerifyContext): Promise<VerifyItem[]> {
  const { folder, batchDir, problem, remove } = await unpack(path);
  try {
    if (problem !== null) return [{ ...nothing(path, `the package ${problem}`), verdict: 'unreadable' }];
    if (batchDir === null) return [nothing(path, `there is no ${PACKAGE_FILE} in it that names a batch`)];
    const items = await verifyFolder(batchDir, { ...context, claims: claimsLookup() });
    return JSON.parse(JSON.stringify(items), (_, value: unknown) =>
      typeof value === 'string' ? value.replaceAll(folder, `${path}!`) : value,
    ) as VerifyItem[];
  } finally {
    await remove();
  }
}

/** The results that name this file, as recorded or as copied; adopted copies only when nothing else names it. */
async function verifyImage(path: string, context: VerifyContext): Promise<VerifyItem[]> {
  const folder = dirname(path);
  const indexed = await indexTargets(folder);
  const found = [...(await resultsBelow(folder)), ...indexed.flatMap(({ found }) => found ?? [])];
  const naming: FoundResult[] = [];
  for (const one of found) {
    const places = await Promise.all(placesOf(one, one.result.image_path).map(settled));
    if (places.includes(path)) naming.push(one);
  }
  const makers = naming.filter(({ result }) => result.adopted_from === undefined);
  const chosen = new Set((makers.length > 0 ? makers : naming).map((one) => one.path));
  if (chosen.size === 0) return [await withoutResult(path, context)];
  return Promise.all([...chosen].map((one) => verifyResultFile(one, context)));
}

/** No proof of ours; what its vendor signed is told all the same. */
async function withoutResult(path: string, { c2pa }: VerifyContext): Promise<VerifyItem> {
  const note = `no result.json below ${dirname(path)} names this file`;
  const read = await readRegularFile(path, READ_LIMITS.imageBytes);
  const image = read.kind === 'read' ? await inspectImage(read.value).catch(() => null) : null;
  if (read.kind !== 'read' || image === null) return nothing(path, note);
  const claim = await c2pa.read(read.value, { format: image.format });
  const said = `C2PA ${claim.state}: ${claim.detail}`;
  return { ...nothing(path, `${note}; ${said}`), evidence: { signature: null, c2pa: claim } };
}

async function verifyFolder(path: string, context: VerifyContext): Promise<VerifyItem[]> {
  const listing = await listFolder(path);
  if (listing.problem !== null) return [nothing(path, `the folder ${listing.problem}`)];
  return (await verifyKnownFolder(path, listing, context)) ?? verifyOutput(path, listing, context);
}

const LISTINGS_AT_ONCE = 32;

/** A run or batch directory; null when it is neither. */
async function verifyKnownFolder(
  path: string,
  listing: Listing,
  context: VerifyContext,
): Promise<VerifyItem[] | null> {
  switch (kindOf(listing)) {
    case 'batch':
      return verifyBatch(path, context);
    case 'run':
      return listing.files.includes(FILES.result) || listing.links.includes(FILES.result)
        ? [await verifyResultFile(join(path, FILES.result), context)]
        : [await verifyUnfinished(path, null)];
    case null:
      return null;
  }
}

/** By what imgproof writes into it first. */
function kindOf({ files, links }: Listing): 'batch' | 'run' | null {
  const hasOne = (...names: string[]) => names.some((name) => files.includes(name) || links.includes(name));
  if (hasOne(FILES.batchRequest, FILES.batchResult)) return 'batch';
  return hasOne(FILES.result, FILES.task, FILES.batchTask, FILES.state) ? 'run' : null;
}

async function verifyOutput(path: string, listing: Listing, context: VerifyContext): Promise<VerifyItem[]> {
  const parts = [await verifyChildren(path, listing, context, false)];
  const isQueue = listing.files.includes(FILES.queueState);
  for (const container of [FILES.runs, FILES.batches, ...(isQueue ? [FILES.queueRuns] : [])]) {
    const place = join(path, container);
    if (listing.links.includes(container)) parts.push([behindLink(place)]);
    if (listing.folders.includes(container))
      parts.push(await verifyChildren(place, await listFolder(place), context, true));
  }
  const covered = new Set(parts.flat().map((one) => one.path));
  parts.push(await verifyIndexed(path, covered, context));
  const items = parts.flat();
  return items.length > 0
    ? items
    : [nothing(path, 'there is no proof in this folder: no result.json, no batch')];
}

/** `ours`: everything in this folder was made by imgproof, so that a child that proves nothing is told. */
async function verifyChildren(
  place: string,
  listing: Listing,
  context: VerifyContext,
  ours: boolean,
): Promise<VerifyItem[]> {
  const parts: VerifyItem[][] = [];
  if (listing.problem !== null) parts.push([nothing(place, `the folder ${listing.problem}`)]);
  const children = await mapLimited(listing.folders, LISTINGS_AT_ONCE, async (name) => {
    const path = join(place, name);
    const inside = await listFolder(path);
    return { path, kind: kindOf(inside), verify: () => verifyKnownFolder(path, inside, context) };
  });
  const runs = children.filter(({ kind }) => kind === 'run');
  context.tally.expect(runs.length);
  const ofRuns = new Map(
    await mapLimited(runs, IMAGES_AT_ONCE, async ({ path, verify }) => {
      const verified = (await verify()) ?? [];
      return [path, verified.map((one) => context.tally.count(one))] as const;
    }),
  );
  for (const { path, kind, verify } of children) {
    // One batch after the other: each looks at several images at a time.
    const known = kind === 'run' ? ofRuns.get(path) : kind === 'batch' ? await verify() : null;
    if (known) parts.push(known);
    else if (ours)
      parts.push([nothing(path, 'neither a run nor a batch: no result.json, no batch_request.json')]);
  }
  if (ours) parts.push(listing.links.map((name) => behindLink(join(place, name))));
  return parts.flat();
}

function behindLink(path: string): VerifyItem {
  const note = 'is a symbolic link, which is not followed; verify what it points to by its own path';
  return item({ kind: 'path', path, verdict: 'unreadable', note });
}

/** Results that the proof index names and that are kept elsewhere, such as in a workspace's batch root (SPEC F3, F10). */
async function verifyIndexed(
  outputDir: string,
  covered: ReadonlySet<string>,
  context: VerifyContext,
): Promise<VerifyItem[]> {
  const items: VerifyItem[] = [];
  for (const { row, found, read } of await indexTargets(outputDir)) {
    if (found !== null && covered.has(found.path)) continue;
    if (found !== null) items.push(await verifyResultFile(found.path, context));
    else if (read.kind === 'refused') items.push({ ...unreadableResult(row, read), kind: 'path' });
    else items.push(nothing(row, 'the result.json that this row of the proof index names is not there'));
  }
  return items;
}
