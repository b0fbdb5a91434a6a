/** Part C: an answer that is no success, however its body ends. */
import { expect } from 'vitest';
import { http } from '../provider/raw-server.ts';
import { newClock } from '../support/play-task.ts';
import type { StepKind, StepOptions } from '../support/provider-steps.ts';
import { rawFault, faultServer } from './answers.ts';
import { allOf, type Given, given, type Scenario, type Scenarios } from './scenario.ts';
import { stormOfMany, stormOfOne } from './storm.ts';

const step = (kind: StepKind, options: StepOptions = {}, more: Given = {}) =>
  given({ step: { kind, ...options }, ...more });
const refused = (status: number, code: string, more: Given = {}) =>
  step('400', { status, code, type: code }, more);

/** With a status of its own and nothing else that could tell. */
const bare = (status: number, more: Given = {}) =>
  rawFault((socket) => void socket.write(http(status, '')), more);

/** The next request is announced for then, and not a moment earlier; Temporal is told what is left of it. */
function announced(waitMs: number, atMostMs = waitMs): Pick<Given, 'wait' | 'also'> {
  return {
    wait: [waitMs - 1_000, atMostMs],
    also: ({ attempts }) => {
      const [first] = attempts;
      const saidMs = Date.parse(first?.next_attempt_at ?? '') - Date.parse(first?.started_at ?? '');
      expect(saidMs).toBeGreaterThanOrEqual(waitMs);
    },
  };
}

const slowDown = (waitMs: number, options: StepOptions) => step('429', options, announced(waitMs));

/** With headers as they stand on the wire. */
const slowedBy = (headers: readonly string[], more: Given) =>
  rawFault(
    (socket) => void socket.write(['HTTP/1.1 429 X', ...headers, 'content-length: 0', '', ''].join('\r\n')),
    more,
  );

/** Really waited for: what counts is when the provider sees the next request. */
function waited(waitMs: number, options: StepOptions): Scenario {
  return step('429', options, {
    clock: newClock(5_000),
    wait: [waitMs / 2, waitMs],
    also: (_, { provider: { calls } }) => {
      const [first, second] = calls;
      const passedMs = Date.parse(second?.arrived_at ?? '') - Date.parse(first?.ended_at ?? '');
      expect(passedMs).toBeGreaterThanOrEqual(waitMs);
    },
  });
}

/** Headers and the first words of a body, which then breaks off or stalls: its status is what counts. */
function half(status: number, headers: Record<string, string>, more: Given, end: 'cut' | 'stall' = 'cut') {
  const text = http(status, '{"error":{"message":"half of this', { ...headers, 'content-length': '500' });
  return rawFault((socket) => void socket.write(text, () => void (end === 'cut' && socket.end())), more);
}

const cut = (status: number, headers: Record<string, string> = {}, more: Given = {}) =>
  half(status, headers, { says: new RegExp(`^HTTP ${status}, whose body was cut off: `, 'u'), ...more });

const stalled429: Scenario = half(
  429,
  { 'retry-after': '30' },
  {
    says: /^HTTP 429, whose body did not end in time: /u,
    // Counted from the end of the attempt, whose time shows that its slot was not held for the limit of the request.
    wait: [29_000, 30_000],
    also: ({ attempts: [first] }) => {
      expect(first?.elapsed_ms).toBeGreaterThanOrEqual(9_900);
      expect(first?.elapsed_ms).toBeLessThan(20_000);
    },
  },
  'stall',
);

const NO_WAIT_SAID: Given = { wait: [1, 100] };

/** A redirect to a server that must never hear of it. */
const redirected: Scenario = async (faultCase) => {
  const elsewhere = await faultServer({});
  await given({
    step: { kind: 'redirect', location: `${elsewhere.baseUrl}/images/generations` },
    also: () => expect(elsewhere.connections()).toBe(0),
  })(faultCase);
};

const CLOUDFLARE = JSON.stringify({
  type: 'https://x/524',
  title: 'Error 524: A timeout occurred',
  status: 524,
});

export const STATUS_SCENARIOS: Scenarios = {
  '29a': allOf(refused(400, 'invalid_value'), bare(405), bare(407), bare(418), bare(451)),
  '29b': cut(400),
  '30a': step('moderation_blocked'),
  '30b': refused(400, 'content_policy_violation'),
  '31a': allOf(step('401'), bare(401), bare(403), step('403')),
  '31b': refused(400, 'invalid_api_key'),
  '31c': allOf(cut(401), cut(403)),
  '32a': bare(402),
  '32b': step('insufficient_quota', { retryAfter: '1' }),
  '32c': step('billing_hard_limit_reached'),
  '32d': cut(402),
  '33a': bare(404),
  '33b': refused(400, 'model_not_found'),
  '34': step('408'),
  '35': refused(409, 'conflict'),
  '36a': step('413'),
  '36b': refused(415, 'unsupported_media_type'),
  '36c': refused(422, 'unprocessable'),
  '37a': slowDown(7_000, { retryAfter: '7' }),
  '37b': cut(429, { 'retry-after': '30' }, announced(30_000)),
  '37c': stalled429,
  // Whole seconds, counted from the answer's own Date.
  '38a': step('429', { retryAfter: 'date:20' }, announced(19_000, 21_000)),
  '38b': waited(1_000, { retryAfter: 'date:-30' }),
  '38c': waited(1_500, { retryAfterMs: 1_500 }),
  '38d': slowDown(90_000, { tryAgainIn: '1m30s' }),
  '38e': slowDown(20_000, { tryAgainIn: '20s' }),
  '38f': waited(1_000, { tryAgainIn: '500ms' }),
  '38g': slowDown(15 * 60_000, { retryAfter: '1000000000' }),
  '38h': step('429', { retryAfter: 'NaN' }, NO_WAIT_SAID),
  '38i': step('429', { retryAfter: '-5' }, NO_WAIT_SAID),
  '38j': step('429', { retryAfter: '1e9' }, NO_WAIT_SAID),
  '38k': slowedBy(['Retry-After: 5', 'Retry-After: 120'], announced(120_000)),
  '38l': slowDown(15 * 60_000, { retryAfter: '99999999999999999999' }),
  '38m': allOf(
    slowedBy(
      ['Date: Fri, 27 Nov 2026 12:00:00 GMT', 'Retry-After: Fri Nov 27 12:05:00 2026'],
      announced(5 * 60_000),
    ),
    slowedBy(
      ['Date: Fri, 27 Nov 2026 12:00:00 GMT', 'Retry-After: Fri, 27 Nov 2026 12:05:00'],
      announced(5 * 60_000),
    ),
  ),
  '38n': slowDown(15 * 60_000, { tryAgainIn: '2 days' }),
  '38o': slowDown(20_000, { tryAgainIn: 'about 20 seconds' }),
  '39a': stormOfMany,
  '39b': stormOfOne,
  '40a': allOf(step('500'), bare(501), bare(530)),
  '40b': step('html_502', {}, { says: /HTML page "502 Bad Gateway"/u }),
  '41a': step('503', { retryAfter: '9' }, announced(9_000)),
  '41b': step('503'),
  '41c': cut(503, { 'retry-after': '9' }, announced(9_000)),
  '42a': step('504'),
  '42b': step('html_524', {}, { says: /HTML page "524 A timeout occurred"/u }),
  '42c': rawFault((socket) => void socket.write(http(524, CLOUDFLARE)), { says: /Error 524: A timeout/u }),
  '43a': bare(520),
  '43b': allOf(bare(521), bare(522), bare(523)),
  '43c': allOf(bare(525), bare(526)),
  '43d': step('529'),
  '44': redirected,
  '45a': step('500', { shouldRetry: 'false' }, { calls: 1 }),
  '45b': step('400', { shouldRetry: 'true' }),
};
