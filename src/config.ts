/** The only reader of the environment and of config files (SPEC G3, G8, H1, H2; `reference/api.md` 3). */
import { existsSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import envPaths from 'env-paths';
import { distance } from 'fastest-levenshtein';
import { SCHEMA_VERSION } from './domain/records.ts';
import { TASK_DEFAULTS } from './domain/task.ts';
import {
  ConfigError,
  type ConfigPlace,
  expandHome,
  given,
  isObject,
  type JsonObject,
  readDotenv,
  readJson5,
} from './host/config-file.ts';
import { rememberedFolders, rememberFolder, withRealPaths } from './host/folder-list.ts';
import {
  hasInclude,
  type ProviderConfig,
  ProviderConfigError,
  readProviderEntry,
} from './openclaw-config.ts';

export type { ProviderConfig } from './openclaw-config.ts';
export { ConfigError } from './host/config-file.ts';

export interface Settings {
  /** SPEC H1: `IMGPROOF_HOME`, else the platform's data directory. */
  home: string;
  logsDir: string;
  spoolDir: string;
  databasePath: string;
  openclawStateDir: string;
  /** `isNamed`: by `OPENCLAW_CONFIG_PATH` or `IMGPROOF_CONFIG`; then the file has to be there. */
  openclawConfig: ConfigPlace;
  ownConfig: ConfigPlace;
  /** Reads the own config each time. @throws ConfigError when that file can't be used. */
  readonly defaults: OrderDefaults;
  /** What names a Temporal server; without any of it the embedded one is used (SPEC C5). */
  temporal: {
    address: string | undefined;
    namespace: string | undefined;
    profile: string | undefined;
    isNamed: boolean;
  };
  temporalCliPath: string | undefined;
  temporalTestServerPath: string | undefined;
  /** Where downloaded Temporal binaries are kept. */
  cacheDir: string;
  /** How long Temporal waits for a sign of life of a running attempt. `IMGPROOF_HEARTBEAT_TIMEOUT_MS`, default 20000. */
  heartbeatTimeoutMs: number;
  /** The user's home directory, an input root of the embedded mode (SPEC H3). */
  userHome: string;
  /** Folder of imgproof's package.json. */
  packageRoot: string;
  /** Not enumerable: it holds secrets, and settings get logged. */
  readonly env: NodeJS.ProcessEnv;
}

/** Used where an order says nothing: environment, then config (SPEC G3). */
interface OrderDefaults {
  provider?: string;
  model?: string;
  outputDir: string;
  /** Parent of batch folders; null means `<output_dir>/batches` (SPEC F3). */
  batchRoot: string | null;
}

/** Quick, and without a look into any file. @throws ConfigError for a variable that can't be used. */
export function loadSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const read = (name: string) => given(env[name]);
  const userHome = resolve(read('HOME') ?? read('USERPROFILE') ?? homedir());
  const place = (name: string, home = userHome) => expandHome(read(name), home);
  const openclawHome = place('OPENCLAW_HOME') ?? userHome;
  const openclawStateDir =
    place('OPENCLAW_STATE_DIR', openclawHome) ?? join(openclawHome, stateDirName(read('OPENCLAW_PROFILE')));
  const home = place('IMGPROOF_HOME') ?? envPaths('imgproof', { suffix: '' }).data;
  const packageRoot = findPackageRoot();
  const [address, profile] = [read('TEMPORAL_ADDRESS'), read('TEMPORAL_PROFILE')];
  const settings = {
    home,
    logsDir: join(home, 'logs'),
    spoolDir: join(home, 'spool'),
    databasePath: join(home, 'temporal.db'),
    openclawStateDir,
    openclawConfig: configPlace(
      place('OPENCLAW_CONFIG_PATH', openclawHome),
      join(openclawStateDir, 'openclaw.json'),
    ),
    ownConfig: configPlace(place('IMGPROOF_CONFIG'), join(userHome, '.config', 'imgproof', 'config.json')),
    get defaults() {
      return orderDefaults(settings);
    },
    temporal: {
      address,
      namespace: read('TEMPORAL_NAMESPACE'),
      profile,
      isNamed: (address ?? profile) !== undefined,
    },
    temporalCliPath: read('TEMPORAL_CLI_PATH'),
    temporalTestServerPath: read('TEMPORAL_TEST_SERVER_PATH'),
    cacheDir: place('IMGPROOF_CACHE') ?? join(packageRoot, '.cache'),
    heartbeatTimeoutMs: heartbeatTimeout(read('IMGPROOF_HEARTBEAT_TIMEOUT_MS')),
    userHome,
    packageRoot,
  } as Settings;
  return Object.defineProperty(settings, 'env', { value: env, enumerable: false });
}

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

// --- where files may come from and go to (SPEC H3, DESIGN 6) ---------------------------------------------------------

/** Folders that reference images may come from; an empty list is none. `cwd`: of a command that runs right now. */
export function allowedRoots(
  settings: Settings,
  { embedded, cwd }: { embedded: boolean; cwd?: string },
): string[] {
  const { inputRoots } = readOwnConfig(settings);
  if (!embedded) return withRealPaths(inputRoots);
  const here = cwd === undefined ? [] : [cwd];
  return withRealPaths([
    ...inputRoots,
    settings.userHome,
    tmpdir(),
    ...rememberedFolders(rootsFolder(settings)),
    ...here,
  ]);
}

/** Folders that images and proofs may go to; null is anywhere the user may write (embedded mode). */
export function outputRoots(settings: Settings, { embedded }: { embedded: boolean }): string[] | null {
  if (embedded) return null;
  const { outputDir, batchRoot } = settings.defaults;
  return withRealPaths([
    ...readOwnConfig(settings).outputRoots,
    outputDir,
    ...(batchRoot === null ? [] : [batchRoot]),
  ]);
}

/** Lets the embedded worker read references from this folder too: a command's current directory (SPEC H3). */
export function rememberRoot(settings: Settings, dir: string): void {
  rememberFolder(rootsFolder(settings), dir, SCHEMA_VERSION);
}

function rootsFolder({ home }: Settings): string {
  return join(home, 'roots');
}

// --- imgproof's own config (SPEC H2) ---------------------------------------------------------------------------------

interface OwnConfig {
  /** Shaped as OpenClaw's; an entry here replaces the one of that name there as a whole. */
  providers: JsonObject;
  inputRoots: string[];
  outputRoots: string[];
  defaults: { provider?: string; model?: string; outputDir?: string };
}

function readOwnConfig(settings: Settings): OwnConfig {
  const { path } = settings.ownConfig;
  const config = readJson5(settings.ownConfig) ?? {};
  refuseUnknown(config, ['$schema', 'providers', 'inputRoots', 'outputRoots', 'defaults'], path, '');
  const { providers = {}, defaults = {} } = config;
  if (!isObject(providers)) throw wrong(path, 'providers', 'an object');
  if (!isObject(defaults)) throw wrong(path, 'defaults', 'an object');
  refuseUnknown(defaults, ['provider', 'model', 'outputDir'], path, 'defaults.');
  for (const [name, value] of Object.entries(defaults)) {
    if (typeof value !== 'string' || value.trim() === '') throw wrong(path, `defaults.${name}`, 'a string');
  }
  return {
    providers,
    inputRoots: pathList(settings, 'inputRoots', config['inputRoots']),
    outputRoots: pathList(settings, 'outputRoots', config['outputRoots']),
    defaults: Object.hasOwn(defaults, 'outputDir')
      ? { ...defaults, outputDir: configuredPath(settings, 'defaults.outputDir', defaults['outputDir']) }
      : defaults,
  };
}

function orderDefaults(settings: Settings): OrderDefaults {
  const { env, openclawStateDir } = settings;
  const { defaults } = readOwnConfig(settings);
  const provider = given(env['OPENCLAW_IMAGE_PROVIDER']) ?? defaults.provider;
  const model = given(env['OPENCLAW_IMAGE_MODEL']) ?? defaults.model;
  const workspace = given(env['OPENCLAW_WORKSPACE']);
  return {
    ...(provider === undefined ? {} : { provider }),
    ...(model === undefined ? {} : { model }),
    outputDir: defaults.outputDir ?? join(openclawStateDir, 'generated-images'),
    batchRoot:
      workspace === undefined
        ? null
        : join(resolve(workspace), 'content-factory', 'live-course-design', 'img2', 'batches'),
  };
}

function refuseUnknown(object: JsonObject, known: readonly string[], path: string, prefix: string): void {
  for (const key of Object.keys(object)) {
    if (known.includes(key)) continue;
    const close = known.find((word) => distance(key.slice(0, 40).toLowerCase(), word.toLowerCase()) <= 2);
    const hint = close === undefined ? `known are ${known.join(', ')}` : `did you mean "${close}"?`;
    throw new ConfigError(`${path}: unknown key ${JSON.stringify(prefix + key.slice(0, 40))}; ${hint}`);
  }
}

function pathList(settings: Settings, key: string, value: unknown): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw wrong(settings.ownConfig.path, key, 'a list of folders');
  return value.map((text) => configuredPath(settings, key, text));
}

function configuredPath({ ownConfig, userHome }: Settings, key: string, text: unknown): string {
  const isPath = typeof text === 'string' && (isAbsolute(text) || text === '~' || text.startsWith('~/'));
  if (!isPath) throw wrong(ownConfig.path, key, 'absolute (or begin with ~/)');
  return expandHome(text, userHome);
}

function wrong(path: string, key: string, expected: string): ConfigError {
  return new ConfigError(`${path}: ${key} must be ${expected}. Correct it and try again.`);
}

// --- errors ----------------------------------------------------------------------------------------------------------

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

// --- variables and paths ---------------------------------------------------------------------------------------------

function configPlace(named: string | undefined, byDefault: string): ConfigPlace {
  return { path: named ?? byDefault, isNamed: named !== undefined };
}

function stateDirName(profile: string | undefined): string {
  if (profile === undefined || profile.toLowerCase() === 'default') return '.openclaw';
  if (!/^[\w-]+$/u.test(profile))
    throw new ConfigError(
      'OPENCLAW_PROFILE must consist of letters, digits, _ and -. Correct it and try again.',
    );
  return `.openclaw-${profile}`;
}

function heartbeatTimeout(text: string | undefined): number {
  const value = text === undefined ? HEARTBEAT_TIMEOUT_MS : Number(text);
  if (Number.isInteger(value) && value >= 1_000 && value <= 600_000) return value;
  throw new ConfigError(
    'IMGPROOF_HEARTBEAT_TIMEOUT_MS must be a whole number from 1000 to 600000. Correct it and try again.',
  );
}

const HEARTBEAT_TIMEOUT_MS = 20_000;

function findPackageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function objectAt(object: JsonObject, key: string): JsonObject {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  return isObject(value) ? value : {};
}
