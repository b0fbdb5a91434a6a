/** The steps of the gate that are not tests: types, lint, format, dead code. Each one counts as one test. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './bootstrap.mjs';

const STEPS = [
  { name: 'types of everything', command: ['tsc', '-p', '.'] },
  { name: 'types of workflow code', command: ['tsc', '-p', 'src/workflows'] },
  { name: 'lint', command: ['oxlint'] },
  { name: 'format', command: ['oxfmt', '--check', '.'] },
  { name: 'dead code', command: ['knip'] },
];

/** Run them all, also after a failure; output is shown only of those that fail. */
export function runGate() {
  const results = STEPS.map(({ name, command: [program, ...args] }) => {
    const started = Date.now();
    const { status, error, stdout, stderr } = spawnSync(join(ROOT, 'node_modules', '.bin', program), args, {
      cwd: ROOT,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    const passed = status === 0;
    report(passed, `${name} (${[program, ...args].join(' ')})`, Date.now() - started);
    if (!passed) process.stdout.write(`${error ? `${error.message}\n` : ''}${stdout ?? ''}${stderr ?? ''}`);
    return passed;
  });
  const passed = results.filter(Boolean).length;
  return { passed, failed: results.length - passed };
}

export function report(passed, what, elapsedMs) {
  process.stdout.write(`${passed ? 'ok    ' : 'FAILED'} ${what} ${(elapsedMs / 1000).toFixed(1)} s\n`);
}
