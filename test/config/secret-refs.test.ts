import { describe, expect, it } from 'vitest';
import { inspectProvider } from '../../src/config.ts';
import { type ConfigFiles, configWorld, openclawWith } from '../support/config-world.ts';
import {
  BASE_URL,
  CANARY,
  happyFrom,
  place,
  refusalOf,
  resolveHappy,
  script,
} from '../support/secret-tree.ts';

const KEY = `${CANARY}-ref-5d1c`;

/** A provider `happy` with this key, and `secrets` as they are. */
function happyWith(apiKey: unknown, secrets: object = {}, fields: object = {}): ConfigFiles {
  return openclawWith({ baseUrl: BASE_URL, apiKey, ...fields }, { secrets });
}

describe('secrets.defaults (G8)', () => {
  const FILE = { source: 'file', path: '~/.openclaw/key', mode: 'singleValue' };

  it.each(['file', 'exec'])(
    'a SecretRef of source %s without provider means the default one',
    async (source) => {
      const vault = { source: 'exec', command: '~/.openclaw/bin/vault', jsonOnly: false, timeoutMs: 60_000 };
      const secrets = { providers: { mykeys: FILE, vault }, defaults: { file: 'mykeys', exec: 'vault' } };
      const world = configWorld(happyWith({ source, id: 'value' }, secrets));
      place(world, 'key', KEY);
      script(world, 'vault', `echo ${KEY}`);
      expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY });
    },
  );

  it('without one it is the provider named default', async () => {
    const world = configWorld(happyWith({ source: 'file', id: 'value' }, { providers: { default: FILE } }));
    place(world, 'key', KEY);
    expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY });
  });

  it('secrets.defaults.env: its allowlist holds for "$NAME" and a SecretRef without provider, not for "${NAME}"', async () => {
    const secrets = {
      providers: { few: { source: 'env', allowlist: ['ALLOWED'] } },
      defaults: { env: 'few' },
    };
    const env = { ALLOWED: KEY, OTHER: KEY };
    const keyOf = (apiKey: unknown) => configWorld(happyWith(apiKey, secrets), env);
    expect(await resolveHappy(keyOf('$ALLOWED'))).toMatchObject({ apiKey: KEY });
    expect(await resolveHappy(keyOf({ source: 'env', id: 'ALLOWED' }))).toMatchObject({ apiKey: KEY });
    expect(await resolveHappy(keyOf('${OTHER}'))).toMatchObject({ apiKey: KEY });
    await refusalOf(keyOf('$OTHER'), 'no_key', /variable OTHER, which the allowlist/u);
    await refusalOf(keyOf({ source: 'env', id: 'OTHER' }), 'no_key', /variable OTHER, which the allowlist/u);
    await refusalOf(
      keyOf({ source: 'env', provider: 'default', id: 'ALLOWED' }),
      'invalid',
      /does not define/u,
    );
  });

  it('the default of env needs no definition; an alias of another source stands for variables there', async () => {
    const env = { A_KEY: KEY };
    const undefinedAlias = { defaults: { env: 'vars' } };
    const ref = { source: 'env', provider: 'vars', id: 'A_KEY' };
    expect(await resolveHappy(configWorld(happyWith(ref, undefinedAlias), env))).toMatchObject({
      apiKey: KEY,
    });
    const otherSource = { defaults: { env: 'vars' }, providers: { vars: FILE } };
    expect(await resolveHappy(configWorld(happyWith(ref, otherSource), env))).toMatchObject({ apiKey: KEY });
  });

  it('"$NAME" stands in headers too', async () => {
    const files = happyWith(KEY, {}, { headers: { 'X-Org': '$ORG' } });
    const { headers, secrets } = await resolveHappy(configWorld(files, { ORG: 'org-42' }));
    expect(headers).toEqual({ 'X-Org': 'org-42' });
    expect(secrets).toContain('org-42');
  });
});

describe('a SecretRef that can’t be followed is told before anything is opened (G8)', () => {
  const FILE = { source: 'file', path: `/nowhere/${CANARY}` };
  const EXEC = { source: 'exec', command: `/nowhere/${CANARY}` };
  const file = (id: unknown, provider: unknown = 'keys') => ({ source: 'file', provider, id });
  const exec = (id: unknown, provider: unknown = 'vault') => ({ source: 'exec', provider, id });

  const expectBoth = async (files: ConfigFiles, kind: 'invalid' | 'unsupported' | 'no_key', text: RegExp) => {
    const world = configWorld(files);
    const message = await refusalOf(world, kind, text);
    const exitCode = kind === 'no_key' ? 4 : 3;
    expect(await inspectProvider(world.settings, 'happy')).toEqual({ ok: false, exitCode, message });
  };

  it.each<[string, object]>([
    ['no pointer', file(`${CANARY}/key`)],
    ['a pointer with a wrong escape', file('/a~2b')],
    ['an empty id', file('')],
    ['an id of exec with ..', exec(`${CANARY}/../key`)],
    ['an id of exec with . at its end', exec(`${CANARY}/.`)],
    ['an id of exec with a blank', exec(`${CANARY} key`)],
    ['an endless id of exec', exec('a'.repeat(257))],
    ['a provider in capitals', file('/a', CANARY.toUpperCase())],
    ['no id', { source: 'file', provider: 'keys' }],
    ['a source of its own', { source: CANARY, provider: 'keys', id: '/a' }],
    ['what objects have by nature as source', { source: 'constructor', provider: 'keys', id: '/a' }],
  ])('form: %s', async (_, ref) => {
    await expectBoth(
      happyFrom(ref, { keys: FILE, vault: EXEC }),
      'invalid',
      /apiKey that is not a SecretRef; write it like \{/u,
    );
  });

  it.each<[string, object, object, RegExp]>([
    ['an undefined provider', file('/a', 'other'), { keys: FILE }, /does not define/u],
    ['no default provider', { source: 'exec', id: 'a' }, { vault: EXEC }, /does not define/u],
    [
      'a provider of another source',
      exec('a', 'keys'),
      { keys: FILE },
      /source "exec" whose secret provider is of another/u,
    ],
    [
      'a provider that is a text',
      file('/a'),
      { keys: CANARY },
      /whose secret provider is of another source/u,
    ],
    ['value in a file of mode json', file('value'), { keys: FILE }, /JSON pointer such as/u],
    [
      'a pointer in a file of mode singleValue',
      file('/a'),
      { keys: { ...FILE, mode: 'singleValue' } },
      /it is "value"/u,
    ],
  ])('provider: %s', async (_, ref, providers, text) => {
    await expectBoth(happyFrom(ref, providers), 'invalid', text);
  });

  it.each<[string, object, RegExp]>([
    [
      'a relative path',
      { ...FILE, path: `${CANARY}/keys.json` },
      /keys, which can't be used: path must be absolute/u,
    ],
    ['no path', { source: 'file' }, /path must be absolute/u],
    ['another mode', { ...FILE, mode: CANARY }, /mode must be "json" or "singleValue"/u],
    ['an endless timeout', { ...FILE, timeoutMs: 1e9 }, /timeoutMs must be a whole number from 1 to 120000/u],
    ['no bytes', { ...FILE, maxBytes: 0 }, /maxBytes must be a whole number from 1 to 20971520/u],
    ['an unknown field', { ...FILE, optional: CANARY }, /it has no field "optional"/u],
    ['two at once', { ...FILE, mode: CANARY, timeoutMs: 1.5 }, /mode must be .*; timeoutMs must be/u],
  ])('file: %s', async (_, keys, text) => {
    await expectBoth(happyFrom(file('/a'), { keys }), 'invalid', text);
  });

  it.each<[string, object, RegExp]>([
    [
      'a relative command',
      { ...EXEC, command: CANARY },
      /vault, which can't be used: command must be absolute/u,
    ],
    ['args that are a text', { ...EXEC, args: CANARY }, /args must be a list of strings/u],
    [
      'passEnv with a value',
      { ...EXEC, passEnv: [`A=${CANARY}`] },
      /passEnv must be a list of names of variables/u,
    ],
    ['env of numbers', { ...EXEC, env: { A: 1 } }, /env must be an object of strings/u],
    ['jsonOnly as text', { ...EXEC, jsonOnly: 'no' }, /jsonOnly must be true or false/u],
    ['maxOutputBytes', { ...EXEC, maxOutputBytes: 1e9 }, /maxOutputBytes must be/u],
    ['noOutputTimeoutMs', { ...EXEC, noOutputTimeoutMs: 0 }, /noOutputTimeoutMs must be/u],
    [
      'relative trustedDirs',
      { ...EXEC, trustedDirs: ['bin'] },
      /trustedDirs must be a list of absolute paths/u,
    ],
  ])('exec: %s', async (_, vault, text) => {
    await expectBoth(happyFrom(exec('a'), { vault }), 'invalid', text);
  });

  it('a variable that is not set, in a field of a secret provider', async () => {
    const files = happyFrom(exec('a'), { vault: { ...EXEC, args: ['--token', '${VAULT_TOKEN}'] } });
    await expectBoth(
      files,
      'no_key',
      /takes secrets\.providers\.vault\.args\[1\] from the variable VAULT_TOKEN/u,
    );
  });

  it('a default that names no provider', async () => {
    await expectBoth(happyWith('$A_KEY', { defaults: { env: 7 } }), 'invalid', /secrets\.defaults\.env/u);
  });

  it.each<[string, object, RegExp]>([
    [
      'the source store',
      { source: 'store', provider: 'default', id: 'A_KEY' },
      /source "store", which this version does not support/u,
    ],
    ['a plugin', exec('a', 'plugin'), /pluginIntegration, which this version does not support/u],
  ])('unsupported: %s', async (_, ref, text) => {
    const plugin = { source: 'exec', pluginIntegration: { pluginId: 'p', integrationId: 'i' } };
    await expectBoth(happyFrom(ref, { plugin }), 'unsupported', text);
  });

  it('unsupported: the login shell, where a variable is missing that it might have', async () => {
    const shellEnv = { env: { shellEnv: { enabled: true } } };
    await expectBoth(
      openclawWith({ baseUrl: BASE_URL, apiKey: '${A_KEY}' }, shellEnv),
      'no_key',
      /A_KEY.*\(env\.shellEnv is not supported/u,
    );
  });
});
