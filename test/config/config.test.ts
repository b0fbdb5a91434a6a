import { mkdirSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  allowedRoots,
  ConfigError,
  inspectProvider,
  loadSettings,
  outputRoots,
  rememberRoot,
} from '../../src/config.ts';
import { configWorld } from '../support/config-world.ts';

const KEY = 'sk-test-0123456789';

describe('where things are (H1, H2, G3)', () => {
  const where = (env: NodeJS.ProcessEnv) => loadSettings({ HOME: '/h', ...env });

  it.each<[string, NodeJS.ProcessEnv, string, string]>([
    ['by default', {}, '/h/.openclaw', '/h/.openclaw/openclaw.json'],
    ['OPENCLAW_HOME', { OPENCLAW_HOME: '/o' }, '/o/.openclaw', '/o/.openclaw/openclaw.json'],
    ['OPENCLAW_HOME with ~', { OPENCLAW_HOME: '~/o' }, '/h/o/.openclaw', '/h/o/.openclaw/openclaw.json'],
    ['OPENCLAW_STATE_DIR', { OPENCLAW_STATE_DIR: '/s', OPENCLAW_PROFILE: 'x' }, '/s', '/s/openclaw.json'],
    [
      'OPENCLAW_PROFILE',
      { OPENCLAW_PROFILE: 'work' },
      '/h/.openclaw-work',
      '/h/.openclaw-work/openclaw.json',
    ],
    [
      'OPENCLAW_PROFILE default',
      { OPENCLAW_PROFILE: 'default' },
      '/h/.openclaw',
      '/h/.openclaw/openclaw.json',
    ],
    ['OPENCLAW_CONFIG_PATH', { OPENCLAW_CONFIG_PATH: '~/c.json' }, '/h/.openclaw', '/h/c.json'],
    [
      'blank, undefined and null',
      { OPENCLAW_HOME: ' ', OPENCLAW_STATE_DIR: 'undefined', OPENCLAW_PROFILE: 'null' },
      '/h/.openclaw',
      '/h/.openclaw/openclaw.json',
    ],
    [
      'no HOME but USERPROFILE',
      { HOME: '', USERPROFILE: '/u' },
      '/u/.openclaw',
      '/u/.openclaw/openclaw.json',
    ],
  ])('OpenClaw’s folders: %s', (_, env, stateDir, config) => {
    const settings = where(env);
    expect(settings.openclawStateDir).toBe(stateDir);
    expect(settings.openclawConfig.path).toBe(config);
  });

  it('the home is IMGPROOF_HOME, else the platform’s data directory', () => {
    expect(where({ IMGPROOF_HOME: '~/i' })).toMatchObject({
      home: '/h/i',
      logsDir: '/h/i/logs',
      spoolDir: '/h/i/spool',
      databasePath: '/h/i/temporal.db',
    });
    expect(where({}).home).toMatch(/imgproof/u);
    expect(where({}).home.startsWith(homedir()) || process.env['XDG_DATA_HOME'] !== undefined).toBe(true);
  });

  it('images go to <openclaw state dir>/generated-images; batches below the workspace when there is one (F3)', () => {
    const { home, settings } = configWorld();
    expect(settings.defaults).toEqual({
      outputDir: join(home, '.openclaw', 'generated-images'),
      batchRoot: null,
      queueDir: join(home, '.openclaw', 'image-queue'),
      queueOutputDir: join(home, '.openclaw', 'generated-images'),
    });
    const { settings: inWorkspace } = configWorld(
      {},
      { OPENCLAW_WORKSPACE: '/w', OPENCLAW_IMAGE_PROVIDER: 'p', OPENCLAW_IMAGE_MODEL: 'm' },
    );
    expect(inWorkspace.defaults).toMatchObject({
      provider: 'p',
      model: 'm',
      batchRoot: '/w/content-factory/live-course-design/img2/batches',
    });
  });

  it('a queue has folders of its own: variables name them, ~ and relative paths included (F4)', () => {
    const env = { OPENCLAW_IMAGE_QUEUE_DIR: '~/queue', OPENCLAW_IMAGE_QUEUE_OUTPUT_DIR: 'images' };
    const { home, settings } = configWorld({}, env);
    expect(settings.defaults).toMatchObject({
      queueDir: join(home, 'queue'),
      queueOutputDir: join(process.cwd(), 'images'),
      outputDir: join(home, '.openclaw', 'generated-images'),
    });
  });

  it('environment wins over config', () => {
    const own = { defaults: { provider: 'from-config', model: 'm', outputDir: '~/pictures' } };
    const { home, settings } = configWorld({ own }, { OPENCLAW_IMAGE_PROVIDER: 'from-env' });
    expect(settings.defaults).toMatchObject({
      provider: 'from-env',
      model: 'm',
      outputDir: join(home, 'pictures'),
    });
  });

  it('the package is found, and settings that get logged hold no environment', () => {
    const settings = where({ HAPPY_API_KEY: KEY });
    expect(join(settings.packageRoot, 'test', 'config', 'config.test.ts')).toBe(import.meta.filename);
    expect(settings.cacheDir).toBe(join(settings.packageRoot, '.cache'));
    expect(settings.env['HAPPY_API_KEY']).toBe(KEY);
    expect(inspect(settings, { depth: 9 }) + JSON.stringify(settings)).not.toContain(KEY);
  });

  it.each([
    { OPENCLAW_PROFILE: '../x' },
    { IMGPROOF_HEARTBEAT_TIMEOUT_MS: '5s' },
    { IMGPROOF_HEARTBEAT_TIMEOUT_MS: '7999' },
    { IMGPROOF_HEARTBEAT_TIMEOUT_MS: '600001' },
    { IMGPROOF_SPOOL_RETENTION_DAYS: '0' },
    { IMGPROOF_SPOOL_RETENTION_DAYS: '14d' },
    { IMGPROOF_SPOOL_RETENTION_DAYS: '3651' },
    { IMGPROOF_SPOOL_RETENTION_DAYS: '1.5' },
  ])('%j is refused', (env) => {
    expect(() => where(env)).toThrow(ConfigError);
  });

  it.each([undefined, 8_000, 600_000])('IMGPROOF_HEARTBEAT_TIMEOUT_MS may be %s', (timeoutMs) => {
    const { heartbeatTimeoutMs } = where({ IMGPROOF_HEARTBEAT_TIMEOUT_MS: timeoutMs?.toString() });
    expect(heartbeatTimeoutMs).toBe(timeoutMs ?? 20_000);
  });

  it.each<[string | undefined, unknown, number | null]>([
    [undefined, undefined, 14],
    ['1', undefined, 1],
    ['off', 30, null],
    ['3650', 'off', 3_650],
    [undefined, 30, 30],
    [undefined, 'off', null],
  ])(
    'recorded answers stay: IMGPROOF_SPOOL_RETENTION_DAYS %s, spoolRetentionDays %s: %s days',
    (named, own, days) => {
      const files = own === undefined ? {} : { own: { spoolRetentionDays: own } };
      const { settings } = configWorld(files, { IMGPROOF_SPOOL_RETENTION_DAYS: named });
      expect(settings.spoolRetentionMs).toBe(days === null ? null : days * 24 * 3_600_000);
    },
  );
});

describe('imgproof’s own config (H2)', () => {
  it.each<[string, unknown, RegExp]>([
    ['an unknown key', { provider: {} }, /unknown key "provider"; did you mean "providers"\?/u],
    [
      'an unknown default',
      { defaults: { modell: 'x' } },
      /unknown key "defaults\.modell"; did you mean "model"\?/u,
    ],
    ['a relative root', { inputRoots: ['pictures'] }, /inputRoots must be absolute/u],
    ['a root that is no list', { outputRoots: '/a' }, /outputRoots must be a list/u],
    [
      'a retention without a unit that is known',
      { spoolRetentionDays: '2w' },
      /spoolRetentionDays must be a whole/u,
    ],
    ['a list', [], /must hold one object/u],
  ])('own config: %s', async (_, own, text) => {
    const { settings, place } = configWorld({ own });
    expect(await inspectProvider(settings, 'happy')).toMatchObject({
      ok: false,
      exitCode: 3,
      message: expect.stringMatching(text),
    });
    expect(() => settings.defaults).toThrow(place.own);
  });
});

describe('folders (H3, DESIGN 6)', () => {
  it('embedded: the user’s home, the temp folder, configured roots, current and remembered directories', () => {
    const { home, settings } = configWorld({ own: { inputRoots: ['/srv/pictures'] } });
    expect(allowedRoots(settings, { embedded: true })).toEqual(
      expect.arrayContaining([home, tmpdir(), '/srv/pictures']),
    );
    expect(allowedRoots(settings, { embedded: true })).not.toContain('/work/a');
    expect(allowedRoots(settings, { embedded: true, cwd: '/work/a' })).toContain('/work/a');
    rememberRoot(settings, '/work/a');
    rememberRoot(settings, '/work/a');
    rememberRoot(settings, '/work/b/');
    expect(allowedRoots(settings, { embedded: true })).toEqual(
      expect.arrayContaining(['/work/a', '/work/b']),
    );
    expect(outputRoots(settings, { embedded: true })).toBeNull();
  });

  it('a shared worker: what its config lists, and nothing by default', () => {
    const { settings } = configWorld();
    rememberRoot(settings, '/work/a');
    expect(allowedRoots(settings, { embedded: false })).toEqual([]);
    const own = { inputRoots: ['/srv/in', '~/in'], outputRoots: ['/srv/out'] };
    const { home, settings: configured } = configWorld({ own }, { OPENCLAW_WORKSPACE: '/w' });
    expect(allowedRoots(configured, { embedded: false })).toEqual(['/srv/in', join(home, 'in')]);
    const { outputDir, batchRoot, queueDir } = configured.defaults;
    expect(outputRoots(configured, { embedded: false })).toEqual([
      '/srv/out',
      outputDir,
      queueDir,
      batchRoot,
    ]);
  });

  it('a root behind a link counts under both names', () => {
    const { home, settings } = configWorld();
    mkdirSync(join(home, 'real'));
    symlinkSync(join(home, 'real'), join(home, 'link'));
    rememberRoot(settings, join(home, 'link'));
    expect(allowedRoots(settings, { embedded: true })).toEqual(
      expect.arrayContaining([join(home, 'link'), join(home, 'real')]),
    );
  });
});
