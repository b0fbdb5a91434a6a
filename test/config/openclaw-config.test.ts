import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inspectProvider, resolveProvider } from '../../src/config.ts';
import { configWorld, openclawWith } from '../support/config-world.ts';

const KEY = 'sk-test-0123456789';
const BASE = { baseUrl: 'https://api.example.com/v1' };

describe('forms of a provider entry that work (G8)', () => {
  const env = { HAPPY_API_KEY: KEY, ORG: 'org-42', EMPTY: '' };

  it.each<[string, object, object]>([
    ['a literal key', { apiKey: KEY }, {}],
    ['"${VAR}"', { apiKey: '${HAPPY_API_KEY}' }, {}],
    ['"$VAR"', { apiKey: '$HAPPY_API_KEY' }, {}],
    ['the bare name of a variable that is set', { apiKey: 'HAPPY_API_KEY' }, {}],
    ['a SecretRef', { apiKey: { source: 'env', provider: 'default', id: 'HAPPY_API_KEY' } }, {}],
    [
      'a SecretRef with an alias',
      { apiKey: { source: 'env', provider: 'mine', id: 'HAPPY_API_KEY' } },
      { secrets: { providers: { mine: { source: 'env', allowlist: ['HAPPY_API_KEY'] } } } },
    ],
    [
      'OpenClaw’s other fields',
      {
        apiKey: KEY,
        auth: 'api-key',
        api: 'openai-completions',
        authHeader: true,
        timeoutSeconds: 180,
        request: { allowPrivateNetwork: true },
        models: [
          { id: 'gpt-image-2', name: 'GPT Image 2' },
          { id: 'chat', baseUrl: 'https://x' },
        ],
      },
      {},
    ],
    ['a slash at the end', { apiKey: KEY, baseUrl: 'https://api.example.com/v1/' }, {}],
  ])('%s', async (_, fields, rest) => {
    const { settings } = configWorld(openclawWith({ ...BASE, ...fields }, rest), env);
    expect(await resolveProvider(settings, 'happy')).toEqual({
      name: 'happy',
      baseUrl: BASE.baseUrl,
      apiKey: KEY,
      headers: {},
      secrets: [KEY],
    });
    expect(await inspectProvider(settings, 'happy')).toEqual({ ok: true });
  });

  it('headers, with variables; $${VAR} is the text ${VAR}; what came from a variable is secret', async () => {
    const headers = {
      'X-Org': '${ORG}',
      'X-Plain': 'app $${ORG}',
      'X-Token': 'Bearer abcdef',
      'X-Title': 'imgproof',
    };
    const { settings } = configWorld(openclawWith({ ...BASE, apiKey: KEY, headers }), env);
    const provider = await resolveProvider(settings, 'happy');
    expect(provider.headers).toEqual({
      'X-Org': 'org-42',
      'X-Plain': 'app ${ORG}',
      'X-Token': 'Bearer abcdef',
      'X-Title': 'imgproof',
    });
    expect(provider.secrets).toEqual(expect.arrayContaining([KEY, 'org-42', 'Bearer abcdef', 'abcdef']));
    expect(provider.secrets).not.toContain('imgproof');
  });

  it('a header that carries the key makes apiKey unnecessary', async () => {
    const { settings } = configWorld(
      openclawWith({ ...BASE, headers: { 'api-key': '${HAPPY_API_KEY}' } }),
      env,
    );
    expect(await resolveProvider(settings, 'happy')).toMatchObject({
      apiKey: '',
      headers: { 'api-key': KEY },
      secrets: [KEY],
    });
  });

  it.each([
    'http://127.0.0.1:8080/v1',
    'http://localhost/v1',
    'http://[::1]:1/v1',
    'https://${ORG}.example.com/v1?api-version=1',
  ])('baseUrl %s', async (baseUrl) => {
    const { settings } = configWorld(openclawWith({ baseUrl, apiKey: KEY }), env);
    expect(await resolveProvider(settings, 'happy')).toMatchObject({
      baseUrl: baseUrl.replace('${ORG}', 'org-42'),
    });
  });

  it('JSON5: comments and trailing commas; the environment wins over .env, .env over env.vars', async () => {
    const text = `{ // mine
      env: { vars: { A_KEY: 'vars', B_KEY: 'vars', C_KEY: 'vars' } },
      models: { providers: { a: { baseUrl: 'https://h/v1', apiKey: '\${A_KEY}', }, b: { baseUrl: 'https://h/v1', apiKey: '\${B_KEY}' }, c: { baseUrl: 'https://h/v1', apiKey: '\${C_KEY}' } } },
    }`;
    const { settings } = configWorld(
      { openclaw: text, dotenv: 'A_KEY=dotenv\nB_KEY="dotenv"\n' },
      { A_KEY: 'process' },
    );
    const keys = await Promise.all(['a', 'b', 'c'].map((name) => resolveProvider(settings, name)));
    expect(keys.map(({ apiKey }) => apiKey)).toEqual(['process', 'dotenv', 'vars']);
  });

  it('the own config wins for a provider of the same name, as a whole, and OpenClaw’s is not even read then (H2)', async () => {
    const own = { providers: { happy: { ...BASE, apiKey: 'own-key' } } };
    const { settings } = configWorld({
      ...openclawWith({ baseUrl: 'https://other/v1', apiKey: KEY, headers: { 'X-A': 'b' } }),
      own,
    });
    expect(await resolveProvider(settings, 'happy')).toMatchObject({
      baseUrl: BASE.baseUrl,
      apiKey: 'own-key',
      headers: {},
    });
    expect(await resolveProvider(configWorld({ openclaw: '{broken', own }).settings, 'happy')).toMatchObject({
      apiKey: 'own-key',
    });
  });

  it('it is read anew for every call', async () => {
    const { settings, place } = configWorld(openclawWith({ ...BASE, apiKey: 'old-key' }));
    expect(await resolveProvider(settings, 'happy')).toMatchObject({ apiKey: 'old-key' });
    writeFileSync(place.openclaw, JSON.stringify(openclawWith({ ...BASE, apiKey: 'new-key' }).openclaw));
    expect(await resolveProvider(settings, 'happy')).toMatchObject({ apiKey: 'new-key' });
  });
});
