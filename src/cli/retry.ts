/** `imgproof retry`: its flags (SPEC B7, C). */
import type { Command } from 'commander';
import { addServerFlags, addWaitFlags } from './flags.ts';
import type { RetryFlags } from './retry-tasks.ts';

export function register(command: Command): void {
  command
    .argument('<batch>', 'id of a batch, running or ended')
    .argument('[task...]', 'keys or names of tasks of it; any that ended and is not completed')
    .option('--failed', 'all that failed')
    .option('--timed-out', 'all that timed out')
    .addHelpText(
      'after',
      `
Without a task and without a flag: all that failed or timed out. Each runs with a call of its own; what was completed
stays, and so do the proofs of earlier calls.

Examples:
  imgproof retry article-covers
  imgproof retry article-covers --failed --no-wait
  imgproof retry article-covers cover-07 cover-19
`,
    );
  addServerFlags(addWaitFlags(command)).action(async (batch: string, tasks: string[], flags: RetryFlags) => {
    const { retry } = await import('./retry-tasks.ts');
    await retry(batch, tasks, flags);
  });
}
