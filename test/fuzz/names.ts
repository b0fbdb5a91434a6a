/** Names and paths that people, files and records bring: where they lead on a real disk with links in it. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import * as fc from 'fast-check';
import sharp from 'sharp';
import { checkWritable } from '../../src/activities/check-places.ts';
import type { ActivityDeps } from '../../src/activities/deps.ts';
import { sha256 } from '../../src/activities/sha256.ts';
import { ReferenceProblem, readReference } from '../../src/artifacts/reference-file.ts';
import { safe } from '../../src/cli/output.ts';
import { keyProblem, proofIndexName, shorten, taskKeys, utf8Bytes } from '../../src/domain/ids.ts';
import { safeName, taskFolder } from '../../src/domain/layout.ts';
import { resolvePath, resolveReferences } from '../../src/intake/references.ts';
import { problemRows } from '../../src/intake/problems.ts';
import { counterparts, placesOf } from '../../src/proof/recorded-path.ts';
import { readRecord } from '../../src/proof/safe-read.ts';
import type { FoundResult } from '../../src/proof/claims.ts';
import type { Fuzzed, Group } from './fuzz.ts';
import { holds, isOneSafeLine, nasty, text } from './hostile.ts';

export const NAMES: Group = {
  name: 'names and paths',
  runs: 110_000,
  properties: async () => {
    const tree = await plantTree();
    return [
      { what: 'a name', share: 0.3, check: fc.property(text, text, checkName) },
      {
        what: 'keys of a batch',
        share: 0.12,
        check: fc.property(text, fc.array(text, { maxLength: 6 }), checkKeys),
      },
      {
        what: 'a path in an order',
        share: 0.2,
        check: fc.property(text, fc.option(text, { nil: null }), checkPath),
      },
      { what: 'a path in a record', share: 0.12, check: fc.property(text, text, text, checkRecorded) },
      {
        what: 'a reference on disk',
        share: 0.18,
        check: fc.asyncProperty(wayIn(tree), (way) => checkReference(tree, way)),
      },
      {
        what: 'a record on disk',
        share: 0.05,
        check: fc.asyncProperty(wayIn(tree), (way) => checkRecord(tree, way)),
      },
      {
        what: 'an output folder on disk',
        share: 0.03,
        check: fc.asyncProperty(wayIn(tree), (way) => checkOutput(tree, way)),
      },
    ] as Fuzzed[];
  },
};

function checkName(name: string, other: string): void {
  const safely = safeName(name, sha256);
  holds(
    'a safe name is one file name',
    /^[A-Za-z0-9_][A-Za-z0-9._-]*$/u.test(safely) && !safely.endsWith('.'),
  );
  holds('it is short enough for any file system', Buffer.byteLength(safely) <= 90);
  holds('it stays in its folder', dirname(join('/b', taskFolder(1, 20, safely))) === '/b');
  if (name.normalize('NFC') !== other.normalize('NFC'))
    holds('other names, other files', safely.toLowerCase() !== safeName(other, sha256).toLowerCase());
  const short = shorten(name, sha256);
  holds('a derived id fits', utf8Bytes(short) <= 200 && !/\p{Cc}/u.test(short));
  holds('an index row is one file name', /^[0-9a-f]{64}\.json$/u.test(proofIndexName(name, other, sha256)));
  holds('what is shown is one line', isOneShown(safe(name)));
  if (keyProblem(name, null) === null)
    holds('a key that is taken has no control character', !/\p{Cc}/u.test(name));
}

function isOneShown(line: string): boolean {
  return !/[\p{Cc}\p{Bidi_Control}]/u.test(line);
}

function checkKeys(batchId: string, names: string[]): void {
  const keys = taskKeys(
    batchId,
    names.map((task_name) => ({ task_name })),
    sha256,
  );
  holds('derived keys are different', new Set(keys).size === names.length);
}

function checkPath(path: string, baseDir: string | null): void {
  const base = baseDir === null ? null : resolve('/base', baseDir.replaceAll('\0', ''));
  const place = resolvePath(path, base);
  if ('absolute' in place) {
    holds(
      'a path is absolute and settled',
      isAbsolute(place.absolute) && resolve(place.absolute) === place.absolute,
    );
    holds('it has no control character', baseDir !== null || !/\p{Cc}/u.test(place.absolute));
  }
  const { images, problems } = resolveReferences([
    { value: path, path: ['images'], isList: true, baseDir: base },
  ]);
  holds('5 references at most', images.length <= 5);
  const rows = problemRows(problems, path);
  holds(
    'problems are lines',
    rows.every(({ place: at, message }) => isOneSafeLine(at) && isOneSafeLine(message)),
  );
}

function checkRecorded(folder: string, runDir: string, recorded: string): void {
  const found = {
    folder: resolve('/r', folder.replaceAll('\0', '')),
    result: { run_dir: runDir },
  } as FoundResult;
  const places = [...placesOf(found, recorded), ...counterparts(found.folder, recorded)];
  holds('places are absolute', places.every(isAbsolute));
  holds('there are few of them', places.length <= 4);
}

interface Tree {
  top: string;
  root: string;
  outside: string;
  /** Of images that may be read. */
  inside: Set<string>;
}

/** `root` with files, folders and links, some of which lead out; `outside` with what must not be read. */
async function plantTree(): Promise<Tree> {
  const top = mkdtempSync(join(tmpdir(), 'imgproof-fuzz-'));
  process.once('exit', () => rmSync(top, { recursive: true, force: true }));
  const [root, outside] = [join(top, 'root'), join(top, 'outside')];
  mkdirSync(join(root, 'sub'), { recursive: true });
  mkdirSync(outside);
  const picture = (background: string) =>
    sharp({ create: { width: 4, height: 4, channels: 3, background } })
      .png()
      .toBuffer();
  const [good, secret] = await Promise.all([picture('#00ff00'), picture('#ff0000')]);
  for (const place of ['a.png', 'sub/b.png', 'é.png']) writeFileSync(join(root, place), good);
  for (const place of ['secret.png', 'a.png']) writeFileSync(join(outside, place), secret);
  writeFileSync(join(outside, 'secret.json'), '{"schema_version":1,"secret":true}');
  writeFileSync(join(root, 'record.json'), '{"schema_version":1}');
  symlinkSync(outside, join(root, 'way-out'));
  symlinkSync(join(outside, 'secret.png'), join(root, 'link.png'));
  symlinkSync(join(outside, 'secret.json'), join(root, 'link.json'));
  symlinkSync('..', join(root, 'sub', 'up'));
  symlinkSync('loop', join(root, 'loop'));
  symlinkSync(root, join(outside, 'way-in'));
  return { top, root, outside, inside: new Set([sha256(good)]) };
}

/** Any walk through the tree, or into nothing. */
function wayIn({ root }: Tree): fc.Arbitrary<string> {
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.constantFrom(
        '..',
        '.',
        'sub',
        'up',
        'way-out',
        'way-in',
        'loop',
        'outside',
        basename(root),
      ),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        'a.png',
        'b.png',
        'link.png',
        'secret.png',
        'é.png',
        'record.json',
        'link.json',
        'secret.json',
        'new',
      ),
    },
    { weight: 1, arbitrary: fc.oneof(nasty, fc.string({ maxLength: 8 })) },
  );
  const into = fc.constantFrom(
    'a.png',
    'b.png',
    'link.png',
    'secret.png',
    'secret.json',
    'new',
    'record.json',
  );
  const walk = fc.array(step, { maxLength: 5 });
  return fc.tuple(walk, into).map(([steps, last]) => [root, ...steps, last].join('/'));
}

async function checkReference({ root, inside }: Tree, path: string): Promise<void> {
  try {
    const read = await readReference(path, [root]);
    holds(`what ${path} leads to is inside`, inside.has(read.sha256));
  } catch (error) {
    if (!(error instanceof ReferenceProblem) && !isNulByte(error)) throw error;
  }
}

async function checkRecord({ root }: Tree, path: string): Promise<void> {
  const name = path.slice(root.length + 1);
  const read = await readRecord(root, name.replaceAll('\0', '') || 'none');
  const isSecret = read.kind === 'read' && read.value['secret'] === true;
  holds(`${path} leads out only by its own dots`, !isSecret || !/way-out|link\.json/u.test(name));
}

async function checkOutput({ root, outside, top }: Tree, path: string): Promise<void> {
  const deps = { outputRoots: () => [root] } as unknown as ActivityDeps;
  await checkWritable(deps, [path]).catch((error: Error) => {
    if (error.name !== 'ApplicationFailure') throw error;
  });
  holds('nothing was made outside', readdirSync(outside).length === 4 && readdirSync(top).length === 2);
}

/** Intake lets no control character through; Node refuses this one itself. */
function isNulByte(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_INVALID_ARG_VALUE';
}
