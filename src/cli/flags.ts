/** Flags that several commands share, with the old skill's names and defaults (SPEC C1). */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { BatchWideFields } from '../domain/batch.ts';
import { ON_PROVIDER_DOWN, type OnProviderDown } from '../domain/provider-down.ts';
import {
  IMAGE_FORMATS,
  type ImageFormat,
  ON_UNKNOWN,
  type OnUnknown,
  TASK_DEFAULTS,
  type TaskRequest,
} from '../domain/task.ts';
import { PROGRESS_FLAGS, type ProgressFlag } from './progress.ts';

/** What a request is made with; each wins over the same field in the input (SPEC G3). */
export interface RequestFlags {
  provider?: string;
  model?: string;
  size?: string;
  outputFormat?: ImageFormat;
  timeoutMs?: number;
  taskTimeoutSeconds?: number;
  maxAttempts?: number;
  retryBaseDelay?: number;
  retryMaxDelay?: number;
  retryJitter?: number;
  onUnknown?: OnUnknown;
  outputDir?: string;
  raw?: boolean;
  send?: boolean;
  toOpenId?: string;
}

export function addRequestFlags(command: Command): Command {
  return command
    .option('--provider <key>', `provider key of the config (default ${TASK_DEFAULTS.provider})`)
    .option('--model <name>', `model (default ${TASK_DEFAULTS.model})`)
    .option('--size <WxH|auto>', `pixels (default ${TASK_DEFAULTS.size})`)
    .addOption(new Option('--output-format <format>', 'format asked for').choices(IMAGE_FORMATS))
    .option('--timeout-ms <ms>', `limit of one request (default ${TASK_DEFAULTS.timeout_ms})`, number)
    .option(
      '--task-timeout-seconds <s>',
      'limit of a whole task from its first request on, waits included (default none)',
      number,
    )
    .option(
      '--max-attempts <n>',
      `requests per image, 1 to 5 (default ${TASK_DEFAULTS.max_attempts})`,
      number,
    )
    .option(
      '--retry-base-delay <s>',
      `seconds before the second request (default ${TASK_DEFAULTS.retry_base_delay})`,
      number,
    )
    .option(
      '--retry-max-delay <s>',
      `longest own wait in seconds (default ${TASK_DEFAULTS.retry_max_delay})`,
      number,
    )
    .option('--retry-jitter <s>', `random extra seconds (default ${TASK_DEFAULTS.retry_jitter})`, number)
    .addOption(
      new Option(
        '--on-unknown <policy>',
        'after a request that may have been paid and brought no image: send again, once more, or hold the task (default retry)',
      ).choices(ON_UNKNOWN),
    )
    .option('--output-dir <folder>', 'where images go (default <openclaw state dir>/generated-images)')
    .option('--raw', 'send the prompt without safety additions')
    .option('--no-send', 'accepted; delivery is the caller’s')
    .option('--to-open-id <id>', 'accepted; delivery is the caller’s');
}

/** Of commands that order several tasks. */
export interface ProviderDownFlags {
  onProviderDown?: OnProviderDown;
}

export function addProviderDownFlag(command: Command, byDefault: OnProviderDown): Command {
  return command.addOption(
    new Option(
      '--on-provider-down <policy>',
      `when key, balance or model are refused: wait for \`resume\`, or fail what is left (default ${byDefault})`,
    ).choices(ON_PROVIDER_DOWN),
  );
}

export function providerDownOverride({ onProviderDown }: ProviderDownFlags): {
  on_provider_down?: OnProviderDown;
} {
  return onProviderDown === undefined ? {} : { on_provider_down: onProviderDown };
}

/** What comes before an order (SPEC R8). */
export interface EstimateFlags {
  dryRun?: boolean;
  yes?: boolean;
}

export function addEstimateFlags(command: Command): Command {
  return command
    .option('--dry-run', 'check everything and tell what it may cost; nothing is sent, nothing is ordered')
    .option('--yes', 'do not ask, whatever the estimate is (`prices.askAbove` of the config)');
}

export const MAX_COST =
  'start no task that would cost more in all, in the currency of the config’s prices; the rest waits (exit 6)';

export function requestOverrides(flags: RequestFlags): BatchWideFields {
  const fields = {
    provider: flags.provider,
    model: flags.model,
    size: flags.size,
    output_format: flags.outputFormat,
    timeout_ms: flags.timeoutMs,
    task_timeout_seconds: flags.taskTimeoutSeconds,
    max_attempts: flags.maxAttempts,
    retry_base_delay: flags.retryBaseDelay,
    retry_max_delay: flags.retryMaxDelay,
    retry_jitter: flags.retryJitter,
    on_unknown: flags.onUnknown,
    output_dir: flags.outputDir,
    raw: flags.raw,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** One task by flags. */
export interface TaskFlags {
  taskName?: string;
  taskKey?: string;
  inputImage?: string[];
  image?: string[];
  referenceImage?: string[];
  images?: string;
}

/** `key`: what a key is for here. */
export function addTaskFlags(command: Command, { key }: { key: string }): Command {
  return command
    .option('--task-name <name>', 'name of files and folders (default image)')
    .option('--task-key <key>', key)
    .option('--input-image <path>', 'reference image, repeatable', collect)
    .option('--image <path>', 'the same', collect)
    .option('--reference-image <path>', 'the same', collect)
    .option('--images <list>', 'reference images as JSON array or comma-separated');
}

/** As fields; what is not given is left out. */
export function taskOfFlags(flags: TaskFlags): Partial<TaskRequest> {
  const { inputImage = [], image = [], referenceImage = [] } = flags;
  const references = [...inputImage, ...image, ...referenceImage];
  return {
    ...(flags.taskName === undefined ? {} : { task_name: flags.taskName }),
    ...(flags.taskKey === undefined ? {} : { task_key: flags.taskKey }),
    ...(references.length === 0 ? {} : { input_images: references }),
    ...(flags.images === undefined ? {} : { images: flags.images }),
  };
}

/** How a command waits and tells. */
export interface WaitFlags {
  wait: boolean;
  /** Seconds. */
  waitTimeout?: number;
  json?: boolean;
  progress: ProgressFlag;
}

export function addWaitFlags(command: Command): Command {
  return addFollowFlags(command.option('--no-wait', 'order, print the id and return'));
}

/** Of commands that do nothing but wait. */
export function addFollowFlags(command: Command): Command {
  return command
    .option('--wait-timeout <s>', 'stop waiting after so many seconds (exit 124); the work goes on', seconds)
    .option('--json', 'print one JSON document on standard output')
    .addOption(
      new Option('--progress <form>', 'progress on standard error: in place, lines, none, or lines of JSON')
        .choices(PROGRESS_FLAGS)
        .default('auto'),
    );
}

/** Which Temporal; without any of these and without TEMPORAL_ADDRESS it is the embedded one (SPEC C5, C6). */
export interface ServerFlags {
  address?: string;
  namespace?: string;
  profile?: string;
}

export function addServerFlags(command: Command): Command {
  return command
    .option('--address <host:port>', 'Temporal server instead of the embedded one')
    .option('--namespace <name>', 'Temporal namespace')
    .option('--profile <name>', 'profile of the temporal CLI’s config file');
}

export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('not a number');
  return value;
}

/** What a timer can hold: up to 24 days. */
const SECONDS_MAX = 2_000_000;

function seconds(text: string): number {
  const value = number(text);
  if (value < 0 || value > SECONDS_MAX)
    throw new InvalidArgumentError(`not a number of seconds from 0 to ${SECONDS_MAX}`);
  return value;
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}
