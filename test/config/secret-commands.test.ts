import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { identify } from '../../src/host/process-identity.ts';
import type { ConfigWorld } from '../support/config-world.ts';
import { BASE_URL, CANARY, commandWorld, refusalOf, resolveHappy, script } from '../support/secret-tree.ts';

const KEY = `${CANARY}-command-5d1c`;
const answer = (values: object, rest: object = {}) =>
  `cat >/dev/null; printf '%s' '${JSON.stringify({ protocolVersion: 1, values, ...rest })}'`;
const GOOD = answer({ 'happy/key': KEY });
const leftBy = ({ home }: ConfigWorld, name: string) => join(home, '.openclaw', 'bin', name);
const readLeft = (world: ConfigWorld, name: string) => readFileSync(leftBy(world, name), 'utf8');

describe('SecretRefs of source exec that work (G8)', () => {
  it('the command is asked once for all its ids, and what it answers is secret', async () => {
    const headers = { 'X-Org': { source: 'exec', provider: 'vault', id: 'org#name' } };
    const world = commandWorld({}, { headers });
    const body = `cat >request; echo run >>runs; ${answer({ 'happy/key': KEY, 'org#name': 'org-42' })}`;
    script(world, 'vault', body);
    expect(await resolveHappy(world)).toEqual({
      name: 'happy',
      baseUrl: BASE_URL,
      apiKey: KEY,
      headers: { 'X-Org': 'org-42' },
      secrets: ['org-42', KEY],
    });
    expect(readLeft(world, 'runs')).toBe('run\n');
    expect(JSON.parse(readLeft(world, 'request'))).toEqual({
      protocolVersion: 1,
      provider: 'vault',
      ids: ['org#name', 'happy/key'],
    });
  });

  it('it gets its args as they are, in its own folder, with passEnv and env and no other variable', async () => {
    const world = commandWorld(
      {
        args: ['--profile', 'a b; $(id) ${PROFILE}'],
        passEnv: ['VAULT_ADDR', 'UNSET'],
        env: { MODE: '${PROFILE}-mode' },
      },
      {},
      { VAULT_ADDR: 'https://vault', PROFILE: 'prod', OTHER: 'not for it' },
    );
    script(world, 'vault', `for arg in "$@"; do echo "$arg" >>args; done; pwd >cwd; env >env; ${GOOD}`);
    expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY });
    expect(readLeft(world, 'args')).toBe('--profile\na b; $(id) prod\n');
    expect(readLeft(world, 'cwd').trim()).toBe(leftBy(world, '.').replace(/\/\.?$/u, ''));
    const variables = readLeft(world, 'env').trim().split('\n');
    expect(variables).toEqual(expect.arrayContaining(['VAULT_ADDR=https://vault', 'MODE=prod-mode']));
    const ofTheShell = /^(?:PWD|OLDPWD|SHLVL|_|PATH)=/u;
    expect(variables.filter((line) => !ofTheShell.test(line))).toHaveLength(2);
    expect(readLeft(world, 'env')).not.toContain('not for it');
  });

  it('it need not read its stdin, and may write as much to stderr as it likes', async () => {
    const world = commandWorld();
    const noise =
      'i=0; while [ $i -lt 3000 ]; do echo "0123456789012345678901234567890123456789" >&2; i=$((i+1)); done';
    script(world, 'vault', `exec 0<&-; ${noise}; ${GOOD.replace('cat >/dev/null; ', '')}`);
    expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY });
  });

  it.each<[string, string]>([
    ['plain text', `printf '%s\\n' '${KEY}'`],
    ['a JSON string', `printf '%s' '"${KEY}"'`],
    ['the protocol', GOOD],
  ])('jsonOnly false: its output may be %s', async (_, body) => {
    const world = commandWorld({ jsonOnly: false });
    script(world, 'vault', body);
    expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY });
  });

  it('a key of digits alone is plain text too', async () => {
    const world = commandWorld({ jsonOnly: false });
    script(world, 'vault', 'echo 12345678901234567890');
    expect(await resolveHappy(world)).toMatchObject({ apiKey: '12345678901234567890' });
  });

  it('what it leaves running ends with it, though it holds the output open', async () => {
    const world = commandWorld();
    script(world, 'vault', `sleep 300 & echo $! >pid; ${GOOD}`);
    expect(await resolveHappy(world)).toMatchObject({ apiKey: KEY });
    await expectEnded(world, 'pid');
  });

  it('it is run anew for every call', async () => {
    const world = commandWorld();
    script(world, 'vault', GOOD);
    await resolveHappy(world);
    script(world, 'vault', answer({ 'happy/key': 'another-key' }));
    expect(await resolveHappy(world)).toMatchObject({ apiKey: 'another-key' });
  });
});

describe('a command past its limits is ended together with its children (G8)', () => {
  const HANG = `sleep 300 & echo $! >child; echo $$ >own; echo '${KEY}' >&2; wait`;

  it.each<[string, object, string, RegExp]>([
    ['timeoutMs', { timeoutMs: 2000 }, HANG, /not done after 2000 ms/u],
    ['noOutputTimeoutMs', { noOutputTimeoutMs: 2000 }, HANG, /wrote nothing for 2000 ms/u],
    [
      'timeoutMs, though it goes on writing',
      { timeoutMs: 2500, noOutputTimeoutMs: 2000, maxOutputBytes: 20 * 1024 * 1024 },
      `echo $$ >own; sleep 300 & echo $! >child; while :; do printf ' '; sleep 0.1; done`,
      /not done after 2500 ms/u,
    ],
  ])('%s', async (_, limits, body, text) => {
    const world = commandWorld(limits);
    script(world, 'vault', body);
    await refusalOf(world, 'no_key', text);
    await expectEnded(world, 'own');
    await expectEnded(world, 'child');
  });

  it('maxOutputBytes', async () => {
    const world = commandWorld({ maxOutputBytes: 1000 });
    script(world, 'vault', `echo $$ >own; while :; do echo '${KEY}'; done`);
    await refusalOf(world, 'invalid', /wrote more than 1000 bytes/u);
    await expectEnded(world, 'own');
  });
});

describe('a command that gives no secret (H7): nothing of what it says is shown', () => {
  it.each<[string, string, RegExp]>([
    ['exit code', `echo '${KEY}'; echo '${KEY}' >&2; exit 3`, /ended with exit code 3; run it by hand/u],
    ['signal', `echo '${KEY}'; kill -9 $$`, /ended by SIGKILL/u],
    ['no output', 'cat >/dev/null', /answered with nothing/u],
    ['garbage', `echo 'key: ${KEY}'`, /something other than one JSON object/u],
    ['a JSON string without jsonOnly false', `echo '"${KEY}"'`, /something other than one JSON object/u],
    ['two objects', `${GOOD}; ${GOOD}`, /something other than one JSON object/u],
    ['another protocol', `echo '{"protocolVersion":2,"values":{"happy/key":"${KEY}"}}'`, /protocolVersion/u],
    ['no values', `echo '{"protocolVersion":1,"happy/key":"${KEY}"}'`, /no object named values/u],
    [
      'another id',
      answer({ 'sad/key': KEY }),
      /takes apiKey from secrets\.providers\.vault: it holds no such/u,
    ],
    ['an empty secret', answer({ 'happy/key': '' }), /is empty/u],
    ['an object as secret', answer({ 'happy/key': { key: KEY } }), /is not a string/u],
    [
      'a known error',
      answer({}, { errors: { 'happy/key': { code: 'NOT_FOUND', message: KEY } } }),
      /\(NOT_FOUND\)/u,
    ],
    [
      'another error',
      answer({}, { errors: { 'happy/key': { code: KEY } } }),
      /reports an error for this id; see/u,
    ],
  ])('%s', async (_, body, text) => {
    const world = commandWorld();
    script(world, 'vault', body);
    await refusalOf(world, 'no_key', text);
  });

  it('an error for one id of two names the field that wants it, and no other', async () => {
    const headers = { 'X-Org': { source: 'exec', provider: 'vault', id: 'org' } };
    const world = commandWorld({}, { headers });
    script(world, 'vault', answer({ 'happy/key': KEY }, { errors: { org: { code: 'NOT_FOUND' } } }));
    const text = await refusalOf(world, 'no_key', /takes headers\["X-Org"\] from secrets\.providers\.vault/u);
    expect(text).not.toContain('apiKey');
  });

  it('every secret provider that fails is told at once', async () => {
    const headers = { 'X-Org': { source: 'exec', provider: 'vault', id: 'org' } };
    const world = commandWorld({}, { headers });
    script(world, 'vault', 'exit 9');
    await refusalOf(
      world,
      'no_key',
      /takes headers\["X-Org"\] and apiKey from secrets\.providers\.vault: .*exit code 9/u,
    );
  });
});

describe('whose command it is (G8)', () => {
  it.each<[string, (world: ConfigWorld) => void, RegExp]>([
    ['no command', () => undefined, /can't be found \(ENOENT\)/u],
    ['a folder', (world) => void mkdirSync(leftBy(world, 'vault'), { recursive: true }), /not a file/u],
    [
      'a symbolic link',
      (world) => symlinkSync(script(world, 'real', GOOD), leftBy(world, 'vault')),
      /symbolic link/u,
    ],
    [
      'one its group can change',
      (world) => void script(world, 'vault', GOOD, 0o770),
      /changed by other users/u,
    ],
    [
      'one that everybody can change',
      (world) => void script(world, 'vault', GOOD, 0o702),
      /changed by other users/u,
    ],
    [
      'one that may not be run',
      (world) => void script(world, 'vault', GOOD, 0o600),
      /can't be started \(EACCES\)/u,
    ],
  ])('%s', async (_, lay, text) => {
    const world = commandWorld();
    lay(world);
    await refusalOf(world, 'invalid', text);
  });

  it('trustedDirs: only a command below one of them', async () => {
    const outside = commandWorld({ trustedDirs: ['/usr/local/bin', '~/.openclaw/bin2'] });
    script(outside, 'vault', `touch ran; ${GOOD}`);
    await refusalOf(outside, 'invalid', /none of its trustedDirs/u);
    expect(existsSync(leftBy(outside, 'ran'))).toBe(false);
    const inside = commandWorld({ trustedDirs: ['~/.openclaw'] });
    script(inside, 'vault', GOOD);
    expect(await resolveHappy(inside)).toMatchObject({ apiKey: KEY });
  });

  it('too long arguments are a refusal like any other', async () => {
    const world = commandWorld({ args: [CANARY.repeat(40_000)] });
    chmodSync(script(world, 'vault', GOOD), 0o700);
    await refusalOf(world, 'invalid', /can't be started \(E2BIG\)/u);
  });
});

/** The process whose pid the command wrote down runs no more. */
async function expectEnded(world: ConfigWorld, name: string): Promise<void> {
  const pid = Number(readLeft(world, name));
  expect(pid).toBeGreaterThan(1);
  await expect.poll(() => identify(pid), { timeout: 5_000 }).toBeNull();
}
