/** Parts E and F of the catalogue: the disk; processes, the server, time. */
import type { Phase } from './failure.ts';
import type { Fault, FaultEnd } from './fault-catalogue.ts';

const disk: FaultEnd = { category: 'disk', phase: 'connecting' };
const died = (phase: Phase): FaultEnd => ({ category: 'worker_died', phase });

export const HOST_FAULTS: readonly Fault[] = [
  {
    id: 60,
    fault: 'the disk is full before the request',
    cases: [
      { when: 'where the request is announced', end: disk, also: 'nothing is sent' },
      {
        when: 'where its first byte is announced',
        end: disk,
        sign: { phases: ['connecting'], codes: /^not_marked$/u },
      },
    ],
  },
  {
    id: 61,
    fault: 'the disk is full when the answer comes',
    cases: [
      {
        end: 'completed',
        also: 'the answer waits in memory, its write is tried again every 5 s as long as the worker lives (10 minutes after SIGTERM), the call never',
      },
    ],
  },
  {
    id: 62,
    fault: 'the image cannot be written',
    cases: [{ end: 'completed', also: 'the next attempt takes the answer from the spool: no further call' }],
  },
  {
    id: 63,
    fault: 'a folder for images that cannot be written to',
    cases: [{ end: 'refused', also: 'it is tried before the first paid call' }],
  },
  {
    id: 64,
    fault: 'a file cannot be put in its place (rename)',
    cases: [{ end: disk, also: 'nothing temporary is left' }],
  },
  {
    id: 65,
    fault: 'the folder for images is not what it was',
    cases: [
      { when: 'a file', end: 'refused' },
      { when: 'a link out of the allowed folders', end: 'refused' },
      { when: 'removed while the task runs', end: 'completed', also: 'it is made again' },
    ],
  },
  {
    id: 66,
    fault: 'names no file system would take',
    cases: [
      { when: '200 bytes, ../, CON, emoji', end: 'completed', also: 'each has a folder of its own, inside' },
      { when: 'the same in NFC and NFD, in capitals and not', end: 'completed' },
      { when: 'a key of more than 200 bytes', end: 'refused' },
    ],
  },
  {
    id: 67,
    fault: 'the worker is killed (SIGKILL); another attempt goes on',
    cases: [
      { when: 'before the request is announced', end: 'completed', also: 'one call' },
      { when: 'after it was announced', end: died('connecting'), also: 'one call' },
      { when: 'when its connection stands', end: died('sent'), also: 'counts as sent: it may have been' },
      { when: 'while the provider works', end: died('sent'), also: 'two calls, one possibly billed' },
      { when: 'within the body', end: died('sent'), also: 'two calls, one possibly billed' },
      { when: 'after the last byte', end: died('sent'), also: 'two calls, one possibly billed' },
      { when: 'when the answer is in the spool', end: 'completed', also: 'one call' },
      { when: 'while the image is saved', end: 'completed', also: 'one call' },
      { when: 'after the image', end: 'completed', also: 'one call' },
      { when: 'after result.json', end: 'completed', also: 'one call' },
    ],
  },
  {
    id: 68,
    fault: 'what holds the connection is killed while the provider works',
    cases: [{ end: died('sent'), also: 'no process but the worker holds one: as 67' }],
  },
  {
    id: 69,
    fault: 'SIGTERM with four requests under way',
    cases: [{ end: 'completed', also: 'all four bring their image, no further one begins (R6)' }],
  },
  {
    id: 70,
    fault: 'the Temporal server is killed, and comes back after a while',
    cases: [{ end: 'completed', also: 'no further call' }],
  },
  {
    id: 71,
    fault: 'a heartbeat is lost while the request runs: another attempt begins',
    cases: [
      { when: 'in the same process', end: 'completed', also: 'joins the request: one call' },
      {
        when: 'in another process of this machine',
        end: 'completed',
        also: 'waits for it and adopts: one call',
      },
      {
        when: 'on another machine',
        end: died('sent'),
        also: 'the attempt nobody knows of is listed as possibly billed (R4)',
      },
    ],
  },
  {
    id: 72,
    fault: 'clocks, blocked and dying processes, cancels, doubles, limits, deployment',
    cases: [
      { when: 'the clock steps back an hour while a request runs', end: 'completed' },
      { when: 'the clock steps an hour forward while a request runs', end: 'completed' },
      { when: 'the process is blocked past the heartbeat timeout', end: 'completed' },
      { when: 'out of memory', end: died('sent'), also: 'as any death: two calls, one possibly billed' },
      { when: 'cancelled before it began', end: { category: 'cancelled', phase: 'connecting' } },
      {
        when: 'cancelled while the request runs',
        end: { category: 'cancelled', phase: 'sent' },
        sign: { phases: ['connecting', 'sent', 'headers', 'body'], codes: /^cancelled$/u },
      },
      { when: 'cancelled when the answer is in the spool', end: 'completed' },
      { when: 'its workflow is terminated', end: 'completed', also: 'the batch writes its last words' },
      { when: 'a key twice in one batch', end: 'refused', also: 'skipped, and summary.ok is false' },
      { when: 'the same batch twice', end: 'completed', also: 'adopted: no call' },
      { when: '201 tasks, and more than a batch may have', end: 'refused' },
      { when: 'changed workflow code is deployed', end: 'completed', also: 'every kept history replays' },
    ],
  },
];
