/** The key never enters a workflow input, history, memo, heartbeat, log, file or error (SPEC G8, F9). */
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import {
  bytesBelow,
  CANARY_KEY,
  CANARY_TOKEN,
  canariesIn,
  canariesInPlaces,
  SAID,
  textsIn,
  TOKEN_HEADER,
} from '../support/canary.ts';
import { clientAt } from '../support/cli-and-client.ts';
import { type Cli, type Ended, startCliAndProvider, until } from '../support/cli.ts';
import type { ProviderServer } from '../support/provider-server.ts';
import { type StepKind, STEPS } from '../support/provider-steps.ts';
import { writeFile } from 'node:fs/promises';

const KEY = CANARY_KEY;
/** In every prompt: found wherever the key could stand too, so that the search is known to see. */
const WITNESS = 'lighthouse-witness';
let provider: ProviderServer;
let cli: Cli;
beforeAll(async () => {
  const started = await startCliAndProvider({
    env: { HAPPY_API_KEY: KEY, GATEWAY_TOKEN: CANARY_TOKEN },
    apiKey: KEY,
    repeats: SAID,
    script: {
      rules: [
        ...RULES,
        { match: 'refused', step: { kind: '400', message: SAID } },
        { match: 'late error', step: { kind: 'error_in_200', message: SAID } },
        { match: 'second try', step: { kind: '500', message: SAID }, times: 1 },
        { match: 'unauthorised', step: { kind: '401', message: SAID } },
      ],
    },
  });
  ({ cli, provider } = started);
  const headers = { [TOKEN_HEADER]: '${GATEWAY_TOKEN}' };
  const happy = { baseUrl: provider.baseUrl, apiKey: '${HAPPY_API_KEY}', headers };
  await writeFile(join(cli.folder, 'config.json'), JSON.stringify({ providers: { happy } }));
  return started.stop;
}, 120_000);

test('after good and failing tasks, one for each fault, neither key nor header stands in any history, memo, log, database, file or output', async () => {
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
  Object.assign(said, await everyFault());
  await heard('list', cli.run(['list', 'canary']));
  for (const kind of ['401', 'html_502', 'error_in_200'])
    await heard(`get ${kind}`, cli.run(['get', `fault/${kind}`]));
  await heard('down', cli.run(['down']));

  const files = bytesBelow(cli.folder);
  const places = { ...said, ...files };
  // It was used, and what it could stand beside is there.
  expect(provider.calls.every(({ headers }) => headers['authorization'] === 'present')).toBe(true);
  for (const seen of ['payloads of canary', 'payloads of lone', 'home/temporal.db'])
    expect([seen, places[seen]?.includes(WITNESS)]).toEqual([seen, true]);
  const log = ['supervisor', 'server', 'worker'].map((name) => `home/logs/${name}.log`);
  expect(Object.keys(files)).toEqual(expect.arrayContaining(log));
  expect(provider.calls.filter(({ prompt }) => prompt?.includes('of kind')).length).toBeGreaterThan(
    KINDS.length,
  );
  for (const kind of KINDS) expect(said[`history of fault/${kind}`]).toContain(WITNESS);
  expect(Object.keys(files).filter((name) => name.endsWith('.answer')).length).toBeGreaterThan(20);
  expect(Object.values(files).filter((text) => text.includes('[redacted]')).length).toBeGreaterThan(3);

  expect(canariesInPlaces(places)).toEqual([]);
}, 300_000);

test('the search finds every form of them', () => {
  for (const secret of [CANARY_KEY, CANARY_TOKEN]) {
    const encoded = (before: string) => Buffer.from(`${before}${secret}:`).toString('base64');
    const texts = [secret, encoded(''), encoded('a'), encoded('ab'), encodeURIComponent(secret), SAID];
    for (const text of texts) expect([text, canariesIn(text).length > 0]).toEqual([text, true]);
  }
});

/** All that the scripted provider can do to a call, but bodies of 70 MiB: `test/faults` has these. */
const KINDS = (Object.keys(STEPS) as StepKind[]).filter((kind) => kind !== 'huge');
const SLOW = new Set<StepKind>(['hang', 'hang_body', 'drip']);
/** Each meets its fault once. */
const RULES = KINDS.map((kind) => ({ match: `of kind ${kind};`, step: kind, times: 1 }));

/** A lone task for each kind of fault; what Temporal knows of each: history, memo, and what its attempts said while they ran. */
async function everyFault(): Promise<Record<string, string>> {
  const client = await clientAt(cli);
  try {
    const tasks = await Promise.all(KINDS.map((kind) => startTask(client, kind)));
    const told: unknown[] = [];
    const running = new Set(tasks.map(({ workflowId }) => workflowId));
    const ended = tasks.map(async (task) => {
      const result = await task.result().catch((error: unknown) => error);
      running.delete(task.workflowId);
      told.push(result, await task.describe());
      return [`history of ${task.workflowId}`, textsIn(await task.fetchHistory())] as const;
    });
    const listening = (async () => {
      while (running.size > 0) {
        for (const id of running) told.push(await client.workflow.getHandle(id).describe());
        await sleep(300);
      }
    })();
    const histories = await Promise.all(ended);
    await listening;
    return { ...Object.fromEntries(histories), 'results, memos and heartbeats': textsIn(told) };
  } finally {
    await client.connection.close();
  }
}

function startTask(client: Client, kind: StepKind) {
  const fields = { output_dir: cli.outputDir, max_attempts: 2, retry_base_delay: 0.1, retry_jitter: 0 };
  const reference = kind === 'echo_reference' ? { image: join(cli.folder, 'reference.png') } : {};
  return client.workflow.start('imageTask', {
    taskQueue: 'imgproof',
    workflowId: `fault/${kind}`,
    args: [
      {
        ...fields,
        ...reference,
        size: '816x816',
        timeout_ms: SLOW.has(kind) ? 1000 : 20_000,
        prompt: `${WITNESS} of kind ${kind};`,
      },
    ],
  });
}

/** Every payload of a history, decoded. */
function payloadsIn(history: string): string {
  const data = [...history.matchAll(/"data": *"([A-Za-z0-9+/=]+)"/gu)];
  return data.map(([, base64 = '']) => Buffer.from(base64, 'base64').toString('latin1')).join('\n');
}

function reference(): Promise<Buffer> {
  return sharp({ create: { width: 32, height: 32, channels: 3, background: '#336699' } })
    .png()
    .toBuffer();
}
