/** Which files and variables count: places and their order, on real config trees (G8, `reference/api.md` 3). */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectProvider, loadSettings, resolveProvider } from '../../src/config.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** A home with a config and `.env` at each place; each tells by its key where it stood. */
function homeWith(configs: string[], dotenvs: string[] = []): string {
  const home = tempFolder();
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), text);
  };
  for (const path of configs) {
    const happy = { baseUrl: 'https://h/v1', apiKey: '${A_KEY}', headers: { 'X-File': path } };
    write(path, JSON.stringify({ models: { providers: { happy } }, env: { vars: { A_KEY: 'vars' } } }));
  }
  for (const path of dotenvs) write(path, `# mine\nexport A_KEY='${path}'\nB=\${A_KEY}\n`);
  return home;
}

const happyOf = (home: string, env: NodeJS.ProcessEnv) =>
  resolveProvider(loadSettings({ HOME: home, IMGPROOF_HOME: join(home, 'i'), ...env }), 'happy');

describe('the config file (G8)', () => {
  const FILES = [
    '.openclaw/openclaw.json',
    '.openclaw-work/openclaw.json',
    'o/.openclaw/openclaw.json',
    'o/.openclaw-work/openclaw.json',
    'state/openclaw.json',
    'o/state/openclaw.json',
    'named.json5',
  ];

  it.each<[NodeJS.ProcessEnv, string]>([
    [{}, '.openclaw/openclaw.json'],
    [{ OPENCLAW_PROFILE: 'work' }, '.openclaw-work/openclaw.json'],
    [{ OPENCLAW_PROFILE: 'Default' }, '.openclaw/openclaw.json'],
    [{ OPENCLAW_HOME: '~/o' }, 'o/.openclaw/openclaw.json'],
    [{ OPENCLAW_HOME: '~/o', OPENCLAW_PROFILE: 'work' }, 'o/.openclaw-work/openclaw.json'],
    [{ OPENCLAW_STATE_DIR: '~/state', OPENCLAW_PROFILE: 'work' }, 'state/openclaw.json'],
    [{ OPENCLAW_STATE_DIR: '~/state', OPENCLAW_HOME: '~/o' }, 'o/state/openclaw.json'],
    [{ OPENCLAW_CONFIG_PATH: '~/named.json5', OPENCLAW_STATE_DIR: '~/state' }, 'named.json5'],
    [
      { OPENCLAW_CONFIG_PATH: ' ', OPENCLAW_STATE_DIR: 'undefined', OPENCLAW_HOME: 'null' },
      '.openclaw/openclaw.json',
    ],
    [{ CLAWDBOT_CONFIG_PATH: '~/named.json5', MOLTBOT_STATE_DIR: '~/state' }, '.openclaw/openclaw.json'],
  ])('%j', async (env, file) => {
    expect((await happyOf(homeWith(FILES), env)).headers).toEqual({ 'X-File': file });
  });

  it('one that a variable names has to be there, one in a state directory need not', async () => {
    const home = homeWith([]);
    const named = loadSettings({ HOME: home, OPENCLAW_CONFIG_PATH: '~/named.json5' });
    expect(await inspectProvider(named, 'happy')).toMatchObject({
      message: expect.stringMatching(/ENOENT/u),
    });
    const byDefault = loadSettings({ HOME: home, OPENCLAW_STATE_DIR: '~/state' });
    expect(await inspectProvider(byDefault, 'happy')).toMatchObject({
      message: expect.stringMatching(/no provider "happy".*state\/openclaw\.json \(no such file\)/u),
    });
  });
});

describe('variables: the environment, then .env of the state directory, then env.vars (G8)', () => {
  const CONFIGS = ['.openclaw/openclaw.json', 'state/openclaw.json'];
  const keyWith = async (env: NodeJS.ProcessEnv, dotenvs: string[]) =>
    (await happyOf(homeWith(CONFIGS, dotenvs), env)).apiKey;

  it.each<[string, NodeJS.ProcessEnv, string[], string]>([
    ['environment', { A_KEY: 'process' }, ['.openclaw/.env'], 'process'],
    ['.env', {}, ['.openclaw/.env'], '.openclaw/.env'],
    ['.env where the variable is blank', { A_KEY: ' ' }, ['.openclaw/.env'], '.openclaw/.env'],
    [
      '.env of OPENCLAW_STATE_DIR',
      { OPENCLAW_STATE_DIR: '~/state' },
      ['.openclaw/.env', 'state/.env'],
      'state/.env',
    ],
    ['env.vars', {}, [], 'vars'],
    [
      'env.vars: no .env elsewhere counts',
      { OPENCLAW_STATE_DIR: '~/state' },
      ['.openclaw/.env', '.env'],
      'vars',
    ],
  ])('%s', async (_, env, dotenvs, key) => {
    expect(await keyWith(env, dotenvs)).toBe(key);
  });

  it('nothing is expanded in .env', async () => {
    const home = homeWith([], ['.openclaw/.env']);
    const happy = { baseUrl: 'https://h/v1', apiKey: 'k', headers: { 'X-B': '${B}' } };
    writeFileSync(
      join(home, '.openclaw', 'openclaw.json'),
      JSON.stringify({ models: { providers: { happy } } }),
    );
    expect((await happyOf(home, {})).headers).toEqual({ 'X-B': '${A_KEY}' });
  });

  it('nothing is read from the current directory', async () => {
    const home = homeWith(CONFIGS, ['.openclaw/.env']);
    const here = process.cwd();
    const elsewhere = homeWith([], ['.env']);
    process.chdir(elsewhere);
    try {
      expect((await happyOf(home, {})).apiKey).toBe('.openclaw/.env');
    } finally {
      process.chdir(here);
    }
  });
});
