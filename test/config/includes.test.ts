import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectProvider, namedVariables } from '../../src/config.ts';
import { type ConfigWorld, configWorld } from '../support/config-world.ts';
import { BASE_URL, CANARY, place, refusalOf, resolveHappy } from '../support/secret-tree.ts';
import { tempFolder } from '../support/temp-folder.ts';

const KEY = `${CANARY}-included-5d1c`;
const HAPPY = { baseUrl: BASE_URL, apiKey: KEY };

/** OpenClaw's config with this text as it is, and the files beside it. */
function worldOf(
  openclaw: object,
  files: Record<string, unknown> = {},
  env: NodeJS.ProcessEnv = {},
): ConfigWorld {
  const world = configWorld({ openclaw }, env);
  for (const [name, content] of Object.entries(files)) place(world, name, content);
  return world;
}

const nested = (value: object) => ({ models: { providers: { happy: value } } });

describe('$include (G8)', () => {
  it.each<[string, object, Record<string, unknown>]>([
    ['of the whole config', { $include: './all.json5' }, { 'all.json5': nested(HAPPY) }],
    [
      'of models',
      { models: { $include: 'models.json' } },
      { 'models.json': { providers: { happy: HAPPY } } },
    ],
    ['of the providers', { models: { providers: { $include: './p.json' } } }, { 'p.json': { happy: HAPPY } }],
    ['of one provider', nested({ $include: './happy.json' }), { 'happy.json': HAPPY }],
    ['of one field', nested({ ...HAPPY, headers: { $include: './h.json' } }), { 'h.json': {} }],
    [
      'of a list within',
      nested({ ...HAPPY, models: { $include: './m.json' } }),
      { 'm.json': [{ id: 'gpt-image-2' }] },
    ],
    [
      'in a list',
      nested({ ...HAPPY, models: [{ $include: './m.json' }] }),
      { 'm.json': { id: 'gpt-image-2' } },
    ],
    [
      'of secret providers',
      {
        ...nested({ baseUrl: BASE_URL, apiKey: { source: 'file', provider: 'keys', id: 'value' } }),
        secrets: { $include: './secrets.json' },
      },
      {
        'secrets.json': {
          providers: { keys: { source: 'file', path: '~/.openclaw/key', mode: 'singleValue' } },
        },
        key: KEY,
      },
    ],
    [
      'of variables',
      { ...nested({ ...HAPPY, apiKey: '${A_KEY}' }), env: { vars: { $include: './vars.json' } } },
      { 'vars.json': { A_KEY: KEY } },
    ],
    [
      'of JSON5 with comments',
      nested({ $include: './h.json5' }),
      { 'h.json5': `{ // mine\n baseUrl: '${BASE_URL}', apiKey: '${KEY}', }` },
    ],
  ])('%s', async (_, openclaw, files) => {
    const world = worldOf(openclaw, files);
    expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY, baseUrl: BASE_URL });
    expect(await inspectProvider(world.settings, 'happy')).toEqual({ ok: true });
  });

  it('a list is merged in its order: objects key by key, lists one after the other', async () => {
    const world = worldOf(nested({ $include: ['./a.json', './b.json'] }), {
      'a.json': { baseUrl: 'https://a/v1', headers: { 'X-A': 'a', 'X-B': 'a' }, models: [{ id: 'chat' }] },
      'b.json': { ...HAPPY, headers: { 'X-B': 'b' }, models: [{ id: 'gpt-image-2', baseUrl: 'https://no' }] },
    });
    await refusalOf(world, 'unsupported', /models\[\]\.baseUrl/u);
    place(world, 'b.json', { ...HAPPY, headers: { 'X-B': 'b' } });
    expect(await resolveHappy(world)).toMatchObject({
      baseUrl: BASE_URL,
      headers: { 'X-A': 'a', 'X-B': 'b' },
    });
  });

  it('keys beside it win', async () => {
    const beside = { headers: { 'X-A': 'mine' }, apiKey: '${A_KEY}' };
    const files = { 'h.json': { ...HAPPY, headers: { 'X-A': 'a', 'X-C': 'c' } } };
    const world = worldOf(nested({ $include: './h.json', ...beside }), files, { A_KEY: 'from-env' });
    expect(await resolveHappy(world)).toMatchObject({
      apiKey: 'from-env',
      headers: { 'X-A': 'mine', 'X-C': 'c' },
    });
  });

  it('paths are relative to the file that includes, and variables are put in afterwards', async () => {
    const world = worldOf(
      { models: { $include: './parts/models.json' } },
      {
        'parts/models.json': { providers: { happy: { $include: './deep/happy.json' } } },
        'parts/deep/happy.json': { $include: '../base.json', apiKey: '${A_KEY}' },
        'parts/base.json': { baseUrl: BASE_URL },
      },
      { A_KEY: KEY },
    );
    expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY, baseUrl: BASE_URL });
    expect(namedVariables(world.settings)).toEqual(['A_KEY']);
  });

  it('what is not about providers is not even followed', async () => {
    const world = worldOf(
      { $include: './all.json', channels: { $include: './nowhere.json' } },
      { 'all.json': { ...nested(HAPPY), agents: { $include: './nowhere.json' } } },
    );
    expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY });
  });

  it('ten files below each other are followed, the eleventh is not', async () => {
    const files: Record<string, unknown> = {};
    for (let n = 1; n <= 11; n += 1) files[`${n}.json`] = n === 11 ? HAPPY : { $include: `./${n + 1}.json` };
    const world = worldOf(nested({ $include: './2.json' }), files);
    expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY });
    const text = await refusalOf(
      worldOf(nested({ $include: './1.json' }), files),
      'invalid',
      /at most 10 are followed/u,
    );
    expect(text).toContain('10.json: $include in models.providers.happy is the 11th');
  });

  it('the same file twice is no circle', async () => {
    const world = worldOf(nested({ $include: ['./h.json', './h.json'] }), { 'h.json': HAPPY });
    expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY });
  });
});

describe('an $include that does not work is told with file and place (G8)', () => {
  it.each<[string, object, Record<string, unknown>, RegExp]>([
    [
      'no such file',
      nested({ $include: ['./h.json', `./${CANARY}.json`] }),
      { 'h.json': HAPPY },
      /\$include\[1\] in models\.providers\.happy names a file that does not exist/u,
    ],
    [
      'no path',
      nested({ $include: { a: 1 } }),
      {},
      /\$include in models\.providers\.happy must be the path of a file/u,
    ],
    [
      'a list with no path in it',
      nested({ $include: [1] }),
      {},
      /\$include\[0\] in models\.providers\.happy must be/u,
    ],
    ['a path with a null character', nested({ $include: 'a\0b' }), {}, /must be the path of a file/u],
    ['an endless path', nested({ $include: 'a'.repeat(5000) }), {}, /must be the path of a file/u],
    [
      'a circle of one',
      nested({ $include: './a.json' }),
      { 'a.json': { $include: './a.json' } },
      /includes itself: .*openclaw\.json → .*a\.json → .*a\.json/u,
    ],
    [
      'a circle of two',
      { $include: './a.json' },
      { 'a.json': { models: { $include: './b.json' } }, 'b.json': { $include: './a.json' } },
      /includes itself: .*a\.json → .*b\.json → .*a\.json/u,
    ],
    ['the config itself', { models: { $include: './openclaw.json' } }, {}, /includes itself/u],
    [
      'no JSON5',
      nested({ $include: './h.json' }),
      { 'h.json': `{\n apiKey: ${KEY} }` },
      /h\.json is not valid JSON5 at 2:/u,
    ],
    [
      'over 2 MB',
      nested({ $include: './h.json' }),
      { 'h.json': { ...HAPPY, more: 'x'.repeat(2 * 1024 * 1024) } },
      /h\.json has more than 2097152 bytes/u,
    ],
    [
      'a list with keys beside it',
      nested({ $include: './h.json', ...HAPPY }),
      { 'h.json': [] },
      /must hold an object/u,
    ],
    ['a list at the top', { $include: './h.json' }, { 'h.json': [] }, /must hold one object/u],
  ])('%s', async (_, openclaw, files, text) => {
    const world = worldOf(openclaw, files);
    const message = await refusalOf(world, 'invalid', text);
    expect(await inspectProvider(world.settings, 'happy')).toEqual({ ok: false, exitCode: 3, message });
    expect(namedVariables(world.settings)).toEqual([]);
  });

  it('a folder or a pipe, without waiting for a writer; a file with a second name', async () => {
    const world = worldOf(nested({ $include: './h.json' }));
    const path = join(world.home, '.openclaw', 'h.json');
    mkdirSync(path);
    await refusalOf(world, 'invalid', /not a regular file/u);
    const pipe = worldOf(nested({ $include: './h.json' }));
    execFileSync('mkfifo', [join(pipe.home, '.openclaw', 'h.json')]);
    await refusalOf(pipe, 'invalid', /not a regular file/u);
    const linked = worldOf(nested({ $include: './h.json' }), { 'h.json': HAPPY });
    linkSync(join(linked.home, '.openclaw', 'h.json'), join(linked.home, 'second.json'));
    await refusalOf(linked, 'invalid', /hard link/u);
  });

  describe('it stays in the folder of the config', () => {
    const outside = () => {
      const folder = tempFolder();
      writeFileSync(join(folder, 'happy.json'), JSON.stringify(HAPPY));
      return folder;
    };
    const OUT =
      /\$include in models\.providers\.happy leads out of the folder of the config; .*OPENCLAW_INCLUDE_ROOTS/u;

    it('by an absolute path, by .., or by a link', async () => {
      const folder = outside();
      await refusalOf(worldOf(nested({ $include: join(folder, 'happy.json') })), 'invalid', OUT);
      await refusalOf(worldOf(nested({ $include: '../happy.json' })), 'invalid', OUT);
      const linked = worldOf(nested({ $include: './link/happy.json' }));
      symlinkSync(folder, join(linked.home, '.openclaw', 'link'));
      await refusalOf(linked, 'invalid', OUT);
    });

    it('a folder whose name only begins like it is outside', async () => {
      const world = worldOf(nested({ $include: '../.openclaw-b/happy.json' }));
      place(world, '../.openclaw-b/happy.json', HAPPY);
      await refusalOf(world, 'invalid', OUT);
    });

    it('unless OPENCLAW_INCLUDE_ROOTS names the folder it leads to', async () => {
      const folder = outside();
      const roots = { OPENCLAW_INCLUDE_ROOTS: `/nowhere: ${folder} :relative` };
      const world = worldOf(nested({ $include: join(folder, 'happy.json') }), {}, roots);
      expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY });
      const linked = worldOf(nested({ $include: './link/happy.json' }), {}, roots);
      symlinkSync(folder, join(linked.home, '.openclaw', 'link'));
      expect(await resolveHappy(linked)).toMatchObject({ apiKey: KEY });
      const byHome = worldOf(
        nested({ $include: '../shared/happy.json' }),
        {},
        { OPENCLAW_INCLUDE_ROOTS: '~/shared' },
      );
      place(byHome, '../shared/happy.json', HAPPY);
      expect(await resolveHappy(byHome)).toMatchObject({ apiKey: KEY });
    });
  });

  it('imgproof’s own config has none: an entry with one is refused by name', async () => {
    const world = configWorld({ own: { providers: { happy: { ...HAPPY, $include: './h.json' } } } });
    expect(await inspectProvider(world.settings, 'happy')).toMatchObject({
      ok: false,
      exitCode: 3,
      message: expect.stringMatching(/config\.json uses \$include: not supported/u),
    });
  });
});
