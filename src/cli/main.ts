/** The one place where a command's end becomes an exit code (SPEC C3). */
import { CommanderError } from 'commander';
import { endNow } from './end-now.ts';
import { CommandProblem, EXIT, type ExitCode } from './exit-codes.ts';
import { guardStreams, print, printJson, say } from './output.ts';
import { createProgram } from './program.ts';

export async function main(argv: readonly string[]): Promise<void> {
  guardStreams();
  const program = await createProgram(argv[0] === 'help' ? argv[1] : argv[0]);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    await endNow(await endOf(error, argv));
  }
}

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
