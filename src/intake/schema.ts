/** The shapes of a task and of a batch as users write them: every rule that one field alone can break (SPEC G2–G4, B1, B2). */
import * as z from 'zod';
import { BATCH_LIMITS, type BatchRequest, type BatchWideFields } from '../domain/batch.ts';
import { amountMicros, AMOUNT_MAX } from '../domain/cost.ts';
import { keyProblem } from '../domain/ids.ts';
import { ON_PROVIDER_DOWN } from '../domain/provider-down.ts';
import { OVERFLOW_POLICIES } from '../domain/queue.ts';
import {
  BACKGROUNDS,
  IMAGE_FORMATS,
  MODERATIONS,
  ON_UNKNOWN,
  QUALITIES,
  TASK_LIMITS,
  type TaskRequest,
} from '../domain/task.ts';
import { SIZE_SHAPE } from './size.ts';

/** Longest name in characters; names of files and folders are cut further. */
const NAME_CHARACTERS = 200;
/** Of a provider or a model. Each task's ticket has both: a thousand tickets must fit into one payload (BATCH_LIMITS). */
const PROVIDER_CHARACTERS = 64;

/** Longest own wait in seconds: Temporal's policy caps every wait at 15 minutes (DESIGN 2.5). */
const DELAY_SECONDS_MAX = 900;

/** A mock takes the place of one request, whose limit it shares. */
const MOCK_SECONDS_MAX = TASK_LIMITS.timeoutMs / 1000;

const text = z
  .string()
  .refine((value) => !/\p{Cs}/u.test(value), 'contains half of a character (a lone surrogate)');
const filledText = text.refine((value) => value.trim() !== '', 'is empty');
const name = nameOf(NAME_CHARACTERS);
const providerName = nameOf(PROVIDER_CHARACTERS);
const prompt = filledText.refine(
  (value) =>
    value.length <= TASK_LIMITS.promptCharacters || Array.from(value).length <= TASK_LIMITS.promptCharacters,
  `is longer than ${TASK_LIMITS.promptCharacters} characters`,
);
const taskKey = text.superRefine((key, context) => {
  const problem = keyProblem(key, null);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});
const references = z.union([filledText, z.array(filledText)]);
const delaySeconds = z.number().min(0).max(DELAY_SECONDS_MAX);

const batchWideFields = {
  provider: providerName.exactOptional(),
  model: providerName.exactOptional(),
  size: z
    .string()
    .regex(SIZE_SHAPE, 'is not a size; write WxH such as "1024x1024", or "auto"')
    .exactOptional(),
  quality: z.enum(QUALITIES).exactOptional(),
  background: z.enum(BACKGROUNDS).exactOptional(),
  output_format: z.enum(IMAGE_FORMATS).exactOptional(),
  output_compression: z.int().min(0).max(100).exactOptional(),
  moderation: z.enum(MODERATIONS).exactOptional(),
  timeout_ms: z.int().min(1000).max(TASK_LIMITS.timeoutMs).exactOptional(),
  task_timeout_seconds: z.number().min(1).max(TASK_LIMITS.taskTimeoutSeconds).exactOptional(),
  max_attempts: z.int().min(1).max(TASK_LIMITS.attempts).exactOptional(),
  retry_base_delay: delaySeconds.exactOptional(),
  retry_max_delay: delaySeconds.exactOptional(),
  retry_jitter: delaySeconds.exactOptional(),
  output_dir: filledText.exactOptional(),
  raw: z.boolean().exactOptional(),
  no_send: z.boolean().exactOptional(),
  send_to_feishu: z.boolean().exactOptional(),
  to_open_id: text.exactOptional(),
  on_unknown: z.enum(ON_UNKNOWN).exactOptional(),
} satisfies Record<keyof BatchWideFields, z.ZodType>;

const taskFields = {
  ...batchWideFields,
  prompt,
  task_name: name.exactOptional(),
  task_key: taskKey.exactOptional(),
  input_image: filledText.exactOptional(),
  image: filledText.exactOptional(),
  reference_image: filledText.exactOptional(),
  input_images: references.exactOptional(),
  images: references.exactOptional(),
  resume: z.boolean().exactOptional(),
  mock_sleep: z.number().min(0).max(MOCK_SECONDS_MAX).exactOptional(),
  mock_exit_code: z.int().min(0).max(255).exactOptional(),
  mock_output_text: text.exactOptional(),
  $schema: z.string().exactOptional(),
} satisfies Record<keyof TaskRequest, z.ZodType>;

const batchFields = {
  ...batchWideFields,
  batch_name: name.exactOptional(),
  // Any whole number: what is out of range is clamped with a warning (SPEC B1).
  max_workers: z.int().exactOptional(),
  queue_limit: z.int().min(1).max(BATCH_LIMITS.queueMax).exactOptional(),
  again: z.boolean().exactOptional(),
  on_provider_down: z.enum(ON_PROVIDER_DOWN).exactOptional(),
  max_cost: z
    .number()
    .refine(
      (amount) => (amountMicros(amount) ?? 0) > 0,
      `is no amount; write one above 0 and up to ${AMOUNT_MAX} with at most 6 decimals`,
    )
    .exactOptional(),
  queue: z
    .strictObject({
      state_dir: filledText.exactOptional(),
      max_queue_size: z.int().min(0).max(BATCH_LIMITS.queueMax).exactOptional(),
      overflow_policy: z.enum(OVERFLOW_POLICIES).exactOptional(),
    })
    .exactOptional(),
  $schema: z.string().exactOptional(),
};

/** One task: an element of `tasks`, or the input of the workflow `imageTask`. */
export const taskRequestSchema = z.strictObject(taskFields) satisfies z.ZodType<TaskRequest>;

/** A batch file, and the input of the workflow `imageBatch`. */
export const batchRequestSchema = z.strictObject({
  ...batchFields,
  tasks: z.array(taskRequestSchema).min(1),
} satisfies Record<keyof BatchRequest, z.ZodType>) satisfies z.ZodType<BatchRequest>;

/** Command-line flags, named as the fields they win over (SPEC G3). */
export const overridesSchema = z.strictObject({
  ...taskFields,
  ...batchFields,
  prompt: prompt.exactOptional(),
});

export const TASK_KEYS = Object.keys(taskFields);
export const BATCH_KEYS = Object.keys(batchRequestSchema.shape);

function nameOf(characters: number) {
  return filledText
    .refine((value) => Array.from(value).length <= characters, `is longer than ${characters} characters`)
    .refine((value) => !/\p{Cc}/u.test(value), 'contains a control character');
}
