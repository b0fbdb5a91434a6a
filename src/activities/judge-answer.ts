import type { AnswerNotes, ImageFacts } from '../domain/records.ts';
import type { AdmittedTask } from '../domain/task.ts';
import { inspectImage } from '../artifacts/image-file.ts';
import type { AnswerHeader } from '../artifacts/spool.ts';
import { BadAnswer, readAnswer } from '../provider/answer.ts';
import type { KeptDownload } from '../artifacts/spooled-download.ts';
import { encodingOf } from '../provider/exchange.ts';
import type { ActivityDeps } from './deps.ts';

export type Verdict =
  | { ok: true; image: Buffer; facts: ImageFacts; notes: AnswerNotes }
  | { ok: false; error: string };

/** What judging needs beside the answer; `fetchLinked` brings an image that the answer only links to. */
export interface Judge extends Pick<ActivityDeps, 'spool' | 'redact'> {
  fetchLinked: (link: string) => Promise<KeptDownload>;
}

/**
 * SPEC G9: a 200 is a success when its body parsed, the image decoded completely and is none of the references sent.
 * Another size or format than asked is kept with a warning: it was paid and is not what acceptance wants.
 */
export async function judgeAnswer(
  header: AnswerHeader,
  body: Buffer,
  task: AdmittedTask,
  judge: Judge,
): Promise<{ requestId: string | null; verdict: Verdict }> {
  const encoding = encodingOf(header.headers);
  const verdict: Verdict =
    encoding === null
      ? await verdictOf(body, task, judge)
      : { ok: false, error: `the answer has the content-encoding ${encoding}, and none was accepted` };
  return { requestId: header.headers['x-request-id'] ?? null, verdict };
}

async function verdictOf(
  body: Buffer,
  task: AdmittedTask,
  { spool, redact, fetchLinked }: Judge,
): Promise<Verdict> {
  let answer: ReturnType<typeof readAnswer>;
  let given: { bytes: Buffer; origin?: string };
  try {
    answer = readAnswer(body, redact);
    given = 'link' in answer.image ? await fetchLinked(answer.image.link) : { bytes: answer.image };
  } catch (error) {
    if (error instanceof BadAnswer) return { ok: false, error: error.message };
    throw error;
  }
  const inspected = await inspectImage(given.bytes);
  if (inspected === null)
    return { ok: false, error: 'the answer holds bytes that are no PNG, JPEG or WebP image' };
  const { decodes, problem, ...facts } = inspected;
  if (!decodes)
    return { ok: false, error: `the image in the answer does not decode: ${problem ?? 'damaged'}` };
  const reference = task.input_images.find((input) => input.sha256 === facts.sha256);
  if (reference)
    return { ok: false, error: `the answer is the reference ${reference.path} itself, nothing new` };
  const duplicateOf = await spool.claimImage(facts.sha256, task.generation_id);
  const warnings = differences(facts, task, answer.extraImages);
  const otherModel = otherModelThan(task.model, answer.echo.model);
  if (otherModel !== null)
    warnings.push(`asked for the model ${task.model}, made by ${otherModel} as the provider says`);
  if (duplicateOf !== null)
    warnings.push(`the same image was delivered before, by generation ${duplicateOf}`);
  const notes: AnswerNotes = {
    usage: answer.usage,
    revised_prompt: answer.revisedPrompt,
    warnings,
    ...(duplicateOf === null ? {} : { duplicate_of: duplicateOf }),
    ...(otherModel === null ? {} : { other_model: otherModel }),
    ...(given.origin === undefined ? {} : { downloaded_from: given.origin }),
  };
  return { ok: true, image: given.bytes, facts, notes };
}

/** What the provider says it was, when that is neither the model asked for nor a dated version of it. */
function otherModelThan(asked: string, said: string | undefined): string | null {
  if (said === undefined) return null;
  const name = (model: string) => model.slice(model.lastIndexOf('/') + 1);
  const undated = (model: string) => name(model).replace(/-\d{4}-\d{2}-\d{2}$/u, '');
  const isSame = [name(asked), undated(asked)].includes(name(said)) || undated(said) === name(asked);
  return isSame ? null : said;
}

function differences(facts: ImageFacts, task: AdmittedTask, extraImages: number): string[] {
  const warnings: string[] = [];
  const size = `${facts.width}x${facts.height}`;
  const format = task.options.output_format ?? 'png';
  if (task.size !== 'auto' && task.size !== size) warnings.push(`asked for ${task.size}, got ${size}`);
  if (format !== facts.format) warnings.push(`asked for ${format}, got ${facts.format}`);
  if (extraImages > 0)
    warnings.push(`${extraImages} more image(s) in the answer were not used; see the raw answer`);
  return warnings;
}
