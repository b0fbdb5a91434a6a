/** `imgproof run`: its flags (SPEC C1). */
import type { Command } from 'commander';
import { addEstimateFlags, addRequestFlags, addServerFlags, addTaskFlags, addWaitFlags } from './flags.ts';
import type { RunFlags } from './order-task.ts';

export function register(command: Command): void {
  command.requiredOption('--prompt <text>', 'what the image shows');
  addTaskFlags(command, { key: 'workflow id and dedupe (default <task_name>-<timestamp>-<6 hex>)' })
    .option('--resume', 'adopt the proven result of the same key and request (needs --task-key)')
    .addHelpText(
      'after',
      '\nExample:\n  imgproof run --prompt "A shop counter at dawn" --task-name cover-1 --image logo.png\n',
    );
  addServerFlags(addWaitFlags(addRequestFlags(addEstimateFlags(command))));
  command.action(async (flags: RunFlags) => {
    const { orderTask } = await import('./order-task.ts');
    await orderTask(flags);
  });
}
