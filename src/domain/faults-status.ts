/** Part C of the catalogue: no success by its status, however its body ends. Signs are tried as `categoryOfAnswer` says. */
import type { FailureCategory } from './failure.ts';
import type { Fault, FaultEnd } from './fault-catalogue.ts';

const answered = (category: FailureCategory): FaultEnd => ({ category, phase: 'done' });

const REFUSALS = [400, 499] as const;
/** Only about key and model are words of a refusal to be trusted in other places than their own. */
const KEY_AND_MODEL = [400, 404] as const;

export const QUOTA_WORDS =
  /^(insufficient_(user_)?quota|credit_balance_exhausted|\w{1,40}_(spend|usage)_limit_exceeded|billing_hard_limit_reached)$/u;
const MODERATION_WORDS =
  /^(moderation_blocked|content_policy_violation|content_?filter|responsibleaipolicyviolation|sensitive_words_detected)$/u;
export const KEY_WORDS = /^(invalid_api_key|incorrect_api_key|invalid_authentication|authentication_error)$/u;
const MODEL_WORDS = /^(model_not_found|deploymentnotfound)$/u;

/** Only its status and headers are to be relied on then, and they are enough. */
const CUT = 'cut off in its body';
const STALLS = 'that stalls in its body: 10 s after its headers it is not waited for any more';

const SLOW_DOWN = 'no request of this worker goes to this provider before the announced time';

export const STATUS_FAULTS: readonly Fault[] = [
  {
    id: 29,
    fault: '400 for a parameter, and every 4xx without a row of its own (405, 407 of a proxy)',
    cases: [
      { when: 'whole', end: answered('bad_request'), sign: { statuses: [REFUSALS] } },
      { when: CUT, end: answered('bad_request') },
    ],
  },
  {
    id: 30,
    fault: 'the content is refused',
    cases: [
      {
        when: 'moderation_blocked',
        end: answered('moderation_blocked'),
        sign: { statuses: [REFUSALS], words: MODERATION_WORDS },
      },
      { when: 'content_policy_violation', end: answered('moderation_blocked') },
    ],
  },
  {
    id: 31,
    fault: 'the key is refused',
    cases: [
      { when: '401, 403', end: answered('auth'), sign: { statuses: [401, 403] } },
      {
        when: 'invalid_api_key, whatever the status',
        end: answered('auth'),
        sign: { statuses: [KEY_AND_MODEL], words: KEY_WORDS },
      },
      { when: `401, 403, ${CUT}`, end: answered('auth') },
    ],
  },
  {
    id: 32,
    fault: 'no money left, or a limit of spending reached',
    cases: [
      { when: '402', end: answered('quota'), sign: { statuses: [402] } },
      {
        when: '429 with insufficient_quota',
        end: answered('quota'),
        sign: { statuses: [[300, 599]], words: QUOTA_WORDS },
        also: 'is no request to slow down: nothing waits',
      },
      { when: '400 with billing_hard_limit_reached', end: answered('quota') },
      { when: `402, ${CUT}`, end: answered('quota') },
    ],
  },
  {
    id: 33,
    fault: '404 for the model or the path',
    cases: [
      { when: 'by its status', end: answered('not_found'), sign: { statuses: [404] } },
      {
        when: 'by the word of the provider',
        end: answered('not_found'),
        sign: { statuses: [KEY_AND_MODEL], words: MODEL_WORDS },
      },
    ],
  },
  { id: 34, fault: '408', cases: [{ end: answered('http_408'), sign: { statuses: [408] } }] },
  { id: 35, fault: '409', cases: [{ end: answered('bad_request') }] },
  {
    id: 36,
    fault: '413, 415, 422',
    cases: [
      { when: '413', end: answered('bad_request') },
      { when: '415', end: answered('bad_request') },
      { when: '422', end: answered('bad_request') },
    ],
  },
  {
    id: 37,
    fault: '429 with Retry-After: 7',
    cases: [
      { when: 'whole', end: answered('rate_limited'), sign: { statuses: [429] }, also: SLOW_DOWN },
      { when: CUT, end: answered('rate_limited'), also: SLOW_DOWN },
      { when: STALLS, end: answered('rate_limited'), also: SLOW_DOWN },
    ],
  },
  {
    id: 38,
    fault: '429 with a wait in another form',
    cases: [
      { when: 'an HTTP date', end: answered('rate_limited') },
      { when: 'a date that has passed: 1 s', end: answered('rate_limited') },
      { when: 'retry-after-ms', end: answered('rate_limited') },
      { when: '“try again in 1m30s”', end: answered('rate_limited') },
      { when: '“try again in 20s”', end: answered('rate_limited') },
      { when: '“try again in 500ms”: 1 s', end: answered('rate_limited') },
      { when: 'a billion seconds: 15 minutes', end: answered('rate_limited') },
      { when: 'NaN: the usual wait', end: answered('rate_limited') },
      { when: '-5: the usual wait', end: answered('rate_limited') },
      { when: '1e9: the usual wait', end: answered('rate_limited') },
      { when: 'two headers: the longer wait', end: answered('rate_limited') },
      { when: 'a number of 20 digits: 15 minutes', end: answered('rate_limited') },
      { when: 'an asctime date, or one without a zone: GMT', end: answered('rate_limited') },
      { when: '“try again in 2 days”: 15 minutes', end: answered('rate_limited') },
      { when: '“try again in about 20 seconds”', end: answered('rate_limited') },
    ],
  },
  {
    id: 39,
    fault: 'a storm of 429: every request is refused for a minute',
    cases: [
      {
        when: 'many tasks, Retry-After 1',
        end: 'completed',
        also: 'one refusal slows the whole lane of a worker down; all finish afterwards',
      },
      {
        when: 'one task alone, Retry-After 1',
        end: 'completed',
        also: 'its 15 refusals are not used up (R1)',
      },
    ],
  },
  {
    id: 40,
    fault: '5xx: the provider or its gateway failed',
    cases: [
      {
        when: '500, and every 5xx without a row of its own',
        end: answered('server_error'),
        sign: { statuses: [[500, 999]] },
      },
      { when: '502 as an HTML page', end: answered('server_error'), also: 'its title is the message' },
    ],
  },
  {
    id: 41,
    fault: '503',
    cases: [
      { when: 'with Retry-After', end: answered('unavailable'), sign: { statuses: [503] }, also: SLOW_DOWN },
      { when: 'without', end: answered('unavailable') },
      { when: `with Retry-After, ${CUT}`, end: answered('unavailable'), also: SLOW_DOWN },
    ],
  },
  {
    id: 42,
    fault: 'a gateway gave up while the image is still being made',
    cases: [
      { when: '504', end: answered('server_error') },
      { when: '524 as an HTML page', end: answered('server_error') },
      { when: '524 as JSON without “error”', end: answered('server_error') },
    ],
  },
  {
    id: 43,
    fault: 'statuses of gateways',
    cases: [
      { when: '520', end: answered('server_error') },
      {
        when: '521, 522, 523: the origin was not reached',
        end: answered('unavailable'),
        sign: { statuses: [521, 522, 523] },
      },
      {
        when: '525, 526: no TLS to the origin',
        end: answered('unavailable'),
        sign: { statuses: [525, 526] },
      },
      { when: '529', end: answered('unavailable'), sign: { statuses: [529] } },
    ],
  },
  {
    id: 44,
    fault: 'a redirect',
    cases: [
      {
        end: answered('redirect'),
        sign: { statuses: [[300, 399]] },
        also: 'is not followed: neither key nor request reach another place',
      },
    ],
  },
  {
    id: 45,
    fault: 'x-should-retry',
    cases: [
      { when: 'false on a 500', end: answered('server_error'), also: 'is honoured: not repeated' },
      { when: 'true on a 400', end: answered('bad_request'), also: 'does not make it worth repeating' },
    ],
    spec: 'R2 names what is never repeated; the header can only take from what is',
  },
];
