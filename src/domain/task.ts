import type { TaskPrice } from './cost.ts';
import type { QueuePlace } from './queue.ts';

/** What a person asks for: one image. Field names are those of the files and of `temporal workflow start` (SPEC G). */
export interface TaskRequest {
  /**
   * What the image shows. 1 to 32,000 characters, safety constraints included (limit: Images API); sent as written but
   * for those (SPEC G6).
   */
  prompt: string;
  /** Name used for files and folders. Default `image`, in a batch `task-01`, `task-02` … (SPEC H4). */
  task_name?: string;
  /** Workflow id and dedupe of the task, 1 to 200 bytes (SPEC B5). Default: derived from batch id and task name. */
  task_key?: string;
  /** One reference image, a path. All reference fields are combined in this order; at most 5 (SPEC G2). */
  input_image?: string;
  image?: string;
  reference_image?: string;
  /** Reference images: a list, a JSON-array string, or a comma-separated string (SPEC G2). */
  input_images?: string | string[];
  images?: string | string[];
  /** Key under `models.providers`. Default `happy` (SPEC G3). */
  provider?: string;
  /** Default `gpt-image-2`. */
  model?: string;
  /** `WxH` in pixels, legal for the model, or `auto`. Default `1024x1024` (SPEC G4). */
  size?: string;
  /** Sent only when set (SPEC G4). */
  quality?: Quality;
  background?: Background;
  /** Default of the API: `png`. */
  output_format?: ImageFormat;
  /** 0 to 100 percent, for jpeg and webp only. */
  output_compression?: number;
  moderation?: Moderation;
  /** Limit of one HTTP request in milliseconds. Default 600000. */
  timeout_ms?: number;
  /**
   * Limit of the whole task in seconds, 1 to 86400, counted from its first request, waits between requests included
   * (SPEC S). Default: none.
   */
  task_timeout_seconds?: number;
  /** Requests that may be sent for this task, 1 to 5. Default 3 (SPEC R1). */
  max_attempts?: number;
  /** Seconds before the second attempt, doubled each time. Default 8 (SPEC R3). */
  retry_base_delay?: number;
  /** Longest wait in seconds that is not given by the server. Default 45. */
  retry_max_delay?: number;
  /** Random seconds added to a wait, 0 up to this. Default 5. */
  retry_jitter?: number;
  /** Folder for the image. Default `<openclaw state dir>/generated-images`. */
  output_dir?: string;
  /** True: the prompt goes out as written, without safety constraints (SPEC G6). Default false. */
  raw?: boolean;
  /** Accepted for the old skill's users; delivery is the caller's (SPEC G7). */
  no_send?: boolean;
  send_to_feishu?: boolean;
  to_open_id?: string;
  /** What follows a request that may have been paid and brought no image (SPEC R4). Default `retry`. */
  on_unknown?: OnUnknown;
  /** `imageTask` alone: adopt the proven result of the same key and request instead of ordering anew (SPEC B6). Default false. */
  resume?: boolean;
  /**
   * A task that only pretends, for tests (SPEC M): with any of these three fields nothing is sent and there is no image. They
   * work only where the worker has `IMGPROOF_ALLOW_MOCK=1`. Seconds it takes, 0 to 3600. Default 0.
   */
  mock_sleep?: number;
  /** 0 (default) ends it `completed`, 1 to 255 `failed`. */
  mock_exit_code?: number;
  /** Kept in its `result.json`. Default empty. */
  mock_output_text?: string;
  $schema?: string;
}

/**
 * Of requests whose outcome is unknown (`billing: possible`: a timeout, a cut connection, a 5xx, a worker that died). `retry`:
 * sent again, within `max_attempts`. `once`: at most one further request is sent after the first of them. `hold`: nothing
 * further is sent; the task ends `failed`, category `needs_review`.
 */
export const ON_UNKNOWN = ['retry', 'once', 'hold'] as const;
export type OnUnknown = (typeof ON_UNKNOWN)[number];

export const QUALITIES = ['auto', 'low', 'medium', 'high'] as const;
export const BACKGROUNDS = ['auto', 'opaque', 'transparent'] as const;
export const IMAGE_FORMATS = ['png', 'jpeg', 'webp'] as const;
export const MODERATIONS = ['auto', 'low'] as const;
export type Quality = (typeof QUALITIES)[number];
export type Background = (typeof BACKGROUNDS)[number];
export type ImageFormat = (typeof IMAGE_FORMATS)[number];
export type Moderation = (typeof MODERATIONS)[number];

/** Internal mode names; people read `MODE_NAMES` first (SPEC words). */
export type Mode = 'generation' | 'edit';
export const MODE_NAMES: Record<Mode, string> = {
  generation: 'text2img 文生图',
  edit: 'img2img 参考图生图',
};

/** SPEC G1: no reference image is text2img, any reference is img2img. */
export function modeFor(inputImages: readonly unknown[]): Mode {
  return inputImages.length === 0 ? 'generation' : 'edit';
}

/** Defaults of SPEC G3. Delays in the unit users write: seconds. */
export const TASK_DEFAULTS = {
  provider: 'happy',
  model: 'gpt-image-2',
  size: '1024x1024',
  timeout_ms: 600_000,
  max_attempts: 3,
  retry_base_delay: 8,
  retry_max_delay: 45,
  retry_jitter: 5,
  on_unknown: 'retry',
} as const;

export const TASK_LIMITS = {
  promptCharacters: 32_000,
  references: 5,
  referenceBytes: 50 * 1024 * 1024,
  /** More than any camera has; an image that claims more is made to fill somebody's memory. */
  referencePixels: 256 * 1024 * 1024,
  attempts: 5,
  /** 429 answers per task before it fails: they are not billed and do not count as attempts (SPEC R1). */
  rateLimited: 15,
  keyBytes: 200,
  /** Longest request limit: Temporal's start-to-close is this plus 90 s. */
  timeoutMs: 3_600_000,
  /** A day: more than all requests and waits of one task can take. */
  taskTimeoutSeconds: 86_400,
} as const;

/** The fields of SPEC G4 that are set, as they go to the provider. */
export interface RequestOptions {
  quality?: Quality;
  background?: Background;
  output_format?: ImageFormat;
  output_compression?: number;
  moderation?: Moderation;
}

/** What a mock task does. */
export interface MockOrder {
  sleep_ms: number;
  exit_code: number;
  output_text: string;
}

/** Provider of every mock task, whatever was asked for: its results pass for nobody else's (SPEC M). */
export const MOCK_PROVIDER = 'mock';

/** A task with every default filled, paths absolute, nothing checked on disk yet. */
export interface NormalizedTask {
  task_name: string;
  /** Only when the user gave one. */
  task_key?: string;
  prompt: string;
  raw: boolean;
  mode: Mode;
  provider: string;
  model: string;
  size: string;
  options: RequestOptions;
  /** Absolute paths, in order, each once. */
  input_images: string[];
  timeout_ms: number;
  /** Null: no limit but those of its requests. */
  task_timeout_ms: number | null;
  max_attempts: number;
  retry_base_delay_ms: number;
  retry_max_delay_ms: number;
  retry_jitter_ms: number;
  on_unknown: OnUnknown;
  output_dir: string;
  /** Only of a task that pretends (SPEC M). */
  mock?: MockOrder;
}

/** A reference image as it was at admission; its bytes must still be these when they are sent (SPEC H3). */
export interface InputImage {
  path: string;
  sha256: string;
  bytes: number;
  mime: `image/${ImageFormat}`;
}

/**
 * A task that passed admission, whole: the order file in its folder. `generateImage` and `recordTask` read it there.
 */
export interface AdmittedTask extends Omit<NormalizedTask, 'input_images' | 'task_key'> {
  task_key: string;
  /** Position in the batch, from 1. */
  index: number;
  /** Null for a task started alone. */
  batch_id: string | null;
  batch_hash: string | null;
  input_images: InputImage[];
  generation_id: string;
  /** Earlier generations whose requests count on: they were stopped because the provider was down (SPEC R7). Absent for none. */
  continues?: string[];
  request_fingerprint: string;
  /** By the worker's price table on admission; absent where it has none for this task (SPEC R8). */
  price?: TaskPrice;
  /** Things worth saying about this task that stop nothing; a batch says them for all of its tasks. */
  warnings: string[];
  /** True: a proof of an earlier order of the same batch id and request counts as this task's (SPEC B6). */
  adopts: boolean;
  /** Folder of this task's proof. */
  run_dir: string;
  /** Admission time as `YYYYMMDD-HHMMSS` UTC, part of the image's file name. */
  stamp: string;
  /** How long Temporal waits for a sign of life of a running attempt; the worker's setting. */
  heartbeat_timeout_ms: number;
  /** Only of a task of a queue run. */
  queue?: QueuePlace;
}

/** What a workflow decides by and people look for. The rest is in the order file (claim check, DESIGN 1). */
export interface TaskTicket extends Pick<
  AdmittedTask,
  | 'index'
  | 'task_key'
  | 'task_name'
  | 'mode'
  | 'provider'
  | 'model'
  | 'size'
  | 'timeout_ms'
  | 'max_attempts'
  | 'heartbeat_timeout_ms'
> {
  /** Number of reference images. */
  references: number;
  /** How its prompt begins: what people know it by in the Web UI. Absent in tickets of earlier versions. */
  prompt_start?: string;
  /** Path of the order file below `batch_dir`, with `/`. */
  order_file: string;
  /** Expected price of one request; absent where there is none. For the batch alone: tasks are not told (SPEC R8). */
  price_micros?: number;
  /** How often it was ordered again; absent for never. */
  retry?: number;
}

/** Input of the workflow of a task in a batch, and of its activities: histories carry a prompt once, in the batch's own input. */
export interface TaskOrder extends Omit<TaskTicket, 'price_micros'> {
  batch_dir: string;
  /** The batch was started with all search attributes of ours: the task may set them too. An unregistered one would block it. */
  listed?: true;
}

/** What its workflow and its activities are told: not what only the batch decides by. */
export function orderOf({ price_micros: _, ...ticket }: TaskTicket, batchDir: string): TaskOrder {
  return { batch_dir: batchDir, ...ticket };
}
