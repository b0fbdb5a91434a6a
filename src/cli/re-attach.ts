/** `imgproof watch`: its flags (SPEC C, C4). */
import type { Command } from 'commander';
import { addFollowFlags, addServerFlags } from './flags.ts';
import type { WatchFlags } from './watch-order.ts';

export function register(command: Command): void {
  command
    .argument('[batch|task]', 'id of a batch or key of a task; without it the only one that runs')
    .addHelpText(
      'after',
      `
Shows what \`batch\` and \`run\` show while they wait, from any terminal, and ends as they do.

Examples:
  imgproof watch
  imgproof watch article-covers --progress plain
  imgproof watch article-covers --json > result.json
`,
    );
  addServerFlags(addFollowFlags(command)).action(async (named: string | undefined, flags: WatchFlags) => {
    const { watchOrder } = await import('./watch-order.ts');
    await watchOrder(named, flags);
  });
}
