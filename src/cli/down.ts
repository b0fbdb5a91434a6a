import type { Command } from 'commander';
import { callsInFlight } from './calls-in-flight.ts';
import { say } from './output.ts';
import { settingsOf } from './session.ts';

export function register(command: Command): void {
  command
    .option('--now', 'do not wait for paid calls in flight; they may be billed all the same')
    .action(async (flags: { now?: boolean }) => {
      const { home } = settingsOf();
      const { stopEmbedded } = await import('../embedded/embedded.ts');
      const tookMs = await stopEmbedded(home, {
        now: flags.now ?? false,
        onStatus: (text) => say(text),
        askCalls: callsInFlight,
      });
      say(tookMs === null ? `nothing of ${home} runs` : `stopped after ${(tookMs / 1000).toFixed(1)} s`);
      // A question to the server that has just ended must not keep the process.
      process.exit();
    });
}
