/**
 * Part B of the catalogue: sent, and no complete answer. The provider may have made the image, and may charge for it. Not
 * so when the status that came is an error: then that is what counts, however the body ends (part C).
 */
import type { Phase } from './failure.ts';
import type { Fault, FaultEnd } from './fault-catalogue.ts';

const cut = (phase: Phase): FaultEnd => ({ category: 'connection_cut', phase });
const late = (phase: Phase): FaultEnd => ({ category: 'request_timeout', phase });

const SENT: readonly Phase[] = ['sent', 'headers', 'body'];

export const UNANSWERED_FAULTS: readonly Fault[] = [
  {
    id: 13,
    fault: 'the connection is reset before the answer',
    cases: [{ end: cut('sent'), sign: { phases: SENT } }],
  },
  { id: 14, fault: 'the connection is closed before the answer', cases: [{ end: cut('sent') }] },
  {
    id: 15,
    fault: 'a kept connection is reset when it is used again',
    cases: [{ end: cut('sent'), also: 'the provider sees the request at most once' }],
  },
  {
    id: 16,
    fault: 'no answer until the limit of the request',
    cases: [{ end: late('sent'), sign: { phases: SENT, codes: /^deadline$/u } }],
  },
  { id: 17, fault: 'a 200 that stalls in its body', cases: [{ end: late('body') }] },
  {
    id: 18,
    fault: 'a 200 that drips past the limit, a byte at a time',
    cases: [{ end: late('body'), also: 'ended by the limit of the whole request, not by one of pauses' }],
  },
  {
    id: 19,
    fault: 'the connection is reset within the body of a 200',
    cases: [{ end: cut('body'), also: 'what came is kept beside the attempt in the spool (`NN.partial`)' }],
  },
  { id: 20, fault: 'a 200 whose body is shorter than its Content-Length', cases: [{ end: cut('body') }] },
  { id: 21, fault: 'a 200 whose chunked body has no end', cases: [{ end: cut('body') }] },
  {
    id: 22,
    fault: 'a body without length that is cut: HTTP takes it for whole',
    cases: [{ end: { category: 'bad_response', phase: 'done' } }],
    spec: 'R2: to HTTP this 200 is complete; it is kept raw, counted as paid, and not bought again unasked',
  },
  {
    id: 23,
    fault: 'a body larger than the limit (90 MiB)',
    cases: [
      {
        when: 'that comes and comes',
        end: { category: 'bad_response', phase: 'body' },
        sign: { phases: SENT, codes: /^refused_answer$/u },
        also: 'is not kept; memory stays within the limit',
      },
      { when: 'announced by its Content-Length', end: { category: 'bad_response', phase: 'headers' } },
      {
        when: 'an answer of 40 MB and more is none',
        end: 'completed',
        also: 'taken whole, byte for byte, up to 64 MiB of image',
      },
    ],
    spec: 'R2, R4: a 200 was paid for: billing is yes, not possible',
  },
  {
    id: 24,
    fault: 'an encoded body that nobody asked for (gzip bomb)',
    cases: [{ end: { category: 'bad_response', phase: 'done' }, also: 'is kept as it came, never unpacked' }],
    spec: 'R2, R4: a complete 200 is paid for: billing is yes, not possible',
  },
  {
    id: 25,
    fault: 'an answer that is no HTTP',
    cases: [
      { when: 'a status line of rubbish', end: cut('sent') },
      { when: 'a chunk size of rubbish', end: cut('body') },
    ],
    spec: 'R2: an answer that is not complete is a cut one, whatever broke it: repeated, possibly billed',
  },
  {
    id: 26,
    fault: '200 KB of headers',
    cases: [{ end: cut('sent') }],
    spec: 'as 25',
  },
  {
    id: 27,
    fault: 'headers that contradict each other',
    cases: [
      { when: 'Content-Length and Transfer-Encoding', end: cut('sent') },
      { when: 'two values of Content-Length', end: cut('sent') },
    ],
    spec: 'as 25',
  },
  {
    id: 28,
    fault: 'a 100 Continue that nobody asked for',
    cases: [{ end: cut('sent'), also: 'a limit of the HTTP client: the answer behind it is lost' }],
  },
];
