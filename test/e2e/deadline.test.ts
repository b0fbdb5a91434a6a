/** SPEC S, deadline: the time of a task runs on when its worker is killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ResultRecord } from '../../src/domain/records.ts';
import type { CliAndProvider } from '../support/cli.ts';
import { shareStack } from '../support/shared-stack.ts';

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started), { env: { IMGPROOF_HEARTBEAT_TIMEOUT_MS: '8000' } });

test('a worker killed in its request: the next one finds the time over and sends nothing', async () => {
  expect((await cli.run(['up'])).code).toBe(0);
  const limit = ['--task-timeout-seconds', '7', '--output-dir', cli.outputDir];
  const { ended } = cli.start(['run', '--prompt', 'never answered [fault:hang]', ...limit, '--json']);
  await provider.waitForInFlight(1);
  // With under 5 s left nothing is sent, however soon the next worker is there.
  await sleep(3_000);
  process.kill((await cli.pids()).worker, 'SIGKILL');
  const { code, stdout } = await ended;
  const result = JSON.parse(stdout) as ResultRecord;
  expect([code, result]).toMatchObject([
    1,
    {
      ok: false,
      status: 'timed_out',
      diagnosis: { category: 'task_deadline' },
      attempts: [{ category: 'worker_died', billing: 'possible' }],
      billing: { no: 0, possible: 1, yes: 0 },
    },
  ]);
  expect(provider.calls).toHaveLength(1);
}, 120_000);
