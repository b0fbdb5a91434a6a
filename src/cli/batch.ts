/** `imgproof batch`: its flags (SPEC C). */
import type { Command } from 'commander';
import { ON_PROVIDER_DOWN_DEFAULTS } from '../domain/provider-down.ts';
import {
  addEstimateFlags,
  addProviderDownFlag,
  addRequestFlags,
  addServerFlags,
  addWaitFlags,
  MAX_COST,
  number,
} from './flags.ts';
import type { BatchFlags } from './order-batch.ts';

export function register(command: Command): void {
  command
    .argument('<input>', '@file, a path, - for standard input, or the JSON itself')
    .option('--max-workers <n>', 'images at the same time, 1 to 4 (default 4)', number)
    .option('--queue-limit <n>', 'tasks admitted; the rest is rejected (default 200)', number)
    .option('--max-cost <sum>', MAX_COST, number)
    .option('--batch-id <id>', 'name of the order (default <batch_name>-<hash>)')
    .option('--again', 'order everything anew instead of adopting proven results')
    .addHelpText(
      'after',
      '\nExamples:\n  imgproof batch batch.json\n  imgproof batch @batch.json --max-workers 2 --json > result.json\n',
    );
  addEstimateFlags(command);
  addProviderDownFlag(command, ON_PROVIDER_DOWN_DEFAULTS.batch);
  addServerFlags(addWaitFlags(addRequestFlags(command)));
  command.action(async (input: string, flags: BatchFlags) => {
    const { orderBatch } = await import('./order-batch.ts');
    await orderBatch(input, flags);
  });
}
