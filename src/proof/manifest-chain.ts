/** Does each line of a `manifest.jsonl` follow from the one before it, and is each file the one its line speaks of? */
import { isAbsolute, join } from 'node:path';
import type { ManifestHead } from '../domain/batch-records.ts';
import { FILES } from '../domain/layout.ts';
import {
  envelopeBeside,
  FIRST_PREV,
  hashOf,
  isNear,
  LINES_AT_ONCE,
  type ManifestLine,
  placeIn,
} from './manifest.ts';
import { mapLimited } from './map-limited.ts';
import { READ_LIMITS, readRegularFile } from './safe-read.ts';
import { sha256Of } from './task-statement.ts';

export interface Chain extends ManifestHead {
  /** False: there is no manifest at all. */
  exists: boolean;
  problems: string[];
}

/** Never throws. However often a line repeats a file, it is read once: a manifest may be anybody's. */
export async function checkChain(batchDir: string): Promise<Chain> {
  const read = await readRegularFile(join(batchDir, FILES.manifest), READ_LIMITS.batchBytes);
  if (read.kind !== 'read') {
    const problem = read.kind === 'missing' ? 'is missing' : read.problem;
    return {
      head: FIRST_PREV,
      count: 0,
      exists: read.kind !== 'missing',
      problems: [`${FILES.manifest} ${problem}`],
    };
  }
  const texts = read.value.toString('utf8').split('\n');
  const rest = texts.pop() ?? '';
  const { head, problems, sound } = walk(texts);
  if (rest !== '') problems.push(`${FILES.manifest} ends within a line`);
  const ofFiles = await mapLimited(sound, LINES_AT_ONCE, (line) => fileProblems(batchDir, line));
  return { head, count: texts.length, exists: true, problems: [...problems, ...ofFiles.flat()] };
}

interface PlacedLine {
  line: ManifestLine;
  where: string;
}

/** The lines alone. `sound`: those that stand where they belong. */
function walk(texts: readonly string[]): { head: string; problems: string[]; sound: PlacedLine[] } {
  const problems: string[] = [];
  const sound: PlacedLine[] = [];
  const named = new Set<string>();
  let head = FIRST_PREV;
  let lastIndex = 0;
  for (const [i, text] of texts.entries()) {
    const where = `${FILES.manifest} line ${i + 1}`;
    const line = lineIn(text);
    const problem = problemOf(line, { head, lastIndex, named });
    if (problem !== null || line === null) problems.push(`${where} ${problem}`);
    else {
      sound.push({ line, where });
      lastIndex = line.index;
      if (line.result_json !== null) named.add(line.result_json);
    }
    head = sha256Of(text);
  }
  return { head, problems, sound };
}

function problemOf(
  line: ManifestLine | null,
  { head, lastIndex, named }: { head: string; lastIndex: number; named: ReadonlySet<string> },
): string | null {
  if (line === null) return 'is no line of a manifest';
  if (line.prev !== head) return 'does not follow from the one before it';
  if (line.index <= lastIndex) return `is of task ${line.index}, after one of task ${lastIndex}`;
  if (line.result_json !== null && named.has(line.result_json)) return 'names the result of another line';
  return null;
}

function lineIn(text: string): ManifestLine | null {
  try {
    const line = JSON.parse(text) as Partial<ManifestLine> | null;
    if (typeof line?.prev !== 'string' || !Number.isSafeInteger(line.index)) return null;
    return line.result_json === null || typeof line.result_json === 'string' ? (line as ManifestLine) : null;
  } catch {
    return null;
  }
}

/** Of files below the batch's folder; an adopted result that is kept elsewhere may have been left behind. */
async function fileProblems(batchDir: string, { line, where }: PlacedLine): Promise<string[]> {
  const { result_json, result_sha256, envelope_sha256 } = line;
  if (result_json === null || isAbsolute(result_json)) return [];
  const path = join(batchDir, result_json);
  if (!isNear(placeIn(batchDir, path))) return [`${where} names a file outside of the batch`];
  const problems: string[] = [];
  if ((await hashOf(path)) !== result_sha256) problems.push(`${where}: ${result_json} is another one`);
  if ((await hashOf(envelopeBeside(path))) !== envelope_sha256)
    problems.push(`${where}: the signature beside ${result_json} is another one`);
  return problems;
}
