/** The key never enters a workflow input, history, memo, heartbeat, log, file or error (SPEC G8, F9). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import { type Cli, type Ended, startCliAndProvider, until } from '../support/cli.ts';
import type { ProviderServer } from '../support/provider-server.ts';
import { writeFile } from 'node:fs/promises';

/** Looks like nothing that a pattern would recognise; every way of writing it down is another one. */
const KEY = 'canary+7f3c/0d91=Zq~48';
/** In every prompt: found wherever the key could stand too, so that the search is known to see. */
const WITNESS = 'lighthouse-witness';
/** What a careless provider says. */
const SAID = `the key ${KEY} (${Buffer.from(KEY).toString('base64')}, ${encodeURIComponent(KEY)}) was seen`;

let provider: ProviderServer;
let cli: Cli;
beforeAll(async () => {
  const started = await startCliAndProvider({
    env: { HAPPY_API_KEY: KEY },
    apiKey: KEY,
    script: {
      rules: [
        { match: 'refused', step: { kind: '400', message: SAID } },
        { match: 'late error', step: { kind: 'error_in_200', message: SAID } },
        { match: 'second try', step: { kind: '500', message: SAID }, times: 1 },
        { match: 'unauthorised', step: { kind: '401', message: SAID } },
      ],
    },
  });
  ({ cli, provider } = started);
  return started.stop;
}, 120_000);

test('after a batch with good and failing tasks it stands in no history, memo, log, database, file or output', async () => {
  const said: Record<string, string> = {};
  const heard = async (name: string, command: Promise<Ended>) => {
    const ended = await command;
    said[name] = ended.stdout + ended.stderr;
    return ended;
  };
  const temporal = (...args: string[]) => cli.run(['temporal', 'workflow', ...args, '-o', 'json']);
  const history = async (id: string) => {
    await heard(`memo of ${id}`, temporal('describe', '-w', id));
    const { stdout } = await heard(`history of ${id}`, temporal('show', '-w', id));
    said[`payloads of ${id}`] = payloadsIn(stdout);
  };

  await writeFile(join(cli.folder, 'reference.png'), await reference());
  const tasks = ['good', 'refused', 'late error', 'second try'].map((kind, i) => ({
    prompt: `${WITNESS} ${kind}`,
    ...(i === 0 ? { image: 'reference.png' } : {}),
  }));
  const file = await cli.batchFile('canary.json', tasks);
  const release = provider.hold();
  const batch = heard('batch', cli.run(['batch', file, '--batch-id', 'canary', '--json']));
  await until('4 calls in flight', () => provider.inFlight === 4);
  const beating = await heard('heartbeats', temporal('describe', '-w', 'canary/task-01'));
  expect(beating.stdout).toContain('heartbeatDetails');
  await heard('status', cli.run(['status']));
  release();
  const { code, stdout } = await batch;
  const record = JSON.parse(stdout) as BatchResultRecord;
  expect([code, record.success, record.failed]).toEqual([1, 2, 2]);
  expect(record.results.map(({ status, billing, error }) => [status, billing, error])).toMatchObject([
    ['completed', { no: 0, possible: 0, yes: 1 }, null],
    ['failed', { no: 1, possible: 0, yes: 0 }, expect.stringContaining('[redacted]') as unknown],
    ['failed', { no: 0, possible: 0, yes: 1 }, expect.stringContaining('[redacted]') as unknown],
    ['completed', { no: 0, possible: 1, yes: 1 }, null],
  ]);
  await heard('batch again, plainly', cli.run(['batch', file, '--batch-id', 'canary']));
  const run = [
    'run',
    '--prompt',
    `${WITNESS} unauthorised`,
    '--task-key',
    'lone',
    '--output-dir',
    cli.outputDir,
  ];
  expect((await heard('run', cli.run(run))).code).toBe(4);
  await heard('verify', cli.run(['verify', cli.outputDir, '--json']));
  for (const id of ['canary', 'lone', ...record.results.map(({ task_key }) => task_key)]) await history(id);
  await heard('down', cli.run(['down']));

  const files = filesBelow(cli.folder);
  const places = { ...said, ...files };
  // It was used, and what it could stand beside is there.
  expect(provider.calls.every(({ headers }) => headers['authorization'] === 'present')).toBe(true);
  for (const seen of ['payloads of canary', 'payloads of lone', 'home/temporal.db'])
    expect([seen, places[seen]?.includes(WITNESS)]).toEqual([seen, true]);
  const log = ['supervisor', 'server', 'worker'].map((name) => `home/logs/${name}.log`);
  expect(Object.keys(files)).toEqual(expect.arrayContaining(log));
  expect(Object.keys(files).filter((name) => name.endsWith('.answer'))).toHaveLength(4);
  expect(Object.values(files).filter((text) => text.includes('[redacted]')).length).toBeGreaterThan(3);

  const found = Object.entries(places).flatMap(([place, text]) =>
    FORMS.filter(([, form]) => text.includes(form)).map(([form]) => `${form} in ${place}`),
  );
  expect(found).toEqual([]);
}, 300_000);

test('the search finds every form of it', () => {
  const encoded = (before: string) => Buffer.from(`${before}${KEY}:`).toString('base64');
  const texts = [KEY, encoded(''), encoded('a'), encoded('ab'), encodeURIComponent(KEY)];
  for (const text of texts)
    expect([text, FORMS.some(([, form]) => text.includes(form))]).toEqual([text, true]);
});

/** As it is, in base64 at each of its three alignments (also inside of other text), URL-encoded. */
const FORMS: [name: string, form: string][] = [
  ['the key', KEY],
  ...[0, 1, 2].flatMap((before): [string, string][] => {
    const base64 = Buffer.concat([Buffer.alloc(before), Buffer.from(KEY)]).toString('base64');
    const core = base64.slice(Math.ceil((before * 8) / 6), Math.floor(((before + KEY.length) * 8) / 6));
    return [
      [`base64, alignment ${before}`, core],
      [`base64url, alignment ${before}`, core.replaceAll('+', '-').replaceAll('/', '_')],
    ];
  }),
  ['the URL-encoded key', encodeURIComponent(KEY)],
  [
    'the URL-encoded key in lower case',
    encodeURIComponent(KEY).replaceAll(/%../gu, (code) => code.toLowerCase()),
  ],
];

/** Every payload of a history, decoded. */
function payloadsIn(history: string): string {
  const data = [...history.matchAll(/"data": *"([A-Za-z0-9+/=]+)"/gu)];
  return data.map(([, base64 = '']) => Buffer.from(base64, 'base64').toString('latin1')).join('\n');
}

/** Names relative to the folder → bytes, one character each. */
function filesBelow(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    paths.map((path) => [path.slice(folder.length + 1), readFileSync(path).toString('latin1')]),
  );
}

function reference(): Promise<Buffer> {
  return sharp({ create: { width: 32, height: 32, channels: 3, background: '#336699' } })
    .png()
    .toBuffer();
}
