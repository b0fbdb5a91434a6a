import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { ConfigError, loadSettings } from '../../src/config.ts';
import { keepInUse } from '../../src/embedded/embedded.ts';
import { IdleWatch, noteUse } from '../../src/embedded/idle.ts';
import { executable, newFolder, newHome } from './home-folder.ts';
import { StandInStack } from './stand-in-stack.ts';

describe('IMGPROOF_IDLE_STOP', () => {
  const setting = (text?: string) => loadSettings({ IMGPROOF_IDLE_STOP: text }).idleStopMs;

  test.each([
    [undefined, 900_000],
    ['', 900_000],
    ['90s', 90_000],
    ['15m', 900_000],
    ['2h', 7_200_000],
    ['off', null],
  ])('%s is %s ms', (text, ms) => {
    expect(setting(text)).toBe(ms);
  });

  test.each(['soon', '15', '0s', '-5m', '1.5h', '5 m', '15M', '1d'])(
    '%s is exit 3 with what is right',
    (text) => {
      expect(() => setting(text)).toThrow(ConfigError);
      expect(() => setting(text)).toThrow(
        /IMGPROOF_IDLE_STOP must be a time such as 90s, 15m or 2h, or "off"/u,
      );
    },
  );
});

describe('what counts as idle', () => {
  const NEVER = new AbortController().signal;

  const counted = (count: number, batches: object[]) =>
    `case "$2" in count) echo '{"count": "${count}"}';; list) echo '${JSON.stringify(batches)}';; esac`;
  const paused = { memo: { fields: { batch_id: 'a', paused: 'a look at it' } } };
  const running = { memo: { fields: { batch_id: 'b' } } };

  /** A Temporal CLI that counts so many open orders, or fails. */
  function watch(home: string, answer: string): IdleWatch {
    const binary = executable(join(newFolder(), 'temporal'), `#!/bin/sh\n${answer}\n`);
    return new IdleWatch(home, binary);
  }

  test.each([
    ['no open order', 'echo \'{"count": "0"}\'', true],
    ['an open order', counted(1, [running]), false],
    ['a batch that is being started', counted(1, [{}]), false],
    ['two paused batches (C5)', counted(2, [paused, paused]), true],
    ['a paused batch beside one that runs', counted(2, [paused, running]), false],
    ['a paused batch of which a task still runs', counted(2, [paused]), false],
    ['a server that gives no answer', 'exit 1', false],
  ])('%s', async (_name, answer, isIdle) => {
    const home = newHome();
    await noteUse(home, 100);
    const idle = watch(home, answer);
    expect(await idle.isIdle('127.0.0.1:1', NEVER)).toBe(false);
    await sleep(150);
    expect(await idle.isIdle('127.0.0.1:1', NEVER)).toBe(isIdle);
  });

  test('a command that comes between the look and the last look is seen', async () => {
    const home = newHome();
    await noteUse(home, 100);
    const idle = watch(home, 'echo \'{"count": "0"}\'');
    await idle.isIdle('127.0.0.1:1', NEVER);
    await sleep(150);
    expect(await idle.isIdle('127.0.0.1:1', NEVER)).toBe(true);
    expect(await idle.isUsedAgain()).toBe(false);
    await noteUse(home, 100);
    expect(await idle.isUsedAgain()).toBe(true);
    expect(await idle.isIdle('127.0.0.1:1', NEVER)).toBe(false);
  });

  test('a use that a newer imgproof wrote is one, and says nothing of when the stack may stop', async () => {
    const home = newHome();
    await noteUse(home, 50);
    const idle = watch(home, 'echo \'{"count": "0"}\'');
    await idle.isIdle('127.0.0.1:1', NEVER);
    await sleep(100);
    expect(await idle.isIdle('127.0.0.1:1', NEVER)).toBe(true);
    writeFileSync(join(home, 'used.json'), JSON.stringify({ schema_version: 2, after: '50 ms' }));
    expect(await idle.isUsedAgain()).toBe(true);
    expect(await idle.isIdle('127.0.0.1:1', NEVER)).toBe(false);
  });

  test('off is never, also when it was set before', async () => {
    const home = newHome();
    await noteUse(home, 50);
    const idle = watch(home, 'echo \'{"count": "0"}\'');
    await idle.isIdle('127.0.0.1:1', NEVER);
    await noteUse(home, null);
    await sleep(100);
    expect(await idle.isIdle('127.0.0.1:1', NEVER)).toBe(false);
  });
});

describe('an idle stack (C5)', () => {
  let stack: StandInStack;
  beforeAll(async () => {
    stack = await StandInStack.create();
    return () => stack.remove();
  }, 120_000);
  beforeEach(() => {
    stack.freshHome();
    stack.idleStopMs = 1_500;
  });
  const stopped = () => expect.poll(() => stack.status(), { timeout: 20_000 }).toBe('down');

  test('stops everything after the idle time, and the next command starts it anew', async () => {
    await stack.up();
    await stopped();
    expect(await stack.pids()).toEqual({ supervisor: 0, server: 0, worker: 0 });
    expect(stack.log()).toContain('ready → stopping: idle');
    expect(stack.events()).toContain('drained');
    await stack.up();
    expect(await stack.status()).toBe('ready');
  }, 60_000);

  test('does not stop while a command goes on using it', async () => {
    await stack.up();
    const letGo = keepInUse(stack.home, stack.idleStopMs);
    onTestFinished(letGo);
    await sleep(4_500);
    expect(await stack.status()).toBe('ready');
    letGo();
    await stopped();
  }, 60_000);

  test('is not idle while an order is open, though nobody watches it', async () => {
    const { address } = await stack.up();
    const temporal = (...args: string[]) =>
      execFileSync(stack.cli, ['workflow', ...args, '-w', 'open-order', '--address', address], { env: {} });
    temporal('start', '--type', 'imageBatch', '--task-queue', 'imgproof');
    await sleep(4_500);
    expect(await stack.status()).toBe('ready');
    temporal('terminate');
    await stopped();
  }, 60_000);

  test('stops though a paused batch is open (C5)', async () => {
    const { address } = await stack.up();
    const start = [
      'start',
      '--type',
      'imageBatch',
      '--task-queue',
      'imgproof',
      '--memo',
      'paused="by a person"',
    ];
    execFileSync(stack.cli, ['workflow', ...start, '-w', 'paused-order', '--address', address], { env: {} });
    await stopped();
  }, 60_000);

  test('that is stopping is waited for by a command, which begins anew then', async () => {
    writeFileSync(join(stack.home, 'drain-ms'), '2500');
    await stack.up();
    const before = await stack.pids();
    await expect.poll(() => stack.status(), { timeout: 20_000, interval: 20 }).toBe('stopping');
    await stack.up();
    expect(stack.told.join('\n')).toContain('stop after an idle time');
    expect(await stack.status()).toBe('ready');
    expect((await stack.pids()).supervisor).not.toBe(before.supervisor);
    expect(stack.events()).toMatch(/ready \d+\ndrains \d+\ndrained \d+\nready \d+\n$/u);
  }, 60_000);

  test('never leaves a command with a stack that ends at once, however close they come', async () => {
    const idleStopMs = 2_000;
    stack.idleStopMs = idleStopMs;
    let looks = 0;
    for (let round = 0; round < 6; round += 1) {
      await stack.up();
      const usedAtMs = performance.now();
      await sleep(300);
      const status = await stack.status();
      // On a machine that took longer for it, the stack may be idle rightly.
      const isInTime = performance.now() - usedAtMs < idleStopMs - 600;
      if (isInTime) expect(status, `round ${round}`).toBe('ready');
      looks += Number(isInTime);
      await sleep(idleStopMs - 500 + round * 60);
    }
    expect(looks).toBeGreaterThan(0);
  }, 120_000);
});
