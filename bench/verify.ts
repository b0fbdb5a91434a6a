/**
 * `npm run bench:verify`: `imgproof verify` of many images against `sha256sum` over the same files, in turn, in one run
 * (docs/performance.md). Signed results of 2 MB each; the worker's key is trusted, as where the reviewer has it. Exit 1 when
 * something is not proven, never because of a time.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SigningKeys } from '../src/artifacts/signing-keys.ts';
import { TaskFolder } from '../src/artifacts/task-folder.ts';
import { attemptFolder } from '../src/domain/layout.ts';
import { signResult } from '../src/proof/task-statement.ts';
import { admittedTask, answeredAttempt, provenResult } from '../test/support/proven-records.ts';
import { meter } from './meter.ts';
import { benchPng, labelled } from './png.ts';
import { median } from './stats.ts';

const { values } = parseArgs({
  options: { images: { type: 'string', default: '1000' }, bytes: { type: 'string', default: '2000000' } },
});
const IMAGES = Number(values.images);
const ROUNDS = 3;
const BIN = fileURLToPath(new URL('../bin/imgproof.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'imgproof-bench-verify-'));
try {
  process.exitCode = await measure();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

interface Run {
  ms: number;
  peakMB: number;
  ok: boolean;
}

async function measure(): Promise<number> {
  const { images, signMs } = await writeRuns();
  const few = await verify(['out/_runs/image-0001', 'out/_runs/image-0002']);
  const rounds: { sumMs: number; signed: Run; decoded: Run }[] = [];
  for (let round = 1; round <= ROUNDS; round += 1)
    rounds.push({
      sumMs: sha256sum(images),
      signed: await verify(['out']),
      decoded: await verify(['out', '--decode']),
    });
  const of = (pick: (round: (typeof rounds)[number]) => number) => median(rounds.map(pick));
  const [sum, signed, decoded] = [of((r) => r.sumMs), of((r) => r.signed.ms), of((r) => r.decoded.ms)];
  console.log(
    `${IMAGES} images of ${(Number(values.bytes) / 1_000_000).toFixed(1)} MB; medians of ${ROUNDS}`,
  );
  console.log(`  sha256sum               ${(sum / 1000).toFixed(2)} s`);
  console.log(
    `  verify                  ${(signed / 1000).toFixed(2)} s   ${(sum / signed).toFixed(2)} x its speed`,
  );
  console.log(
    `  verify --decode         ${(decoded / 1000).toFixed(2)} s   ${(sum / decoded).toFixed(2)} x its speed`,
  );
  console.log(
    `  peak memory of verify   ${Math.round(of((r) => r.signed.peakMB))} MB; of 2 images ${Math.round(few.peakMB)} MB`,
  );
  console.log(`  signing a result        ${signMs.toFixed(2)} ms of CPU time, and one file`);
  console.log(`aim: at least 0.8 x: ${sum / signed >= 0.8 ? 'met' : 'NOT MET'}`);
  const isProven = rounds.every(({ signed: one, decoded: two }) => one.ok && two.ok);
  console.log(isProven ? 'ok     every image is proven' : 'FAILED an image is not proven');
  return isProven ? 0 : 1;
}

/** Signed run folders as a worker leaves them. `signMs`: CPU time of a signature, its reading included, its writing not. */
async function writeRuns(): Promise<{ images: string[]; signMs: number }> {
  const picture = await benchPng(Number(values.bytes));
  const key = await new SigningKeys(join(folder, 'home', 'keys')).current();
  const outputDir = join(folder, 'out');
  const images: string[] = [];
  let signedUs = 0;
  for (let i = 1; i <= IMAGES; i += 1) {
    const name = `image-${String(i).padStart(4, '0')}`;
    const place = { outputDir, batchDir: join(outputDir, '_runs'), batchName: 'none' };
    const task = {
      ...admittedTask(place, i, name, []),
      batch_id: null,
      batch_hash: null,
      run_dir: join(outputDir, '_runs', name),
      size: '1024x1024',
    };
    await mkdir(join(task.run_dir, attemptFolder(1)), { recursive: true });
    const image = labelled(picture, name);
    const path = join(outputDir, `${name}.png`);
    writeFileSync(path, image);
    const attempt = answeredAttempt(task, 1);
    const result = { ...provenResult(task, attempt, path, image), width: 1024, height: 1024 };
    const run = new TaskFolder(task.run_dir, (text) => text);
    await run.writeAttempt(attempt);
    await run.writeResult(result);
    const resultBytes = Buffer.from(`${JSON.stringify(result, null, 2)}\n`);
    const before = process.cpuUsage();
    const envelope = await signResult(task.run_dir, resultBytes, key);
    const { user, system } = process.cpuUsage(before);
    signedUs += user + system;
    await run.writeEnvelope(envelope);
    images.push(path);
  }
  return { images, signMs: signedUs / IMAGES / 1000 };
}

async function verify(args: string[]): Promise<Run> {
  const env = { PATH: process.env['PATH'], HOME: folder, IMGPROOF_HOME: join(folder, 'home') };
  const run = await meter({ args: [BIN, 'verify', ...args, '--json'], env, cwd: folder }, {});
  return {
    ms: run.endedAtMs - run.startedAtMs,
    ok: run.exitCode === 0,
    peakMB: (run.use['command']?.peakMemoryBytes ?? NaN) / 1_000_000,
  };
}

function sha256sum(files: readonly string[]): number {
  const begun = performance.now();
  const { status } = spawnSync('sha256sum', files, { stdio: 'ignore' });
  if (status !== 0) throw new Error('sha256sum failed');
  return performance.now() - begun;
}
