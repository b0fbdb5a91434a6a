import type { Command } from 'commander';
import { say } from './output.ts';
import { settingsOf } from './session.ts';

export function register(command: Command): void {
  command
    .option('--now', 'do not wait for paid calls in flight; they may be billed all the same')
    .action(async (flags: { now?: boolean }) => {
      const { stopEmbedded } = await import('../embedded/embedded.ts');
      await stopEmbedded(settingsOf().home, { now: flags.now ?? false, onStatus: (text) => say(text) });
    });
}
