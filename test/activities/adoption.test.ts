/** What was paid before is found again, and never taken for something else (R5, B6, F1, P1). */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { createRecordTask } from '../../src/activities/record-task.ts';
import type { AdmittedTask } from '../../src/domain/task.ts';
import { activityWorld, failureOf, RUN_ID } from '../support/activity-world.ts';

describe('what was paid is found again', () => {
  test('a damaged answer in the spool is not adopted and not bought again', async () => {
    const { provider, task, attempt, spoolDir, spooledAnswers } = await activityWorld();
    await attempt(task()).result;
    const [name] = await spooledAnswers();
    const path = join(spoolDir, name as string);
    const bytes = await readFile(path);
    bytes[bytes.length - 9] = (bytes.at(-9) ?? 0) ^ 1;
    await writeFile(path, bytes);
    const failure = await failureOf(attempt(task(), 2));
    expect(failure).toMatchObject({ nonRetryable: true, details: [{ category: 'needs_review' }] });
    expect(failure.message).toContain('damaged');
    expect(provider.calls).toHaveLength(1);
  });

  test('an image lost after its answer was spooled is saved again, without a call', async () => {
    const { provider, task, attempt } = await activityWorld();
    const first = await attempt(task()).result;
    await rm(first.image.path);
    const second = await attempt(task(), 2).result;
    expect(second).toEqual(first);
    expect((await readFile(first.image.path)).length).toBe(first.image.bytes);
    expect(provider.calls).toHaveLength(1);
  });

  test('a reset whose reference has changed since buys anew, and both paid requests stay on record (R4)', async () => {
    const { deps, provider, task, attempt, order, reference } = await activityWorld();
    const recordTask = createRecordTask(deps);
    const deliver = async (cover: AdmittedTask, runId: string) => {
      const generated = await attempt(cover, 1, { runId }).result;
      const origin = {
        order: order(cover),
        workflow_id: cover.task_key,
        run_id: runId,
        started_at_ms: Date.now(),
      };
      return recordTask({ ...origin, outcome: { status: 'completed', generated } });
    };
    const before = task({ input_images: [await reference('logo', '#ff0000')] });
    await deliver(before, RUN_ID);
    const after = task({ input_images: [await reference('logo', '#00ff00')] });
    expect(after.generation_id).toBe(before.generation_id);
    const row = await deliver(after, '11111111-2222-4333-8444-555555555555');
    expect(row).toMatchObject({
      acceptable: true,
      attempts_count: 2,
      billing: { no: 0, possible: 0, yes: 2 },
    });
    const request = async (n: number) =>
      JSON.parse(await readFile(join(after.run_dir, `attempt-0${n}`, 'request.json'), 'utf8')) as unknown;
    expect([await request(1), await request(2)]).toMatchObject([
      { request_fingerprint: before.request_fingerprint },
      { request_fingerprint: after.request_fingerprint },
    ]);
    expect(provider.calls).toHaveLength(2);
  });

  test('a reset finds the proof of this generation, even without the spool (B6)', async () => {
    const { deps, provider, task, attempt, order, spoolDir } = await activityWorld();
    const recordTask = createRecordTask(deps);
    const cover = task();
    const generated = await attempt(cover).result;
    const origin = {
      order: order(cover),
      workflow_id: cover.task_key,
      run_id: RUN_ID,
      started_at_ms: Date.now(),
    };
    const row = await recordTask({ ...origin, outcome: { status: 'completed', generated } });
    await rm(spoolDir, { recursive: true });
    const again = await attempt(cover, 1, { runId: '11111111-2222-4333-8444-555555555555' }).result;
    expect(again).toEqual({ ...generated, adopted_from: row.result_json });
    expect(provider.calls).toHaveLength(1);
  });

  test('an answer to another request or of another generation is never adopted (R5)', async () => {
    const { provider, task, attempt, spoolDir } = await activityWorld();
    const cover = task();
    await attempt(cover).result;
    const other = task({ prompt: 'another lighthouse' });
    expect((await attempt(other).result).image.sha256).toBe(provider.calls[1]?.image_sha256);

    const stranger = { ...cover, generation_id: `g-${'0'.repeat(32)}` };
    await rename(join(spoolDir, cover.generation_id), join(spoolDir, stranger.generation_id));
    expect(await failureOf(attempt(stranger, 1))).toMatchObject({ nonRetryable: true });
    expect(provider.calls).toHaveLength(2);
  });
});

describe('tasks beside each other', () => {
  test('two tasks that want the same file name get two files (F1)', async () => {
    const { task, attempt, images } = await activityWorld();
    const tasks = ['one', 'two'].map((key) =>
      task({ task_key: key, prompt: key, run_dir: task().run_dir + key }),
    );
    const generated = await Promise.all(tasks.map((one) => attempt(one).result));
    expect(new Set(generated.map(({ image }) => image.path)).size).toBe(2);
    expect(await images()).toEqual(['cover-20261124-150231-2.png', 'cover-20261124-150231.png']);
  });

  test('an image that another generation brought before is said to be no new one (P1)', async () => {
    const create = { width: 816, height: 816, channels: 3, background: '#224466' } as const;
    const image = await sharp({ create }).png().toBuffer();
    const { task, attempt, recordOf } = await activityWorld({ images: [image] });
    const [first, second] = ['one', 'two'].map((key) =>
      task({ task_key: key, run_dir: task().run_dir + key }),
    );
    await attempt(first as AdmittedTask).result;
    await attempt(second as AdmittedTask).result;
    const notes = (await recordOf(second as AdmittedTask)).answer;
    expect(notes?.duplicate_of).toBe(first?.generation_id);
    expect(notes?.warnings).toHaveLength(1);
    expect((await recordOf(first as AdmittedTask)).answer?.duplicate_of).toBeUndefined();
  });
});
