/** Which entry a provider's name means, now (SPEC G8, H7): imgproof's own config first, then OpenClaw's. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, type ConfigPlace, given, type JsonObject, readDotenv } from '../host/config-file.ts';
import { readOpenclaw } from './openclaw-document.ts';
import { readOwnConfig } from './own-config.ts';
import { ProviderConfigError, type ProviderEntry } from './provider-entry.ts';
import type { Settings } from './settings.ts';

/**
 * Reads the config files, opens nothing that they refer to. `model`: the one that will be asked for.
 * @throws ProviderConfigError
 */
export function findEntry(settings: Settings, name: string, model: string): ProviderEntry {
  try {
    return findIn(settings, name, model);
  } catch (error) {
    if (!(error instanceof ConfigError) || error instanceof ProviderConfigError) throw error;
    throw new ProviderConfigError('invalid', `Provider "${name}" can't be looked up: ${error.message}`);
  }
}

function findIn(settings: Settings, name: string, model: string): ProviderEntry {
  const own = ownPlace(settings);
  const place = Object.hasOwn(own.providers, name) ? own : openclawPlace(settings);
  const { providers, ...found } = place;
  if (!Object.hasOwn(providers, name)) throw noEntry(settings, name, { ...providers, ...own.providers });
  return { name, model, block: providers[name], ...found };
}

/** A config file that may have the entry, and what an entry may refer to there. */
interface EntryPlace extends Omit<ProviderEntry, 'name' | 'model' | 'block'> {
  providers: JsonObject;
}

function ownPlace(settings: Settings): EntryPlace {
  const { providers, secrets } = readOwnConfig(settings);
  return {
    providers,
    secrets,
    file: settings.ownConfig.path,
    home: settings.userHome,
    variable: lookUp(settings.env, dotenvOf(settings)),
    unaskedVariables: null,
  };
}

function openclawPlace(settings: Settings): EntryPlace {
  const { providers, secrets, vars, asksShell } = readOpenclaw(settings);
  return {
    providers,
    secrets,
    file: settings.openclawConfig.path,
    home: settings.openclawHome,
    variable: lookUp(settings.env, dotenvOf(settings), vars),
    unaskedVariables: asksShell ? 'env.shellEnv' : null,
  };
}

function dotenvOf({ openclawStateDir }: Settings): JsonObject {
  return readDotenv(join(openclawStateDir, '.env'));
}

/** A variable from the first source that has it. */
function lookUp(...sources: JsonObject[]): (name: string) => string | undefined {
  return (name) => sources.map((source) => given(source[name])).find((value) => value !== undefined);
}

function noEntry(
  { ownConfig, openclawConfig }: Settings,
  name: string,
  others: JsonObject,
): ProviderConfigError {
  const state = ({ path }: ConfigPlace) => (existsSync(path) ? path : `${path} (no such file)`);
  const known = Object.keys(others).slice(0, 10).join(', ');
  const what = `There is no provider "${name}" in ${state(ownConfig)} or ${state(openclawConfig)}`;
  const entry = `{providers: {"${name}": {baseUrl: "https://host/v1", apiKey: "\${HAPPY_API_KEY}"}}}`;
  const message = `${what}${known === '' ? '' : `, only ${known}`}. Add ${entry} to ${ownConfig.path}.`;
  return new ProviderConfigError('no_entry', message);
}
