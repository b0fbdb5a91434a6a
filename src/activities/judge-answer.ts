import type { AnswerNotes, ImageFacts } from '../domain/records.ts';
import type { AdmittedTask } from '../domain/task.ts';
import type { AnswerHeader } from '../artifacts/spool.ts';
import { BadAnswer, type ImageAnswer, readAnswer } from '../provider/answer.ts';
import type { KeptDownload } from '../artifacts/spooled-download.ts';
import { encodingOf } from '../provider/exchange.ts';
import type { ActivityDeps } from './deps.ts';
import { type UsableImage, usableImage } from './usable-image.ts';

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
): Promise<Verdict> {
  const encoding = encodingOf(header.headers);
  if (encoding === null) return verdictOf(body, task, judge);
  return { ok: false, error: `the answer has the content-encoding ${encoding}, and none was accepted` };
}

async function verdictOf(
  body: Buffer,
  task: AdmittedTask,
  { spool, redact, fetchLinked }: Judge,
): Promise<Verdict> {
  let answer: ImageAnswer;
  let image: UsableImage;
  try {
    answer = readAnswer(body, redact);
    image = await usableImage(answer.images, fetchLinked);
  } catch (error) {
    if (error instanceof BadAnswer) return { ok: false, error: error.message };
    throw error;
  }
  const { facts } = image;
  const reference = task.input_images.find((input) => input.sha256 === facts.sha256);
  if (reference)
    return { ok: false, error: `the answer is the reference ${reference.path} itself, nothing new` };
  const duplicateOf = await spool.claimImage(facts.sha256, task.generation_id);
  const warnings = differences(image, task);
  const otherModel = otherModelThan(task.model, answer.echo.model);
  if (otherModel !== null)
    warnings.push(`asked for the model ${task.model}, made by ${otherModel} as the provider says`);
  if (duplicateOf !== null)
    warnings.push(`the same image was delivered before, by generation ${duplicateOf}`);
  const notes: AnswerNotes = {
    usage: answer.usage,
    revised_prompt: image.revisedPrompt,
    warnings,
    ...(duplicateOf === null ? {} : { duplicate_of: duplicateOf }),
    ...(otherModel === null ? {} : { other_model: otherModel }),
    ...(image.origin === undefined ? {} : { downloaded_from: image.origin }),
  };
  return { ok: true, image: image.bytes, facts, notes };
}

/** What the provider says it was, when that is neither the model asked for nor a dated version of it. */
function otherModelThan(asked: string, said: string | undefined): string | null {
  if (said === undefined) return null;
  const name = (model: string) => model.slice(model.lastIndexOf('/') + 1);
  const undated = (model: string) => name(model).replace(/-\d{4}-\d{2}-\d{2}$/u, '');
  const isSame = [name(asked), undated(asked)].includes(name(said)) || undated(said) === name(asked);
  return isSame ? null : said;
}

function differences({ facts, broken, unused }: UsableImage, task: AdmittedTask): string[] {
  const warnings: string[] = [];
  const size = `${facts.width}x${facts.height}`;
  const format = task.options.output_format ?? 'png';
  if (task.size !== 'auto' && task.size !== size) warnings.push(`asked for ${task.size}, got ${size}`);
  if (format !== facts.format) warnings.push(`asked for ${format}, got ${facts.format}`);
  if (broken > 0) warnings.push(`${broken} image(s) before it in the answer were broken; see the raw answer`);
  if (unused > 0) warnings.push(`${unused} more image(s) in the answer were not used; see the raw answer`);
  return warnings;
}
