/** Files and folders of any size: a verdict for each, never a crash, never ok, in bounded memory. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, test } from 'vitest';
import type { VerifyReport } from '../../src/proof/verify.ts';
import { type ProvenBatch, provenBatch } from '../support/proven-batch.ts';
import { tempFolder } from '../support/temp-folder.ts';

const BIN = fileURLToPath(new URL('../../bin/imgproof.js', import.meta.url));
/** Tells on standard error how much memory the command took at its peak. */
const TELLING = `--import "data:text/javascript,process.on('exit',()=>console.error('maxRSS',process.resourceUsage().maxRSS))"`;
const GIGABYTE = 1024 ** 3;
/** A small `verify` takes about 90 MB. */
const BOUND_KB = 400 * 1024;

interface Told extends VerifyReport {
  exit_code: number;
}

function verify(...paths: string[]): { told: Told; peakKb: number; verdicts: Record<string, string> } {
  const { stdout, stderr } = spawnSync(process.execPath, [BIN, 'verify', ...paths, '--json'], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: root, NODE_OPTIONS: TELLING },
    maxBuffer: 256 * 1024 * 1024,
  });
  const told = JSON.parse(stdout) as Told;
  const verdicts = Object.fromEntries(told.items.map(({ task, path, verdict }) => [task ?? path, verdict]));
  return { told, verdicts, peakKb: Number(/maxRSS (\d+)/u.exec(stderr)?.[1]) };
}

let root: string;
let batch: ProvenBatch;
beforeEach(async () => {
  root = tempFolder();
  batch = await provenBatch(root);
});

test.each<[string, () => string, verdict: string]>([
  ['the image of a result', () => batch.tasks[0].imagePath, 'broken'],
  ['a result.json', () => batch.tasks[0].resultPath, 'unreadable'],
  ['batch_result.json', () => batch.summaryPath, 'unreadable'],
  ['batch_request.json', () => batch.requestPath, 'unreadable'],
])('%s of 1 GB', (_, pathOf, verdict) => {
  const path = pathOf();
  truncateSync(path, GIGABYTE);
  const { told, verdicts, peakKb } = verify(batch.batchDir);
  expect([told.exit_code, Object.values(verdicts)]).toEqual([5, expect.arrayContaining([verdict])]);
  expect(peakKb).toBeLessThan(BOUND_KB);
  const alone = verify(path);
  expect([alone.told.exit_code, alone.told.ok, alone.told.items.length > 0]).toEqual([5, false, true]);
  expect(alone.peakKb).toBeLessThan(BOUND_KB);
});

test('20,000 foreign files, and 3,000 run folders that have not ended', () => {
  const place = join(root, 'vast');
  mkdirSync(join(place, '_runs'), { recursive: true });
  for (let i = 0; i < 20_000; i += 1) writeFileSync(join(place, `foreign-${i}.json`), '{');
  for (let i = 0; i < 3_000; i += 1) {
    const run = join(place, '_runs', `run-${i}`);
    mkdirSync(run);
    writeFileSync(join(run, 'state.json'), '{"schema_version":1,"status":"running"}');
  }
  const { told, peakKb } = verify(place);
  expect([told.exit_code, told.totals.checked, told.totals.verdicts.unfinished]).toEqual([5, 3_000, 3_000]);
  expect(peakKb).toBeLessThan(BOUND_KB);
  rmSync(place, { recursive: true });
}, 60_000);
