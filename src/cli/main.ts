/** The command table, and the one place where a command's end becomes an exit code (SPEC C, C3). */
import { Command, CommanderError } from 'commander';
import { endNow } from './end-now.ts';
import { CommandProblem, EXIT, type ExitCode } from './exit-codes.ts';
import { guardStreams, print, printJson, say } from './output.ts';

interface CommandEntry {
  summary: string;
  /** Its flags, loaded when it is called. What loads Temporal's client is for its action: no `--help` may wait for that. */
  load: () => Promise<{ register: (command: Command) => void }>;
}

const COMMANDS: Record<string, CommandEntry> = {
  run: { summary: 'make one image', load: () => import('./run.ts') },
  batch: { summary: 'make the images of a batch file', load: () => import('./batch.ts') },
  queue: { summary: 'a list of tasks with the files of a queue', load: () => import('./queue.ts') },
  verify: { summary: 'check proofs offline', load: () => import('./verify.ts') },
  up: { summary: 'start the background server and worker', load: () => import('./up.ts') },
  down: { summary: 'drain and stop them', load: () => import('./down.ts') },
  status: { summary: 'show server, worker and open batches', load: () => import('./status.ts') },
  list: { summary: 'batches, or the tasks of one', load: () => import('./list.ts') },
  get: { summary: 'one task: what it is, its requests, its files', load: () => import('./get.ts') },
  history: { summary: 'tasks that have ended, newest first', load: () => import('./history.ts') },
  watch: { summary: 'show a batch or a task until it ends', load: () => import('./re-attach.ts') },
  cancel: { summary: 'stop a batch or tasks, queued or running', load: () => import('./cancel.ts') },
  pause: { summary: 'start no further task of a batch', load: () => import('./pause.ts') },
  resume: { summary: 'let a paused batch go on, or change its workers', load: () => import('./resume.ts') },
  retry: { summary: 'order failed tasks of a batch once more', load: () => import('./retry.ts') },
  worker: { summary: 'run a worker in the foreground', load: () => import('./worker.ts') },
  temporal: { summary: 'the Temporal CLI with the address set', load: () => import('./temporal.ts') },
};

const EXAMPLES = `
Examples:
  imgproof run --prompt "A shop counter at dawn, no readable text" --task-name cover-1
  imgproof batch batch.json
  imgproof verify ~/.openclaw/generated-images/batches/covers-20261124-150231-1a2b3c
`;

export async function main(argv: readonly string[]): Promise<void> {
  guardStreams();
  const program = new Command('imgproof')
    .description('Durable batch image generation that you can prove, on Temporal')
    .version(VERSION)
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(add --help for the list of options)')
    // What follows `temporal` belongs to the Temporal CLI.
    .enablePositionalOptions()
    .exitOverride();
  const called = argv[0] === 'help' ? argv[1] : argv[0];
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).summary(summary).description(summary).exitOverride();
    if (name === called) (await load()).register(command);
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    await endNow(await endOf(error, argv));
  }
}

const VERSION = '0.1.0';

/** With `--json` there is one document on standard output however a command ends (SPEC H6). */
async function endOf(error: unknown, argv: readonly string[]): Promise<ExitCode> {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
  const { exitCode, message, problems, workflowId } = await asProblem(error);
  const order = workflowId === null ? {} : { workflow_id: workflowId };
  // Commands of a queue print JSON always (SPEC C2).
  if (argv.includes('--json') || argv[0] === 'queue')
    printJson({ ok: false, ...order, exit_code: exitCode, reason: message, problems });
  else if (workflowId !== null) print(workflowId);
  return exitCode;
}

/** What ends a command, told on standard error. Other rooms have their own expected errors; these name their exit code. */
async function asProblem(error: unknown): Promise<CommandProblem> {
  // Commander has told it already, with what it expects.
  if (error instanceof CommanderError)
    return new CommandProblem(EXIT.usage, error.message.replace(/^error: /u, ''));
  const expected = await expectedProblem(error);
  if (expected !== null) {
    say(`imgproof: ${expected.message}`);
    return expected;
  }
  const { stack, message = String(error) } = error as Partial<Error>;
  say(stack ?? message);
  return new CommandProblem(EXIT.incomplete, `unexpected: ${message}`);
}

async function expectedProblem(error: unknown): Promise<CommandProblem | null> {
  if (error instanceof CommandProblem) return error;
  const { exitCode, message } = error as Partial<CommandProblem>;
  if (EXPECTED.has(exitCode)) return new CommandProblem(exitCode as ExitCode, message ?? 'environment');
  return isOfGrpc(error) ? (await import('./server-trouble.ts')).serverTrouble(error) : null;
}

const EXPECTED: ReadonlySet<unknown> = new Set(Object.values(EXIT));

/** By its shape: Temporal's modules are loaded only when there is something for them. */
function isOfGrpc(error: unknown): boolean {
  const causes = [error, (error as { cause?: unknown }).cause] as { code?: unknown; details?: unknown }[];
  return causes.some((cause) => typeof cause?.code === 'number' && typeof cause.details === 'string');
}
