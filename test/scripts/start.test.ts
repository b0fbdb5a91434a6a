/** `npm start` as a new user types it, in a checkout of its own (DESIGN 4, SPEC H5). */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { newFolder } from '../support/temp-folder.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');

let checkout: string;
let home: string;
beforeAll(() => {
  const folder = newFolder();
  [checkout, home] = [join(folder, 'checkout'), join(folder, 'home')];
  mkdirSync(home);
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  });
  for (const file of files
    .trim()
    .split('\n')
    .filter((name) => existsSync(join(REPOSITORY, name)))) {
    mkdirSync(dirname(join(checkout, file)), { recursive: true });
    cpSync(join(REPOSITORY, file), join(checkout, file));
  }
  // What `npm start` would install, build and fetch is there: this is about everything after it.
  for (const name of ['node_modules', 'dist']) symlinkSync(join(REPOSITORY, name), join(checkout, name));
  return async () => {
    await run(['bin/imgproof.js', 'down', '--now'], { IMGPROOF_HOME: join(checkout, '.demo', 'home') });
    rmSync(folder, { recursive: true, force: true });
  };
}, 60_000);

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function run(args: string[], extra: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    TEMPORAL_CLI_PATH: process.env['TEMPORAL_CLI_PATH'],
    IMGPROOF_CACHE: join(REPOSITORY, '.cache'),
    ...extra,
  };
  return new Promise((ended, failed) => {
    const child = spawn(process.execPath, args, { cwd: checkout, env });
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text));
    child.once('error', failed);
    child.once('close', (code) => ended({ code, ...texts }));
  });
}

const npmStart = (...args: string[]) => run(['scripts/start.mjs', ...args]);

test('makes four images with proofs, prints their paths and the link, and says that they are no production proof; a second time too, without installing or building', async () => {
  const first = await npmStart();
  expect([first.code, first.code === 0 ? '' : first.stderr]).toEqual([0, '']);
  expect(first.stdout).toMatch(/4 completed|4 of 4/u);
  const images = first.stdout.match(/\/\S+\.demo\/images\/[\w-]+\.png/gu) ?? [];
  expect(new Set(images).size).toBe(4);
  expect(images.filter((path) => !existsSync(path))).toEqual([]);
  const proofs = first.stdout.match(/\/\S+\/result\.json/gu) ?? [];
  expect([proofs.length, proofs.filter((path) => !existsSync(path))]).toEqual([4, []]);
  expect(first.stdout).toMatch(
    /Web UI +http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/article-covers/u,
  );
  expect(first.stdout).toContain('`imgproof verify` refuses them as production proof');
  const second = await npmStart();
  expect([second.code, second.stderr]).toEqual([
    0,
    expect.not.stringMatching(/npm ci|building|fetching|starting Temporal/u),
  ]);
}, 120_000);

test('with a file it is `imgproof batch FILE`, and without a provider exit 3', async () => {
  const order = ['examples/batch.json', '--no-wait', '--json'];
  const { code, stdout } = await npmStart(...order);
  expect([code, JSON.parse(stdout)]).toMatchObject([3, { ok: false, exit_code: 3 }]);
  expect(await run(['bin/imgproof.js', 'batch', ...order])).toMatchObject({ code, stdout });
}, 60_000);
