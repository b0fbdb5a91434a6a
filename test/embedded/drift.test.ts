import { writeFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadSettings } from '../../src/config.ts';
import {
  differingFacts,
  publishedFacts,
  VERSION_FACT,
  workerFacts,
} from '../../src/embedded/worker-facts.ts';
import { copyBuiltPackage } from '../support/built-package.ts';
import { type Cli, startCliAndProvider, until } from '../support/cli.ts';
import type { ProviderServer } from '../support/provider-server.ts';
import { newFolder } from '../support/temp-folder.ts';

let provider: ProviderServer;
let cli: Cli;
let stamp: string;
beforeAll(async () => {
  const built = copyBuiltPackage(newFolder());
  stamp = built.stamp;
  const started = await startCliAndProvider({ apiKey: null, bin: built.bin });
  ({ cli, provider } = started);
  return started.stop;
}, 180_000);
beforeEach(() => provider.setLatencyMs(0));

const KEYS = { first: 'sk-first-secret-value', second: 'sk-second-secret-value' };
const withKey = (name: keyof typeof KEYS) => ({ env: { HAPPY_API_KEY: KEYS[name] } });
const run = (key: string, ...more: string[]) => {
  const names = ['--prompt', `drift ${key}`, '--task-key', key];
  return ['run', ...names, '--output-dir', cli.outputDir, ...more];
};
const calls = (key: string) => provider.calls.filter(({ prompt }) => prompt === `drift ${key}`);

describe('the facts of a worker (G8)', () => {
  const facts = { A: 'secret', B: '', [VERSION_FACT]: '1+a' };

  test('are published as salted hashes, another one for each worker', () => {
    const [one, other] = [publishedFacts(facts), publishedFacts(facts)];
    expect(JSON.stringify(one)).not.toContain('secret');
    expect(one.hashes['A']).not.toBe(other.hashes['A']);
    expect(one.imgproof_version).toBe('1+a');
    expect(differingFacts(facts, one)).toEqual([]);
  });

  test('differ by value, by being set or not, and by a name that the worker never heard of when it is set', () => {
    const published = publishedFacts(facts);
    expect(differingFacts({ ...facts, A: 'other' }, published)).toEqual(['A']);
    expect(differingFacts({ ...facts, A: '', B: 'set' }, published)).toEqual(['A', 'B']);
    expect(differingFacts({ ...facts, NEW: 'set' }, published)).toEqual(['NEW']);
    expect(differingFacts({ ...facts, NEW: '' }, published)).toEqual([]);
    expect(differingFacts({ ...facts, [VERSION_FACT]: '2' }, published)).toEqual([VERSION_FACT]);
  });

  test('are the variables that the configs name, the places of the configs, mocks, and the version', async () => {
    const folder = newFolder();
    const config = join(folder, 'config.json');
    const happy = { baseUrl: 'https://${HOST}/v1', apiKey: '$HAPPY_KEY', headers: { a: '$${NOT_ONE}' } };
    const other = {
      baseUrl: 'https://h/v1',
      apiKey: { source: 'env', provider: 'default', id: 'OTHER_KEY' },
    };
    await writeFile(config, JSON.stringify({ providers: { happy, other } }));
    const settings = loadSettings({
      HOME: folder,
      IMGPROOF_CONFIG: config,
      HAPPY_KEY: ' k ',
      UNRELATED: 'x',
    });
    expect(workerFacts(settings)).toEqual({
      HOST: '',
      HAPPY_KEY: 'k',
      OTHER_KEY: '',
      IMGPROOF_ALLOW_MOCK: '',
      IMGPROOF_CONFIG: config,
      OPENCLAW_CONFIG_PATH: join(folder, '.openclaw', 'openclaw.json'),
      OPENCLAW_STATE_DIR: join(folder, '.openclaw'),
      OPENCLAW_WORKSPACE: '',
      [VERSION_FACT]: expect.stringMatching(/^\d+\.\d+\.\d+/u) as string,
    });
    await writeFile(config, '{not json5');
    expect(workerFacts(settings)).toMatchObject({ IMGPROOF_ALLOW_MOCK: '', IMGPROOF_CONFIG: config });
  });
});

describe('a command with another environment than the background worker (G8)', () => {
  test('restarts the idle worker with its own; the server runs on; no secret is on disk', async () => {
    await cli.run(['up'], withKey('first'));
    const before = await cli.pids();
    const { code, stderr } = await cli.run(run('idle'), withKey('second'));
    expect([code, stderr]).toEqual([0, expect.stringContaining('other values of HAPPY_API_KEY')]);
    const after = await cli.pids();
    expect(after.server).toBe(before.server);
    expect(after.worker).not.toBe(before.worker);
    expect(stderr).not.toContain('secret-value');
    const names = await readdir(cli.home, { recursive: true, withFileTypes: true });
    for (const file of names.filter((entry) => entry.isFile())) {
      const text = await readFile(join(file.parentPath, file.name), 'latin1');
      for (const key of Object.values(KEYS)) expect(text.includes(key), `${key} in ${file.name}`).toBe(false);
    }
    await cli.run(run('idle-again'), withKey('second'));
    expect(await cli.pids()).toEqual(after);
  }, 180_000);

  test('is exit 3 while calls run, naming them and what differs; when they have ended it works', async () => {
    provider.setLatencyMs(8_000);
    const busy = cli.start(run('busy'), withKey('second'));
    await until('its call', () => calls('busy').length === 1);
    const { worker } = await cli.pids();
    const refused = await cli.run(run('refused', '--json'), withKey('first'));
    expect(refused.code).toBe(3);
    expect(refused.stderr).toMatch(
      /other values of HAPPY_API_KEY, and can't be restarted .* busy \(\d+ s of 600 s\)/u,
    );
    expect(refused.stderr).toContain('Nothing was sent');
    expect(JSON.parse(refused.stdout)).toMatchObject({ ok: false, exit_code: 3 });
    expect([calls('refused').length, (await cli.pids()).worker]).toEqual([0, worker]);
    expect((await busy.ended).code).toBe(0);
    provider.setLatencyMs(0);
    const allowed = await cli.run(run('refused'), withKey('first'));
    expect([allowed.code, calls('refused').length, calls('busy').length]).toEqual([0, 1, 1]);
  }, 180_000);

  test('five at once restart the worker once, and all get their image', async () => {
    const starts = async () =>
      (await readFile(join(cli.home, 'logs', 'worker.log'), 'utf8')).match(/worker polls/gu)?.length ?? 0;
    const before = await starts();
    const ends = await Promise.all(
      [1, 2, 3, 4, 5].map((i) => cli.run(run(`at-once-${i}`), withKey('second'))),
    );
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(await starts()).toBe(before + 1);
    expect([1, 2, 3, 4, 5].map((i) => calls(`at-once-${i}`).length)).toEqual([1, 1, 1, 1, 1]);
  }, 180_000);

  test('a config that is named relative to the current directory is the same one to the worker', async () => {
    const relative = { env: { ...withKey('second').env, IMGPROOF_CONFIG: 'config.json' } };
    const before = await cli.pids();
    const { code, stderr } = await cli.run(run('relative'), relative);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('restarting the worker')]);
    process.kill(before.worker, 'SIGKILL');
    expect((await cli.run(['down', '--now'])).code).toBe(0);
    expect((await cli.run(run('relative-2'), relative)).code).toBe(0);
    const after = await cli.pids();
    expect((await cli.run(run('absolute'), withKey('second'))).code).toBe(0);
    expect(await cli.pids()).toEqual(after);
  }, 180_000);

  test('another config is another environment, and is read', async () => {
    const other = join(cli.folder, 'other.json');
    const happy = { baseUrl: provider.baseUrl, apiKey: '${OTHER_KEY}' };
    await writeFile(other, JSON.stringify({ providers: { happy } }));
    const env = { ...withKey('second').env, IMGPROOF_CONFIG: other, OTHER_KEY: 'sk-other-secret-value' };
    const { code, stderr } = await cli.run(run('other-config'), { env });
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining('other values of OTHER_KEY, IMGPROOF_CONFIG'),
    ]);
  }, 180_000);

  test('`status` and `temporal` take the worker as it is', async () => {
    const before = await cli.pids();
    expect((await cli.run(['status'], withKey('first'))).code).toBe(0);
    expect((await cli.run(['temporal', 'workflow', 'list'], withKey('first'))).code).toBe(0);
    expect(await cli.pids()).toEqual(before);
  }, 120_000);

  test('a worker of another version of imgproof is replaced too, also when its supervisor was killed', async () => {
    await cli.run(['up'], withKey('second'));
    const before = await cli.pids();
    process.kill(before.supervisor, 'SIGKILL');
    writeFileSync(stamp, 'another build');
    const { code, stderr } = await cli.run(['up'], withKey('second'));
    expect([code, stderr]).toEqual([0, expect.stringContaining('other values of the imgproof version')]);
    const after = await cli.pids();
    expect(after.server).toBe(before.server);
    expect(after.worker).not.toBe(before.worker);
    const { imgproof_version } = JSON.parse(await readFile(join(cli.home, 'worker.json'), 'utf8')) as {
      imgproof_version: string;
    };
    expect(imgproof_version).toContain('another buil');
  }, 180_000);
});
