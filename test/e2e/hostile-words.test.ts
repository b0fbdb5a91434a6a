/** Words that terminals obey — in files, folders, records and arguments — reach no terminal as such (DESIGN 6). */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { newFolder } from '../support/temp-folder.ts';
import { provenBatch } from '../support/proven-batch.ts';
import { editJson } from '../support/tamper.ts';

const BIN = fileURLToPath(new URL('../../bin/imgproof.js', import.meta.url));
/** Clears the screen, names the window, asks the terminal to answer, turns the text around; in 7 and in 8 bits. */
const WORDS = '\u001B[2J\u001B]0;owned\u0007\u001B[6n\u009B31m\u202Eright\r\u007F';

let folder: string;
beforeAll(async () => {
  folder = newFolder();
  const batch = await provenBatch(join(folder, 'good'));
  for (const task of batch.tasks)
    editJson(task.resultPath, (result) => {
      for (const field of ['task_name', 'task_key', 'prompt', 'image_path', 'provider', 'worker_id'])
        result[field] = `${String(result[field])}${WORDS}`;
      result['warnings'] = [WORDS];
    });
  cpSync(join(folder, 'good'), join(folder, `bad${WORDS}`), { recursive: true });
  const tasks = [{ prompt: WORDS, [WORDS]: 1, size: WORDS, image: `${WORDS}.png`, provider: WORDS }];
  writeFileSync(join(folder, `${WORDS}.json`), JSON.stringify({ tasks, [WORDS]: WORDS }));
  writeFileSync(join(folder, 'broken.json'), `{"tasks": [${WORDS}`);
  mkdirSync(join(folder, 'queue'));
  const row = { task_id: 't-1', task_key: WORDS, task_name: WORDS, status: 'failed', error: WORDS };
  const state = { schema_version: 1, queue_id: `q${WORDS}`, status: 'done', tasks: { 't-1': row } };
  writeFileSync(join(folder, 'queue', 'queue_state.json'), JSON.stringify(state));
});

test.each<[string, () => string[]]>([
  ['verify of a foreign batch', () => ['verify', join(folder, `bad${WORDS}`)]],
  ['verify as JSON', () => ['verify', join(folder, `bad${WORDS}`), '--json']],
  ['a batch file with wrong fields', () => ['batch', join(folder, `${WORDS}.json`)]],
  ['the same as JSON', () => ['batch', join(folder, `${WORDS}.json`), '--json']],
  ['a batch file that is broken', () => ['batch', join(folder, 'broken.json')]],
  ['a batch file that is not there', () => ['batch', join(folder, `none${WORDS}.json`)]],
  ['a command that is none', () => [WORDS]],
  ['an option that is none', () => ['run', `--${WORDS}`]],
  ['queue list', () => ['queue', 'list', '--state-dir', join(folder, 'queue')]],
  ['queue status of a folder that is none', () => ['queue', 'status', '--state-dir', join(folder, WORDS)]],
])('%s', (_, args) => {
  const { stdout, stderr } = spawnSync(process.execPath, [BIN, ...args()], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: folder, IMGPROOF_HOME: join(folder, 'home') },
    timeout: 20_000,
  });
  expect(stdout + stderr).not.toBe('');
  expect(commandsIn(stdout + stderr)).toEqual([]);
});

/** What a terminal would do something with, but lines and tabs. */
function commandsIn(text: string): string[] {
  return [...text.matchAll(/[\p{Cc}\p{Bidi_Control}]/gu)]
    .map(([found]) => found)
    .filter((one) => !/[\n\t]/u.test(one));
}
