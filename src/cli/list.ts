/** `imgproof list`: its flags (SPEC C). */
import type { Command } from 'commander';
import { addServerFlags, number } from './flags.ts';
import type { ListFlags } from './list-orders.ts';

export function register(command: Command): void {
  command
    .argument('[batch]', 'its tasks; without it the batches, newest first')
    .option('--status <list>', 'only these statuses, comma-separated')
    .option('-n, --limit <n>', 'at most so many batches (default 20)', number)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  imgproof list
  imgproof list --status running,paused
  imgproof list article-covers --status failed,timed_out
`,
    );
  addServerFlags(command).action(async (batch: string | undefined, flags: ListFlags) => {
    const { list } = await import('./list-orders.ts');
    await list(batch, flags);
  });
}
