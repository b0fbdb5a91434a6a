/** `imgproof get`: its flags (SPEC C, F11). */
import type { Command } from 'commander';
import { addServerFlags, number } from './flags.ts';
import type { GetFlags } from './get-task.ts';

export function register(command: Command): void {
  command
    .argument('<task>', 'key of a task; or the id of its batch, followed by the task')
    .argument('[task-of-batch]', 'key or name of a task of that batch')
    .option('--tail-bytes <n>', 'how much of stdout and stderr (default 4096)', number)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  imgproof get article-covers/cover-19
  imgproof get article-covers cover-19
  imgproof get cover-1-20261124-150231-1a2b3c --json
`,
    );
  addServerFlags(command).action(async (named: string, ofBatch: string | undefined, flags: GetFlags) => {
    const { get } = await import('./get-task.ts');
    await get(named, ofBatch, flags);
  });
}
