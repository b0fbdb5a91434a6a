/** From variables to places and numbers (SPEC G3, H1, H2); no file is opened before `defaults` is read. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import envPaths from 'env-paths';
import type { PriceTable } from '../domain/cost.ts';
import { ConfigError, type ConfigPlace, expandHome, given } from '../host/config-file.ts';
import { idleStopMs } from './idle-stop.ts';
import { readOwnConfig } from './own-config.ts';
import { spoolRetentionMs } from './spool-retention.ts';

export interface Settings {
  /** SPEC H1: `IMGPROOF_HOME`, else the platform's data directory. */
  home: string;
  logsDir: string;
  spoolDir: string;
  databasePath: string;
  openclawStateDir: string;
  /** What `~` means in OpenClaw's config: `OPENCLAW_HOME`, else the user's home. */
  openclawHome: string;
  /** Folders beside that of OpenClaw's config whose files `$include` may name: `OPENCLAW_INCLUDE_ROOTS`. */
  openclawIncludeRoots: string[];
  /** `isNamed`: by `OPENCLAW_CONFIG_PATH` or `IMGPROOF_CONFIG`; then the file has to be there. */
  openclawConfig: ConfigPlace;
  ownConfig: ConfigPlace;
  /** Reads the own config each time. @throws ConfigError when that file can't be used. */
  readonly defaults: OrderDefaults;
  /** Of the own config too, read each time; null: nothing is said about money (SPEC R8). @throws ConfigError likewise */
  readonly prices: PriceTable | null;
  temporalCliPath: string | undefined;
  temporalTestServerPath: string | undefined;
  /** Where downloaded Temporal binaries are kept. */
  cacheDir: string;
  /**
   * How long Temporal waits for a sign of life of a running attempt. `IMGPROOF_HEARTBEAT_TIMEOUT_MS`, 8000 to 600000,
   * default 20000. A worker sends one every 5 s: with less than 3 s to spare, attempts that live would be given up.
   */
  heartbeatTimeoutMs: number;
  /** Mock tasks may run (SPEC M): only with `IMGPROOF_ALLOW_MOCK=1`. */
  allowMock: boolean;
  /** The embedded stack stops after so many idle milliseconds; null is never. `IMGPROOF_IDLE_STOP`, default 15 min. */
  idleStopMs: number | null;
  /**
   * How long what is recorded stays in the spool, milliseconds since its last change; null is for ever.
   * `IMGPROOF_SPOOL_RETENTION_DAYS`, else `spoolRetentionDays` of the own config, which is read each time; 1 to 3650 days
   * or `off`, default 14. @throws ConfigError when that file can't be used.
   */
  readonly spoolRetentionMs: number | null;
  /** The user's home directory, an input root of the embedded mode (SPEC H3). */
  userHome: string;
  /** Folder of imgproof's package.json. */
  packageRoot: string;
  /** Not enumerable: it holds secrets, and settings get logged. */
  readonly env: NodeJS.ProcessEnv;
}

/** Used where an order says nothing: environment, then config (SPEC G3). */
export interface OrderDefaults {
  provider?: string;
  model?: string;
  outputDir: string;
  /** Parent of batch folders; null means `<output_dir>/batches` (SPEC F3). */
  batchRoot: string | null;
  /** State directory of queue runs: `OPENCLAW_IMAGE_QUEUE_DIR` (SPEC F4). */
  queueDir: string;
  /** `outputDir` of queue runs: `OPENCLAW_IMAGE_QUEUE_OUTPUT_DIR`, else the same. */
  queueOutputDir: string;
}

/** Quick, and without a look into any file. @throws ConfigError for a variable that can't be used. */
export function loadSettings(environment: NodeJS.ProcessEnv = process.env): Settings {
  const env = withAbsolutePaths(environment);
  const read = (name: string) => given(env[name]);
  const userHome = resolve(read('HOME') ?? read('USERPROFILE') ?? homedir());
  const place = (name: string, home = userHome) => expandHome(read(name), home);
  const openclawHome = place('OPENCLAW_HOME') ?? userHome;
  const openclawStateDir =
    place('OPENCLAW_STATE_DIR', openclawHome) ?? join(openclawHome, stateDirName(read('OPENCLAW_PROFILE')));
  const home = place('IMGPROOF_HOME') ?? envPaths('imgproof', { suffix: '' }).data;
  const packageRoot = findPackageRoot();
  const retentionDays = read('IMGPROOF_SPOOL_RETENTION_DAYS');
  const namedRetentionMs = spoolRetentionMs('IMGPROOF_SPOOL_RETENTION_DAYS', retentionDays);
  const settings = {
    home,
    logsDir: join(home, 'logs'),
    spoolDir: join(home, 'spool'),
    databasePath: join(home, 'temporal.db'),
    openclawStateDir,
    openclawHome,
    openclawIncludeRoots: folderList(read('OPENCLAW_INCLUDE_ROOTS'), openclawHome),
    openclawConfig: configPlace(
      place('OPENCLAW_CONFIG_PATH', openclawHome),
      join(openclawStateDir, 'openclaw.json'),
    ),
    ownConfig: configPlace(place('IMGPROOF_CONFIG'), join(userHome, '.config', 'imgproof', 'config.json')),
    get defaults() {
      return orderDefaults(settings);
    },
    get prices() {
      return readOwnConfig(settings).prices;
    },
    temporalCliPath: read('TEMPORAL_CLI_PATH'),
    temporalTestServerPath: read('TEMPORAL_TEST_SERVER_PATH'),
    cacheDir: place('IMGPROOF_CACHE') ?? join(packageRoot, '.cache'),
    heartbeatTimeoutMs: heartbeatTimeout(read('IMGPROOF_HEARTBEAT_TIMEOUT_MS')),
    allowMock: read('IMGPROOF_ALLOW_MOCK') === '1',
    idleStopMs: idleStopMs(read('IMGPROOF_IDLE_STOP')),
    get spoolRetentionMs() {
      return retentionDays === undefined ? readOwnConfig(settings).spoolRetentionMs : namedRetentionMs;
    },
    userHome,
    packageRoot,
  } as Settings;
  return Object.defineProperty(settings, 'env', { value: env, enumerable: false });
}

/** Places that variables name. The background worker has another current directory, and must mean the same ones. */
const PATH_VARIABLES = [
  'IMGPROOF_HOME',
  'IMGPROOF_CONFIG',
  'IMGPROOF_CACHE',
  'OPENCLAW_HOME',
  'OPENCLAW_STATE_DIR',
  'OPENCLAW_CONFIG_PATH',
  'OPENCLAW_WORKSPACE',
  'OPENCLAW_IMAGE_QUEUE_DIR',
  'OPENCLAW_IMAGE_QUEUE_OUTPUT_DIR',
  'TEMPORAL_CLI_PATH',
  'TEMPORAL_TEST_SERVER_PATH',
];

function withAbsolutePaths(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const absolute = PATH_VARIABLES.flatMap((name) => {
    const path = given(env[name]);
    // `~` is left: whose home it means is each variable's own business.
    return path === undefined || path.startsWith('~') ? [] : [[name, resolve(path)] as const];
  });
  return { ...env, ...Object.fromEntries(absolute) };
}

function orderDefaults(settings: Settings): OrderDefaults {
  const { env, openclawStateDir, userHome } = settings;
  const { defaults } = readOwnConfig(settings);
  const provider = given(env['OPENCLAW_IMAGE_PROVIDER']) ?? defaults.provider;
  const model = given(env['OPENCLAW_IMAGE_MODEL']) ?? defaults.model;
  const workspace = given(env['OPENCLAW_WORKSPACE']);
  const outputDir = defaults.outputDir ?? join(openclawStateDir, 'generated-images');
  const place = (name: string) => expandHome(given(env[name]), userHome);
  return {
    ...(provider === undefined ? {} : { provider }),
    ...(model === undefined ? {} : { model }),
    outputDir,
    queueDir: place('OPENCLAW_IMAGE_QUEUE_DIR') ?? join(openclawStateDir, 'image-queue'),
    queueOutputDir: place('OPENCLAW_IMAGE_QUEUE_OUTPUT_DIR') ?? outputDir,
    batchRoot:
      workspace === undefined
        ? null
        : join(resolve(workspace), 'content-factory', 'live-course-design', 'img2', 'batches'),
  };
}

function configPlace(named: string | undefined, byDefault: string): ConfigPlace {
  return { path: named ?? byDefault, isNamed: named !== undefined };
}

/** As PATH is written. A relative folder means nothing to a background worker and is none. */
function folderList(text = '', home: string): string[] {
  const folders = text.split(delimiter).map((folder) => folder.trim());
  return folders
    .filter((folder) => isAbsolute(folder) || folder === '~' || folder.startsWith('~/'))
    .map((folder) => expandHome(folder, home));
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
  const value = text === undefined ? HEARTBEAT_TIMEOUT_MS.byDefault : Number(text);
  const { shortest, longest } = HEARTBEAT_TIMEOUT_MS;
  if (Number.isInteger(value) && value >= shortest && value <= longest) return value;
  throw new ConfigError(
    `IMGPROOF_HEARTBEAT_TIMEOUT_MS must be a whole number from ${shortest} to ${longest}. Correct it and try again.`,
  );
}

const HEARTBEAT_TIMEOUT_MS = { shortest: 8_000, byDefault: 20_000, longest: 600_000 };

function findPackageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
