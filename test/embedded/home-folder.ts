/** Real things for the tests of the embedded stack: a home, the Temporal CLI, an imgproof whose worker only says so. */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { resolveBinary } from '../../src/embedded/binaries.ts';
import { copyBuiltPackage } from '../support/built-package.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');

export function newFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'imgproof-embedded-')));
}

export function newHome(): string {
  const home = newFolder();
  mkdirSync(join(home, 'logs'));
  return home;
}

export async function temporalCli(): Promise<string> {
  const explicitPath = process.env['TEMPORAL_CLI_PATH'];
  return (await resolveBinary('temporal', { packageRoot: REPOSITORY, explicitPath, env: process.env })).path;
}

/** Make an executable file. */
export function executable(path: string, text: string): string {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

/**
 * Stands for the worker where only its life matters: it is ready at once, takes `drain-ms` of its home to end after
 * SIGTERM, notes what happens in `worker-events`, and breaks down while there is a file `worker-breaks`.
 */
const STAND_IN_WORKER = `
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { ownIdentity } from '../dist/host/process-identity.js';
const home = process.argv[process.argv.indexOf('--embedded-home') + 1];
const note = (text) => appendFileSync(home + '/worker-events', text + ' ' + process.pid + '\\n');
if (existsSync(home + '/worker-breaks')) {
  console.error('the worker breaks down as told');
  process.exit(7);
}
const tell = (phase) => writeFileSync(home + '/worker.json', JSON.stringify({ ...ownIdentity(), phase, api_lane: 'polls', ...facts }));
const facts = { imgproof_version: '', salt: '', hashes: {} };
process.on('SIGTERM', () => {
  note('drains');
  tell('draining');
  const drainMs = existsSync(home + '/drain-ms') ? Number(readFileSync(home + '/drain-ms', 'utf8')) : 0;
  setTimeout(() => { note('drained'); process.exit(0); }, drainMs);
});
note('ready');
tell('ready');
setInterval(() => undefined, 1000);
`;

/** The built package with the stand-in worker. */
export function packageWithStandInWorker(): string {
  const root = newFolder();
  const { bin } = copyBuiltPackage(root);
  writeFileSync(bin, STAND_IN_WORKER);
  writeFileSync(join(root, 'bin', 'package.json'), '{ "type": "module" }');
  return root;
}
