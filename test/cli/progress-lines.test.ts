/** The forms that print lines: `plain` for logs, `rawjson` for programs (SPEC C2; docs/progress.md). */
import { describe, expect, test } from 'vitest';
import { messageEvent, ProgressEvents } from '../../src/cli/progress-events.ts';
import { PlainLines } from '../../src/cli/progress-plain.ts';
import { type Snapshot, viewOf } from '../../src/cli/progress-view.ts';
import {
  ago,
  ARTICLE_COVERS,
  attachedBatch,
  completed,
  NOW,
  pricedMoment,
  RATE_LIMITED,
  request,
  running,
  runningBatch,
  snapshot,
  task,
  wait,
} from '../support/progress-story.ts';

/** A batch of four from its start to its end: seconds, and what the server says then. */
const STORY: [seconds: number, moment: Snapshot][] = [
  [0, snapshot([], {}, { phase: 'admitting', max_workers: 0, total: 0 })],
  [1, snapshot([running(1, '封面-1', 0), running(2, 'cover-2', 0), task(3, 'cover-3'), task(4, 'cover-4')])],
  [
    6,
    snapshot(
      [
        running(1, '封面-1', 5),
        running(2, 'cover-2', 5, { mode: 'edit', references: 2 }),
        task(3, 'cover-3'),
        task(4, 'cover-4'),
      ],
      { '封面-1': request(5, 1), 'cover-2': wait(20, 2, RATE_LIMITED) },
    ),
  ],
  [
    15,
    snapshot(
      [
        completed(1, '封面-1', 12, 3),
        running(2, 'cover-2', 14, { mode: 'edit', references: 2 }),
        running(3, 'cover-3', 3),
        task(4, 'cover-4'),
      ],
      { 'cover-2': wait(11, 2, RATE_LIMITED), 'cover-3': request(2, 1) },
    ),
  ],
  [
    31,
    snapshot([
      completed(1, '封面-1', 12, 19),
      completed(2, 'cover-2', 28, 1),
      task(3, 'cover-3', {
        status: 'failed',
        started_at: ago(19),
        ended_at: ago(10),
        billing: { no: 1, possible: 1, yes: 0 },
        error: 'HTTP 400 (invalid_value): size 999x999 is not supported',
      }),
      running(4, 'cover-4', 9),
    ]),
  ],
];

function told(story: typeof STORY, order = ARTICLE_COVERS): string[] {
  const lines = new PlainLines({ unicode: true });
  return story.flatMap(([seconds, moment]) =>
    lines.of(viewOf({ ...order, total: 4 }, { ...moment, atMs: NOW + seconds * 1000 }, NOW + seconds * 1000)),
  );
}

describe('plain', () => {
  test('a line with its time for each change, every 15 s what runs; waits with their reason; the ETA after three', async () => {
    await expect(`${told(STORY).join('\n')}\n`).toMatchFileSnapshot('golden/plain.txt');
  });

  test('the same news is told once', () => {
    const [first] = STORY.slice(2);
    expect(told([first, first, first] as typeof STORY)).toHaveLength(2);
  });

  test('whoever attaches is told at once how far it is', () => {
    const [first] = told([[0, attachedBatch()]], { ...ARTICLE_COVERS, isAttached: true }).slice(-3);
    expect(first).toBe(
      '2026-11-24T15:14:02Z 2/5 running=2 waiting=1 completed=2 proven_before=2 elapsed=668s',
    );
  });

  test('what ended otherwise than failed is told by its own status (S)', () => {
    const statuses = ['skipped', 'rejected', 'discarded', 'timed_out', 'failed'] as const;
    const ended = statuses.map((status, i) => task(i + 1, `end-${status}`, { status, ended_at: ago(1) }));
    const lines = told([[0, snapshot(ended)]]).join('\n');
    expect(lines).toContain('5/5 failed=1 timed_out=1 rejected=1 discarded=1 skipped=1');
  });

  test('with prices the money of it (R8)', () => {
    const [, moment] = STORY.at(-1) as (typeof STORY)[number];
    const lines = told([[31, pricedMoment(moment)]]).join('\n');
    expect(lines).toContain('failed cover-3 9s 1 possibly charged (0.053 USD): HTTP 400');
    expect(lines).toContain(
      'charged=2 possibly_charged=1 spent_micros=106000 possibly_spent_micros=53000 currency=USD',
    );
  });

  test('a batch of 48 under way', async () => {
    const lines = told([[0, runningBatch()]]);
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('golden/plain-48.txt');
  });
});

describe('rawjson', () => {
  const events = () => {
    const stream = new ProgressEvents();
    return STORY.flatMap(([seconds, moment]) => {
      const nowMs = NOW + seconds * 1000;
      return stream.of(viewOf({ ...ARTICLE_COVERS, total: 4 }, { ...moment, atMs: nowMs }, nowMs));
    });
  };

  test('events as they are documented', async () => {
    const lines = events().map((event) => JSON.stringify(event));
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('golden/rawjson.jsonl');
  });

  test('every event has its schema version, time and kind; a message carries any text in one line', () => {
    const all = [...events(), messageEvent('two\nlines "quoted"', NOW)];
    for (const event of all) {
      expect(event).toMatchObject({
        schema_version: 1,
        event: expect.stringMatching(/^(?:task|progress|message)$/u),
      });
      expect(Date.parse(event.time)).toBeGreaterThanOrEqual(NOW);
      expect(JSON.stringify(event)).not.toContain('\n');
    }
  });
});
