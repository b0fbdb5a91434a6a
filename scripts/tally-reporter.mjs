import { writeFileSync } from 'node:fs';

/**
 * Vitest reporter: numbers, and the skipped tests with the reasons given to `skip()`, as JSON in the file that
 * IMGPROOF_TALLY_FILE names. A file that can't be loaded and an error outside any test count as one failure each.
 */
// oxlint-disable-next-line import/no-default-export -- vitest loads reporters so
export default class TallyReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const inState = (state) => tests.filter((test) => test.result().state === state);
    const brokenSuites = suites.filter((suite) => suite.errors().length > 0).length;
    const tally = {
      passed: inState('passed').length,
      // What never ran to its end is not a pass.
      failed: inState('failed').length + inState('pending').length + brokenSuites + unhandledErrors.length,
      skipped: inState('skipped').map((test) => ({
        name: test.fullName,
        reason: test.result().note ?? 'no reason given',
      })),
    };
    writeFileSync(process.env.IMGPROOF_TALLY_FILE, JSON.stringify(tally));
  }
}
