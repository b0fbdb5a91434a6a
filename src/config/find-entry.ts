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
  const own = readOwnConfig(settings);
  const dotenv = readDotenv(join(settings.openclawStateDir, '.env'));
  if (Object.hasOwn(own.providers, name)) {
    return {
      name,
      model,
      block: own.providers[name],
      file: settings.ownConfig.path,
      secrets: own.secrets,
      home: settings.userHome,
      variable: lookUp(settings.env, dotenv),
      unaskedVariables: null,
    };
  }
  const openclaw = readOpenclaw(settings);
  if (!Object.hasOwn(openclaw.providers, name)) {
    throw noEntry(settings, name, { ...openclaw.providers, ...own.providers });
  }
  return {
    name,
    model,
    block: openclaw.providers[name],
    file: settings.openclawConfig.path,
    secrets: openclaw.secrets,
    home: settings.openclawHome,
    variable: lookUp(settings.env, dotenv, openclaw.vars),
    unaskedVariables: openclaw.asksShell ? 'env.shellEnv' : null,
  };
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
