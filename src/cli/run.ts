/** `imgproof run`: one image (SPEC C1, H4). */
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { describe, isAlreadyStarted, submitTask, type TaskHandle } from '../client.ts';
import type { Settings } from '../config.ts';
import { keyProblem, shorten } from '../domain/ids.ts';
import { timestamp } from '../domain/layout.ts';
import { WORKFLOW_TYPES } from '../domain/messages.ts';
import type { ResultRecord, TaskRow } from '../domain/records.ts';
import { MODE_NAMES, type NormalizedTask, type TaskRequest } from '../domain/task.ts';
import { normalizeTask } from '../intake/normalize.ts';
import { formatProblems, type Problem } from '../intake/problems.ts';
import { ELSEWHERE, modelsWritten } from './as-written.ts';
import { closedBadly } from './batch-end.ts';
import { comeBack, stopIt } from './come-back.ts';
import { CommandProblem, EXIT, type ExitCode } from './exit-codes.ts';
import {
  addRequestFlags,
  addServerFlags,
  addWaitFlags,
  collect,
  type RequestFlags,
  requestOverrides,
  type ServerFlags,
  type WaitFlags,
} from './flags.ts';
import { checkProviders, referenceProblems, taskRequestOf } from './order.ts';
import { print, printJson, safe, say } from './output.ts';
import { isEmbedded, openSession, type Session, settingsOf, webUiLink } from './session.ts';
import { type Ending, taskTicks, watchUntilEnd } from './watch.ts';

interface RunFlags extends RequestFlags, WaitFlags, ServerFlags {
  prompt: string;
  taskName?: string;
  taskKey?: string;
  inputImage?: string[];
  image?: string[];
  referenceImage?: string[];
  images?: string;
  resume?: boolean;
}

export function register(command: Command): void {
  command
    .requiredOption('--prompt <text>', 'what the image shows')
    .option('--task-name <name>', 'name of files and folders (default image)')
    .option('--task-key <key>', 'workflow id and dedupe (default <task_name>-<timestamp>-<6 hex>)')
    .option('--input-image <path>', 'reference image, repeatable', collect)
    .option('--image <path>', 'the same', collect)
    .option('--reference-image <path>', 'the same', collect)
    .option('--images <list>', 'reference images as JSON array or comma-separated')
    .option('--resume', 'adopt the proven result of the same key and request (needs --task-key)')
    .addHelpText(
      'after',
      '\nExample:\n  imgproof run --prompt "A shop counter at dawn" --task-name cover-1 --image logo.png\n',
    );
  addServerFlags(addWaitFlags(addRequestFlags(command)));
  command.action((flags: RunFlags) => runTask(flags));
}

async function runTask(flags: RunFlags): Promise<void> {
  const settings = settingsOf();
  const embedded = await isEmbedded(settings, flags);
  const { task, written } = await checkedTask(settings, flags, embedded);
  if (embedded) await checkProviders(settings, [task]);
  const key = flags.taskKey ?? ownKey(task.task_name);
  const session = await openSession(settings, flags);
  try {
    const request = {
      ...(embedded ? taskRequestOf({ ...task, task_key: key }) : written),
      ...(flags.resume ? { resume: true } : {}),
    };
    const handle = await startOrAttach(session, key, request);
    const models = embedded ? `${task.provider}/${task.model}` : modelsWritten({ tasks: [written] });
    say(`${safe(key)}  ${MODE_NAMES[task.mode]} · ${safe(models)} · ${task.size}`);
    const link = webUiLink(session, key);
    if (link !== null) say(`  Web UI  ${link}`);
    if (!flags.wait)
      return flags.json
        ? printJson({ ok: true, task_key: key, exit_code: 0, reason: 'ordered' })
        : print(key);
    const tick = taskTicks(session.client, handle, task.task_name, flags.progress);
    const ending = await watchUntilEnd(handle, { session, flags, tick });
    process.exitCode = await taskEnd(ending, key, flags);
  } finally {
    await session.close();
  }
}

/** SPEC H4. */
function ownKey(taskName: string): string {
  const unique = `-${timestamp(Date.now())}-${randomBytes(3).toString('hex')}`;
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  return shorten(taskName + unique, sha256);
}

/** `written`: what goes to a worker elsewhere (SPEC C6). */
async function checkedTask(
  settings: Settings,
  flags: RunFlags,
  embedded: boolean,
): Promise<{ task: NormalizedTask; written: TaskRequest }> {
  if (flags.resume && flags.taskKey === undefined) {
    throw new CommandProblem(
      EXIT.usage,
      '--resume needs --task-key: it names the earlier task. Nothing was sent.',
    );
  }
  const keyTrouble = flags.taskKey === undefined ? null : keyProblem(flags.taskKey, null);
  const references = [flags.inputImage, flags.image, flags.referenceImage].flatMap((paths) => paths ?? []);
  const value = {
    prompt: flags.prompt,
    ...(flags.taskName === undefined ? {} : { task_name: flags.taskName }),
    ...(flags.taskKey === undefined || keyTrouble !== null ? {} : { task_key: flags.taskKey }),
    ...(references.length === 0 ? {} : { input_images: references }),
    ...(flags.images === undefined ? {} : { images: flags.images }),
  };
  const overrides = requestOverrides(flags);
  const place = embedded ? { baseDir: process.cwd(), defaults: settings.defaults } : ELSEWHERE;
  const normalized = normalizeTask(value, { ...place, overrides, batchName: 'run' });
  const problems: Problem[] = keyTrouble === null ? [] : [{ path: ['task_key'], message: keyTrouble }];
  if ('problems' in normalized) throw badInput([...problems, ...normalized.problems]);
  const { resume: _, ...task } = normalized.task;
  for (const warning of normalized.warnings) say(`warning: ${safe(warning)}`);
  if (embedded) problems.push(...(await referenceProblems(settings, [task], () => [])));
  if (problems.length > 0) throw badInput(problems);
  return { task, written: { ...value, ...overrides } };
}

function badInput(problems: Problem[]): CommandProblem {
  return new CommandProblem(
    EXIT.usage,
    `the image was not ordered\n${formatProblems(problems, 'command line', 1)}`,
    problems,
  );
}

/** An explicit key promises equal work: while it is active, the same command comes back to it (SPEC B5). */
async function startOrAttach(
  session: Session,
  key: string,
  request: ReturnType<typeof taskRequestOf>,
): Promise<TaskHandle> {
  try {
    return await submitTask(session.client, key, request);
  } catch (error) {
    if (!isAlreadyStarted(error)) throw error;
    const active = await describe(session.client, key);
    if (active !== null && active.type !== WORKFLOW_TYPES.task) {
      throw new CommandProblem(
        EXIT.usage,
        `"${key}" is the id of a running batch, not of a task; choose another --task-key. Nothing was sent.`,
      );
    }
    say(
      `attached: "${safe(key)}" is active already (run ${active?.runId ?? 'unknown'}); its own prompt and flags count`,
    );
    return session.client.workflow.getHandle(key);
  }
}

async function taskEnd(ending: Ending<TaskRow>, key: string, flags: RunFlags): Promise<ExitCode> {
  switch (ending.kind) {
    case 'result':
      return tellRow(ending.result, flags);
    case 'failed': {
      const row = (ending.error as { cause?: { details?: unknown[] } }).cause?.details?.[0] as
        | TaskRow
        | undefined;
      if (row?.status === undefined) throw closedBadly(ending.error, key);
      return tellRow(row, flags);
    }
    case 'detached':
      return tellDetached(
        key,
        `detached by ${ending.by}`,
        ending.by === 'SIGINT' ? EXIT.interrupted : EXIT.terminated,
        flags,
      );
    case 'wait timeout':
      return tellDetached(key, 'the wait timed out', EXIT.waitTimeout, flags);
  }
}

async function tellRow(row: TaskRow, flags: RunFlags): Promise<ExitCode> {
  const exitCode = row.ok
    ? EXIT.ok
    : row.category === 'auth' || row.category === 'quota'
      ? EXIT.credentials
      : EXIT.incomplete;
  if (flags.json) {
    const result = await readResult(row.result_json);
    printJson({
      ...(result ?? row),
      exit_code: exitCode,
      reason: row.ok ? 'completed' : `${row.status}: ${row.error ?? ''}`,
    });
    return exitCode;
  }
  const { no, possible, yes } = row.billing;
  print(
    `${row.ok ? '✓' : '✗'} ${row.status}  ${safe(row.task_name)}  ${no + possible + yes} requests, ${yes} charged, ${possible} possibly`,
  );
  if (row.error !== null) print(`  ${safe(row.error)}`);
  if (row.image_path !== null) print(`  image   ${row.image_path}`);
  if (row.result_json !== null) print(`  proof   ${row.result_json}`);
  if (row.run_dir !== null) say(`Next: imgproof verify ${row.run_dir}`);
  return exitCode;
}

async function readResult(path: string | null): Promise<ResultRecord | null> {
  if (path === null) return null;
  return readFile(path, 'utf8').then(
    (text) => JSON.parse(text) as ResultRecord,
    () => null,
  );
}

function tellDetached(key: string, reason: string, exitCode: ExitCode, flags: RunFlags): ExitCode {
  say(`Detached. "${safe(key)}" keeps running on the server.`);
  // --resume: when it has ended meanwhile, its result is adopted and not bought again.
  const again = comeBack(process.argv.slice(2), ['--task-key', key]);
  say(`   Come back:  ${safe(again ?? '')} --resume`);
  say(`   Stop it:    ${safe(stopIt(process.argv.slice(2), key))}`);
  if (flags.json) printJson({ ok: false, task_key: key, exit_code: exitCode, reason });
  return exitCode;
}
