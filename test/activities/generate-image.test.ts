/** The fault catalogue over real sockets: what one attempt makes of every way a provider can answer (R2–R4, G9). */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { GeneratedImage } from '../../src/domain/activity-contract.ts';
import {
  type Billing,
  FAILURE_TYPES,
  type FailureCategory,
  type FailureReport,
  type Phase,
} from '../../src/domain/failure.ts';
import type { AdmittedTask } from '../../src/domain/task.ts';
import { activityWorld, type ActivityWorld, failureOf } from '../support/activity-world.ts';
import type { ScriptStep } from '../support/provider-script.ts';
import type { StepOptions } from '../support/provider-steps.ts';

/** How a row differs from one good call of text2img. */
interface Given {
  step?: ScriptStep;
  timeout_ms?: number;
  references?: number;
  /** The key that the provider asks for, instead of ours. */
  providerKey?: string;
  isDown?: boolean;
}

type Outcome = FailureCategory | 'completed' | 'completed with warnings';

interface Expected {
  /** Milliseconds from, to until the next attempt. */
  retry: 'never' | readonly [from: number, to: number];
  billing: Billing;
  phase: Phase;
  /** What the provider saw. */
  calls: number;
  spool: 'empty' | 'answer';
}

/** The base delay of the task; as long as the provider names no wait. */
const BACKOFF = [1, 100] as const;
const SETTLED = { phase: 'done', calls: 1 } as const;
const MAYBE_PAID: Expected = { ...SETTLED, retry: BACKOFF, billing: 'possible', spool: 'empty' };
const NOT_NOW: Expected = { ...SETTLED, retry: BACKOFF, billing: 'no', spool: 'empty' };
const REFUSED: Expected = { ...SETTLED, retry: 'never', billing: 'no', spool: 'empty' };
const PAID: Expected = { ...SETTLED, retry: 'never', billing: 'yes', spool: 'answer' };
const cutWhile = (phase: Phase): Expected => ({ ...MAYBE_PAID, phase });
/** Part of the wait may have passed until Temporal is told; on a busy machine a good part. */
const comeBackIn = (announcedMs: number): Expected => ({
  ...NOT_NOW,
  retry: [announcedMs / 2, announcedMs],
});
const busy = (options: StepOptions): Given => ({ step: { kind: '429', ...options } });
const short = (step: ScriptStep): Given => ({ step, timeout_ms: 400 });

type Row = [fault: string, given: Given, outcome: Outcome, expected: Expected];

const RETRYABLE: Row[] = [
  ['408', { step: '408' }, 'http_408', MAYBE_PAID],
  ['429', { step: '429' }, 'rate_limited', NOT_NOW],
  ['429 with Retry-After in seconds', busy({ retryAfter: '7' }), 'rate_limited', comeBackIn(7_000)],
  ['429 with Retry-After as a date', busy({ retryAfter: 'date:20' }), 'rate_limited', comeBackIn(20_000)],
  ['429 with retry-after-ms', busy({ retryAfterMs: 2_500 }), 'rate_limited', comeBackIn(2_500)],
  ['429 with the wait in its text', busy({ tryAgainIn: '1m4s' }), 'rate_limited', comeBackIn(64_000)],
  ['500', { step: '500' }, 'server_error', MAYBE_PAID],
  ['502 as HTML', { step: 'html_502' }, 'server_error', MAYBE_PAID],
  ['503', { step: '503' }, 'unavailable', NOT_NOW],
  ['503 with Retry-After', { step: { kind: '503', retryAfter: '9' } }, 'unavailable', comeBackIn(9_000)],
  ['504', { step: '504' }, 'server_error', MAYBE_PAID],
  ['524 as HTML', { step: 'html_524' }, 'server_error', MAYBE_PAID],
  ['529', { step: '529' }, 'unavailable', NOT_NOW],
  ['a closed port', { isDown: true }, 'network', { ...NOT_NOW, phase: 'connecting', calls: 0 }],
  ['a connection cut after the request', { step: 'cut' }, 'connection_cut', cutWhile('sent')],
  [
    'a connection reset after it',
    { step: { kind: 'cut', how: 'reset' } },
    'connection_cut',
    cutWhile('sent'),
  ],
  ['a connection cut amid the body', { step: 'cut_body' }, 'connection_cut', cutWhile('body')],
  ['no answer until the limit', short('hang'), 'request_timeout', cutWhile('sent')],
  ['a body that stalls', short('hang_body'), 'request_timeout', cutWhile('body')],
  [
    'a body that drips past the limit',
    short({ kind: 'drip', intervalMs: 20 }),
    'request_timeout',
    cutWhile('body'),
  ],
];

const FINAL: Row[] = [
  ['400', { step: '400' }, 'bad_request', REFUSED],
  ['moderation_blocked', { step: 'moderation_blocked' }, 'moderation_blocked', REFUSED],
  ['401', { step: '401' }, 'auth', REFUSED],
  ['a wrong key', { providerKey: 'some-other-key' }, 'auth', REFUSED],
  ['402', { step: '402' }, 'quota', REFUSED],
  ['403', { step: '403' }, 'auth', REFUSED],
  ['insufficient_quota on 429', { step: 'insufficient_quota' }, 'quota', REFUSED],
  ['billing_hard_limit_reached', { step: 'billing_hard_limit_reached' }, 'quota', REFUSED],
  ['404 of the model', { step: '404' }, 'not_found', REFUSED],
  ['413', { step: '413' }, 'bad_request', REFUSED],
  ['a redirect', { step: 'redirect' }, 'redirect', REFUSED],
  ['HTML in a 200', { step: 'html' }, 'bad_response', PAID],
  ['a 200 that is no JSON', { step: 'not_json' }, 'bad_response', PAID],
  ['an empty 200', { step: 'empty_body' }, 'bad_response', PAID],
  ['empty data', { step: 'empty_data' }, 'bad_response', PAID],
  ['an error inside a 200', { step: 'error_in_200' }, 'bad_response', PAID],
  ['truncated base64', { step: 'truncated_base64' }, 'bad_response', PAID],
  ['a 200 cut where HTTP does not show it', { step: 'cut_unframed' }, 'bad_response', PAID],
  ['a url instead of an image', { step: 'url' }, 'bad_response', PAID],
  ['the reference as the answer', { step: 'echo_reference', references: 1 }, 'bad_response', PAID],
];

const DELIVERED: Row[] = [
  ['a good answer', {}, 'completed', PAID],
  ['a good answer to two references', { references: 2 }, 'completed', PAID],
  ['a data URI', { step: 'data_uri' }, 'completed', PAID],
  ['base64 in lines', { step: 'base64_lines' }, 'completed', PAID],
  ['white space before the JSON', { step: 'leading_whitespace' }, 'completed', PAID],
  [
    'a body that drips in time',
    { step: { kind: 'drip', chunkBytes: 100_000, intervalMs: 20 } },
    'completed',
    PAID,
  ],
  [
    'another size than asked',
    { step: { kind: 'wrong_size', size: '1024x1024' } },
    'completed with warnings',
    PAID,
  ],
  ['another format than asked', { step: 'wrong_format' }, 'completed with warnings', PAID],
];

describe('what one attempt makes of it', () => {
  const rows = [...RETRYABLE, ...FINAL, ...DELIVERED];
  const named = rows.map(([fault, given, outcome, expected]) => ({ fault, given, outcome, expected }));
  test.each(named)('$fault: $outcome', async ({ given, outcome, expected }) => {
    const { world, task } = await prepared(given);
    const attempt = world.attempt(task);
    const isCompleted = outcome === 'completed' || outcome === 'completed with warnings';
    if (isCompleted) await expectImage(world, task, await attempt.result, outcome);
    else await expectFailure(world, task, await failureOf(attempt), outcome, expected);

    // The client may have the last byte before the server has noted that it is gone.
    await world.provider.waitForInFlight(0);
    const { calls } = world.provider;
    const isAnswered = typeof calls[0]?.status === 'number';
    const record = await world.recordOf(task);
    expect(record).toMatchObject({
      ok: isCompleted,
      category: isCompleted ? null : outcome,
      billing: expected.billing,
      phase: expected.phase,
      retryable: expected.retry !== 'never',
      http_status: isAnswered ? calls[0]?.status : null,
      request_id: isAnswered ? calls[0]?.request_id : null,
    });
    expect(record.next_attempt_at === null).toBe(expected.retry === 'never');
    expect(calls).toHaveLength(expected.calls);
    expect(await world.spooledAnswers()).toHaveLength(expected.spool === 'answer' ? 1 : 0);
  });
});

async function prepared({ step, references = 0, providerKey, isDown, ...wish }: Given) {
  const world = await activityWorld({
    ...(step === undefined ? {} : { script: [step] }),
    ...(providerKey === undefined ? {} : { apiKey: providerKey }),
  });
  const colours = ['#336699', '#996633'].slice(0, references);
  const input_images = await Promise.all(colours.map((colour, i) => world.reference(`ref-${i}`, colour)));
  if (isDown) await world.provider.close();
  return { world, task: world.task({ ...wish, input_images }) };
}

/** What Temporal is told, and what a person finds while the next attempt is waited for. */
async function expectFailure(
  world: ActivityWorld,
  task: AdmittedTask,
  failure: Awaited<ReturnType<typeof failureOf>>,
  category: Outcome,
  { retry }: Expected,
): Promise<void> {
  const [report] = failure.details as [FailureReport];
  expect(report).toMatchObject({ category, message: expect.stringMatching(/^\S.{10,}$/u) });
  expect(failure.type).toBe(FAILURE_TYPES.attempt);
  expect(failure.nonRetryable).toBe(retry === 'never');
  expect(await world.images()).toEqual([]);
  const delayMs = failure.nextRetryDelay as number | undefined;
  if (retry === 'never') {
    expect(delayMs).toBeUndefined();
    return;
  }
  expect(delayMs).toBeGreaterThanOrEqual(retry[0]);
  expect(delayMs).toBeLessThanOrEqual(retry[1]);
  const { next_attempt_at } = await world.recordOf(task);
  expect(await world.stateOf(task)).toMatchObject({
    attempt: 1,
    last_error: report.message,
    next_attempt_at,
  });
}

/** The bytes that the provider made are the one image on disk. */
async function expectImage(
  world: ActivityWorld,
  task: AdmittedTask,
  generated: GeneratedImage,
  outcome: Outcome,
): Promise<void> {
  const { generation_id, task_key: workflow_id } = task;
  expect(generated).toMatchObject({ generation_id, workflow_id, attempt: 1 });
  expect(generated.image.sha256).toBe(world.provider.calls[0]?.image_sha256);
  expect((await world.images()).map((name) => join(world.outputDir, name))).toEqual([generated.image.path]);
  const { answer } = await world.recordOf(task);
  expect(answer?.warnings).toHaveLength(outcome === 'completed' ? 0 : 1);
}
