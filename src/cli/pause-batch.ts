/** `imgproof pause` and `imgproof resume` as they run (SPEC B7). */
import { memoOf } from '../client.ts';
import { pauseBatch, resumeBatch, setMaxWorkers } from '../client/operations.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import type { ServerFlags } from './flags.ts';
import { withMessages } from './message-session.ts';
import { pauseLines, resumeLines } from './operation-screen.ts';
import { printJson, printLines, warn } from './output.ts';
import { embeddedPlace, settingsOf } from './session.ts';
import { findBatch } from './target.ts';
import { lookOf } from './terminal.ts';

export interface PauseFlags extends ServerFlags {
  reason?: string;
  json?: boolean;
}

export interface ResumeFlags extends ServerFlags {
  maxWorkers?: number;
  maxCost?: number;
  json?: boolean;
}

export async function pause(named: string, { reason, json, ...server }: PauseFlags): Promise<void> {
  await withMessages(server, async (session) => {
    const { id } = await findBatch(session, named);
    const answer = await pauseBatch(session.client, id, reason === undefined ? {} : { reason });
    const told = answer.changed ? 'paused' : 'was paused already';
    if (json) printJson({ ok: true, batch_id: id, ...answer, exit_code: EXIT.ok, reason: told });
    else printLines(pauseLines(id, answer, reason ?? null, lookOf(process.stdout)));
  });
}

/** The number changes first: nothing starts with the old one. */
export async function resume(
  named: string,
  { maxWorkers, maxCost, json, ...server }: ResumeFlags,
): Promise<void> {
  if (maxWorkers !== undefined && !Number.isInteger(maxWorkers))
    throw new CommandProblem(
      EXIT.usage,
      `--max-workers ${maxWorkers} is no whole number. Nothing was changed.`,
    );
  await withMessages(server, async (session) => {
    const { id, run } = await findBatch(session, named);
    // Whoever mended the key in this shell's variables means the worker to have it (SPEC G8).
    if (session.embedded && memoOf(run).paused_by === 'provider_down')
      await embeddedPlace(settingsOf(), { orders: true });
    const workers = maxWorkers === undefined ? null : await setMaxWorkers(session.client, id, maxWorkers);
    const resumed = await resumeBatch(session.client, id, maxCost === undefined ? {} : { max_cost: maxCost });
    if (workers?.warning) warn(`--max-workers ${workers.warning}`);
    const told = resumed.changed ? 'resumed' : 'was not paused';
    if (json) {
      const { max_workers } = workers ?? {};
      const set = { max_workers, max_cost: maxCost };
      printJson({ ok: true, batch_id: id, ...resumed, ...set, exit_code: EXIT.ok, reason: told });
    } else
      printLines(
        resumeLines(
          id,
          { resumed, workers, ...(maxCost === undefined ? {} : { maxCost }) },
          lookOf(process.stdout),
        ),
      );
  });
}
