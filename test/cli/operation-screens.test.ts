/** Screens of what people do to running work, as files to be read: `golden/<screen>-<columns>.txt` (`reference/ux.md` 5.5). */
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { frame } from '../../src/cli/frame.ts';
import { detailLines, type TaskDetail } from '../../src/cli/get-screen.ts';
import {
  type EndedTask,
  historyLines,
  type NumberedOrder,
  orderLines,
  taskLines,
} from '../../src/cli/list-screen.ts';
import { cancelLines, pauseLines, resumeLines } from '../../src/cli/operation-screen.ts';
import { type Line, paint } from '../../src/cli/paint.ts';
import { standingLines } from '../../src/cli/open-batches.ts';
import { listedStates } from '../../src/cli/task-rows.ts';
import type { Look } from '../../src/cli/terminal.ts';
import type { CancelAnswer } from '../../src/domain/messages.ts';
import type { AttemptRecord } from '../../src/domain/records.ts';
import {
  ago,
  ARTICLE_COVERS,
  failingBatch,
  NOW,
  runningBatch,
  terminal,
  view,
} from '../support/progress-story.ts';

const painted = (lines: readonly Line[], { colour }: Look) => lines.map((line) => paint(line, colour));
const { id } = ARTICLE_COVERS;

function order(more: Partial<NumberedOrder>): NumberedOrder {
  const times = { started_at: ago(668), ended_at: null };
  const about = {
    kind: 'batch',
    run_id: 'r',
    state: 'running',
    paused: null,
    paused_by: null,
    batch_id: null,
  } as const;
  return { ...about, ...times, id, total: 48, done: 23, not_completed: 1, ...more };
}

const ORDERS = [
  order({}),
  order({
    id: '春季横幅-很长很长很长很长的名字-给窄的终端-0a1b2c3d4e',
    state: 'paused',
    paused: 'the art director looks at it, 等一下',
  }),
  order({
    id: 'cover-1-20261124-150231-1a2b3c',
    kind: 'task',
    total: 1,
    done: 0,
    not_completed: 0,
    started_at: ago(72),
  }),
  order({
    id: 'spring-banners',
    state: 'completed',
    total: 120,
    done: 120,
    not_completed: 0,
    ended_at: ago(7_200),
  }),
  order({
    id: 'unknown-numbers',
    state: 'cancelled',
    total: null,
    done: null,
    not_completed: null,
    ended_at: ago(90),
  }),
];

const paused = (reason: string | null) => {
  const moment = runningBatch();
  return {
    ...moment,
    progress: { ...moment.progress, paused: { by: 'person' as const, since: ago(250), reason } },
  };
};

const open = (batch_id: string) => ({ batch_id, run_id: 'r', started_at: ago(668) });
const STANDINGS = [
  { batch: open(id), view: view(runningBatch()) },
  { batch: open('春季横幅-0a1b2c3d4e'), view: view(paused('the art director looks at it, 等一下')) },
  { batch: open('nobody-answers'), view: null },
];

const ended = (task_name: string | null, more: Partial<EndedTask> = {}): EndedTask => ({
  task_key: `${id}/${task_name ?? 'cover-9'}`,
  task_name,
  batch_id: id,
  status: 'completed',
  ended_at: ago(3),
  bytes: 1_842_113,
  billing: { no: 0, possible: 0, yes: 1 },
  error: null,
  ...more,
});

const HISTORY = [
  ended('cover-23'),
  ended('夜景-参考图', {
    status: 'timed_out',
    ended_at: ago(95),
    bytes: null,
    billing: { no: 0, possible: 1, yes: 0 },
  }),
  ended('cover-19', {
    status: 'failed',
    ended_at: ago(260),
    bytes: null,
    billing: { no: 1, possible: 0, yes: 0 },
  }),
  ended(null, { ended_at: null, status: 'cancelled', bytes: null, billing: { no: 0, possible: 0, yes: 0 } }),
];

const ATTEMPT = {
  attempt: 1,
  ok: false,
  started_at: ago(700),
  ended_at: ago(100),
  elapsed_ms: 600_000,
  http_status: null,
  request_id: null,
  billing: 'possible',
  error:
    'POST https://images.example.com/v1/images/generations: no complete answer within the limit of 600 s (deadline, phase sent)',
} as AttemptRecord;

const RUN_DIR = '/home/me/out/batches/covers-20261124-150231-1a2b3c/07-夜景';

const DETAIL: TaskDetail = {
  task_key: `${id}/夜景`,
  task_name: '夜景',
  batch_id: id,
  status: 'failed',
  acceptable: false,
  mode: 'edit',
  references: 2,
  provider: 'happy',
  model: 'gpt-image-2',
  prompt: '夜景',
  started_at: ago(705),
  ended_at: ago(20),
  waiting_for: null,
  image_path: null,
  bytes: null,
  sha256: null,
  billing: { no: 1, possible: 1, yes: 0 },
  error: 'HTTP 400 (moderation_blocked): The safety system refused the request.',
  attempts: [
    ATTEMPT,
    {
      ...ATTEMPT,
      attempt: 2,
      started_at: ago(24),
      ended_at: ago(20),
      elapsed_ms: 4_000,
      http_status: 400,
      request_id: 'req_8f21b0c3d4e5',
      billing: 'no',
      error: 'HTTP 400 (moderation_blocked): The safety system refused the request.',
    },
  ],
  stdout_tail: '',
  stderr_tail: 'attempt 2  bad_request after 4.0 s\nfailed  HTTP 400\n',
  result_path: `${RUN_DIR}/result.json`,
  artifacts: {
    task_dir: RUN_DIR,
    run_dir: RUN_DIR,
    output: null,
    result_json: `${RUN_DIR}/result.json`,
    state: `${RUN_DIR}/state.json`,
    stdout: `${RUN_DIR}/stdout.txt`,
    stderr: `${RUN_DIR}/stderr.txt`,
  },
};

const WITHOUT_END = { ...ATTEMPT, ended_at: null, elapsed_ms: null, next_attempt_at: null };

/** Its worker was killed under the first request, which may have been paid; the second brought the image. */
const CUT_OFF: TaskDetail = {
  ...DETAIL,
  status: 'completed',
  acceptable: true,
  billing: { no: 0, possible: 1, yes: 1 },
  error: null,
  attempts: [
    {
      ...WITHOUT_END,
      next_attempt_at: ago(90),
      error: 'worker vm/slot-2 (pid 28122) ended while request 1 was under way',
    },
    {
      ...ATTEMPT,
      attempt: 2,
      ok: true,
      started_at: ago(90),
      ended_at: ago(20),
      elapsed_ms: 70_000,
      http_status: 200,
      request_id: 'req_8f21b0c3d4e5',
      billing: 'yes',
      error: null,
    },
  ],
  stderr_tail: '',
};

const UNDER_WAY: TaskDetail = {
  ...DETAIL,
  status: 'running',
  acceptable: null,
  ended_at: null,
  billing: { no: 0, possible: 0, yes: 0 },
  error: null,
  waiting_for: 'the image',
  attempts: [{ ...WITHOUT_END, started_at: ago(40), error: 'no end of this request is known' }],
  stderr_tail: '',
  result_path: null,
};

const keys = (count: number) => Array.from({ length: count }, (_, i) => `${id}/t${i}`);
const cancelled = (answer: Partial<CancelAnswer>, look: Look) =>
  painted(cancelLines(id, { cancelled: [], finishing: [], aborting: [], ...answer }, look), look);

/** Screens whose every line fits the terminal. */
const DRAWN: Record<string, (look: Look) => string[]> = {
  'list-of-batches': (look) => painted(orderLines(ORDERS, NOW, look), look),
  'list-of-tasks': (look) =>
    painted(
      taskLines(
        [...listedStates(id, failingBatch()), ...listedStates(id, runningBatch()).slice(22, 28)],
        look,
      ),
      look,
    ),
  status: (look) => painted(standingLines(STANDINGS, look), look),
  history: (look) => painted(historyLines(HISTORY, look), look),
  paused: (look) => frame(view(paused('the art director looks at it, 等一下')), look),
  'paused-without-a-reason': (look) => frame(view(paused(null), { isAttached: true }), look, true),
  cancel: (look) => cancelled({ cancelled: keys(21), finishing: keys(4) }, look),
  'cancel-now': (look) => cancelled({ cancelled: keys(21), aborting: keys(1) }, look),
  'cancel-nothing': (look) => cancelled({}, look),
  'cancel-before-admission': (look) => cancelled({ before_admission: true }, look),
  pause: (look) =>
    painted(pauseLines(id, { paused: true, changed: true, running: 4, queued: 21 }, '等一下', look), look),
  'pause-twice': (look) =>
    painted(pauseLines(id, { paused: true, changed: false, running: 0, queued: 21 }, '等一下', look), look),
  resume: (look) => {
    const resumed = { paused: false, changed: true, running: 0, queued: 21 };
    return painted(
      resumeLines(id, { resumed, workers: { max_workers: 2, before: 4, warning: null } }, look),
      look,
    );
  },
};

/** Screens with paths to be copied, which are never broken. */
const PRINTED: Record<string, (look: Look) => string[]> = {
  get: (look) => painted(detailLines(DETAIL, look), look),
  'get-after-a-kill': (look) => painted(detailLines(CUT_OFF, look), look),
  'get-under-way': (look) => painted(detailLines(UNDER_WAY, look), look),
};

const SCREENS = Object.entries({ ...DRAWN, ...PRINTED });

describe.each([80, 120])('at %i columns', (columns) => {
  test.each(SCREENS)('%s', async (name, screen) => {
    const lines = screen(terminal(columns));
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`golden/${name}-${columns}.txt`);
  });

  test.each(Object.entries(DRAWN))('%s fits, Chinese and colours included', (_name, screen) => {
    for (const line of screen(terminal(columns, { colour: true })))
      expect(stringWidth(stripVTControlCharacters(line)), line).toBeLessThanOrEqual(columns);
  });
});

test.each(SCREENS)('%s in a pipe: no escape, nothing cut', (_name, screen) => {
  const text = screen(terminal(Infinity)).join('\n');
  expect(text).not.toContain('\u001B');
  expect(text.replaceAll(/文章封面-\S+ +\d+ tasks[^]*$/gu, '')).not.toContain('…');
});

test.each(SCREENS)('%s without UTF-8: symbols are ASCII, names stay as written', (_name, screen) => {
  const symbols = /[✓✗▷•█░…–·▏]/u;
  expect(screen(terminal(80, { unicode: false })).join('\n')).not.toMatch(symbols);
});
