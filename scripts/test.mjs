/**
 * `npm test`: the whole gate. Sets up, checks types, lint, format and dead code, runs every test; goes on after a failure.
 * The last line is `N passed, N failed`, skipped tests and their reasons above it. Arguments go to vitest.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrap, checkNode, ROOT, runScript } from './bootstrap.mjs';
import { report, runGate } from './gate.mjs';

await runScript(async () => {
  checkNode();
  const setup = await setUp();
  const gate = runGate();
  const tests = runTests(process.argv.slice(2), setup.binaries);
  for (const { name, reason } of tests.skipped) process.stdout.write(`skipped: ${name}: ${reason}\n`);
  for (const name of tests.flaky) process.stdout.write(`passed at the second try: ${name}\n`);
  const passed = setup.passed + gate.passed + tests.passed;
  const failed = setup.failed + gate.failed + tests.failed;
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
});

async function setUp() {
  const started = Date.now();
  try {
    const binaries = await bootstrap();
    report(true, 'setup', Date.now() - started);
    return { binaries, passed: 1, failed: 0 };
  } catch (error) {
    report(false, 'setup', Date.now() - started);
    process.stdout.write(`${error.message}\n`);
    return { binaries: {}, passed: 0, failed: 1 };
  }
}

function runTests(args, binaries) {
  const started = Date.now();
  const folder = mkdtempSync(join(tmpdir(), 'imgproof-tally-'));
  const tallyFile = join(folder, 'tally.json');
  try {
    const reporters = ['--reporter=default', `--reporter=${join(ROOT, 'scripts', 'tally-reporter.mjs')}`];
    const { status } = spawnSync(
      join(ROOT, 'node_modules', '.bin', 'vitest'),
      ['run', ...reporters, ...args],
      {
        cwd: ROOT,
        stdio: ['ignore', 'inherit', 'inherit'],
        env: testEnvironment(binaries, tallyFile),
      },
    );
    const tally = readTally(tallyFile);
    // Zero tests, a crash of the runner, a failure that the numbers don't show: none of it may look green.
    const isHidden = tally.failed === 0 && (status !== 0 || tally.passed === 0);
    const failed = tally.failed + (isHidden ? 1 : 0);
    report(failed === 0, `tests (vitest run ${args.join(' ')})`.replace(' )', ')'), Date.now() - started);
    return { ...tally, failed };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * What a person has set for their own work must not decide how a test ends. Certificates of a machine are read by each
 * process at its start, which takes longer than the rest of it; tests talk to this machine only, and bring their own.
 */
function testEnvironment(binaries, tallyFile) {
  const isForeign = (name) => /^(?:OPENCLAW_|TEMPORAL_|IMGPROOF_(?!CACHE$)|NODE_EXTRA_CA_CERTS$)/u.test(name);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !isForeign(name)));
  if (binaries.temporal) env.TEMPORAL_CLI_PATH = binaries.temporal;
  if (binaries['test-server']) env.TEMPORAL_TEST_SERVER_PATH = binaries['test-server'];
  return { ...env, IMGPROOF_TALLY_FILE: tallyFile };
}

function readTally(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: [], flaky: [] };
  }
}
