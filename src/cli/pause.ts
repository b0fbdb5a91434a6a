/** `imgproof pause`: its flags (SPEC B7). */
import type { Command } from 'commander';
import { addServerFlags } from './flags.ts';
import type { PauseFlags } from './pause-batch.ts';

export function register(command: Command): void {
  command
    .argument('<batch>', 'id of a running batch')
    .option('--reason <text>', 'shown wherever the batch is shown')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Tasks that run go on to their end; nothing further is started until \`imgproof resume\`.

Examples:
  imgproof pause article-covers
  imgproof pause article-covers --reason "the art director looks at it"
`,
    );
  addServerFlags(command).action(async (batchId: string, flags: PauseFlags) => {
    const { pause } = await import('./pause-batch.ts');
    await pause(batchId, flags);
  });
}
