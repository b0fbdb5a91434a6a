/** `imgproof worker`: polls in the foreground until SIGTERM or Ctrl-C, then drains (SPEC R6, C6). */
import { type Command, Option } from 'commander';
import { beginLoading, endLoading } from '../temporal/loading.ts';
import { addServerFlags, type ServerFlags } from './flags.ts';
import { settingsOf } from './session.ts';

interface WorkerFlags extends ServerFlags {
  role: 'all' | 'main' | 'api';
  embeddedHome?: string;
}

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
      beginLoading();
      const { runWorker } = await import('../worker.ts').finally(endLoading);
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
