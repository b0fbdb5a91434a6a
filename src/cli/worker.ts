/** `imgproof worker`: polls in the foreground until SIGTERM or Ctrl-C, then drains (SPEC R6, C6). */
import { setFlagsFromString } from 'node:v8';
import { type Command, Option } from 'commander';
import { optimiseAlways } from '../temporal/loading.ts';
import { addServerFlags, type ServerFlags } from './flags.ts';
import { settingsOf } from './session.ts';

interface WorkerFlags extends ServerFlags {
  role: 'all' | 'main' | 'api';
  embeddedHome?: string;
}

/**
 * A worker's heap is small and a paid image is large beside it: by itself V8 collects everything with nearly every image, a third
 * of a worker's CPU time. Room for three times of what is alive costs about 40 MB and leaves one collection of thirty.
 */
const HEAP_GROWING_PERCENT = 200;

export function register(command: Command): void {
  addServerFlags(command)
    .addOption(
      new Option('--role <role>', 'main: workflows and records; api: paid calls')
        .choices(['all', 'main', 'api'])
        .default('all'),
    )
    // Set by the supervisor, which also finds the process by it.
    .addOption(new Option('--embedded-home <folder>').hideHelp())
    .action(async (flags: WorkerFlags) => {
      const { role, embeddedHome, ...server } = flags;
      const settings = settingsOf(embeddedHome === undefined ? {} : { IMGPROOF_HOME: embeddedHome });
      optimiseAlways();
      setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
      const { runWorker } = await import('../worker.ts');
      const embedded = embeddedHome !== undefined;
      const target = { ...server, env: settings.env, embedded };
      await runWorker({ settings, role, embedded, target }).finally(endSoon);
    });
}

const END_MS = 500;

/** After the last words: the native part, or a connection attempt that nobody waits for, must not keep the process. */
function endSoon(): void {
  setTimeout(() => process.exit(), END_MS).unref();
}
