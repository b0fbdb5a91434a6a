/**
 * The rules of acceptable proof (SPEC P1): one rule, one id, one sentence in English and Chinese. Pure: facts in, ids
 * out. A result may come from anybody's disk, so every rule holds or fails on any JSON, and never by a missing value.
 */
import { shown } from './shown.ts';
import type { AttemptRecord, ImageFacts, ResultRecord, TaskRow } from './records.ts';
import { modeFor } from './task.ts';

/** What was found on disk for one result. */
export interface Evidence {
  result: ResultRecord;
  /** The image as it is now; null when there is none. `decodes: false` leaves width and height as the header says. */
  image: (ImageFacts & { decodes: boolean }) | null;
  /** For each recorded reference, in order: its hash now, or null when the file no longer exists. */
  inputs: { path: string; sha256: string | null }[];
  /** `attempt-NN/result.json` of the last attempt; null when it is missing. */
  lastAttempt: AttemptRecord | null;
  /** Row of the batch result, when the result belongs to a batch directory; undefined when there is none to compare. */
  batchRow?: TaskRow | null;
  /** sha256 of images that other results of the same place claim. */
  otherImages: ReadonlySet<string>;
  /** What stood in the way of evidence, in words: shown as `found` when the rule does not hold. */
  obstacles?: Partial<Record<string, string>>;
}

/** What a rule compares, for people; absent when the sentence says it all. */
interface Comparison {
  expected?: unknown;
  found?: unknown;
}

interface Rule {
  en: string;
  zh: string;
  holds: (evidence: Evidence) => boolean;
  compares?: (evidence: Evidence) => Comparison;
}

type FoundImage = NonNullable<Evidence['image']>;

/** Rules about the image file say nothing while the file is missing: that is `image-exists` alone. */
const withImage =
  (check: (image: FoundImage, result: ResultRecord) => boolean) =>
  ({ image, result }: Evidence): boolean =>
    image === null || check(image, result);

const sameField =
  (field: 'bytes' | 'sha256') =>
  ({ image, result }: Evidence): Comparison => ({ expected: result[field], found: image?.[field] });

export const RULES = {
  'ok-true': {
    en: 'The call delivered the image that was asked for: ok is true and the status does not contradict it.',
    zh: '调用已交付所要求的图片：ok 为 true，且状态与之不矛盾。',
    // A late orphan has a rule of its own.
    holds: ({ result }) => result.ok === true && ['completed', 'orphan_late_output'].includes(result.status),
    compares: ({ result }) => ({
      expected: 'ok true, completed',
      found: `ok ${shown(result.ok)}, ${shown(result.status)}`,
    }),
  },
  'provider-approved': {
    en: 'The provider is happy.',
    zh: '提供方是 happy。',
    // A mock has a rule of its own.
    holds: ({ result }) => result.provider === 'happy' || result.provider === 'mock',
    compares: ({ result }) => ({ expected: 'happy', found: result.provider }),
  },
  'model-approved': {
    en: 'The model is gpt-image-2.',
    zh: '模型是 gpt-image-2。',
    // A gateway may deliver another one than it was asked for, and say so.
    holds: ({ result, lastAttempt }) => result.model === 'gpt-image-2' && !lastAttempt?.answer?.other_model,
    compares: ({ result, lastAttempt }) => ({
      expected: 'gpt-image-2',
      found: lastAttempt?.answer?.other_model ?? result.model,
    }),
  },
  'mode-fits-inputs': {
    en: 'Without references the mode is text2img, with references it is img2img.',
    zh: '没有参考图时模式为文生图，有参考图时为参考图生图。',
    holds: ({ result }) =>
      !Array.isArray(result.input_images) || result.mode === modeFor(result.input_images),
    compares: ({ result }) => ({ expected: modeFor(result.input_images), found: result.mode }),
  },
  'inputs-recorded': {
    en: 'The list of reference images is recorded, each with its path and hash.',
    zh: '参考图列表已记录，每张都有路径和哈希。',
    holds: ({ result }) => Array.isArray(result.input_images) && result.input_images.every(isReference),
  },
  'inputs-unchanged': {
    en: 'Every reference image that still exists is the one that was sent.',
    zh: '仍然存在的每张参考图都与发送时一致。',
    holds: (evidence) => changedInput(evidence) === null,
    compares: (evidence) => changedInput(evidence) ?? {},
  },
  'image-exists': {
    en: 'The image file exists and is an image.',
    zh: '图片文件存在，并且确实是图片。',
    holds: ({ image }) => image !== null,
    compares: ({ result }) => ({ expected: result.image_path, found: 'no image' }),
  },
  'image-bytes': {
    en: 'The file has the recorded number of bytes.',
    zh: '文件字节数与记录一致。',
    holds: withImage((image, result) => image.bytes === result.bytes),
    compares: sameField('bytes'),
  },
  'image-sha256': {
    en: 'The file has the recorded sha256.',
    zh: '文件的 sha256 与记录一致。',
    holds: withImage((image, result) => image.sha256 === result.sha256),
    compares: sameField('sha256'),
  },
  'image-format': {
    en: 'The file has the recorded format, and it is the one asked for.',
    zh: '文件格式与记录及要求一致。',
    holds: withImage(
      (image, result) => image.format === result.format && image.format === formatAsked(result),
    ),
    compares: ({ image, result }) => ({
      expected: `${formatAsked(result)} (recorded ${shown(result.format)})`,
      found: image?.format,
    }),
  },
  'image-size': {
    en: 'The image has the recorded pixel size, and it is the one asked for.',
    zh: '图片像素尺寸与记录及要求一致。',
    holds: withImage(
      (image, result) =>
        image.width === result.width &&
        image.height === result.height &&
        (result.size === 'auto' || result.size === `${image.width}x${image.height}`),
    ),
    compares: ({ image, result }) => ({
      expected: `${shown(result.size)} (recorded ${shown(result.width)}x${shown(result.height)})`,
      found: `${image?.width}x${image?.height}`,
    }),
  },
  'image-decodes': {
    en: 'The whole image decodes.',
    zh: '图片可以完整解码。',
    holds: withImage((image) => image.decodes),
  },
  'not-an-input': {
    en: 'The image is not one of its own references.',
    zh: '图片不是自己的任何一张参考图。',
    holds: withImage((image, result) => !referencesOf(result).some(({ sha256 }) => sha256 === image.sha256)),
  },
  'not-another-result': {
    en: "The image is not another result's image.",
    zh: '图片不是另一个结果的图片。',
    holds: ({ image, otherImages, lastAttempt }) =>
      image === null || (!otherImages.has(image.sha256) && !lastAttempt?.answer?.duplicate_of),
    compares: ({ lastAttempt }) => ({ found: lastAttempt?.answer?.duplicate_of }),
  },
  'worker-binding': {
    en: 'Worker id, pid and run id are the same in the result, its last attempt and the batch row.',
    zh: '结果、最后一次尝试和批次行中的 worker_id、pid、run_id 一致。',
    holds: ({ result, lastAttempt, batchRow }) =>
      isBound(result) &&
      sameBinding(result, lastAttempt) &&
      (batchRow === undefined || sameBinding(result, batchRow)),
    compares: ({ result, lastAttempt, batchRow }) => ({
      expected: bindingText(result),
      found: [
        `attempt ${bindingText(lastAttempt)}`,
        ...(batchRow === undefined ? [] : [`row ${bindingText(batchRow)}`]),
      ].join(', '),
    }),
  },
  'not-mock': {
    en: 'The result is not a mock.',
    zh: '结果不是模拟生成。',
    holds: ({ result }) => result.provider !== 'mock',
  },
  'not-orphan': {
    en: 'The result is not a late answer that nobody was waiting for.',
    zh: '结果不是无人等待的迟到输出。',
    holds: ({ result }) => result.status !== 'orphan_late_output',
  },
} as const satisfies Record<string, Rule>;

export type RuleId = keyof typeof RULES;

/**
 * Ids of the rules that do not hold, in the order of the table. Empty means acceptable. A result that says itself that
 * nothing was delivered breaks `ok-true` alone: there is no image to ask the others about.
 */
export function brokenRules(evidence: Evidence): RuleId[] {
  const { ok, image_path } = evidence.result;
  if (ok !== true && (image_path ?? null) === null) return ['ok-true'];
  return (Object.keys(RULES) as RuleId[]).filter((id) => !RULES[id].holds(evidence));
}

/** A rule that does not hold, in words. */
export interface BrokenRule {
  id: string;
  en: string;
  zh: string;
  expected?: string;
  found?: string;
}

export function explain(id: RuleId, evidence: Evidence): BrokenRule {
  const { en, zh, compares }: Rule = RULES[id];
  const { expected, found } = compares?.(evidence) ?? {};
  const seen = evidence.obstacles?.[id] ?? found;
  return {
    id,
    en,
    zh,
    ...(expected === undefined ? {} : { expected: shown(expected) }),
    ...(seen === undefined ? {} : { found: shown(seen) }),
  };
}

function formatAsked(result: ResultRecord): string {
  return shown(result.options?.['output_format'] ?? 'png');
}

type Reference = { path: string; sha256: string };

function isReference(input: unknown): input is Reference {
  const { path, sha256 } = (input ?? {}) as Partial<Record<keyof Reference, unknown>>;
  return typeof path === 'string' && typeof sha256 === 'string' && /^[0-9a-f]{64}$/u.test(sha256);
}

/** Those references that are recorded properly; the others are `inputs-recorded`'s business. */
function referencesOf(result: ResultRecord): Reference[] {
  return Array.isArray(result.input_images) ? result.input_images.filter(isReference) : [];
}

function changedInput({ result, inputs }: Evidence): Comparison | null {
  for (const { path, sha256: found } of inputs) {
    const sent = referencesOf(result).filter((reference) => reference.path === path);
    const expected = sent.find((reference) => reference.sha256 !== found)?.sha256;
    if (found !== null && expected !== undefined) return { expected, found: `${found} ${path}` };
  }
  return null;
}

type Binding = { worker_id: string | null; pid: number | null; run_id: string | null };

function isBound({ worker_id, pid, run_id }: Binding): boolean {
  const isName = (value: unknown) => typeof value === 'string' && value !== '';
  return isName(worker_id) && isName(run_id) && Number.isInteger(pid) && Number(pid) > 0;
}

function sameBinding(a: Binding, b: Binding | null): boolean {
  return b !== null && a.worker_id === b.worker_id && a.pid === b.pid && a.run_id === b.run_id;
}

function bindingText(binding: Binding | null): string {
  return binding === null
    ? 'none'
    : `${shown(binding.worker_id)} pid ${shown(binding.pid)} run ${shown(binding.run_id)}`;
}
