/** imgproof's own config (SPEC H2): JSON5, strict, read anew each time. */
import { isAbsolute } from 'node:path';
import {
  ConfigError,
  type ConfigPlace,
  expandHome,
  isObject,
  type JsonObject,
  readJson5,
} from '../host/config-file.ts';
import type { PriceTable } from '../domain/cost.ts';
import { secretsBlock } from './openclaw-document.ts';
import { priceTable } from './prices.ts';
import type { SecretsBlock } from './provider-entry.ts';
import { spoolRetentionMs } from './spool-retention.ts';
import { unknownKeys } from './unknown-keys.ts';

/** Where it is, and whose `~` its paths mean. */
export interface OwnConfigPlace {
  ownConfig: ConfigPlace;
  userHome: string;
}

export interface OwnConfig {
  /** Shaped as OpenClaw's; an entry here replaces the one of that name there as a whole. */
  providers: JsonObject;
  /** Shaped as OpenClaw's too; what the entries here may refer to. */
  secrets: SecretsBlock;
  inputRoots: string[];
  outputRoots: string[];
  defaults: { provider?: string; model?: string; outputDir?: string };
  /** Null: nothing is said about money (SPEC R8). */
  prices: PriceTable | null;
  /** Milliseconds that recorded answers stay in the spool; null is for ever. `spoolRetentionDays`, default 14. */
  spoolRetentionMs: number | null;
}

const KEYS = [
  '$schema',
  'providers',
  'secrets',
  'inputRoots',
  'outputRoots',
  'defaults',
  'prices',
  'spoolRetentionDays',
];

export function readOwnConfig(place: OwnConfigPlace): OwnConfig {
  const { path } = place.ownConfig;
  const config = readJson5(place.ownConfig) ?? {};
  refuseUnknown(config, KEYS, path, '');
  const { providers = {}, secrets = {}, defaults = {} } = config;
  if (!isObject(providers)) throw wrong(path, 'providers', 'an object');
  if (!isObject(secrets)) throw wrong(path, 'secrets', 'an object');
  refuseUnknown(secrets, ['providers', 'defaults'], path, 'secrets.');
  if (!isObject(defaults)) throw wrong(path, 'defaults', 'an object');
  refuseUnknown(defaults, ['provider', 'model', 'outputDir'], path, 'defaults.');
  for (const [name, value] of Object.entries(defaults)) {
    if (typeof value !== 'string' || value.trim() === '') throw wrong(path, `defaults.${name}`, 'a string');
  }
  return {
    providers,
    secrets: secretsBlock(secrets),
    inputRoots: pathList(place, 'inputRoots', config['inputRoots']),
    outputRoots: pathList(place, 'outputRoots', config['outputRoots']),
    defaults: Object.hasOwn(defaults, 'outputDir')
      ? { ...defaults, outputDir: configuredPath(place, 'defaults.outputDir', defaults['outputDir']) }
      : defaults,
    prices: config['prices'] === undefined ? null : prices(path, config['prices']),
    spoolRetentionMs: spoolRetentionMs(`${path}: spoolRetentionDays`, config['spoolRetentionDays']),
  };
}

function prices(path: string, value: unknown): PriceTable {
  const { table, problems } = priceTable(value);
  if (problems.length === 0) return table;
  throw new ConfigError(`${path}: ${problems.join('; ')}. Correct it and try again.`);
}

function refuseUnknown(object: JsonObject, known: readonly string[], path: string, prefix: string): void {
  const [problem] = unknownKeys(object, known, prefix);
  if (problem !== undefined) throw new ConfigError(`${path}: ${problem}`);
}

function pathList(place: OwnConfigPlace, key: string, value: unknown): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw wrong(place.ownConfig.path, key, 'a list of folders');
  return value.map((text) => configuredPath(place, key, text));
}

function configuredPath({ ownConfig, userHome }: OwnConfigPlace, key: string, text: unknown): string {
  const isPath = typeof text === 'string' && (isAbsolute(text) || text === '~' || text.startsWith('~/'));
  if (!isPath) throw wrong(ownConfig.path, key, 'absolute (or begin with ~/)');
  return expandHome(text, userHome);
}

function wrong(path: string, key: string, expected: string): ConfigError {
  return new ConfigError(`${path}: ${key} must be ${expected}. Correct it and try again.`);
}
