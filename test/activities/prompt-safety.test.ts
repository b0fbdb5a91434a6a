/** What the provider receives, what the proof says, and what is refused (SPEC G6, F7): over real sockets. */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { createRecordTask } from '../../src/activities/record-task.ts';
import { sha256 } from '../../src/activities/sha256.ts';
import { FAILURE_TYPES } from '../../src/domain/failure.ts';
import { requestFingerprint } from '../../src/domain/ids.ts';
import type { BatchProgress } from '../../src/domain/messages.ts';
import { SAFETY_RULES } from '../../src/domain/prompt-safety-rules.ts';
import type { BatchSummary } from '../../src/domain/batch-records.ts';
import type { AttemptRequest, ResultRecord } from '../../src/domain/records.ts';
import { activityWorld, failureOf, RUN_ID } from '../support/activity-world.ts';
import { readJson } from '../support/finished-orders.ts';
import { startSystem, type System } from '../support/system.ts';

const GLAMOUR = 'Glamour portrait of a woman';
const REFUSED = 'nude child';
const constraint = (id: string, language: 'en' | 'zh') =>
  SAFETY_RULES.find((rule) => rule.id === id)?.constraint[language] ?? '';

describe('a batch whose prompts need constraints', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem('time-skipping');
    return system.stop;
  });

  const received = () => system.provider.calls.map(({ prompt }) => String(prompt));
  const resultsOf = async (summary: BatchSummary) => {
    const { results } = await system.recordOf(summary);
    return Promise.all(results.map(({ result_json }) => readJson<ResultRecord>(result_json)));
  };

  test('sends them with constraints, and the proof says what was written, what was sent, and why', async () => {
    const image = join(dirname(system.outputDir), 'reference.png');
    const create = { width: 64, height: 48, channels: 3, background: '#336699' } as const;
    await writeFile(image, await sharp({ create }).png().toBuffer());
    const tasks = [
      { prompt: GLAMOUR },
      { prompt: '性感女郎' },
      { prompt: GLAMOUR, raw: true },
      { prompt: `${GLAMOUR}\nby a window`, image },
      { prompt: 'A shop counter at dawn' },
    ];
    const english = constraint('glamour', 'en');
    const sent = [
      `${GLAMOUR}\n\n${english}`,
      `性感女郎\n\n${constraint('sexualised-look', 'zh')}`,
      GLAMOUR,
      // The line breaks of a form.
      `${GLAMOUR}\r\nby a window\r\n\r\n${english}`,
      'A shop counter at dawn',
    ];
    const handle = await system.startBatch(system.batch(tasks), 'safe');
    const results = await resultsOf(await handle.result());
    expect(received().sort()).toEqual([...sent].sort());
    expect(results.map(({ prompt }) => prompt)).toEqual(tasks.map(({ prompt }) => prompt));
    expect(results.map(({ prompt_sent }) => prompt_sent)).toEqual(sent);
    expect(results.map(({ raw }) => raw)).toEqual([false, false, true, false, false]);
    expect(results.map(({ safety_rules }) => safety_rules)).toEqual([
      ['glamour'],
      ['sexualised-look'],
      [],
      ['glamour'],
      [],
    ]);
    const requests = results.map(({ run_dir }) =>
      readJson<AttemptRequest>(run_dir, 'attempt-01', 'request.json'),
    );
    expect((await Promise.all(requests)).map(({ prompt_sent }) => prompt_sent)).toEqual(sent);
    for (const result of results) {
      const { mode, input_images } = result;
      expect(result.acceptable).toBe(true);
      // Of the prompt as written: a new rule must not buy anything again.
      expect(result.request_fingerprint).toBe(
        requestFingerprint({ ...result, mode, options: {} }, input_images, sha256),
      );
    }
    const { warnings } = await handle.query<BatchProgress>('progress');
    expect(warnings.join()).toContain(
      'task-01 (glamour), task-02 (sexualised-look), task-04 (glamour); raw sends a prompt as written',
    );
  });

  test('an adopted result keeps the prompt that was sent for it, also when the rules were others then', async () => {
    const request = system.batch([{ prompt: GLAMOUR }]);
    const [first] = await resultsOf(await (await system.startBatch(request, 'earlier')).result());
    const path = join(first?.run_dir ?? '', 'result.json');
    const earlier = { ...first, prompt_sent: `${GLAMOUR} (decent)`, safety_rules: ['decency'] };
    await writeFile(path, JSON.stringify(earlier));
    const before = system.provider.calls.length;
    const [adopted] = await resultsOf(await (await system.startBatch(request, 'earlier')).result());
    expect(adopted).toMatchObject({
      adopted_from: path,
      prompt: GLAMOUR,
      prompt_sent: `${GLAMOUR} (decent)`,
      safety_rules: ['decency'],
    });
    expect(system.provider.calls).toHaveLength(before);
  });

  test.each([
    ['imageBatch', { tasks: [{ prompt: 'a door' }, { prompt: REFUSED, raw: true }] }, 'tasks[1].prompt'],
    ['imageTask', { prompt: REFUSED }, 'prompt'],
    ['imageTask', { prompt: REFUSED, raw: true }, 'prompt'],
  ])(
    '%s with a refused prompt fails as bad input, nothing sent, the prompt not repeated',
    async (type, input, place) => {
      const before = system.provider.calls.length;
      const start = type === 'imageBatch' ? system.startBatch : system.startTask;
      const error = await (await start({ output_dir: system.outputDir, ...input })).result().then(
        () => new Error('it did not fail'),
        (reason: unknown) => reason as Error,
      );
      const cause = error.cause as { type: string; message: string };
      expect(cause.type).toBe(FAILURE_TYPES.badInput);
      expect(cause.message).toContain(`${place}: policy_refused`);
      expect(JSON.stringify(error)).not.toContain(REFUSED);
      expect(system.provider.calls).toHaveLength(before);
    },
  );
});

describe('an attempt', () => {
  test('of a task that was admitted before a rule came is refused, nothing sent, nothing retried', async () => {
    const { provider, task, attempt, order, deps } = await activityWorld();
    const cover = task({ prompt: REFUSED, raw: true });
    const failure = await failureOf(attempt(cover));
    const { details } = failure as { details?: { category: string; message: string }[] };
    expect([failure.nonRetryable, details?.[0]?.category]).toEqual([true, 'policy_refused']);
    expect(failure.message).not.toContain(REFUSED);
    expect(provider.calls).toEqual([]);
    const outcome = {
      status: 'failed',
      failure: { category: 'policy_refused', message: 'refused' },
    } as const;
    const origin = {
      order: order(cover),
      workflow_id: cover.task_key,
      run_id: RUN_ID,
      started_at_ms: Date.now(),
    };
    const { result_json } = await createRecordTask(deps)({ ...origin, outcome });
    expect(await readJson<ResultRecord>(result_json)).toMatchObject({
      ok: false,
      prompt_sent: '',
      safety_rules: [],
      attempts_count: 0,
      billing: { no: 0, possible: 0, yes: 0 },
      diagnosis: { category: 'policy_refused', retryable: false },
    });
  });

  test('that adopts an answer is recorded with what was sent for that answer, not with what would be sent now', async () => {
    const { provider, task, attempt, order, deps } = await activityWorld();
    const cover = task({ prompt: GLAMOUR });
    const generated = await attempt(cover).result;
    const path = join(cover.run_dir, 'attempt-01', 'request.json');
    const earlier = { prompt_sent: 'sent by an earlier version', safety_rules: undefined };
    await writeFile(path, JSON.stringify({ ...(await readJson<AttemptRequest>(path)), ...earlier }));
    expect(await attempt(cover, 2).result).toEqual(generated);
    const origin = {
      order: order(cover),
      workflow_id: cover.task_key,
      run_id: RUN_ID,
      started_at_ms: Date.now(),
    };
    const { result_json } = await createRecordTask(deps)({
      ...origin,
      outcome: { status: 'completed', generated },
    });
    expect(await readJson<ResultRecord>(result_json)).toMatchObject({
      prompt: GLAMOUR,
      prompt_sent: 'sent by an earlier version',
      safety_rules: [],
    });
    expect(provider.calls).toHaveLength(1);
  });

  test('that failed is recorded with what was sent in the last one', async () => {
    const { task, attempt, order, deps } = await activityWorld();
    const cover = task({ prompt: `${GLAMOUR} [fault:400]` });
    await failureOf(attempt(cover));
    const outcome = { status: 'failed', failure: { category: 'bad_request', message: 'no' } } as const;
    const origin = {
      order: order(cover),
      workflow_id: cover.task_key,
      run_id: RUN_ID,
      started_at_ms: Date.now(),
    };
    const { result_json } = await createRecordTask(deps)({ ...origin, outcome });
    expect(JSON.parse(await readFile(String(result_json), 'utf8'))).toMatchObject({
      prompt_sent: `${GLAMOUR} [fault:400]\n\n${constraint('glamour', 'en')}`,
      safety_rules: ['glamour'],
    });
  });
});
