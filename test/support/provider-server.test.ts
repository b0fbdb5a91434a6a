/** The scripted provider as a judge: what it counts and writes down, how it is scripted and run by hand. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CallRecord } from './provider-calls.ts';
import { startProviderServer, type ProviderServer, type ProviderServerOptions } from './provider-server.ts';

let server: ProviderServer;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'provider-'));
});
afterEach(async () => {
  await server?.close();
  rmSync(folder, { recursive: true });
});

const start = async (options: ProviderServerOptions = {}) => {
  server = await startProviderServer(options);
};
const ORDER = { model: 'gpt-image-2', prompt: 'a boat' };
const logLines = (file: string) =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as CallRecord);

function generate(fields: object = ORDER, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: 'Bearer test-key', 'content-type': 'application/json' };
  return fetch(`${server.baseUrl}/images/generations`, {
    method: 'POST',
    headers,
    body: JSON.stringify(fields),
    ...init,
  });
}

async function outcome(response: Response) {
  const { error } = (await response.json()) as { error?: { code: string; param: string | null } };
  return [response.status, error?.code, error?.param];
}

describe('The call log', () => {
  test('tells of arrival and answer, without the key', async () => {
    const logFile = join(folder, 'calls.jsonl');
    await start({ logFile });
    const headers = {
      authorization: 'Bearer test-key',
      'content-type': 'application/json',
      'x-client-request-id': 'attempt-1',
    };
    const response = await generate({ ...ORDER, size: '1024x1024' }, { headers });
    expect(logLines(logFile)).toMatchObject([
      { event: 'arrived', call: 1, mode: 'generation', size: '1024x1024', in_flight: 1, status: null },
      { event: 'answered', call: 1, ...ORDER, in_flight: 0, status: 200, x_client_request_id: 'attempt-1' },
    ]);
    expect(response.headers.get('x-request-id')).toBe(server.calls[0]?.request_id);
    expect(server.calls[0]?.headers['authorization']).toBe('present');
    expect(readFileSync(logFile, 'utf8')).not.toContain('test-key');
  });

  test('tells that a client went away before the answer', async () => {
    const logFile = join(folder, 'calls.jsonl');
    await start({ logFile, latencyMs: 60_000 });
    const abort = new AbortController();
    const call = generate(ORDER, { signal: abort.signal });
    await server.waitForCalls(1);
    abort.abort();
    await expect(call).rejects.toThrow(/abort/u);
    await server.waitForInFlight(0);
    expect(logLines(logFile).map(({ event, status }) => [event, status])).toEqual([
      ['arrived', null],
      ['aborted', null],
    ]);
  });

  test('tells a connection that the server cut from one that the client left', async () => {
    await start({ script: ['hang'] });
    const call = generate();
    await server.waitForCalls(1);
    await server.close();
    await expect(call).rejects.toThrow(/fetch failed/u);
    expect(server.calls[0]).toMatchObject({ event: 'answered', step: 'hang', status: null });
  });

  test('counts an upload that broke off as no call', async () => {
    const logFile = join(folder, 'calls.jsonl');
    await start({ logFile });
    const socket = connect(server.port, '127.0.0.1');
    socket.write('POST /v1/images/generations HTTP/1.1\r\nhost: x\r\ncontent-length: 999\r\n\r\n{"prompt"');
    await server.waitForInFlight(1);
    socket.destroy();
    await server.waitForInFlight(0);
    expect(server.calls).toEqual([]);
    expect(server.brokenUploads).toBe(1);
    expect(logLines(logFile)).toMatchObject([{ event: 'aborted', call: 0 }]);
  });

  test('knows how many requests were in flight at most, and an answered one is not', async () => {
    await start({ latencyMs: (call) => 100 + call });
    const lane = async () => {
      for (let n = 0; n < 3; n += 1) await (await generate()).arrayBuffer();
    };
    await Promise.all([lane(), lane(), lane()]);
    expect(server.maxInFlight).toBe(3);
    expect(Math.max(...server.calls.map(({ in_flight }) => in_flight))).toBeLessThanOrEqual(3);
    expect(server.calls).toHaveLength(9);
  });

  test('holds calls, also those in flight, until they are released; later ones are answered at once', async () => {
    await start({ latencyMs: 50 });
    const ends: string[] = [];
    const held = generate().then(() => ends.push('held'));
    await server.waitForInFlight(1);
    const release = server.hold();
    await sleep(100);
    ends.push('released');
    release();
    await held;
    await generate();
    expect(ends).toEqual(['released', 'held']);
  });

  test('says how far it came when a wait is in vain', async () => {
    await start();
    await expect(server.waitForCalls(1, 20)).rejects.toThrow('waited 20 ms for 1 calls: 0 calls arrived');
  });
});

describe('A script', () => {
  const statuses = async (...prompts: string[]) => {
    const seen: number[] = [];
    for (const prompt of prompts) seen.push((await generate({ ...ORDER, prompt })).status);
    return seen;
  };

  test('is used up one step per valid call, then all is well', async () => {
    await start({ script: ['500', { kind: '429', retryAfter: '1' }] });
    expect((await generate({ prompt: 'no model' })).status).toBe(400);
    expect(await statuses('a', 'b', 'c')).toEqual([500, 429, 200]);
  });

  test('can be a function of the call', async () => {
    await start({ script: ({ call }) => (call % 2 === 0 ? '503' : undefined) });
    expect(await statuses('a', 'b', 'c', 'd')).toEqual([200, 503, 200, 503]);
  });

  test('can be rules by prompt', async () => {
    await start({
      script: {
        rules: [
          { match: 'cat', step: '500', times: 1 },
          { match: 'dog', step: '429' },
        ],
      },
    });
    expect(await statuses('a cat', 'a cat', 'a dog', 'a dog', 'a cow')).toEqual([500, 200, 429, 429, 200]);
  });

  test('can stand in the prompt, counted per prompt', async () => {
    await start();
    const cat = 'cat [fault:500 times=1] [fault:insufficient_quota status=402 message="all spent" times=2]';
    const dog = 'dog [fault:500 times=1]';
    expect(await statuses(cat, dog, cat, dog, cat, cat)).toEqual([500, 500, 402, 200, 402, 200]);
  });

  test.each(['[fault:5OO]', '[fault:500 retry-afer=2]', '[fault:500 slowly]'])(
    'with the mistake %s is said to be wrong and is not worth a retry',
    async (prompt) => {
      await start();
      expect(await outcome(await generate({ ...ORDER, prompt }))).toEqual([400, 'script_error', null]);
    },
  );

  test('can serve given bytes in turn', async () => {
    const images = [1, 2].map((n) => Buffer.from(`image ${n}`));
    await start({ images });
    const served: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const { data } = (await (await generate()).json()) as { data: [{ b64_json: string }] };
      served.push(Buffer.from(data[0].b64_json, 'base64').toString());
    }
    expect(served).toEqual(['image 1', 'image 2', 'image 1']);
  });
});

describe('The program', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  const run = async (...args: string[]) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'test/support/provider-server.ts', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    return { child, ...(JSON.parse(line.toString()) as { baseUrl: string; pid: number }) };
  };

  test('says where it listens, serves with its own key, and ends on SIGTERM', async () => {
    const [portFile, logFile] = [join(folder, 'port'), join(folder, 'log')];
    const { child, baseUrl, pid } = await run('--api-key', 'K', '--port-file', portFile, '--log', logFile);
    expect(pid).toBe(child.pid);
    expect(baseUrl).toBe(`http://127.0.0.1:${readFileSync(portFile, 'utf8').trim()}/v1`);
    const headers = { authorization: 'Bearer K', 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(ORDER) };
    const response = await fetch(`${baseUrl}/images/generations`, init);
    const { data } = (await response.json()) as { data: [{ b64_json: string }] };
    expect((await sharp(Buffer.from(data[0].b64_json, 'base64')).metadata()).width).toBe(1024);
    expect(logLines(logFile)).toHaveLength(2);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('ends when the process it serves has ended', async () => {
    const master = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
    children.push(master);
    const { child } = await run('--exit-with-pid', String(master.pid));
    await sleep(1200);
    expect(child.exitCode).toBeNull();
    master.kill('SIGKILL');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
