/** `imgproof history`: its flags (SPEC C). */
import type { Command } from 'commander';
import { addServerFlags, number } from './flags.ts';
import type { ListFlags } from './list-orders.ts';

export function register(command: Command): void {
  command
    .argument('[batch]', 'only its tasks')
    .option('-n, --limit <n>', 'the last so many (default 200)', number)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  imgproof history -n 20
  imgproof history article-covers --json
`,
    );
  addServerFlags(command).action(async (batch: string | undefined, flags: ListFlags) => {
    const { history } = await import('./list-orders.ts');
    await history(batch, flags);
  });
}
