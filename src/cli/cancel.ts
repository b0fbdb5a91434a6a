/** `imgproof cancel`: its flags (SPEC B7, C). */
import type { Command } from 'commander';
import type { CancelFlags } from './cancel-work.ts';
import { addServerFlags } from './flags.ts';

export function register(command: Command): void {
  command
    .argument('<batch|task>', 'id of a batch, or key of a task')
    .argument('[task...]', 'keys or names of tasks of that batch; without any: the whole batch')
    .option('--all', 'the whole batch: the default when no task is named')
    .option('--queued', 'only what has not begun')
    .option('--now', 'abort requests that were sent; they may be charged all the same')
    .option('--yes', 'do not ask on a terminal')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Requests that were sent finish, and their images count, unless --now is given.

Examples:
  imgproof cancel article-covers                     everything, after a question on a terminal
  imgproof cancel article-covers cover-07 cover-08   two tasks of it
  imgproof cancel article-covers --queued            what runs goes on
  imgproof cancel cover-1-20261124-150231-1a2b3c     a task of \`imgproof run\`
`,
    );
  addServerFlags(command).action(async (named: string, tasks: string[], flags: CancelFlags) => {
    const { cancelWork } = await import('./cancel-work.ts');
    process.exitCode = await cancelWork(named, tasks, flags);
  });
}
