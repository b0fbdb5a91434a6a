import { describe, expect, test } from 'vitest';
import { batchDetails, type TaskLine } from '../../src/domain/batch-details.ts';
import type { BatchProgress } from '../../src/domain/messages.ts';
import { tally, type TaskStatus } from '../../src/domain/status.ts';

const START = Date.parse('2026-11-24T15:02:31Z');

/** Task `index`; an ended one took a second and ended `index` seconds after the start. */
function line(index: number, status: TaskStatus, more: Partial<TaskLine> = {}): TaskLine {
  const iso = (ms: number) => new Date(ms).toISOString();
  const ran = status !== 'queued';
  return {
    index,
    task_key: `covers/t${index}`,
    task_name: `t${index}`,
    mode: 'generation',
    references: 0,
    status,
    adopted: false,
    cancelling: null,
    started_at: ran ? iso(START + (index - 1) * 1000) : null,
    ended_at: ran && status !== 'running' ? iso(START + index * 1000) : null,
    image_path: null,
    bytes: null,
    billing: { no: 0, possible: 0, yes: 0 },
    error: null,
    prompt_start: `prompt ${index}`,
    ...more,
  };
}

function progress(tasks: readonly TaskLine[], more: Partial<BatchProgress> = {}): BatchProgress {
  return {
    phase: 'running',
    started_at: new Date(START).toISOString(),
    batch_dir: '/out/batches/covers',
    total: tasks.length,
    max_workers: 4,
    paused: null,
    idle: false,
    counters: tally(tasks.map(({ status }) => status)),
    adopted: 0,
    warnings: [],
    running: [],
    ...more,
  };
}

const details = (tasks: readonly TaskLine[], more: Partial<BatchProgress> = {}) =>
  batchDetails(progress(tasks, more), tasks).join('\n');
const rows = (tasks: readonly TaskLine[]) =>
  [...details(tasks).matchAll(/^\| (\d+) \|/gmu)].map(([, index]) => Number(index));
const many = (count: number, from: number, status: TaskStatus) =>
  Array.from({ length: count }, (_, i) => line(from + i, status));

describe('the table of tasks: at most 20 rows (T2)', () => {
  test('running first, then the last ended, then the next queued', () => {
    const tasks = [...many(3, 1, 'completed'), ...many(2, 4, 'running'), ...many(2, 6, 'queued')];
    expect(rows(tasks)).toEqual([4, 5, 3, 2, 1, 6, 7]);
  });

  test('of many ended and many queued ten and what is left', () => {
    const tasks = [...many(50, 1, 'completed'), ...many(4, 51, 'running'), ...many(50, 55, 'queued')];
    const shown = rows(tasks);
    expect(shown).toHaveLength(20);
    expect(shown.slice(0, 6)).toEqual([51, 52, 53, 54, 50, 49]);
    expect(shown.slice(-6)).toEqual([55, 56, 57, 58, 59, 60]);
    expect(details(tasks)).toContain('84 more tasks are not shown');
  });

  test('when all have ended the last twenty', () => {
    expect(rows(many(30, 1, 'completed'))).toEqual(Array.from({ length: 20 }, (_, i) => 30 - i));
  });
});

describe('a row', () => {
  test('links to the page of a task that ran, and to none of one that did not', () => {
    const text = details([line(1, 'running'), line(2, 'queued')]);
    expect(text).toContain('[t1](/namespaces/{namespace}/workflows/covers%2Ft1)');
    expect(text).not.toContain('covers%2Ft2');
  });

  test('says since when it runs, how long it took, and how its prompt begins', () => {
    const text = details([line(1, 'completed'), line(2, 'running')]).replaceAll('\u00A0', ' ');
    expect(text).toContain('▶ running since 15:02:32');
    expect(text).toContain('✓ completed, 1 s');
    expect(text).toContain('“prompt 2”');
  });

  test('says why it failed, without the address of the provider', () => {
    const error = 'POST https://api.example/v1/images/generations: no complete answer | within 3 s';
    expect(details([line(1, 'timed_out', { error })])).toContain(
      String.raw`| no complete answer \| within 3 s |`,
    );
  });

  test.each([
    ['a reference', { mode: 'edit' as const }, 'img2img 参考图生图 “prompt 1”'],
    [
      'a cancel',
      { cancelling: 'finish' as const },
      'stopping: a request that was sent may still bring its image',
    ],
    ['a cancel now', { cancelling: 'now' as const }, 'stopping now: a request that was sent may be billed'],
  ])('says %s', (_, more, words) => {
    expect(details([line(1, 'running', more)])).toContain(words);
  });
});

test('counts, the reason of a pause, the folder, warnings', () => {
  const paused = { by: 'person', since: '2026-11-24T15:04:00Z', reason: 'the *new* logo' } as const;
  const text = details([line(1, 'failed'), line(2, 'queued')], { paused, warnings: ['max_workers: 9'] });
  expect(text).toContain('**Paused** · 2 tasks · 1 queued · 1 failed · 4 at a time');
  expect(text).toContain(String.raw`since 15:04:00: the \*new\* logo.`);
  expect(text).toContain('the update `resume`');
  expect(text).toContain('`/out/batches/covers`');
  expect(text).toContain(String.raw`max\_workers: 9`);
});

test('of a provider that is down: what it said, and how it goes on (R7)', () => {
  const reason = 'the balance is used up; top up: HTTP 402: Payment required.';
  const text = details([line(1, 'queued')], {
    paused: { by: 'provider_down', since: '2026-11-24T15:04:00Z', reason },
  });
  expect(text).toContain('top up: HTTP 402: Payment required. Nothing further is sent. When it is mended');
});

describe('with prices (R8)', () => {
  const billing = {
    no: 0,
    possible: 1,
    yes: 2,
    currency: 'USD',
    spent_micros: 106_000,
    possibly_spent_micros: 53_000,
  };

  test('what was spent and possibly spent so far, and the cap', () => {
    const tasks = [line(1, 'completed', { billing }), line(2, 'completed', { billing }), line(3, 'running')];
    const text = details(tasks, { max_cost: { currency: 'USD', micros: 500_000 } });
    expect(text).toContain('· 0.212 USD spent · 0.106 USD possibly · at most 0.50 USD · 4 at a time');
  });

  test('at the cap: why it stands still, and how it goes on', () => {
    const reason = 'max_cost 0.10 USD: 0.10 USD spent; the next task is expected to cost 0.05 USD';
    const paused = { by: 'cost_cap', since: '2026-11-24T15:04:00Z', reason } as const;
    expect(details([line(1, 'queued')], { paused })).toContain(
      'expected to cost 0.05 USD. Running tasks go on to their end; the update `resume` with a higher `max',
    );
  });
});

test('before admission there is nothing to list', () => {
  expect(details([], { phase: 'admitting', batch_dir: null })).toBe(
    '**Admitting**: every task is checked before anything is sent.',
  );
});
