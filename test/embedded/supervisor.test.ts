import { appendFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { embeddedStatus } from '../../src/embedded/embedded.ts';
import { type Pids, StandInStack } from './stand-in-stack.ts';

let stack: StandInStack;
beforeAll(async () => {
  stack = await StandInStack.create();
  return () => stack.remove();
}, 120_000);
const freshHome = () => stack.freshHome();
const up = () => stack.up();
const down = (now = false) => stack.down(now);
const pids = () => stack.pids();
const events = () => stack.events();

/** Until another process is in this place and everything is ready again. */
async function replaced(part: keyof Pids, old: number): Promise<Pids> {
  return expect
    .poll(
      async () => ({
        ready: (await embeddedStatus(stack.home)).status === 'ready',
        isNew: ![0, old].includes((await pids())[part]),
      }),
      {
        timeout: 20_000,
        interval: 100,
      },
    )
    .toEqual({ ready: true, isNew: true })
    .then(pids);
}

describe('a running embedded stack', () => {
  beforeAll(freshHome);
  beforeEach(up);
  afterAll(async () => down(true));

  it('is one server and one worker for 20 first commands at once', async () => {
    await down(true);
    rmSync(join(stack.home, 'worker-events'));
    const places = await Promise.all(Array.from({ length: 20 }, up));
    expect(new Set(places.map(({ address }) => address)).size).toBe(1);
    expect(events().match(/ready/gu)).toHaveLength(1);
  });

  it('starts a killed worker again, at the same server', async () => {
    const before = await pids();
    stack.send('SIGKILL', before.worker);
    const after = await replaced('worker', before.worker);
    expect(after).toMatchObject({ supervisor: before.supervisor, server: before.server });
  });

  it('starts a killed server again on the same ports, with the same worker', async () => {
    const before = await pids();
    const place = await up();
    stack.send('SIGKILL', before.server);
    const after = await replaced('server', before.server);
    expect(after).toMatchObject({ supervisor: before.supervisor, worker: before.worker });
    expect(await up()).toEqual(place);
  });

  it('loses its supervisor without harm: the next command adopts server and worker', async () => {
    const before = await pids();
    stack.send('SIGKILL', before.supervisor);
    await expect.poll(async () => (await embeddedStatus(stack.home)).status).toBe('down');
    await up();
    const after = await pids();
    expect(after).toMatchObject({ server: before.server, worker: before.worker });
    expect(after.supervisor).not.toBe(before.supervisor);
  });

  it('comes back after kill -9 of server, supervisor and worker', async () => {
    const before = await pids();
    stack.send('SIGKILL', ...Object.values(before));
    await expect.poll(pids, { timeout: 10_000 }).toEqual({ supervisor: 0, server: 0, worker: 0 });
    await up();
    const after = await pids();
    for (const part of ['supervisor', 'server', 'worker'] as const) {
      expect([0, before[part]], part).not.toContain(after[part]);
    }
  });

  it('keeps its logs small while its processes go on writing to them', async () => {
    const log = join(stack.home, 'logs', 'supervisor.log');
    appendFileSync(log, `${'x'.repeat(1023)}\n`.repeat(11 * 1024));
    await expect.poll(() => statSync(log).size, { timeout: 25_000, interval: 200 }).toBeLessThan(1024 * 1024);
    expect(statSync(`${log}.1`).size).toBe(10 * 1024 * 1024);
    const before = await pids();
    stack.send('SIGKILL', before.worker);
    await replaced('worker', before.worker);
    const text = readFileSync(log, 'utf8');
    expect(text).toContain(`process ${before.worker} has ended`);
    // A writer that didn't append would have left a hole as large as the old log.
    expect(text).not.toContain('\0');
  }, 60_000);

  it('is not disturbed by the Ctrl-C or the closing of a terminal', async () => {
    const before = await pids();
    stack.send('SIGINT', before.supervisor);
    stack.send('SIGHUP', before.supervisor);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await pids()).toEqual(before);
  });
});

describe('`down`', () => {
  beforeEach(freshHome);

  it('lets the worker finish, then ends everything and removes its state', async () => {
    await up();
    writeFileSync(join(stack.home, 'drain-ms'), '800');
    expect(await down()).toBeGreaterThan(0);
    expect(events()).toMatch(/drains \d+\ndrained \d+\n$/u);
    expect(await embeddedStatus(stack.home)).toMatchObject({
      status: 'down',
      supervisor: null,
      server: null,
      worker: null,
    });
    expect(existsSync(join(stack.home, 'embedded.json'))).toBe(false);
    expect(await down()).toBeNull();
  });

  it('called twice still drains; `--now` ends the worker at once', async () => {
    await up();
    writeFileSync(join(stack.home, 'drain-ms'), '600000');
    const first = down();
    await expect.poll(events).toContain('drains');
    const second = down();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await embeddedStatus(stack.home)).worker).not.toBeNull();
    await down(true);
    expect(await Promise.all([first, second])).toEqual([expect.any(Number), expect.any(Number)]);
    // Ten minutes it would have taken to drain.
    expect(events()).not.toContain('drained');
  });

  it('ends orphans whose supervisor was killed', async () => {
    await up();
    stack.send('SIGKILL', (await pids()).supervisor);
    expect(await down()).toBeGreaterThan(0);
    expect(await pids()).toEqual({ supervisor: 0, server: 0, worker: 0 });
    expect(events()).toContain('drained');
  });

  it('during a start ends that too', async () => {
    const start = up().catch((error: unknown) => error);
    await expect.poll(async () => (await pids()).supervisor, { interval: 20 }).not.toBe(0);
    const stopped = await down(true);
    expect(stopped).not.toBeNull();
    await start;
    await down(true);
    expect(await pids()).toEqual({ supervisor: 0, server: 0, worker: 0 });
  });
});

describe('an embedded stack that can not start', () => {
  beforeEach(freshHome);

  it('whose worker breaks down ends with exit 3 and the worker’s last words, and leaves nothing running', async () => {
    writeFileSync(join(stack.home, 'worker-breaks'), '');
    await expect(up()).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('the worker breaks down as told') as string,
    });
    expect(await pids()).toEqual({ supervisor: 0, server: 0, worker: 0 });
  });

  it('is not even tried by `status`, which leaves no trace of a home', async () => {
    rmSync(stack.home, { recursive: true });
    expect(await embeddedStatus(stack.home)).toMatchObject({ status: 'down', server: null, worker: null });
    expect(existsSync(stack.home)).toBe(false);
  });
});
