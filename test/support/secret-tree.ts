/** Files and commands that SecretRefs name, as a person would lay them out below OpenClaw's folder. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { expect } from 'vitest';
import { resolveProvider } from '../../src/config.ts';
import type { ProviderConfig, ProviderConfigError } from '../../src/config/provider-entry.ts';
import { type ConfigFiles, type ConfigWorld, configWorld, openclawWith } from './config-world.ts';

export const BASE_URL = 'https://api.example.com/v1';

/** Below `~/.openclaw`, for its owner alone. Text, or what becomes JSON. Returns its path. */
export function place(
  { home }: Pick<ConfigWorld, 'home'>,
  name: string,
  content: unknown,
  mode = 0o600,
): string {
  const path = join(home, '.openclaw', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  chmodSync(path, mode);
  return path;
}

/** A shell script that may be run, in `~/.openclaw/bin`. */
export function script(world: Pick<ConfigWorld, 'home'>, name: string, body: string, mode = 0o700): string {
  return place(world, join('bin', name), `#!/bin/sh\n${body}\n`, mode);
}

/** A provider `happy` whose key is this SecretRef, with these secret providers. */
export function happyFrom(apiKey: object, providers: object, fields: object = {}): ConfigFiles {
  return openclawWith({ baseUrl: BASE_URL, apiKey, ...fields }, { secrets: { providers } });
}

/** `happy`'s key from `path` with id `/happy/key`, or what is said instead. */
export function fileWorld(
  provider: object = {},
  id = '/happy/key',
  env: NodeJS.ProcessEnv = {},
): ConfigWorld {
  const keys = { source: 'file', path: '~/.openclaw/keys.json', ...provider };
  return configWorld(happyFrom({ source: 'file', provider: 'keys', id }, { keys }), env);
}

/** `happy`'s key from the command `~/.openclaw/bin/vault`, and what else the entry has. */
export function commandWorld(
  provider: object = {},
  fields: object = {},
  env: NodeJS.ProcessEnv = {},
): ConfigWorld {
  const vault = { source: 'exec', command: '~/.openclaw/bin/vault', timeoutMs: 60_000, ...provider };
  return configWorld(
    happyFrom({ source: 'exec', provider: 'vault', id: 'happy/key' }, { vault }, fields),
    env,
  );
}

export function resolveHappy({ settings }: ConfigWorld): Promise<ProviderConfig> {
  return resolveProvider(settings, 'happy');
}

/** Everything that a secret of these tests begins with, so that a leak is seen. */
export const CANARY = 'canary';

/** The refusal of the worker's call: of this kind, naming provider and file (the config or what it includes), showing no secret. */
export async function refusalOf(
  world: ConfigWorld,
  kind: ProviderConfigError['kind'],
  text: RegExp,
): Promise<string> {
  const error = await resolveHappy(world).then(
    () => new Error('it was resolved'),
    (error: unknown) => error as Error,
  );
  expect(error).toMatchObject({
    name: 'ProviderConfigError',
    kind,
    exitCode: kind === 'no_key' ? 4 : 3,
    message: expect.stringMatching(text),
  });
  expect(error.message).toContain(`Provider "happy"`);
  expect(error.message).toContain(`${dirname(world.place.openclaw)}/`);
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(CANARY);
  return error.message;
}
