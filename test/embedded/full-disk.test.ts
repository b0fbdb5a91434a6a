import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import type { ResultRecord } from '../../src/domain/records.ts';
import { startCliAndProvider } from '../support/cli.ts';
import { canMount, SMALL_DISK_NEEDS, smallDisk } from '../support/small-disk.ts';

test('a disk that is full for a while under a running batch loses nothing and hides no call', async (context) => {
  context.skip(!canMount(), SMALL_DISK_NEEDS);
  const disk = smallDisk('64m');
  const env = { IMGPROOF_HOME: disk.folder, IMGPROOF_HEARTBEAT_TIMEOUT_MS: '8000' };
  const { cli, provider, stop } = await startCliAndProvider({ latencyMs: 3_000, env });
  onTestFinished(async () => {
    disk.free();
    await stop();
    disk.remove();
  });
  const tasks = Array.from({ length: 8 }, (_, i) => ({ prompt: `full disk ${i + 1}` }));
  const batch = cli.start(['batch', await cli.batchFile('full.json', tasks), '--json']);
  await provider.waitForInFlight(4, 60_000);
  const before = await cli.pids();
  disk.fill();
  await sleep(8_000);
  const status = await cli.run(['status']);
  expect([status.code, status.stdout]).toEqual([0, expect.stringMatching(/^full-\S+ +running/mu)]);
  // The four calls have ended meanwhile, and no other has begun.
  expect([provider.calls.length, provider.inFlight]).toEqual([4, 0]);
  disk.free();
  const { code, stdout, stderr } = await batch.ended;
  expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
  const record = JSON.parse(stdout) as BatchResultRecord;
  expect(record.success).toBe(8);
  expect(await cli.pids()).toEqual(before);
  const results = await Promise.all(
    record.results.map(
      async ({ result_json }) => JSON.parse(await readFile(result_json as string, 'utf8')) as ResultRecord,
    ),
  );
  const recorded = results.flatMap(({ attempts }) => attempts).length;
  expect(recorded).toBeGreaterThanOrEqual(provider.calls.length);
}, 240_000);
