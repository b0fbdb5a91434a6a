/**
 * Cases that need a whole system, or a person's messages to one: the suites of these show them. `npm run faults` runs
 * them there, `catalogue.test.ts` sees to it that they exist.
 */
export interface ShownElsewhere {
  /** Run by vitest. */
  file: string;
  /** Where the test is written, when that is another file. */
  source?: string;
  /** Name of the test, or of the group whose tests all show it. */
  test: string;
}

const suite = (part: string, test: string, server = 'time-skipping'): ShownElsewhere => ({
  file: `test/workflows/${server}.test.ts`,
  source: `test/workflows/suite/${part}.ts`,
  test,
});

export const SHOWN_ELSEWHERE: Readonly<Record<string, ShownElsewhere>> = {
  '23c': {
    file: 'test/activities/large-answers.test.ts',
    test: 'an image of just below 64 MiB is taken whole, byte for byte',
  },
  '69': {
    file: 'test/e2e/own-server.test.ts',
    test: 'the worker keeps to the folders its config allows, makes the batch, and on SIGTERM drains and exits 0',
  },
  '70': {
    file: 'test/e2e/kills.test.ts',
    test: '25 s without a server while calls run: no repeated call, nothing possible',
  },
  '71a': {
    file: 'test/activities/attempts.test.ts',
    test: 'two attempts at once share one call, one record and one image',
  },
  '71b': {
    file: 'test/activities/attempts.test.ts',
    test: 'another worker process of this host waits for the lock and adopts the answer',
  },
  '72e': suite('operations', 'a queued task that is cancelled is never started; the others go on (B7)'),
  '72h': suite(
    'dev-server-only',
    'a task that is terminated gets its last words from its batch; the others go on (S, B4)',
    'dev-server',
  ),
  '72i': suite('duplicate-keys', 'a key that occurs twice in one file is skipped at its second place (B5)'),
  '72j': suite(
    'adoption',
    'the same order again adopts every proven result without a call; again orders anew (B6)',
  ),
  '72k': suite('batch', 'what is over queue_limit ends rejected and is listed (B2)'),
  '72l': { file: 'test/workflows/replay.test.ts', test: 'the built workflows replay' },
};
