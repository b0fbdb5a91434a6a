/** `imgproof resume`: its flags (SPEC B7). */
import type { Command } from 'commander';
import { addServerFlags, number } from './flags.ts';
import type { ResumeFlags } from './pause-batch.ts';

export function register(command: Command): void {
  command
    .argument('<batch>', 'id of a running batch')
    .option(
      '--max-workers <n>',
      'images at the same time from now on, 1 to 4; also of a batch that is not paused',
      number,
    )
    .option('--max-cost <sum>', 'another cap from now on, in the currency of the config’s prices', number)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  imgproof resume article-covers
  imgproof resume article-covers --max-workers 2
  imgproof resume article-covers --max-cost 20
`,
    );
  addServerFlags(command).action(async (batchId: string, flags: ResumeFlags) => {
    const { resume } = await import('./pause-batch.ts');
    await resume(batchId, flags);
  });
}
