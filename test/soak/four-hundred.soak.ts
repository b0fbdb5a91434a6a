/** The largest batch of one workflow run (issue: up to 400 tasks), on the real server. */
import { beforeAll, expect, test } from 'vitest';
import { BATCH_LIMITS } from '../../src/domain/batch.ts';
import { peakInFlight } from '../support/provider-calls.ts';
import { startSystem, type System } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem('dev server');
  return system.stop;
}, 60_000);

test('400 tasks in one run: all proven, never above 4 in flight, below the limits of history and payload', async () => {
  const tasks = Array.from({ length: BATCH_LIMITS.tasksPerRun }, (_, i) => ({ prompt: `one of many ${i}` }));
  const request = system.batch(tasks, { queue_limit: BATCH_LIMITS.tasksPerRun, size: '816x816' });
  const handle = await system.startBatch(request);
  const summary = await handle.result();
  expect(summary).toMatchObject({ ok: true, acceptable: true, total: 400, success: 400, cost: { yes: 400 } });
  expect(system.provider.calls).toHaveLength(400);
  expect(peakInFlight(system.provider.calls)).toBeLessThanOrEqual(4);
  // The server suggests to begin a new run at 4,096 events; a payload may have 2 MB.
  const { historyLength } = await handle.describe();
  expect(historyLength).toBeLessThan(4_096);
  const { results } = await system.recordOf(summary);
  expect(Buffer.byteLength(JSON.stringify(results))).toBeLessThan(2 * 1024 * 1024);
}, 300_000);
