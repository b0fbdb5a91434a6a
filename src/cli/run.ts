/** `imgproof run`: its flags (SPEC C1). */
import type { Command } from 'commander';
import { addRequestFlags, addServerFlags, addWaitFlags, collect } from './flags.ts';
import type { RunFlags } from './order-task.ts';

export function register(command: Command): void {
  command
    .requiredOption('--prompt <text>', 'what the image shows')
    .option('--task-name <name>', 'name of files and folders (default image)')
    .option('--task-key <key>', 'workflow id and dedupe (default <task_name>-<timestamp>-<6 hex>)')
    .option('--input-image <path>', 'reference image, repeatable', collect)
    .option('--image <path>', 'the same', collect)
    .option('--reference-image <path>', 'the same', collect)
    .option('--images <list>', 'reference images as JSON array or comma-separated')
    .option('--resume', 'adopt the proven result of the same key and request (needs --task-key)')
    .addHelpText(
      'after',
      '\nExample:\n  imgproof run --prompt "A shop counter at dawn" --task-name cover-1 --image logo.png\n',
    );
  addServerFlags(addWaitFlags(addRequestFlags(command)));
  command.action(async (flags: RunFlags) => {
    const { orderTask } = await import('./order-task.ts');
    await orderTask(flags);
  });
}
