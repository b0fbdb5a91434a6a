/** Files of one JSON object a line that only grow. What a killed writer left of a line is skipped by readers. */
import { appendFile } from 'node:fs/promises';
import { tailText } from './file-tail.ts';

/** How far back a writer looks for what it is about to say: some hundred rows. */
const TAIL_BYTES = 256 * 1024;

/**
 * Append the records that are not among the last ones already: an activity may be repeated. Two of the same writer at the
 * same time are for the caller to exclude.
 */
export async function appendOnce<Line extends object>(
  path: string,
  records: readonly Line[],
  identityOf: (record: Line) => string,
): Promise<void> {
  if (records.length === 0) return;
  const tail = await tailText(path, TAIL_BYTES);
  const known = new Set(linesIn<Line>(tail).map(identityOf));
  const news = records.filter((record) => !known.has(identityOf(record)));
  if (news.length === 0) return;
  const isTorn = tail !== '' && !tail.endsWith('\n');
  const lines = news.map((record) => `${JSON.stringify(record)}\n`).join('');
  await appendFile(path, `${isTorn ? '\n' : ''}${lines}`, { mode: 0o600 });
}

/** All lines of a text that are JSON objects. */
export function linesIn<Line>(text: string): Line[] {
  return text.split('\n').flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return typeof value === 'object' && value !== null ? [value as Line] : [];
    } catch {
      return [];
    }
  });
}
