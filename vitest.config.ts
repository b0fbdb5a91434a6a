import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that must not share a process: with the SDK's workers and servers in it, or with timers that are not real. */
const OWN_PROCESS = [
  'test/{workflows,model,chaos}/**/*.test.ts',
  'test/provider/long-waits.test.ts',
  // It replaces a module that others have loaded.
  'test/activities/broken-decoder.test.ts',
];

/** What starts processes takes longest, and begins first: no core is left alone with it at the end. */
const PLACES_BY_LENGTH = [
  /^test\/(?:workflows|model|chaos)\//u,
  /^test\/(?:e2e|embedded|queue|deploy|bench|scripts|crash-points|cli\/real-screens)/u,
  /^test\/(?:faults|activities)\//u,
];

class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) => {
      const path = moduleId.slice(project.config.root.length + 1);
      const place = PLACES_BY_LENGTH.findIndex((pattern) => pattern.test(path));
      return place === -1 ? PLACES_BY_LENGTH.length : place;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    pool: 'forks',
    // A file that starts processes uses a third to a half of a core (it waits for them): four keep two cores busy.
    maxWorkers: 4,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    // Real processes on whatever machine: one more try, and `npm test` names every test that needed it.
    retry: 1,
    sequence: { sequencer: LongFilesFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'shared process',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...OWN_PROCESS],
          // One process after the other loads the SDK, image and HTTP libraries once, not for each file.
          isolate: false,
        },
      },
      { extends: true, test: { name: 'own process', include: OWN_PROCESS } },
    ],
  },
});
