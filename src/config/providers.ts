/** Which provider a name means, now (SPEC G8, H7): imgproof's own config first, then OpenClaw's. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TASK_DEFAULTS } from '../domain/task.ts';
import {
  ConfigError,
  type ConfigPlace,
  given,
  isObject,
  type JsonObject,
  readDotenv,
  readJson5,
} from '../host/config-file.ts';
import { hasInclude, readProviderEntry } from './openclaw-config.ts';
import { readOwnConfig } from './own-config.ts';
import { type ProviderConfig, ProviderConfigError } from './provider-entry.ts';
import type { Settings } from './settings.ts';
/**
 * What a call to this provider needs, read from disk now (SPEC G8). `model`: the one that will be asked for.
 * @throws ProviderConfigError; its message says which file, and carries no configured value.
 */
export async function resolveProvider(
  settings: Settings,
  name: string,
  model: string = TASK_DEFAULTS.model,
): Promise<ProviderConfig> {
  try {
    return readProvider(settings, name, model);
  } catch (error) {
    if (!(error instanceof ConfigError) || error instanceof ProviderConfigError) throw error;
    throw new ProviderConfigError('invalid', error.message);
  }
}

function readProvider(settings: Settings, name: string, model: string): ProviderConfig {
  const own = readOwnConfig(settings);
  const dotenv = readDotenv(join(settings.openclawStateDir, '.env'));
  if (Object.hasOwn(own.providers, name)) {
    const source = {
      file: settings.ownConfig.path,
      secretProviders: {},
      variable: lookUp(settings.env, dotenv),
    };
    return readProviderEntry({ name, model, block: own.providers[name], ...source });
  }
  const document = readJson5(settings.openclawConfig) ?? {};
  const { models, providers, env, secrets } = partsOf(document);
  const holders = { 'at its top': document, 'in models': models, 'in models.providers': providers };
  const includer = Object.entries(holders).find(([, holder]) => Object.hasOwn(holder, '$include'))?.[0];
  if (includer !== undefined) throw unsupportedInclude(settings, includer);
  if (!Object.hasOwn(providers, name)) throw noEntry(settings, name, { ...providers, ...own.providers });
  if (hasInclude(env) || hasInclude(secrets)) throw unsupportedInclude(settings, 'in env or secrets');
  return readProviderEntry({
    name,
    model,
    block: providers[name],
    file: settings.openclawConfig.path,
    secretProviders: objectAt(secrets, 'providers'),
    variable: lookUp(settings.env, dotenv, objectAt(env, 'vars')),
  });
}

/** What an OpenClaw config says about providers; everything else in it is not ours. */
function partsOf(document: JsonObject) {
  const models = objectAt(document, 'models');
  return {
    models,
    providers: objectAt(models, 'providers'),
    env: objectAt(document, 'env'),
    secrets: objectAt(document, 'secrets'),
  };
}

/** A variable from the first source that has it. */
function lookUp(...sources: JsonObject[]): (name: string) => string | undefined {
  return (name) => sources.map((source) => given(source[name])).find((value) => value !== undefined);
}

export type ProviderState = { ok: true } | { ok: false; exitCode: 3 | 4; message: string };

/** SPEC H7, for the CLI: would a call find its provider and a key? No secret leaves this function. */
export async function inspectProvider(
  settings: Settings,
  name: string,
  model?: string,
): Promise<ProviderState> {
  try {
    await resolveProvider(settings, name, model);
    return { ok: true };
  } catch (error) {
    if (!(error instanceof ProviderConfigError)) throw error;
    return { ok: false, exitCode: error.exitCode, message: error.message };
  }
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

function unsupportedInclude({ openclawConfig, ownConfig }: Settings, place: string): ProviderConfigError {
  return new ProviderConfigError(
    'unsupported',
    `${openclawConfig.path} uses $include ${place}, which this version does not support; put the provider's entry into ${ownConfig.path} instead.`,
  );
}

function objectAt(object: JsonObject, key: string): JsonObject {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  return isObject(value) ? value : {};
}
