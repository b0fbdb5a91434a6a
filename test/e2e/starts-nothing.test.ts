/** What answers offline loads no Temporal, starts no process and makes no home (SPEC C5, P2, DESIGN 3). */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { RULES } from '../../src/domain/acceptance.ts';
import { BATCH_RULES } from '../../src/domain/completeness.ts';
import { EVIDENCE_RULES, HISTORY_RULE } from '../../src/domain/stronger-evidence.ts';
import { type ProvenBatch, provenBatch } from '../support/proven-batch.ts';
import { tempFolder } from '../support/temp-folder.ts';

const BIN = fileURLToPath(new URL('../../bin/imgproof.js', import.meta.url));
const PROBE = new URL('../support/loaded-modules.mjs', import.meta.url).href;

let batch: ProvenBatch;
let userHome: string;
let home: string;
beforeEach(async () => {
  batch = await provenBatch(tempFolder());
  userHome = join(tempFolder(), 'user');
  home = join(userHome, 'imgproof');
  mkdirSync(userHome);
});

/** The command in an empty home, and what it loaded and started. */
function probe(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', PROBE, BIN, ...args], {
    cwd: userHome,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: {
      PATH: process.env['PATH'],
      HOME: userHome,
      IMGPROOF_HOME: home,
      TEMPORAL_CLI_PATH: process.env['TEMPORAL_CLI_PATH'],
    },
  });
  const lines = stderr.split('\n');
  const of = (word: string) => lines.filter((line) => line.startsWith(word));
  return { code: status, stdout, stderr, loaded: of('loaded '), spawned: of('spawned ') };
}

/** Processes that name this home in their command line or environment: whatever was started for it, by whomever. */
function processesOfHome(): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/u.test(name));
  const names = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(home);
    } catch {
      return false;
    }
  };
  return pids.filter((pid) => names(pid, 'cmdline') || names(pid, 'environ')).map(Number);
}

const HELPED =
  'run batch queue verify up down status worker watch list get history cancel pause resume retry report export key'.split(
    ' ',
  );

const isLinux = process.platform === 'linux';

test.each<[string, () => string[], code: number, part: string]>([
  ['--help', () => ['--help'], 0, 'Usage: imgproof'],
  ...HELPED.map((name): [string, () => string[], number, string] => [
    `${name} --help`,
    () => [name, '--help'],
    0,
    `Usage: imgproof ${name}`,
  ]),
  ['--version', () => ['--version'], 0, '.'],
  ['verify --rules', () => ['verify', '--rules'], 0, 'ok-true'],
  ['verify of a finished batch', () => ['verify', batch.batchDir], 0, '3 proven'],
  ['verify --json of an output directory', () => ['verify', batch.outputDir, '--json'], 0, '"proven": 3'],
  ['report --markdown of a finished batch', () => ['report', batch.batchDir, '--markdown'], 0, '3 proven'],
  ['verify of an empty folder', () => ['verify', '.'], 5, 'no proof'],
  ...['status', 'list', 'history'].map((name): [string, () => string[], number, string] => [
    `queue ${name}`,
    () => ['queue', name, '--state-dir', './queue'],
    0,
    '/user/queue"',
  ]),
  ['queue get of nothing', () => ['queue', 'get', 'x', '--state-dir', './queue'], 1, 'task not found'],
])('%s', (_, args, code, part) => {
  const found = probe(...args());
  expect([found.code, found.stdout]).toEqual([code, expect.stringContaining(part)]);
  // The probe sees: this much is loaded always, and the pixels are really decoded.
  const helped = args().includes('--help');
  expect(found.loaded.some((line) => line.endsWith(helped ? '/dist/help.json' : '/dist/cli/main.js'))).toBe(
    true,
  );
  // The texts are of the build: help waits for no other file of ours.
  if (helped) expect(found.loaded.filter((line) => /node_modules|dist/u.test(line))).toHaveLength(1);
  expect(found.loaded.some((line) => /node_modules\/sharp\//u.test(line))).toBe(part.includes('proven'));
  expect(found.loaded.filter((line) => line.includes('@temporalio'))).toEqual([]);
  expect(found.spawned).toEqual([]);
  expect(readdirSync(userHome)).toEqual([]);
  if (isLinux) expect(processesOfHome()).toEqual([]);
});

/** They write where they were told to, and nowhere else. */
test.each<[string, () => string[], code: number, said: string, made: string]>([
  ['report', () => ['report', batch.batchDir, '--out', 'sheet'], 0, 'sheet/index.html', 'sheet'],
  [
    'report --csv',
    () => ['report', batch.batchDir, '--csv', '--out', 'covers.csv'],
    0,
    'covers.csv',
    'covers.csv',
  ],
  ['report by an id that is none', () => ['report', 'nope'], 2, "there is no batch and no run 'nope'", ''],
  ['export', () => ['export', batch.batchDir, 'covers.zip'], 0, 'the embedded server is down', 'covers.zip'],
])('%s loads no Temporal and starts nothing', (_, args, code, said, made) => {
  const found = probe(...args());
  expect([found.code, found.stdout + found.stderr]).toEqual([code, expect.stringContaining(said)]);
  // Whether there is a server to ask for histories, Temporal's own configuration says.
  const temporal = made.endsWith('.zip') ? '@temporalio/client' : '@temporalio';
  expect(found.loaded.filter((line) => line.includes(temporal))).toEqual([]);
  expect(found.spawned).toEqual([]);
  expect(readdirSync(userHome)).toEqual(made === '' ? [] : [made]);
  if (isLinux) expect(processesOfHome()).toEqual([]);
});

test('key show makes the first key and nothing else; a damaged key is told with the others, and rotate is the way out', () => {
  const shown = probe('key', 'show');
  expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('BEGIN PUBLIC KEY')]);
  expect(shown.loaded.filter((line) => line.includes('@temporalio'))).toEqual([]);
  expect(shown.stdout + shown.stderr).not.toContain('PRIVATE');
  expect([readdirSync(home), readdirSync(join(home, 'keys'))]).toEqual([['keys'], ['key-0001.json']]);
  writeFileSync(join(home, 'keys', 'key-0001.json'), '{"half":');
  const damaged = probe('key', 'show');
  expect([damaged.code, damaged.stderr]).toEqual([3, expect.stringContaining('imgproof key rotate')]);
  const rotated = probe('key', 'rotate', '--json');
  const list = JSON.parse(rotated.stdout) as { keys: object[]; problems: string[] };
  expect([rotated.code, list.keys.length, list.problems.length]).toEqual([0, 1, 1]);
  expect(probe('key', 'show').code).toBe(0);
  writeFileSync(join(userHome, 'none.json'), 'null');
  const refused = probe('verify', batch.batchDir, '--keys', 'none.json');
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('is no list of keys')]);
});

test('verify --history starts no server to ask', () => {
  const { code, stderr, spawned } = probe('verify', batch.batchDir, '--history');
  expect([code, stderr, spawned]).toEqual([3, expect.stringContaining('imgproof up'), []]);
  for (const path of [join(batch.batchDir, '..', 'none'), 'package.zip'])
    expect(probe('verify', path, '--history').code, path).toBe(2);
  expect(readdirSync(userHome)).toEqual([]);
});

test('status says that nothing runs, and starts and makes nothing', () => {
  // Leaves nothing behind when it does.
  onTestFinished(() => void probe('down', '--now'));
  const { code, stdout, spawned } = probe('status', '--json');
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { embedded: { status: 'down', server: null } }]);
  if (isLinux) expect(spawned).toEqual([]);
  expect(readdirSync(userHome)).toEqual([]);
  if (isLinux) expect(processesOfHome()).toEqual([]);
});

test('the same probe sees what `up` starts and makes', ({ skip }) => {
  skip(!isLinux, 'processes are looked for in /proc');
  onTestFinished(() => void probe('down', '--now'));
  const { code, spawned } = probe('up');
  expect([code, spawned.length]).toEqual([0, 1]);
  expect(existsSync(join(home, 'temporal.db'))).toBe(true);
  // Supervisor, server, worker.
  expect(processesOfHome()).toHaveLength(3);
  expect(probe('down', '--now').code).toBe(0);
  expect(processesOfHome()).toEqual([]);
}, 120_000);

describe('verify --rules', () => {
  const sentences = { ...RULES, ...BATCH_RULES, ...EVIDENCE_RULES, [HISTORY_RULE.id]: HISTORY_RULE };
  const table = Object.entries(sentences).map(([id, { en, zh }]) => ({ id, en, zh }));

  test('prints every rule: its id, one sentence in English and one in Chinese (P1)', () => {
    const { stdout } = probe('verify', '--rules');
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(2 * table.length);
    for (const [i, { id, en, zh }] of table.entries()) {
      expect(lines[2 * i]).toMatch(/^[a-z0-9-]+ {2,}\S/u);
      expect(lines[2 * i]?.split(/ {2,}/u)).toEqual([id, en]);
      expect(lines[2 * i + 1]?.trim()).toBe(zh);
    }
  });

  test('as JSON has the same', () => {
    const { code, stdout } = probe('verify', '--rules', '--json');
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { rules: table, exit_code: 0 }]);
  });

  test('every rule has a sentence of its own in both languages', () => {
    expect(table.length).toBeGreaterThan(20);
    for (const { en, zh } of table) {
      expect(en).toMatch(/^[A-Z].*\.$/u);
      expect(zh).toMatch(/^.*\p{Script=Han}.*。$/u);
    }
    for (const field of ['id', 'en', 'zh'] as const)
      expect(new Set(table.map((rule) => rule[field])).size).toBe(table.length);
  });
});
