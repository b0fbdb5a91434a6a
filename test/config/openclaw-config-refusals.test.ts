import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { inspectProvider, resolveProvider } from '../../src/config.ts';
import { type ConfigFiles, configWorld, openclawWith } from '../support/config-world.ts';

const SECRET = 'sk-secret-987654321';
const BASE = { baseUrl: 'https://api.example.com/v1' };
const LITERAL = { apiKey: SECRET };

describe('forms that do not work end with a kind, an exit code and the name of the form (G8, H7)', () => {
  const expectRefusal = async (
    files: ConfigFiles,
    expected: { kind: string; exitCode: 3 | 4; text: RegExp },
  ) => {
    const { settings, place } = configWorld(files, { SET: SECRET, EMPTY: '' });
    const error = (await resolveProvider(settings, 'happy').catch((error: unknown) => error)) as Error;
    const { kind, exitCode, text } = expected;
    expect(error).toMatchObject({
      name: 'ProviderConfigError',
      kind,
      exitCode,
      message: expect.stringMatching(text),
    });
    expect(error.message).toContain(place.openclaw);
    expect(inspect(error)).not.toContain('987654321');
    expect(await inspectProvider(settings, 'happy')).toEqual({ ok: false, exitCode, message: error.message });
  };
  const env = (id: string) => ({ source: 'env', provider: 'default', id });

  it.each<[string, object, RegExp]>([
    ['no apiKey', {}, /has no apiKey/u],
    ['an unset variable', { apiKey: '${UNSET_KEY}' }, /apiKey from the variable UNSET_KEY/u],
    ['an empty variable', { apiKey: '$EMPTY' }, /variable EMPTY/u],
    ['a SecretRef whose variable is unset', { apiKey: env('UNSET_KEY') }, /UNSET_KEY/u],
    ['a header’s unset variable', { ...LITERAL, headers: { 'X-A': '${UNSET_KEY}' } }, /headers\["X-A"\]/u],
  ])('no_key: %s', async (_, fields, text) => {
    await expectRefusal(openclawWith({ ...BASE, ...fields }), { kind: 'no_key', exitCode: 4, text });
  });

  it('no_key: a variable that is not on the allowlist of its secret provider', async () => {
    const secrets = { providers: { default: { source: 'env', allowlist: ['OTHER'] } } };
    const files = openclawWith({ ...BASE, apiKey: env('SET') }, { secrets });
    await expectRefusal(files, { kind: 'no_key', exitCode: 4, text: /allowlist/u });
  });

  it.each<[string, object, RegExp]>([
    ['a SecretRef of source store', { apiKey: { ...env('A'), source: 'store' } }, /source "store"/u],
    ['auth other than api-key', { ...LITERAL, auth: 'oauth' }, /auth other than/u],
    ['request.auth', { ...LITERAL, request: { auth: { mode: 'header', value: SECRET } } }, /request\.auth/u],
    ['request.proxy', { ...LITERAL, request: { proxy: { mode: 'env-proxy' } } }, /request\.proxy/u],
    ['request.tls', { ...LITERAL, request: { tls: { insecureSkipVerify: true } } }, /request\.tls/u],
    ['another api', { ...LITERAL, api: 'anthropic-messages' }, /an api other than/u],
    ['params', { ...LITERAL, params: { n: 2 } }, /params/u],
    ['region', { ...LITERAL, region: 'eu' }, /region/u],
    ['an unknown field', { ...LITERAL, organization: 'x' }, /the field "organization"/u],
    [
      'a field in another spelling',
      { ...LITERAL, apikey: 'x' },
      /the field "apikey" \(did you mean "apiKey"\?\)/u,
    ],
    [
      'a baseUrl of the model',
      { ...LITERAL, models: [{ id: 'gpt-image-2', baseUrl: 'https://x' }] },
      /models\[\]\.baseUrl/u,
    ],
  ])('unsupported: %s', async (_, fields, text) => {
    await expectRefusal(openclawWith({ ...BASE, ...fields }), { kind: 'unsupported', exitCode: 3, text });
  });

  it.each<[string, object, RegExp]>([
    ['no baseUrl', { baseUrl: '' }, /has no baseUrl/u],
    ['http elsewhere', { baseUrl: 'http://api.example.com/v1' }, /neither https nor http on this machine/u],
    [
      'http to a name that only looks local',
      { baseUrl: 'http://127.0.0.1.example.com/v1' },
      /neither https/u,
    ],
    [
      'a password in the baseUrl',
      { baseUrl: `https://me:${SECRET}@example.com/v1` },
      /user name or password/u,
    ],
    ['no URL', { baseUrl: SECRET }, /not a URL/u],
    ['a baseUrl whose variable is unset', { baseUrl: '${UNSET_URL}' }, /variable UNSET_URL/u],
    ['a lower-case variable', { apiKey: '${happy_key}' }, /no variable name/u],
    ['a key with a line break', { apiKey: `${SECRET}\nx` }, /HTTP doesn't allow/u],
    ['a key that is a number', { apiKey: 987654321 }, /neither a string nor a SecretRef/u],
    ['a SecretRef with another key', { apiKey: { ...env('SET'), value: SECRET } }, /not a SecretRef/u],
    [
      'a SecretRef of an unknown provider',
      { apiKey: { ...env('SET'), provider: 'mine' } },
      /does not define/u,
    ],
    [
      'a header of the request itself',
      { headers: { 'Content-Type': SECRET } },
      /belongs to the request itself/u,
    ],
    ['a header with a line break', { headers: { 'X-A': `${SECRET}\r\nX-B: c` } }, /HTTP doesn't allow/u],
  ])('invalid: %s', async (_, fields, text) => {
    await expectRefusal(openclawWith({ ...BASE, ...LITERAL, ...fields }), {
      kind: 'invalid',
      exitCode: 3,
      text,
    });
  });

  it('invalid: an entry that is a string', async () => {
    await expectRefusal(openclawWith(SECRET), { kind: 'invalid', exitCode: 3, text: /not an object/u });
  });

  it('no entry: says which files were looked at, what is there, and what to add', async () => {
    const { settings, place } = configWorld({ openclaw: { models: { providers: { other: {} } } } });
    const state = await inspectProvider(settings, 'happy');
    expect(state).toMatchObject({ ok: false, exitCode: 3 });
    const { message } = state as { message: string };
    expect(message).toContain(`${place.own} (no such file)`);
    expect(message).toContain(`${place.openclaw}, only other`);
    expect(message).toContain('apiKey: "${HAPPY_API_KEY}"');
    await expect(resolveProvider(settings, '__proto__')).rejects.toMatchObject({ kind: 'no_entry' });
  });

  it('a broken file is named with the place, and nothing of it is shown', async () => {
    const { settings, place } = configWorld({ openclaw: `{\n  apiKey: ${SECRET},\n}` });
    const error = (await resolveProvider(settings, 'happy').catch((error: unknown) => error)) as Error;
    expect(error).toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining(`${place.openclaw} is not valid JSON5 at 2:`),
    });
    expect(inspect(error)).not.toContain(SECRET);
  });

  it.each(['IMGPROOF_CONFIG', 'OPENCLAW_CONFIG_PATH'])(
    'a file that %s names has to be there',
    async (variable) => {
      const { settings } = configWorld({}, { [variable]: '/nowhere/config.json' });
      expect(await inspectProvider(settings, 'happy')).toMatchObject({
        ok: false,
        exitCode: 3,
        message: expect.stringMatching(/nowhere.*ENOENT/u),
      });
    },
  );
});
