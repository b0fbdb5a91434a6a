import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SCRIPTS = resolve(import.meta.dirname, '../../scripts');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imgproof-bootstrap-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function node(script: string, ...args: string[]) {
  const argv = ['--input-type=module', '--eval', script, ...args];
  return spawnSync(process.execPath, argv, { cwd: SCRIPTS, encoding: 'utf8' });
}

describe('the set-up', () => {
  it.each([
    { version: '18.20.4', exitCode: 3 },
    { version: '20.18.3', exitCode: 3 },
    { version: '20.19.0', exitCode: 0 },
    { version: '22.0.0', exitCode: 0 },
  ])('with Node $version ends with exit code $exitCode', ({ version, exitCode }) => {
    const script = `
      import { checkNode, runScript } from './bootstrap.mjs';
      await runScript(() => { checkNode(process.argv[1]); return 0; });`;
    const { status, stderr } = node(script, version);
    expect(status).toBe(exitCode);
    if (exitCode === 3) expect(stderr).toContain(`imgproof needs Node 20.19 or later; this is ${version}`);
  });

  it('has a lock that one process holds at a time, also when all find the lock of a dead one', async () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeFileSync(join(folder, 'lock'), JSON.stringify({ pid, nonce: 'of-the-dead' }));
    const script = `
      import { appendFileSync } from 'node:fs';
      import { setTimeout as sleep } from 'node:timers/promises';
      import { holdLock } from './bootstrap-lock.mjs';
      const [folder] = process.argv.slice(1);
      await holdLock(folder + '/lock', () => undefined, async () => {
        appendFileSync(folder + '/log', 'in ' + process.pid + '\\n');
        await sleep(50);
        appendFileSync(folder + '/log', 'out ' + process.pid + '\\n');
      });`;
    const runs = Array.from({ length: 6 }, async () => exitOf(script, folder));
    expect(await Promise.all(runs)).toEqual([0, 0, 0, 0, 0, 0]);
    const log = readFileSync(join(folder, 'log'), 'utf8').trim().split('\n');
    expect(log).toHaveLength(12);
    for (let i = 0; i < log.length; i += 2) expect(log[i + 1]).toBe(log[i]?.replace('in', 'out'));
  });

  it.each([
    { change: 'another content', files: { a: 'x' } },
    { change: 'another name', files: { b: '1' } },
    { change: 'one file more', files: { a: '1', c: '' } },
    { change: 'text moved from one file to the next', files: { a: '', b: '1' } },
  ])('sees $change in the sources', ({ files }) => {
    expect(hashOf(files)).not.toBe(hashOf({ a: '1' }));
    expect(hashOf(files)).toBe(hashOf(files));
  });
});

async function exitOf(script: string, ...args: string[]): Promise<number | null> {
  const argv = ['--input-type=module', '--eval', script, ...args];
  const child = spawn(process.execPath, argv, { cwd: SCRIPTS, stdio: 'inherit' });
  return new Promise((done) => child.once('exit', done));
}

function hashOf(files: Partial<Record<string, string>>): string {
  const sources = mkdtempSync(join(folder, 'h-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(sources, name), text ?? '');
  const script = `
    import { contentHash } from './content-hash.mjs';
    import { readdirSync } from 'node:fs';
    const [root] = process.argv.slice(1);
    process.stdout.write(contentHash(readdirSync(root).sort().map((name) => root + '/' + name)));`;
  return node(script, sources).stdout;
}
