/** What attempts leave on disk and say while they run: state and heartbeats, secrets, modes (F5, F9, T2, DESIGN 6). */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { http, rawServer } from '../provider/raw-server.ts';
import { activityWorld, type ActivityWorld, API_KEY, failureOf } from '../support/activity-world.ts';
import type { ScriptStep } from '../support/provider-script.ts';
import { filesBelow } from '../support/system.ts';

describe('while a request runs', () => {
  test('state.json stays fresh (F5) and the heartbeat says what is waited for (T2)', async () => {
    const { provider, task, attempt, stateOf } = await activityWorld({ latencyMs: 6_000 });
    const cover = task();
    const running = attempt(cover);
    await provider.waitForInFlight(1);
    const updates = new Set<string>();
    while (provider.inFlight === 1) {
      updates.add((await stateOf(cover)).updated_at);
      await sleep(50);
    }
    // Two writes within the six seconds of the request: never ten seconds old.
    expect(updates.size).toBeGreaterThanOrEqual(2);
    expect(await stateOf(cover)).toMatchObject({
      status: 'running',
      attempt: 1,
      max_attempts: 3,
      last_error: null,
    });

    await running.result;
    expect(running.heartbeats).toMatchObject([
      { waiting_for: 'the spool', sent: false, attempt: 0, elapsed_seconds: 0, limit_seconds: 30 },
      { waiting_for: 'the image', sent: true, attempt: 1, limit_seconds: 30 },
    ]);
    expect(running.heartbeats[1]?.generation_id).toBe(cover.generation_id);
    expect(running.heartbeats[1]?.elapsed_seconds).toBeGreaterThanOrEqual(4);
  });

  test('state.json never goes back to fewer attempts (F5)', async () => {
    const { provider, task, attempt, stateOf } = await activityWorld({
      script: ['500', { kind: 'ok', latencyMs: 500 }],
    });
    await failureOf(attempt(task({ retry_base_delay_ms: 1 })));
    expect((await stateOf(task())).attempt).toBe(1);
    await sleep(20);
    const second = attempt(task(), 2);
    await provider.waitForInFlight(1);
    expect((await stateOf(task())).attempt).toBeGreaterThanOrEqual(1);
    await second.result;
  });

  test('in a wait state.json carries next_attempt_at, also after an attempt that came early (F5)', async () => {
    const { task, attempt, stateOf } = await activityWorld({ script: [{ kind: '429', retryAfter: '30' }] });
    await failureOf(attempt(task()));
    const { next_attempt_at } = await stateOf(task());
    expect(Date.parse(next_attempt_at as string)).toBeGreaterThan(Date.now() + 25_000);
    await failureOf(attempt(task(), 2));
    expect((await stateOf(task())).next_attempt_at).toBe(next_attempt_at);
  });
});

describe('the key is in no file, failure or heartbeat (F9, G8)', () => {
  const message = `The key ${API_KEY} was seen; authorization: Bearer ${API_KEY}`;
  const place = `http://127.0.0.1:9/a.png?key=${API_KEY}`;

  test.each<[what: string, step: ScriptStep]>([
    ['a good answer', 'ok'],
    ['a refusal that repeats it', { kind: '401', message }],
    ['a failure that repeats it', { kind: '500', message }],
    ['a redirect to a place that repeats it', { kind: 'redirect', location: place }],
    ['an error in a 200 that repeats it', { kind: 'error_in_200', message }],
    ['a url that repeats it', { kind: 'url', location: place }],
  ])('after %s', async (_what, step) => {
    expect(await tellTales(step)).toEqual([]);
  });

  test('after a request id that repeats it', async () => {
    const world = await activityWorld();
    const answer = http(401, '{"error":{"message":"no"}}', { 'x-request-id': `req_${API_KEY}` });
    const { baseUrl } = await rawServer({ answer: (socket) => void socket.write(answer) });
    await world.configure({ baseUrl, apiKey: API_KEY });
    expect(await tellTalesOf(world)).toEqual([]);
  });

  async function tellTales(step: ScriptStep): Promise<string[]> {
    const world = await activityWorld({ script: [step] });
    const found = await tellTalesOf(world);
    // It was sent, so it could have been told.
    expect(world.provider.calls).toMatchObject([{ headers: { authorization: 'present' } }]);
    return found;
  }

  /** Where the key can be read after one attempt. */
  async function tellTalesOf({ task, attempt, outputDir, spoolDir, reference }: ActivityWorld) {
    const running = attempt(task({ input_images: [await reference()] }));
    const ended = await running.result.catch((error: unknown) => error);
    const {
      message: said,
      stack,
      details,
    } = ended as { message?: string; stack?: string; details?: unknown };
    const told = `what Temporal was told: ${JSON.stringify([ended, said, stack, details, running.heartbeats])}`;
    const written = [...(await contentsBelow(outputDir)), ...(await contentsBelow(spoolDir))];
    expect(written.length).toBeGreaterThan(6);
    return [told, ...written].filter(tells).map((content) => content.slice(0, content.indexOf(': ')));
  }

  const forms = [API_KEY, Buffer.from(API_KEY).toString('base64').replaceAll('=', '')];
  const tells = (content: string) => forms.some((form) => content.includes(form));

  async function contentsBelow(folder: string): Promise<string[]> {
    const names = await filesBelow(folder);
    return Promise.all(
      names.map(async (name) => `${name}: ${(await readFile(join(folder, name))).toString('latin1')}`),
    );
  }
});

describe('files are for their owner alone (DESIGN 6)', () => {
  test.each<[what: string, step: ScriptStep]>([
    ['a good answer', 'ok'],
    ['a failure', '500'],
    ['an answer without an image', 'not_json'],
  ])('after %s: folders 0700, files 0600, nothing temporary', async (_what, step) => {
    const { task, attempt, outputDir, spoolDir, reference } = await activityWorld({ script: [step] });
    await attempt(task({ input_images: [await reference()] })).result.catch(() => undefined);
    const found = [...(await modesBelow(outputDir)), ...(await modesBelow(spoolDir))];
    expect(found.length).toBeGreaterThan(10);
    expect(found.filter(({ mode, isFolder }) => mode !== (isFolder ? '700' : '600'))).toEqual([]);
    expect(found.filter(({ path }) => /tmp|\.\d{6,}$|released/u.test(path.slice(outputDir.length)))).toEqual(
      [],
    );
  });

  async function modesBelow(folder: string) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const paths = [folder, ...entries.map((entry) => join(entry.parentPath, entry.name))];
    return Promise.all(
      paths.map(async (path) => {
        const stats = await stat(path);
        return { path, mode: (stats.mode & 0o777).toString(8), isFolder: stats.isDirectory() };
      }),
    );
  }
});

describe('a disk that refuses a file (R4, R5)', () => {
  test('for the record of an attempt: the record is written later', async () => {
    const { task, attempt, recordOf } = await activityWorld({ script: ['429', 'ok'] });
    const cover = task({ retry_base_delay_ms: 1 });
    const path = join(cover.run_dir, 'attempt-01', 'result.json');
    await mkdir(path, { recursive: true });
    await failureOf(attempt(cover));
    await rm(path, { recursive: true });
    await sleep(20);
    await attempt(cover, 2).result;
    expect(await recordOf(cover)).toMatchObject({ category: 'rate_limited', billing: 'no' });
  });
});
