/** What ordering a batch and ordering a queue run have in common. */
import { BATCH_LIMITS, type BatchRequest, type NormalizedBatch } from '../domain/batch.ts';
import { utf8Bytes } from '../domain/ids.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import { note, safe, warn } from './output.ts';
import type { Progress } from './progress.ts';
import type { OrderFacts } from './progress-view.ts';
import { type Session, webUiLink } from './session.ts';
import { lookOf, symbolsOf } from './terminal.ts';
import { counted } from './words.ts';

/** SPEC T1: the same limit as the workflow's, told before anything is started. */
export function refuseOversize(request: BatchRequest): void {
  const bytes = utf8Bytes(JSON.stringify(request));
  if (bytes <= BATCH_LIMITS.inputBytes) return;
  const message = `the batch has ${bytes} bytes as it would be sent, more than ${BATCH_LIMITS.inputBytes}; split the file. Nothing was sent.`;
  throw new CommandProblem(EXIT.usage, message);
}

export function announceBatch(
  session: Session,
  batch: NormalizedBatch,
  order: OrderFacts,
  { form }: Progress,
): void {
  for (const warning of batch.warnings) warn(warning);
  // A picture has a title of its own.
  if (form !== 'tty') note(titleText(order, batch.max_workers));
  const link = webUiLink(session, order.id);
  if (link !== null) note(`  Web UI  ${link}`);
}

function titleText({ id, total, models, isAttached }: OrderFacts, maxWorkers: number): string {
  const { dot } = symbolsOf(lookOf(process.stderr));
  const facts = [counted(total, 'task'), `${maxWorkers} at a time`, safe(models)];
  return `${isAttached ? 'attached to ' : ''}${safe(id)}  ${facts.join(` ${dot} `)}`;
}
