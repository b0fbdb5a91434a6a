/**
 * Makes a fresh checkout runnable: Node version, dependencies, build, Temporal binaries. Node built-ins only. Does what is
 * missing and nothing else; any number may run at once.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { contentHash } from './content-hash.mjs';
import { holdLock } from './bootstrap-lock.mjs';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const NODE_NEEDED = [20, 19];
const EXIT_ENVIRONMENT = 3;

/** Something on this machine stands in the way; the message says what helps. */
class SetupProblem extends Error {
  exitCode = EXIT_ENVIRONMENT;
}

/**
 * @typedef {'temporal' | 'test-server'} BinaryName
 * @param {{ build?: boolean, binaries?: BinaryName[], quiet?: boolean }} [options]
 *   build: default true. binaries: default both. quiet: say only what is being done, not what is there already.
 * @returns {Promise<Partial<Record<BinaryName, string>>>} paths of the binaries asked for
 * @throws an error with `exitCode` 3 when the machine lacks something, 1 when the build fails
 */
export async function bootstrap({
  build = true,
  binaries = ['temporal', 'test-server'],
  quiet = false,
} = {}) {
  const say = (text) => process.stderr.write(`setup: ${text}\n`);
  const note = quiet ? () => undefined : say;
  checkNode();
  if (!dependenciesAreCurrent() || (build && !buildIsCurrent())) {
    await holdLock(join(ROOT, '.cache', 'bootstrap.lock'), say, () => {
      if (!dependenciesAreCurrent()) installDependencies(say);
      if (build && !buildIsCurrent()) buildAll(say);
    });
  }
  note(`node ${process.versions.node}, dependencies${build ? ' and build' : ''} are current`);
  return provideBinaries(binaries, say, note);
}

/** Run a script's main part; its problems become a message and an exit code. */
export async function runScript(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`${error.exitCode === undefined ? error.stack : error.message}\n`);
    process.exitCode = error.exitCode ?? 1;
  }
}

export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  const [needMajor, needMinor] = NODE_NEEDED;
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  throw new SetupProblem(
    `imgproof needs Node ${NODE_NEEDED.join('.')} or later; this is ${version} (${process.execPath}). ` +
      'Install a newer Node and run this again.',
  );
}

const LOCK_STAMP = join(ROOT, 'node_modules', '.imgproof-lock');
const BUILD_STAMP = join(ROOT, 'dist', '.stamp');

function dependenciesAreCurrent() {
  return readStamp(LOCK_STAMP) === lockHash();
}

function lockHash() {
  return contentHash([join(ROOT, 'package-lock.json')]);
}

function installDependencies(say) {
  say('installing dependencies (npm ci) …');
  // What builds and tests is needed whatever NODE_ENV says.
  const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--include=dev'];
  // npm keeps a cache in the home folder; without one (containers, CI) it gets a place here.
  const home = process.env.HOME;
  const homeless = process.platform !== 'win32' && !(home && existsSync(home));
  if (homeless && !process.env.npm_config_cache) options.push('--cache', join(ROOT, '.cache', 'npm'));
  const npm = process.env.npm_execpath?.endsWith('npm-cli.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  runStep(
    'npm ci',
    [...npm, 'ci', ...options],
    EXIT_ENVIRONMENT,
    'Is the npm registry of this machine reachable?',
  );
  writeFileSync(LOCK_STAMP, lockHash());
}

function buildIsCurrent() {
  return readStamp(BUILD_STAMP) === sourceHash();
}

function sourceHash() {
  const sources = [
    'src',
    'tsconfig.json',
    'tsconfig.build.json',
    'package-lock.json',
    'scripts/bundle-workflows.mjs',
    'scripts/write-help.mjs',
  ];
  return contentHash(sources.map((path) => join(ROOT, path)));
}

/** Into a folder beside `dist`, which then takes its place: nobody ever runs half a build. */
function buildAll(say) {
  say('building …');
  const hash = sourceHash();
  const folder = join(ROOT, '.cache', `build-${process.pid}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    runStep('tsc', [process.execPath, tsc, '-p', 'tsconfig.build.json', '--outDir', folder], 1);
    const bundler = join(ROOT, 'scripts', 'bundle-workflows.mjs');
    runStep('the workflow bundle', [process.execPath, bundler, folder], 1);
    const helpWriter = join(ROOT, 'scripts', 'write-help.mjs');
    runStep('the help texts', [process.execPath, helpWriter, folder], 1);
    writeFileSync(join(folder, '.stamp'), hash);
    const dist = join(ROOT, 'dist');
    const old = `${folder}-old`;
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(folder, dist);
    rmSync(old, { recursive: true, force: true });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Its output is shown only when it fails. */
function runStep(name, [command, ...args], exitCode, advice = '') {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status === 0) return;
  const problem = new SetupProblem(
    `setup: ${name} failed${error ? ` (${error.message})` : ''}. ${advice}\n${stdout ?? ''}${stderr ?? ''}`,
  );
  problem.exitCode = exitCode;
  throw problem;
}

/** The list of binaries and their sources is the program's own, hence from the build. */
async function provideBinaries(names, say, note) {
  const paths = {};
  if (names.length === 0) return paths;
  const program = join(ROOT, 'dist', 'embedded', 'binaries.js');
  if (!existsSync(program))
    throw new SetupProblem('setup: there is no build yet; run `npm run build` first.');
  const { resolveBinary, TEMPORAL_BINARIES } = await import(pathToFileURL(program).href);
  for (const name of names) {
    const explicitPath = process.env[TEMPORAL_BINARIES[name].variable];
    const found = await resolveBinary(name, {
      packageRoot: ROOT,
      explicitPath,
      env: process.env,
      onFetch: (text) => say(`${text} …`),
    });
    note(
      `${name}: ${found.source} (${relative(ROOT, found.path).startsWith('..') ? found.path : relative(ROOT, found.path)})`,
    );
    paths[name] = found.path;
  }
  return paths;
}

function readStamp(path) {
  return statSync(path, { throwIfNoEntry: false }) ? readFileSync(path, 'utf8') : null;
}

if (process.argv[1] && pathToFileURL(process.argv[1]).href === import.meta.url) {
  await runScript(async () => {
    await bootstrap();
    return 0;
  });
}
