/** The committed histories: `test/histories/<version of imgproof>/<scenario>[.child].json`, an event per line. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HistoryEvent } from '../support/workflow-task-failures.ts';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const PACKAGE = new URL('../../package.json', import.meta.url);

export interface History {
  events: HistoryEvent[];
}

export interface CommittedHistory {
  /** `0.1.0/success.child` */
  name: string;
  version: string;
  text: string;
  history: History;
}

/** Histories recorded now are those of this version. */
export function currentVersion(): string {
  return (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version;
}

/** Of every version that ever was recorded. */
export function committedHistories(): CommittedHistory[] {
  const versions = readdirSync(FOLDER, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return versions.flatMap(({ name: version }) =>
    readdirSync(join(FOLDER, version))
      .sort()
      .map((file) => {
        const text = readFileSync(join(FOLDER, version, file), 'utf8');
        const name = `${version}/${file.replace(/\.json$/u, '')}`;
        return { name, version, text, history: JSON.parse(text) as History };
      }),
  );
}

/** In place of all that was recorded for this version before, or beside the others. */
export async function commitHistories(
  histories: ReadonlyMap<string, History>,
  { keepsOthers }: { keepsOthers: boolean },
): Promise<string> {
  const folder = join(FOLDER, currentVersion());
  if (!keepsOthers) rmSync(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [name, { events }] of histories) {
    const lines = events.map((event) => JSON.stringify(event)).join(',\n');
    await writeFile(join(folder, `${name}.json`), `{"events":[\n${lines}\n]}\n`);
  }
  return folder;
}
