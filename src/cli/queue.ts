/** `imgproof queue …`: its commands and their flags (SPEC C, F11). All of them print JSON. */
import { type Command, Option } from 'commander';
import {
  addEstimateFlags,
  addProviderDownFlag,
  addRequestFlags,
  addServerFlags,
  addTaskFlags,
  addWaitFlags,
  MAX_COST,
  number,
} from './flags.ts';
import type { QueueCancelFlags } from './queue-cancel.ts';
import type { QueueReadFlags } from './queue-read.ts';
import type { QueueRunFlags } from './order-queue.ts';
import { ON_PROVIDER_DOWN_DEFAULTS } from '../domain/provider-down.ts';
import { OVERFLOW_POLICIES, QUEUE_DEFAULTS } from '../domain/queue.ts';

export function register(command: Command): void {
  registerRun(command.command('run'));
  registerReading(command);
  registerCancel(command.command('cancel'));
}

function registerRun(command: Command): void {
  command
    .summary('run a list of tasks with the files of a queue')
    .description(
      'run a list of tasks; those that are invalid or over the capacity are rejected, the others run',
    )
    .argument(
      '[input]',
      '@tasks.json, a path, - for standard input, or the JSON itself: a list, or {"tasks": […]}',
    )
    .option('--prompt <text>', 'a single task instead of a list: what the image shows');
  addTaskFlags(command, { key: 'dedupe of the task (default its name)' })
    .option('--max-workers <n>', 'images at the same time, 1 to 4 (default 4)', number)
    .option(
      '--max-queue-size <n>',
      `tasks that may wait beside those (default ${QUEUE_DEFAULTS.max_queue_size})`,
      number,
    )
    .option('--max-cost <sum>', MAX_COST, number)
    .option('--mock-sleep <s>', 'no call: wait so long (needs IMGPROOF_ALLOW_MOCK=1)', number)
    .option('--mock-exit-code <n>', 'no call: end so; 0 is completed', number)
    .option('--mock-output-text <text>', 'no call: say so')
    .option('--resume', 'make only what the last run of this directory has no proven result of')
    .addOption(
      new Option('--overflow-policy <policy>', 'status of tasks over that (default reject)').choices(
        OVERFLOW_POLICIES,
      ),
    );
  addEstimateFlags(command);
  addProviderDownFlag(command, ON_PROVIDER_DOWN_DEFAULTS.queue);
  addStateDir(addServerFlags(addWaitFlags(addRequestFlags(command))))
    .addHelpText(
      'after',
      `
--task-timeout-seconds is ${QUEUE_DEFAULTS.task_timeout_seconds} here when nothing else is said.

Examples:
  imgproof queue run @tasks.json --max-workers 2 --state-dir ./queue
  imgproof queue run --prompt "A shop counter at dawn" --task-name cover-1
`,
    )
    .action(async (input: string | undefined, flags: QueueRunFlags) => {
      const { orderQueue } = await import('./order-queue.ts');
      await orderQueue(input, flags);
    });
}

/** They read the files of the state directory, whether or not anything runs. */
function registerReading(command: Command): void {
  addStateDir(command.command('status').summary('where the last run stands'))
    .option('--json', JSON_ALWAYS)
    .action((flags: QueueReadFlags) => read((reader) => reader.queueStatus(flags)));
  addStateDir(command.command('list').summary('tasks of the last run'))
    .option('--status <status>', 'only those')
    .option('--json', JSON_ALWAYS)
    .action((flags: QueueReadFlags) => read((reader) => reader.queueList(flags)));
  addStateDir(command.command('get').summary('one task: its row, the ends of its output, its files'))
    .argument('<task>', 'id or key of the task')
    .option('--tail-bytes <n>', 'how much of stdout and stderr (default 4000)', number)
    .option('--json', JSON_ALWAYS)
    .action((task: string, flags: QueueReadFlags) => read((reader) => reader.queueGet(task, flags)));
  addStateDir(command.command('history').alias('runs').summary('tasks that ended, of all runs'))
    .option('-n, --limit <n>', 'the last so many (default 200)', number)
    .option('--json', JSON_ALWAYS)
    .action((flags: QueueReadFlags) => read((reader) => reader.queueHistory(flags)));
}

async function read(use: (reader: typeof import('./queue-read.ts')) => Promise<number>): Promise<void> {
  process.exitCode = await use(await import('./queue-read.ts'));
}

function registerCancel(command: Command): void {
  addStateDir(addServerFlags(command.summary('stop a task, or all of them')))
    .argument('[task]', 'id or key of the task')
    .option('--all', 'everything that waits or runs')
    .option('--now', 'abort requests that were sent; they may be charged all the same')
    .option('--json', JSON_ALWAYS)
    .action(async (task: string | undefined, flags: QueueCancelFlags) => {
      const { queueCancel } = await import('./queue-cancel.ts');
      process.exitCode = await queueCancel(task, flags);
    });
}

const JSON_ALWAYS = 'accepted; these commands print JSON always';

function addStateDir(command: Command): Command {
  return command.option(
    '--state-dir <folder>',
    'files of the queue (default OPENCLAW_IMAGE_QUEUE_DIR, else <openclaw state dir>/image-queue)',
  );
}
