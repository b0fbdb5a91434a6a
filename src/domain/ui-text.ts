/** Texts for Temporal's Web UI (SPEC T2). Its limits are bytes, not characters; its markdown knows no HTML. */
import type { BatchRequest } from './batch.ts';
import { utf8Bytes } from './ids.ts';
import { MODE_NAMES, modeFor, type TaskRequest, type TaskTicket } from './task.ts';

/** Longest texts in bytes. Summary and details: what the server takes. The start of a prompt is in every task's ticket. */
const BYTES = { summary: 200, details: 20_000, promptStart: 40 } as const;

/** Tasks that the details of a batch name. */
const TASKS_NAMED = 5;

/** Whole characters only; an ellipsis says that something is missing. */
export function cutToBytes(text: string, bytes: number): string {
  if (utf8Bytes(text) <= bytes) return text;
  const ellipsis = '…';
  let left = bytes - utf8Bytes(ellipsis);
  let head = '';
  for (const character of text) {
    left -= utf8Bytes(character);
    if (left < 0) break;
    head += character;
  }
  return head.trimEnd() + ellipsis;
}

/** How a prompt begins, on one line: what people know a task by. */
export function promptStart(prompt: string): string {
  return cutToBytes(oneLine(prompt), BYTES.promptStart);
}

/** Somebody's words as plain text of a markdown line or table cell: no markup of theirs takes effect. */
export function plain(text: string): string {
  return oneLine(text).replaceAll(/[\\`*_{}[\]<>()#+!|~&-]/gu, String.raw`\$&`);
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
}

/** For whoever starts a batch: what the list of workflows and the head of its page say. */
export function batchTexts(request: BatchRequest): { staticSummary: string; staticDetails: string } {
  const { tasks, max_workers, provider, model } = request;
  const models = new Set(tasks.map((task) => [task.provider ?? provider, task.model ?? model].join('/')));
  const [only = '/'] = models;
  const facts = [
    tasks.length === 1 ? '1 image' : `${tasks.length} images`,
    ...(max_workers === undefined ? [] : [`${max_workers} at a time`]),
    // What nobody wrote is the worker's to say.
    ...(models.size === 1 && /^[^/].*\/.+/u.test(only) ? [only] : []),
  ];
  const named = tasks
    .slice(0, TASKS_NAMED)
    .map((task) => `1. ${plain(task.task_name ?? '')} ${quoted(task)}`);
  const more = tasks.length - named.length;
  const details = [facts.map(plain).join(' · '), '', ...named, ...(more > 0 ? ['', `and ${more} more`] : [])];
  return {
    staticSummary: cutToBytes(facts.join(' · '), BYTES.summary),
    staticDetails: cutToBytes(details.join('\n'), BYTES.details),
  };
}

/** For a batch that starts one of its tasks: its timeline shows nothing else of them. */
export function ticketSummary({ index, task_name, mode }: TaskTicket): string {
  return cutToBytes(`${index} ${oneLine(task_name)} · ${MODE_NAMES[mode]}`, BYTES.summary);
}

/** For whoever starts a task alone. */
export function taskTexts(task: TaskRequest): { staticSummary: string; staticDetails: string } {
  const { input_image, image, reference_image, input_images, images } = task;
  const references = [input_image, image, reference_image, input_images, images];
  const mode = MODE_NAMES[modeFor(references.filter((paths) => paths !== undefined && paths.length > 0))];
  const facts = [mode, ...(task.size === undefined ? [] : [task.size]), oneLine(task.prompt)];
  return {
    staticSummary: cutToBytes(facts.join(' · '), BYTES.summary),
    staticDetails: cutToBytes(`${mode}\n\n> ${plain(task.prompt)}`, BYTES.details),
  };
}

/** Of live details: they are not in the history, but the page shows no more. */
export function liveDetails(lines: readonly string[]): string {
  return cutToBytes(lines.join('\n'), BYTES.details);
}

/** A link to another workflow of the same namespace; the Web UI fills its name in. */
export function workflowLink(text: string, workflowId: string): string {
  return `[${plain(text)}](/namespaces/{namespace}/workflows/${encodeURIComponent(workflowId)})`;
}

function quoted({ prompt }: TaskRequest): string {
  return `“${plain(promptStart(prompt))}”`;
}
