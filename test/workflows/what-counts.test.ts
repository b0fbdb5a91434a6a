/** What admission decides and what acceptance sees, beyond the everyday (SPEC B5, G7, P1). */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { ResultRecord } from '../../src/domain/records.ts';
import { startSystem, type System } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem('time-skipping');
  return system.stop;
});
beforeEach(() => system.provider.setLatencyMs(0));

async function resultOf(path: string | null): Promise<ResultRecord> {
  return JSON.parse(await readFile(path as string, 'utf8')) as ResultRecord;
}

const alone = (fields: object) => ({ output_dir: system.outputDir, retry_jitter: 0, ...fields });

test('a repeated key is skipped whatever becomes of the first, also of one over the limit (B5)', async () => {
  const keys = ['over-a', 'over-b', 'over-b'];
  const tasks = keys.map((task_key) => ({ prompt: 'over', task_key }));
  const summary = await (await system.startBatch(system.batch(tasks, { queue_limit: 1 }))).result();
  const { results } = await system.recordOf(summary);
  expect(results.map(({ status }) => status)).toEqual(['completed', 'rejected', 'skipped']);
});

test('a reference that changes while its request is under way makes the result not acceptable (P1)', async () => {
  const path = join(system.outputDir, 'edited.png');
  const image = (background: string) =>
    sharp({ create: { width: 64, height: 64, channels: 3, background } })
      .png()
      .toBuffer();
  await writeFile(path, await image('#ff0000'));
  system.provider.setLatencyMs(800);
  const handle = await system.startTask(alone({ prompt: 'edited meanwhile', input_image: path }));
  await system.provider.waitForInFlight(1);
  await writeFile(path, await image('#00ff00'));
  const row = await handle.result();
  expect(row).toMatchObject({ ok: true, acceptable: false });
  expect(await resultOf(row.result_json)).toMatchObject({ not_acceptable_because: ['inputs-unchanged'] });
});

test('delivery is the caller’s: what asks for it is warned about in the proof (G7)', async () => {
  const row = await (await system.startTask(alone({ prompt: 'sent on', send_to_feishu: true }))).result();
  const { warnings, acceptable } = await resultOf(row.result_json);
  expect([warnings.join(), acceptable]).toEqual([expect.stringContaining('send_to_feishu'), true]);
});
