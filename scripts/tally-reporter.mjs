import { writeFileSync } from 'node:fs';

/**
 * Vitest reporter: numbers, and the skipped tests with the reasons given to `skip()`, as JSON in the file that
 * IMGPROOF_TALLY_FILE names. A file that can't be loaded, an error outside any test and a test that is skipped without a
 * reason (`skipIf`, `only`) count as one failure each.
 */
// oxlint-disable-next-line import/no-default-export -- vitest loads reporters so
export default class TallyReporter {
  #isSelection = false;

  onInit(vitest) {
    // `npm test -- -t name`: what was not asked for is no skipped test.
    this.#isSelection = vitest.config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules, unhandledErrors) {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const inState = (state) => tests.filter((test) => test.result().state === state);
    const brokenSuites = suites.filter((suite) => suite.errors().length > 0).length;
    const skipped = inState('skipped').map((test) => ({ name: test.fullName, reason: test.result().note }));
    const unexplained = this.#isSelection ? [] : skipped.filter(({ reason }) => !reason);
    const tally = {
      passed: inState('passed').length,
      // Passed, but not at the first try: to be looked into.
      flaky: inState('passed')
        .filter((test) => test.diagnostic()?.flaky)
        .map((test) => test.fullName),
      // What never ran to its end is not a pass.
      failed:
        inState('failed').length +
        inState('pending').length +
        brokenSuites +
        unhandledErrors.length +
        unexplained.length,
      skipped: [
        ...skipped.filter(({ reason }) => reason),
        ...unexplained.map(({ name }) => ({ name, reason: 'no reason given, which is a failure' })),
      ],
    };
    writeFileSync(process.env.IMGPROOF_TALLY_FILE, JSON.stringify(tally));
  }
}
