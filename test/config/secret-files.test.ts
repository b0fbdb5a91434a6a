import { chmodSync, chownSync, linkSync, mkdirSync, symlinkSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ConfigWorld, configWorld } from '../support/config-world.ts';
import {
  BASE_URL,
  CANARY,
  fileWorld,
  happyFrom,
  place,
  refusalOf,
  resolveHappy,
} from '../support/secret-tree.ts';

const KEY = `${CANARY}-file-5d1c`;
const AT = { mode: 'singleValue', path: '~/.openclaw/key' };

describe('SecretRefs of source file that work (G8)', () => {
  it('mode json, the default: the id is a JSON pointer into the file', async () => {
    const world = fileWorld();
    place(world, 'keys.json', { happy: { key: KEY } });
    expect(await resolveHappy(world)).toEqual({
      name: 'happy',
      baseUrl: BASE_URL,
      apiKey: KEY,
      headers: {},
      secrets: [KEY],
    });
  });

  it.each<[string, unknown]>([
    ['/a~1b/m~0n', { 'a/b': { 'm~n': KEY } }],
    ['/~01', { '~1': KEY }],
    ['/list/1/key', { list: [{}, { key: KEY }] }],
    ['/', { '': KEY }],
    ['/a//b', { a: { '': { b: KEY } } }],
  ])('pointer %s (RFC 6901)', async (id, document) => {
    const world = fileWorld({}, id);
    place(world, 'keys.json', document);
    expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY });
  });

  it.each([KEY, `${KEY}\n`, `${KEY}\r\n`, `\uFEFF${KEY}\n`])(
    'mode singleValue: the id is value, the secret the text %j without its last line break',
    async (text) => {
      const world = fileWorld(AT, 'value');
      place(world, 'key', text);
      expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY, secrets: [KEY] });
    },
  );

  it('one file serves key and headers, and what it held is secret with and without its scheme', async () => {
    const ref = (id: string) => ({ source: 'file', provider: 'keys', id });
    const headers = { 'X-Org': ref('/org'), 'X-Pass': ref('/pass') };
    const keys = { source: 'file', path: '~/.openclaw/keys.json' };
    const world = configWorld(happyFrom(ref('/key'), { keys }, { headers }));
    place(world, 'keys.json', { key: KEY, org: 'org-42', pass: 'Basic dXNlcjpwYXNz' });
    const { headers: sent, secrets } = await resolveHappy(world);
    expect(sent).toEqual({ 'X-Org': 'org-42', 'X-Pass': 'Basic dXNlcjpwYXNz' });
    expect(secrets.sort()).toEqual([KEY, 'org-42', 'Basic dXNlcjpwYXNz', 'dXNlcjpwYXNz'].sort());
  });

  it('~ is OPENCLAW_HOME in OpenClaw’s config, and variables stand in the path', async () => {
    const env = {
      OPENCLAW_HOME: '~/.openclaw/other',
      OPENCLAW_CONFIG_PATH: '~/../openclaw.json',
      FOLDER: 'vault',
    };
    const world = fileWorld({ path: '~/${FOLDER}/keys.json' }, '/key', env);
    place(world, 'other/vault/keys.json', { key: KEY });
    expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY });
  });

  it('imgproof’s own config has secret providers of its own (H2)', async () => {
    const world = configWorld({
      own: {
        providers: {
          happy: { baseUrl: BASE_URL, apiKey: { source: 'file', provider: 'mine', id: 'value' } },
        },
        secrets: { providers: { mine: { source: 'file', path: '~/.openclaw/key', mode: 'singleValue' } } },
      },
    });
    place(world, 'key', KEY);
    expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY });
  });

  it('the file is read anew for every call', async () => {
    const world = fileWorld(AT, 'value');
    place(world, 'key', KEY);
    await resolveHappy(world);
    place(world, 'key', 'another-key');
    expect(await resolveHappy(world)).toMatchObject({ apiKey: 'another-key' });
  });
});

describe('a file of secrets is refused (G8)', () => {
  it.each<[string, (path: string, world: ConfigWorld) => void, RegExp]>([
    ['that its group can read', (path) => chmodSync(path, 0o640), /read or written by other users.*600/u],
    ['that everybody can write', (path) => chmodSync(path, 0o602), /read or written by other users/u],
    ['with a second name', (path) => linkSync(path, `${path}.2`), /hard link/u],
    ['of mode json that holds a list', (_, world) => place(world, 'keys.json', [KEY]), /one JSON object/u],
    [
      'of mode json that holds text',
      (_, world) => place(world, 'keys.json', `key=${KEY}`),
      /one JSON object/u,
    ],
    [
      'larger than maxBytes',
      (_, world) => place(world, 'keys.json', { key: KEY, more: 'x'.repeat(2000) }),
      /maxBytes/u,
    ],
  ])('%s', async (_, spoil, text) => {
    const world = fileWorld({ maxBytes: 1000 });
    spoil(place(world, 'keys.json', { happy: { key: KEY } }), world);
    await refusalOf(world, 'invalid', text);
  });

  it('that is a symbolic link, though a link on the way to it is none of that', async () => {
    const world = fileWorld();
    const path = place(world, 'real/keys.json', { happy: { key: KEY } });
    symlinkSync(path, join(world.home, '.openclaw', 'keys.json'));
    await refusalOf(world, 'invalid', /symbolic link/u);
    const onTheWay = fileWorld({ path: '~/.openclaw/link/keys.json' });
    place(onTheWay, 'real/keys.json', { happy: { key: KEY } });
    symlinkSync(join(onTheWay.home, '.openclaw', 'real'), join(onTheWay.home, '.openclaw', 'link'));
    expect(await resolveHappy(onTheWay)).toMatchObject({ apiKey: KEY });
  });

  it('that is a folder or a pipe, without waiting for a writer', async () => {
    const folder = fileWorld();
    mkdirSync(join(folder.home, '.openclaw', 'keys.json'), { mode: 0o700 });
    await refusalOf(folder, 'invalid', /not a regular file/u);
    const pipe = fileWorld();
    execFileSync('mkfifo', ['-m', '600', join(pipe.home, '.openclaw', 'keys.json')]);
    await refusalOf(pipe, 'invalid', /not a regular file/u);
  });

  it.skipIf(process.getuid?.() !== 0)('of another user (needs root to make one)', async () => {
    const world = fileWorld();
    chownSync(place(world, 'keys.json', { happy: { key: KEY } }), 12_345, 12_345);
    await refusalOf(world, 'invalid', /belongs to another user/u);
  });

  it('that is not read within timeoutMs', async () => {
    const world = fileWorld({ timeoutMs: 1, maxBytes: 20 * 1024 * 1024 });
    place(world, 'keys.json', { happy: { key: KEY }, more: 'x'.repeat(19 * 1024 * 1024) });
    await refusalOf(world, 'no_key', /within 1 ms/u);
  });
});

describe('a secret that is not in its file (H7)', () => {
  it('no file', async () => {
    const text = await refusalOf(
      fileWorld(),
      'no_key',
      /takes apiKey from secrets\.providers\.keys: its file does not exist/u,
    );
    expect(text).not.toContain('keys.json');
  });

  it.each<[string, string, unknown]>([
    ['nothing there', '/happy/other', { happy: { key: KEY } }],
    ['nothing below a text', '/happy/key/0', { happy: { key: KEY } }],
    ['what objects have by nature', '/constructor/name', { happy: KEY }],
    ['a position with a zero in front', '/01', { list: [KEY] }],
  ])('%s', async (_, id, document) => {
    const world = fileWorld({}, id);
    place(world, 'keys.json', document);
    await refusalOf(world, 'no_key', /takes apiKey from secrets\.providers\.keys: it holds no such secret/u);
  });

  it.each<[string, unknown, RegExp]>([
    ['a number', 17, /is not a string/u],
    ['an object', { key: KEY }, /is not a string/u],
    ['an empty text', ' ', /is empty/u],
  ])('%s in its place', async (_, value, text) => {
    const world = fileWorld();
    place(world, 'keys.json', { happy: { key: value } });
    await refusalOf(world, 'no_key', text);
  });

  it('what is missing in two files is told of both', async () => {
    const ref = (provider: string) => ({ source: 'file', provider, id: '/key' });
    const provider = (name: string) => ({ source: 'file', path: `~/.openclaw/${name}.json` });
    const providers = { one: provider('one'), two: provider('two') };
    const world = configWorld(happyFrom(ref('one'), providers, { headers: { 'X-A': ref('two') } }));
    place(world, 'one.json', {});
    place(world, 'two.json', {});
    const text = await refusalOf(world, 'no_key', /takes apiKey from secrets\.providers\.one: it holds/u);
    expect(text).toMatch(/takes headers\["X-A"\] from secrets\.providers\.two: it holds/u);
  });

  it('what is found has to be fit for HTTP', async () => {
    const world = fileWorld(AT, 'value');
    place(world, 'key', `${KEY} and\nmore`);
    await refusalOf(world, 'invalid', /apiKey with blanks or characters/u);
  });
});
