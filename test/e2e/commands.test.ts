import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeEach, describe, expect, test } from 'vitest';
import { SigningKeys } from '../../src/artifacts/signing-keys.ts';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import type { ResultRecord } from '../../src/domain/records.ts';
import type { VerifyReport } from '../../src/proof/verify.ts';
import { isServed } from '../../src/embedded/status.ts';
import { type CliAndProvider, until } from '../support/cli.ts';
import { freePort } from '../support/dev-server.ts';
import { shareStack } from '../support/shared-stack.ts';
import { startProviderServer } from '../support/provider-server.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLE = join('examples', 'batch.json');
const REAL_IMAGES = fileURLToPath(new URL('../../../shared/data/gpt-image-2', import.meta.url));

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started), { isUp: true });
beforeEach(() => {
  provider.setLatencyMs(0);
  provider.setScript([]);
});

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.includes(part)).length;
const json = (stdout: string) =>
  JSON.parse(stdout) as BatchResultRecord & { exit_code: number; reason: string };

describe('the demo batch of examples/ with the scripted provider as happy', () => {
  const order = (...more: string[]) =>
    cli.run(['batch', EXAMPLE, '--output-dir', cli.outputDir, '--json', ...more], { cwd: ROOT });

  test('four acceptable images; again 0 calls, also after down and with temporal.db deleted; --again four calls', async () => {
    const before = provider.calls.length;
    const first = await order();
    expect([first.code, json(first.stdout).success, provider.calls.length - before]).toEqual([0, 4, 4]);
    expect(json(first.stdout)).toMatchObject({ ok: true, acceptable: true, exit_code: 0, cost: { yes: 4 } });
    const modes = json(first.stdout).results.map(({ mode, input_images }) => [mode, input_images.length]);
    expect(modes).toEqual([
      ['generation', 0],
      ['generation', 0],
      ['edit', 1],
      ['edit', 2],
    ]);

    const verified = await cli.run(['verify', json(first.stdout).batch_dir]);
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('4 proven')]);

    expect(json((await order()).stdout)).toMatchObject({ ok: true, adopted: 4 });
    expect((await cli.run(['down'])).code).toBe(0);
    expect(json((await order()).stdout)).toMatchObject({ ok: true, adopted: 4 });
    await cli.run(['down']);
    for (const name of readdirSync(cli.home))
      if (name.startsWith('temporal.db')) rmSync(join(cli.home, name));
    expect(json((await order()).stdout)).toMatchObject({ ok: true, adopted: 4, acceptable: true });
    expect(provider.calls.length - before).toBe(4);

    expect(json((await order('--again')).stdout)).toMatchObject({ ok: true, adopted: 0 });
    expect(provider.calls.length - before).toBe(8);
  }, 120_000);

  test('--json prints one JSON document and nothing else on stdout, progress goes to stderr, without escapes', async () => {
    const { stdout, stderr } = await order();
    expect(() => json(stdout)).not.toThrow();
    expect(stderr).toContain('article-covers');
    expect(stdout + stderr).not.toContain('\u001B');
  }, 60_000);

  test('a reviewer with the list of keys verifies the exported package: histories, report, signatures', async () => {
    const { batch_dir } = json((await order()).stdout);
    const keyList = await cli.run(['key', 'show', '--json']);
    await writeFile(join(cli.folder, 'trusted_keys.json'), keyList.stdout);
    const exported = await cli.run(['export', batch_dir, 'evidence.zip', '--json']);
    const { histories } = JSON.parse(exported.stdout) as { histories: string[] };
    expect([exported.code, histories.length]).toEqual([0, 5]);
    expect((await cli.run(['export', batch_dir, 'evidence.zip'])).stderr).toContain('--force');
    const asked = ['--keys', 'trusted_keys.json', '--require', 'signature'];
    const trusted = await cli.run(['verify', 'evidence.zip', ...asked]);
    expect([trusted.code, trusted.stdout]).toEqual([
      0,
      expect.stringContaining("worker's signature: 4 trusted"),
    ]);
    await cli.run(['key', 'rotate']);
    await writeFile(join(cli.folder, 'other_keys.json'), '{"keys": []}');
    const untrusted = await cli.run([
      'verify',
      'evidence.zip',
      '--keys',
      'other_keys.json',
      '--require',
      'signature',
    ]);
    expect([untrusted.code, untrusted.stdout]).toEqual([5, expect.stringContaining('signature-required')]);
    const report = await cli.run(['report', batch_dir]);
    expect([report.code, existsSync(report.stdout.trim())]).toEqual([0, true]);
  }, 60_000);

  test('verify --history notices that a batch was put back to an earlier signed state, which its files alone do not show', async () => {
    const file = await cli.batchFile('history.json', [
      { prompt: 'kept', task_name: 'kept' },
      { prompt: 'at the second try [fault:400 times=1]', task_name: 'late' },
    ]);
    const first = await cli.run(['batch', file, '--batch-id', 'it\'s "history"', '--json']);
    const { batch_dir } = json(first.stdout);
    const before = join(cli.folder, 'before');
    cpSync(batch_dir, before, { recursive: true });
    expect((await cli.run(['retry', 'it\'s "history"'])).code).toBe(0);
    const verified = await cli.run(['verify', batch_dir, '--history', '--require', 'signature']);
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('2 proven')]);
    rmSync(batch_dir, { recursive: true });
    cpSync(before, batch_dir, { recursive: true });
    const whole = async (...more: string[]) => {
      const { stdout } = await cli.run(['verify', batch_dir, '--json', '--require', 'signature', ...more]);
      const [item] = (JSON.parse(stdout) as VerifyReport).items;
      return [item?.verdict, item?.broken.map(({ id }) => id)];
    };
    expect(await whole()).toEqual(['proven', []]);
    expect(await whole('--history')).toEqual(['broken', ['history-agrees']]);
  }, 60_000);

  test('a batch that could not be signed says why; its images are there all the same', async () => {
    const { file } = await new SigningKeys(join(cli.home, 'keys')).rotate();
    await writeFile(file, '{"half":');
    const task = await cli.batchFile('unsigned.json', [{ prompt: 'unsigned' }]);
    const made = await cli.run(['batch', task, '--json']);
    await new SigningKeys(join(cli.home, 'keys')).rotate();
    expect([made.code, made.stderr]).toEqual([
      0,
      expect.stringContaining(`not signed: the signing key ${file}`),
    ]);
    expect(json(made.stdout)).toMatchObject({ ok: true, acceptable: true, manifest: { key_id: null } });
    const worker = readFileSync(join(cli.home, 'logs', 'worker.log'), 'utf8');
    expect(worker).toContain(`not signed: ${json(made.stdout).batch_dir}`);
  }, 60_000);

  test('images of another provider key than happy are refused as production proof (exit 5)', async () => {
    const config = join(cli.folder, 'demo-config.json');
    await writeFile(
      config,
      JSON.stringify({ providers: { demo: { baseUrl: provider.baseUrl, apiKey: 'test-key' } } }),
    );
    await cli.run(['down']);
    const env = { IMGPROOF_CONFIG: config };
    const made = await cli.run(
      ['batch', EXAMPLE, '--provider', 'demo', '--output-dir', cli.outputDir, '--json'],
      { env, cwd: ROOT },
    );
    expect(json(made.stdout)).toMatchObject({ ok: true, acceptable: false });
    const { code, stdout } = await cli.run(['verify', json(made.stdout).batch_dir, '--json']);
    expect(code).toBe(5);
    expect(stdout).toContain('provider-approved');
    await cli.run(['down']);
  }, 60_000);
});

describe('run', () => {
  test('one image with references on the command line; --json prints the proof', async () => {
    const reference = join(cli.folder, 'logo.png');
    await writeFile(
      reference,
      await sharp({ create: { width: 32, height: 32, channels: 3, background: '#aa3311' } })
        .png()
        .toBuffer(),
    );
    const args = [
      'run',
      '--prompt',
      'with a logo',
      '--image',
      'logo.png',
      '--size',
      '1536x1024',
      '--output-dir',
      'out',
      '--json',
    ];
    const { code, stdout } = await cli.run(args);
    const result = JSON.parse(stdout) as ResultRecord & { exit_code: number };
    expect([code, result.exit_code]).toEqual([0, 0]);
    expect(result).toMatchObject({
      ok: true,
      acceptable: true,
      mode: 'edit',
      width: 1536,
      input_images: [{ path: reference }],
    });
    expect(result.image_path).toMatch(/out\/image-\d{8}-\d{6}\.png$/u);
  }, 60_000);

  test('--resume adopts the result of the same key; without it the task is ordered anew', async () => {
    const args = [
      'run',
      '--prompt',
      'resume me',
      '--task-key',
      'resumed',
      '--output-dir',
      cli.outputDir,
      '--json',
    ];
    await cli.run(args);
    const resumed = await cli.run([...args, '--resume']);
    expect([resumed.code, calls('resume me')]).toEqual([0, 1]);
    expect(JSON.parse(resumed.stdout)).toHaveProperty('adopted_from');
    await cli.run(args);
    expect(calls('resume me')).toBe(2);
  }, 60_000);

  test('real gpt-image-2 images reach the disk byte for byte (G5)', async ({ skip }) => {
    skip(!existsSync(REAL_IMAGES), `there are no real images at ${REAL_IMAGES}`);
    const originals = readdirSync(REAL_IMAGES)
      .filter((name) => name.endsWith('.png'))
      .map((name) => readFileSync(join(REAL_IMAGES, name)));
    const real = await startProviderServer({ images: originals });
    try {
      const config = join(cli.folder, 'config.json');
      const before = await readFile(config, 'utf8');
      await writeFile(config, before.replace(provider.baseUrl, real.baseUrl));
      const file = await cli.batchFile(
        'real.json',
        originals.map((_, i) => ({ prompt: `real ${i}`, size: 'auto' })),
        { max_workers: 1 },
      );
      const { stdout } = await cli.run(['batch', file, '--json']);
      await writeFile(config, before);
      expect(json(stdout)).toMatchObject({ ok: true, acceptable: true });
      const saved = json(stdout).results.map(({ image_path }) => readFileSync(image_path as string));
      expect(saved.map((bytes, i) => bytes.equals(originals[i] as Buffer))).toEqual(
        originals.map(() => true),
      );
    } finally {
      await real.close();
    }
  }, 60_000);
});

describe('Ctrl-C detaches, the same command comes back (C4)', () => {
  test('SIGINT: exit 130, how to come back and how to stop; then the command attaches and ends with the result', async () => {
    // Longer than a slow machine takes to start the second command: it has to find the first order running.
    provider.setLatencyMs(12_000);
    const file = await cli.batchFile('detach.json', [{ prompt: 'detach 1' }, { prompt: 'detach 2' }]);
    const { child, ended } = cli.start(['batch', file]);
    await until('2 calls', () => calls('detach') === 2);
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([
      130,
      expect.stringMatching(/Detached\. "detach-[0-9a-f]{10}" keeps running/u),
    ]);
    const id = /Detached\. "([^"]+)"/u.exec(stderr)?.[1];
    expect(stderr).toContain(`Watch again:  imgproof watch ${id}`);
    expect(stderr).toContain(`Stop it:      imgproof cancel ${id}`);
    const back = await cli.run(['batch', file, '--json']);
    expect(back.stderr).toContain('attached to detach-');
    expect([back.code, json(back.stdout).success, calls('detach')]).toEqual([0, 2, 2]);
  }, 60_000);

  test('--wait-timeout ends with 124 and the work goes on', async () => {
    provider.setLatencyMs(3_000);
    const file = await cli.batchFile('patience.json', [{ prompt: 'patience' }]);
    expect((await cli.run(['batch', file, '--wait-timeout', '1'])).code).toBe(124);
    expect(json((await cli.run(['batch', file, '--json'])).stdout)).toMatchObject({ ok: true });
    expect(calls('patience')).toBe(1);
  }, 60_000);
});

describe('down drains (R6)', () => {
  test('SIGTERM with 4 calls under way: 4 results arrive, 0 repeats, the rest is made by the next command', async () => {
    provider.setLatencyMs(4_000);
    const file = await cli.batchFile(
      'drain.json',
      Array.from({ length: 6 }, (_, i) => ({ prompt: `drain ${i}` })),
    );
    const { child, ended } = cli.start(['batch', file]);
    await until('4 calls', () => calls('drain') === 4);
    child.kill('SIGKILL');
    await ended;
    const down = await cli.run(['down']);
    expect([down.code, calls('drain')]).toEqual([0, 4]);
    const results = readdirSync(join(cli.outputDir, 'batches')).find((name) =>
      name.startsWith('drain-'),
    ) as string;
    const recorded = readdirSync(join(cli.outputDir, 'batches', results), { recursive: true }).filter(
      (name) => /^\d\d-[^/]+\/result\.json$/u.test(String(name)),
    );
    expect(recorded).toHaveLength(4);
    const { stdout } = await cli.run(['batch', file, '--json']);
    expect(json(stdout)).toMatchObject({ success: 6, cost: { no: 0, possible: 0, yes: 6 } });
    expect(calls('drain')).toBe(6);
  }, 120_000);
});

describe('an address equal to the embedded one is still embedded mode (C5)', () => {
  test('with TEMPORAL_ADDRESS set to it, status tells of the embedded server', async () => {
    const { address } = JSON.parse((await cli.run(['up', '--json'])).stdout) as { address: string };
    const { stdout } = await cli.run(['status', '--json'], { env: { TEMPORAL_ADDRESS: address } });
    expect(JSON.parse(stdout)).toMatchObject({ embedded: { status: 'ready', address } });
  });
});

test('a signal to `imgproof temporal` ends the program that runs in its place', async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const args = ['temporal', 'server', 'start-dev', '--headless', '--port', address.split(':')[1] as string];
  const { child, ended } = cli.start(args);
  await until('the server', () => isServed(address));
  child.kill('SIGTERM');
  await ended;
  await until('its end', async () => !(await isServed(address)));
}, 60_000);
