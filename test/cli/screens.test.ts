/** What people see, as files to be read: `golden/<screen>-<columns>.txt` (`reference/ux.md` 5.4, 5.5). */
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { batchEndLines, batchNextText } from '../../src/cli/batch-screen.ts';
import { detachedText } from '../../src/cli/detached.ts';
import { frame } from '../../src/cli/frame.ts';
import { type Line, paint } from '../../src/cli/paint.ts';
import { problemLines, problemsSentence } from '../../src/cli/problem-screen.ts';
import { runEndLines } from '../../src/cli/run-screen.ts';
import { viewOf } from '../../src/cli/progress-view.ts';
import type { Look } from '../../src/cli/terminal.ts';
import { verifyLines } from '../../src/cli/verify-screen.ts';
import type { BatchSummary } from '../../src/domain/batch-records.ts';
import type { TaskRow } from '../../src/domain/records.ts';
import type { Problem } from '../../src/intake/problems.ts';
import type { EvidenceState, StrongerEvidence } from '../../src/domain/stronger-evidence.ts';
import { item, verifyReport } from '../../src/proof/verdict.ts';
import {
  ARTICLE_COVERS,
  attachedBatch,
  failingBatch,
  NOW,
  priced,
  pricedMoment,
  request,
  row,
  running,
  runningBatch,
  snapshot,
  summary,
  terminal,
  unfinished,
  view,
  wait,
} from '../support/progress-story.ts';

const WEB_UI =
  'http://127.0.0.1:8233/namespaces/default/workflows/%E6%96%87%E7%AB%A0%E5%B0%81%E9%9D%A2-3f9c1a7be2';

const painted = (lines: readonly Line[], { colour }: Look) => lines.map((line) => paint(line, colour));

const BATCH_ROWS = [
  row(1, '封面-1'),
  row(2, 'cover-2', { acceptable: false }),
  unfinished(3, 'cover-3', {
    status: 'failed',
    billing: { no: 1, possible: 0, yes: 0 },
    error: 'HTTP 400 (invalid_value): size 999x999 is not supported',
    category: 'bad_request',
  }),
  unfinished(4, '夜景', {
    status: 'timed_out',
    billing: { no: 0, possible: 2, yes: 0 },
    error:
      'POST https://images.example.com/v1/images/generations: no complete answer within the limit of 600 s (deadline, phase sent)',
    category: 'request_timeout',
  }),
];

const PROBLEMS: Problem[] = [
  { path: ['max_worker'], message: 'unknown key; did you mean "max_workers"?', line: 3, column: 18 },
  { path: ['tasks', 1, 'promt'], message: 'unknown key; did you mean "prompt"?', line: 6, column: 30 },
  { path: ['tasks', 2, 'images'], message: '6 reference images; at most 5', line: 7, column: 50 },
  {
    path: ['tasks', 3, 'size'],
    message: '1000x1000 is not possible with gpt-image-2: width and height must be multiples of 16',
    line: 9,
    column: 20,
  },
];

function evidenceOf(signature: EvidenceState, c2pa: EvidenceState): StrongerEvidence {
  return {
    signature: { state: signature, key_id: null, signed_at: null, detail: '' },
    c2pa: {
      state: c2pa,
      issuer: null,
      claim_generator: null,
      software_agent: null,
      signed_at: null,
      time_stamp_trusted: null,
      made_at: null,
      digital_source_type: null,
      action: null,
      detail: '',
    },
  };
}

const REPORT = verifyReport([
  ...Array.from({ length: 46 }, (_, i) =>
    item({
      kind: 'result',
      path: `/out/b/${i}/result.json`,
      verdict: 'proven',
      task: `cover-${i}`,
      evidence: evidenceOf('trusted', i < 44 ? 'trusted' : 'absent'),
    }),
  ),
  item({ kind: 'batch', path: '/out/b', verdict: 'proven', task: '文章封面-3f9c1a7be2', note: '48 tasks' }),
  item({
    kind: 'result',
    path: '/out/batches/b/31-夜景/result.json',
    image: '/out/夜景-20261124-150231.png',
    verdict: 'broken',
    task: '夜景',
    broken: [
      {
        id: 'sha256-matches',
        en: 'The hash of the image file is the recorded one.',
        zh: '图片文件的哈希与记录一致。',
        expected: '5f1d0c',
        found: 'c09a11',
      },
    ],
  }),
  item({
    kind: 'result',
    path: '/out/batches/b/32-hero/result.json',
    verdict: 'not completed',
    task: 'hero',
    note: 'timed_out: no complete answer within the request limit; the provider may have finished and charged it',
  }),
]);

const LETS_GO = 'imgproof batch 封面.json --max-workers 4 --batch-id 文章封面-3f9c1a7be2';

const detached = (moment: ReturnType<typeof runningBatch>, look: Look) => [
  ...frame(view(moment), look, true),
  ...detachedText({ id: view(moment).id, view: view(moment) }).split('\n'),
];

const batchEnd = (totals: BatchSummary, rows: TaskRow[], look: Look) => [
  ...painted(batchEndLines({ summary: totals, rows, elapsedMs: 1_491_000, webUi: WEB_UI }, look), look),
  ...batchNextText(totals, `Only what is missing: ${LETS_GO}`).split('\n'),
];

const loneTask = (live: Parameters<typeof snapshot>[1]) =>
  view(snapshot([running(1, '封面-1', 72)], live, { max_workers: 1 }), {
    kind: 'task',
    id: '封面-1-20261124',
  });

/** Screens whose every line fits the terminal: what is drawn in place. */
const DRAWN: Record<string, (look: Look) => string[]> = {
  running: (look) => frame(view(runningBatch()), look),
  failed: (look) => frame(view(failingBatch()), look),
  're-attached': (look) => frame(view(attachedBatch(), { isAttached: true }), look),
  'without-news': (look) =>
    frame(viewOf({ ...ARTICLE_COVERS, total: 5 }, attachedBatch(), NOW + 14_000), look),
  'failed-with-prices': (look) => frame(view(pricedMoment(failingBatch())), look),
  'run-waiting-for-the-image': (look) => frame(loneTask({ '封面-1': request(71, 1) }), look),
  'run-waiting-for-its-turn': (look) =>
    frame(loneTask({ '封面-1': wait(20, 2, 'HTTP 429 (rate_limit_exceeded): Rate limit reached.') }), look),
};

/** Screens with paths and commands to be copied, which are never broken. */
const PRINTED: Record<string, (look: Look) => string[]> = {
  detached: (look) => detached(runningBatch(), look),
  finished: (look) => {
    const rows = [
      row(1, '封面-1'),
      row(2, '角色重绘', { mode: 'edit' }),
      row(3, `cover-${'long-'.repeat(8)}3`),
    ];
    return batchEnd(summary(rows), rows, look);
  },
  'finished-with-failures': (look) =>
    batchEnd(summary(BATCH_ROWS, { cost: { no: 1, possible: 2, yes: 2 }, adopted: 1 }), BATCH_ROWS, look),
  'finished-with-prices': (look) => {
    const rows = BATCH_ROWS.map((one) => ({ ...one, billing: priced(one.billing) }));
    return batchEnd(summary(rows, { cost: priced({ no: 1, possible: 2, yes: 2 }) }), rows, look);
  },
  'finished-with-many': (look) => {
    const rows = [
      ...Array.from({ length: 47 }, (_, i) => row(i + 1, `cover-${i + 1}`)),
      ...BATCH_ROWS.slice(2, 3),
    ];
    return batchEnd(summary(rows), rows, look);
  },
  'bad-file': (look) => [
    ...painted(problemLines(PROBLEMS, '文章封面.json', look), look),
    `imgproof: ${problemsSentence(PROBLEMS, 48)}`,
  ],
  verify: (look) => painted(verifyLines(REPORT, look), look),
  'run-completed': (look) => painted(runEndLines(row(1, '封面-1'), 101_000, look), look),
  'run-completed-with-prices': (look) =>
    painted(
      runEndLines(row(1, '封面-1', { billing: priced({ no: 0, possible: 1, yes: 1 }) }), 101_000, look),
      look,
    ),
  'run-failed': (look) => painted(runEndLines(BATCH_ROWS[3] as (typeof BATCH_ROWS)[3], 601_000, look), look),
};

const SCREENS = Object.entries({ ...DRAWN, ...PRINTED });

describe.each([80, 120])('at %i columns', (columns) => {
  test.each(SCREENS)('%s', async (name, screen) => {
    const lines = screen(terminal(columns));
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`golden/${name}-${columns}.txt`);
  });

  test.each(Object.entries(DRAWN))('no line of %s is wider than the terminal', (_name, screen) => {
    for (const line of screen(terminal(columns))) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
  });
});

test('in a locale that is not UTF-8 symbols are ASCII; names stay as they are written', async () => {
  const lines = frame(view(runningBatch()), terminal(80, { unicode: false }));
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('golden/running-80-ascii.txt');
});

test('a terminal of 8 lines shows what runs first', async () => {
  const lines = frame(view(runningBatch()), terminal(80, { rows: 8 }));
  expect(lines.length).toBeLessThan(8);
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('golden/running-80-in-8-rows.txt');
});

test('a finished batch in a pipe names every image and every proof', async () => {
  const look = terminal(Infinity);
  const lines = batchEnd(summary(BATCH_ROWS), BATCH_ROWS, look);
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('golden/finished-in-a-pipe.txt');
});

describe.each(SCREENS)('%s', (_name, screen) => {
  test('has no escape sequence without colour, and the same text with it', () => {
    const plain = screen(terminal(80)).join('\n');
    const coloured = screen(terminal(80, { colour: true })).join('\n');
    expect(plain).not.toContain('\u001B');
    expect(stripVTControlCharacters(coloured)).toBe(plain);
  });
});

test('colours are there: what failed is red, what is done green', () => {
  const lines = frame(view(runningBatch()), terminal(80, { colour: true })).join('\n');
  expect(lines).toContain('\u001B[31m ✗ \u001B[39m');
  expect(lines).toContain('\u001B[32m ✓ \u001B[39m');
});
