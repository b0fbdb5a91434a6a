/** Part D of the catalogue: a 200 with bad content. It is paid for, so the raw answer is kept, and nothing bought again (R2). */
import type { Fault, FaultEnd } from './fault-catalogue.ts';
import { KEY_WORDS, QUOTA_WORDS } from './faults-status.ts';

const bad: FaultEnd = { category: 'bad_response', phase: 'done' };
const differs: FaultEnd = 'not acceptable';

const SUCCESSES = [200, 299] as const;
const keyRefused: FaultEnd = { category: 'auth', phase: 'done' };
const noMoney: FaultEnd = { category: 'quota', phase: 'done' };
const NO_SUCCESS = 'is a refusal as by its status: nothing was made, and the batch pauses (R7)';

/** The catalogue buys such an image once more. */
const NOT_AGAIN = 'R2: a complete 200 was paid for and is not bought again unasked';

export const CONTENT_FAULTS: readonly Fault[] = [
  { id: 46, fault: 'an HTML page (a login)', cases: [{ end: bad }], spec: NOT_AGAIN },
  {
    id: 47,
    fault: 'no usable JSON',
    cases: [
      { when: 'text', end: bad },
      { when: 'nothing', end: bad },
      { when: 'a byte order mark before good JSON', end: 'completed' },
      { when: 'NUL bytes', end: bad },
    ],
    spec: NOT_AGAIN,
  },
  {
    id: 48,
    fault: 'JSON with an error, or without an image',
    cases: [
      { when: 'an error object, but for 48e to 48h', end: bad },
      { when: 'data: []', end: bad },
      { when: 'data: null', end: bad },
      { when: 'an empty b64_json', end: bad },
      {
        when: 'an error object that says insufficient_quota, or another word for money',
        end: noMoney,
        sign: { statuses: [SUCCESSES], words: QUOTA_WORDS },
        also: NO_SUCCESS,
      },
      {
        when: 'an error object that says 402',
        end: noMoney,
        sign: { statuses: [SUCCESSES], words: /^402$/u },
      },
      {
        when: 'an error object that says invalid_api_key',
        end: keyRefused,
        sign: { statuses: [SUCCESSES], words: KEY_WORDS },
        also: NO_SUCCESS,
      },
      {
        when: 'an error object that says 401',
        end: keyRefused,
        sign: { statuses: [SUCCESSES], words: /^401$/u },
      },
      { when: 'an empty error object beside an image', end: 'completed' },
    ],
    spec: NOT_AGAIN,
  },
  {
    id: 49,
    fault: 'base64 in other forms',
    cases: [
      { when: 'cut', end: bad },
      { when: 'the URL-safe alphabet', end: bad },
      { when: 'in lines', end: 'completed' },
      { when: 'as a data URI', end: 'completed' },
      { when: 'white space before the JSON (keep-alive of a gateway)', end: 'completed' },
      { when: 'as a data URI with parameters', end: 'completed' },
    ],
    spec: NOT_AGAIN,
  },
  {
    id: 50,
    fault: 'bytes that are no image',
    cases: [
      { when: 'HTML', end: bad },
      { when: 'less than 100 bytes', end: bad },
    ],
    spec: NOT_AGAIN,
  },
  {
    id: 51,
    fault: 'a PNG that is not whole',
    cases: [
      { when: 'without its end mark', end: bad },
      { when: 'with a flipped bit (CRC)', end: bad },
      { when: 'with bytes behind its end', end: 'completed', also: 'saved as received' },
      { when: 'that claims 60,000 × 60,000 pixels', end: bad, also: 'is refused before they are unpacked' },
    ],
    spec: NOT_AGAIN,
  },
  {
    id: 52,
    fault: 'another format than asked for',
    cases: [
      { when: 'JPEG', end: differs, also: 'the file has its true extension' },
      { when: 'WebP', end: differs },
    ],
  },
  { id: 53, fault: 'another size than asked for', cases: [{ end: differs }] },
  {
    id: 54,
    fault: 'several images where one was asked for',
    cases: [
      {
        when: 'three',
        end: 'completed with a warning',
        also: 'the first is saved, the raw answer keeps the others',
      },
      {
        when: 'the first of them broken',
        end: 'completed with a warning',
        also: 'the first that decodes is saved: it was paid',
      },
    ],
  },
  {
    id: 55,
    fault: 'a url instead of the image',
    cases: [
      {
        when: 'to https, or to the provider itself, relative or not',
        end: 'completed',
        also: 'it is fetched without the key, and kept beside the answer',
      },
      {
        when: 'that answers only after a while',
        end: 'completed',
        also: 'the answer is adopted and the link tried again, up to 15 min; nothing is bought again',
      },
      {
        when: 'that has expired, or is no image',
        end: bad,
        also: 'the message has the address without its query',
      },
    ],
    spec: NOT_AGAIN,
  },
  {
    id: 56,
    fault:
      'a url into private networks (metadata, loopback, odd spellings, redirects, names that lead there)',
    cases: [{ end: bad, also: 'not a byte is sent there' }],
  },
  {
    id: 57,
    fault: 'an image that was there before',
    cases: [
      {
        when: 'that another generation brought',
        end: differs,
        also: 'it was not newly generated (P1)',
      },
      { when: 'that is a reference of the request', end: bad },
    ],
    spec: 'P1: delivered and not acceptable, where the catalogue says not ok',
  },
  {
    id: 58,
    fault: 'the answer names another model than asked for',
    cases: [
      { when: 'another one', end: differs },
      { when: 'a dated version of the same', end: 'completed' },
    ],
  },
  {
    id: 59,
    fault: 'hostile JSON',
    cases: [
      { when: '__proto__', end: bad },
      { when: 'nested a million deep', end: bad },
      { when: 'a key twice', end: 'completed', also: 'the last one counts, as JSON.parse has it' },
      { when: 'lone surrogates', end: 'completed' },
    ],
  },
];
