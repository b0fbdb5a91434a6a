/** Every file that orders leave on disk has its place, its form and its mode (SPEC F, F1, DESIGN 6). */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FILE_WRITERS } from '../../src/domain/layout.ts';
import { writeReport } from '../../src/report/write-report.ts';
import { rowsFor } from '../support/file-writers.ts';
import {
  type FinishedOrders,
  finishedOrders,
  readJson,
  stateDirOf,
  writtenFiles,
} from '../support/finished-orders.ts';
import { startSystem, type System } from '../support/system.ts';

let system: System;
let orders: FinishedOrders;
beforeAll(async () => {
  system = await startSystem('time-skipping');
  return system.stop;
});
beforeAll(async () => {
  orders = await finishedOrders(system);
  await writeReport(orders.batch.batch_dir, { lang: 'en' });
});

const jsonFiles = async () =>
  (await writtenFiles(system)).filter((path) => path.endsWith('.json') && !isSpool(path));
const isSpool = (path: string) => path.startsWith(join(system.settings.home, 'spool'));

describe('every file has its place in FILE_WRITERS', () => {
  test('each file fits exactly one row', async () => {
    const odd = (await writtenFiles(system))
      .map((path) => ({ path, fits: rowsOf(path) }))
      .filter(({ fits }) => fits.length !== 1);
    expect(odd).toEqual([]);
  });

  test('the spool’s claims on images too', async () => {
    const claims = (await writtenFiles(system)).filter(isImageClaim);
    expect(claims).toHaveLength(4);
    expect(claims.map((path) => rowsOf(path).length)).toEqual([1, 1, 1, 1]);
  });

  test('each row has a file', async () => {
    const found = new Set((await writtenFiles(system)).flatMap(rowsOf));
    // What belongs to the background stack is looked for in e2e/home-files.test.ts.
    const ours = Object.keys(FILE_WRITERS).filter((row) => !/^<home>\/(?!spool)/u.test(row));
    const missing = ours.filter((row) => !found.has(row));
    // Evidence is there only of an answer that outlived its workflow, the lock only while somebody writes.
    expect(missing).toEqual(['<run_dir>/attempt-NN/image.<ext>', '<state_dir>/queue.lock[…]']);
  });

  test('nothing temporary is left, and no lock', async () => {
    const names = (await writtenFiles(system)).map((path) => basename(path));
    expect(names.filter((name) => /tmp|\.\d{6,}$|^\.imgproof|^lock/u.test(name))).toEqual([]);
  });

  test('all of it is for its owner alone', async () => {
    const entries = await readdir(dirname(system.outputDir), { recursive: true });
    const ours = entries.filter((name) => /^(?:out|home)(?:\/|$)/u.test(name) && name !== 'home');
    const modes = await Promise.all(
      ours.map(async (name) => {
        const stats = await stat(join(dirname(system.outputDir), name));
        return { name, mode: (stats.mode & 0o777).toString(8), wanted: stats.isDirectory() ? '700' : '600' };
      }),
    );
    expect(modes.length).toBeGreaterThan(50);
    expect(modes.filter(({ mode, wanted }) => mode !== wanted)).toEqual([]);
  });

  test('images are named after task and time, with the extension of their bytes (F1)', () => {
    const names = [...orders.rows, orders.lone].map(({ image_path }) => basename(String(image_path)));
    expect(names).toEqual([
      expect.stringMatching(/^cover-\d{8}-\d{6}\.png$/u),
      expect.stringMatching(/^hero-\d{8}-\d{6}\.png$/u),
      expect.stringMatching(/^solo-\d{8}-\d{6}\.webp$/u),
    ]);
  });

  /** Who brought an image first: in the spool, but of no generation. */
  const isImageClaim = (path: string) => path.startsWith(join(system.settings.home, 'spool', 'images'));

  const rowsOf = (path: string) =>
    rowsFor(path, {
      home: system.settings.home,
      outputDir: system.outputDir,
      stateDir: stateDirOf(system),
    });
});

describe('every JSON file', () => {
  test('is indented by two spaces and ends with a line break (F)', async () => {
    for (const path of await jsonFiles()) {
      const text = await readFile(path, 'utf8');
      expect(text, path).toBe(`${JSON.stringify(JSON.parse(text), null, 2)}\n`);
    }
  });

  test('carries schema_version (F)', async () => {
    const paths = await jsonFiles();
    expect(await withoutVersion(paths)).toEqual([]);
  });

  test('and so does every line of tasks.jsonl and events.jsonl', async () => {
    for (const name of ['tasks.jsonl', 'events.jsonl']) {
      const lines = (await readFile(join(stateDirOf(system), name), 'utf8')).trimEnd().split('\n');
      expect(lines.length).toBeGreaterThan(1);
      for (const line of lines) expect(JSON.parse(line)).toMatchObject({ schema_version: 1 });
    }
  });

  test('task.json of a lone task, and of a queue, carries it too (F)', async () => {
    const paths = (await jsonFiles()).filter((path) => basename(path) === 'task.json');
    expect(paths).toHaveLength(4);
    expect(await withoutVersion(paths)).toEqual([]);
  });

  async function withoutVersion(paths: string[]): Promise<string[]> {
    const records = await Promise.all(paths.map((path) => readJson<{ schema_version?: number }>(path)));
    return paths.filter((_, i) => records[i]?.schema_version !== 1);
  }
});
