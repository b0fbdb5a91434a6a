/** The Dockerfile's steps without Docker: what it copies is there and is enough. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { copiesOf, isInContext, readDockerfile, ROOT } from '../support/deploy-files.ts';
import { newFolder } from '../support/temp-folder.ts';
import { assembleImage, WITHIN_IMAGE } from '../support/worker-image.ts';

const stages = readDockerfile().slice(1);
const last = stages.at(-1) ?? [];

describe('the Dockerfile', () => {
  test('copies from the build context only what is there and what .dockerignore lets in', () => {
    const sources = stages
      .flatMap(copiesOf)
      .filter(({ from }) => from === null)
      .flatMap(({ sources }) => sources);
    expect(sources).toContain('src');
    for (const source of sources)
      expect([source, existsSync(join(ROOT, source)), isInContext(source)]).toEqual([source, true, true]);
  });

  test.each([
    'deploy/secrets/happy_api_key',
    '.env',
    'node_modules',
    'deploy/data/outputs/a.png',
    '.git',
    'test',
  ])('%s stays out of the build context', (path) => {
    expect(isInContext(path)).toBe(false);
  });

  test('builds with the repository’s own build, keeps production dependencies, ends as an unprivileged user', () => {
    const [build] = stages;
    const scripts = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object })
      .scripts;
    const runs = (build ?? []).filter(({ name }) => name === 'RUN').map(({ text }) => text);
    expect(runs[0]).toBe('npm run build');
    expect(scripts).toHaveProperty('build');
    expect(runs[1]).toContain('npm prune --omit=dev');
    expect(last.filter(({ name }) => name === 'USER').map(({ text }) => text)).toEqual(['10001:10001']);
    expect(last.at(-1)).toEqual({ name: 'CMD', text: '["worker"]' });
  });

  test('makes the folders that are mounted, writable for any user', () => {
    const run = last.find(({ name }) => name === 'RUN')?.text;
    expect(run).toContain('install -d -m 1777 /var/lib/imgproof /data/inputs /data/outputs');
  });
});

describe('the image as a folder', () => {
  const folder = newFolder();
  const app = assembleImage(folder);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const node = (...args: string[]) =>
    spawnSync(process.execPath, args, {
      cwd: app,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: app, ...WITHIN_IMAGE },
    });

  test('has no development dependency', () => {
    const check = `import('vitest').then(() => 'found', (error) => error.code).then(console.log)`;
    expect(node('-e', check).stdout.trim()).toBe('ERR_MODULE_NOT_FOUND');
    expect(node('-e', check.replace('vitest', 'undici')).stdout.trim()).toBe('found');
  });

  test('has every folder that the package is made of; examples are for people', () => {
    const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
    const needed = files.filter((name) => name !== 'examples');
    expect(needed.filter((name) => !existsSync(join(app, name)))).toEqual([]);
  });

  test('verifies: the trust list is in it', () => {
    const imgproof = join(app, 'bin', 'imgproof.js');
    const checked = node(imgproof, 'verify', join(app, 'assets'));
    expect([checked.status, checked.stdout + checked.stderr]).toEqual([
      5,
      expect.stringContaining('there is no proof in this folder'),
    ]);
  });

  test.each([
    [['--version'], /^\d+\.\d+\.\d+\n$/u],
    [['worker', '--help'], /run a worker in the foreground/u],
  ])('`imgproof %j` answers', (args, answer) => {
    const { status, stdout } = node(join(app, 'bin', 'imgproof.js'), ...args);
    expect([status, stdout]).toEqual([0, expect.stringMatching(answer)]);
  });
});
