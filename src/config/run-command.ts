/** One command, run without a shell and within its limits; nothing of it is left running (`reference/api.md` 3). */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { dirname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { CommandProvider } from './secret-providers.ts';

export type CommandEnd =
  | { how: 'done'; output: Buffer }
  | { how: 'not started'; code: string }
  | { how: 'exit code'; code: number }
  | { how: 'signal'; signal: NodeJS.Signals }
  | { how: 'timeout' | 'silence' | 'too much output' };

/**
 * Runs in the folder of the command, with no variables but those given, `input` on its stdin, its stderr dropped. It and
 * whatever it started are killed when a limit is passed, and what it left behind when it ends.
 */
export function runCommand(command: CommandProvider, input: string): Promise<CommandEnd> {
  return new Promise((resolve) => {
    const child = start(command);
    if ('code' in child) return resolve({ how: 'not started', ...child });
    const end = (how: CommandEnd) => {
      clearTimeout(timeout);
      clearTimeout(silence);
      resolve(how);
    };
    const cut = (how: 'timeout' | 'silence' | 'too much output') => {
      killGroup(child);
      child.stdout.destroy();
      end({ how });
    };
    // In this order: of two equal limits the first one made is the one that is told.
    const timeout = setTimeout(() => cut('timeout'), command.timeoutMs);
    const silence = setTimeout(() => cut('silence'), command.noOutputTimeoutMs);
    const output: Buffer[] = [];
    let sizeBytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      silence.refresh();
      output.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > command.maxOutputBytes) cut('too much output');
    });
    child.on('error', (error) => end({ how: 'not started', code: codeOf(error) }));
    // What it started may hold its output open for ever.
    child.on('exit', () => killGroup(child));
    child.on('close', (code, signal) => end(ended(code, signal, output)));
    // A command need not read what it is asked.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function ended(code: number | null, signal: NodeJS.Signals | null, output: Buffer[]): CommandEnd {
  if (signal !== null) return { how: 'signal', signal };
  return code === 0 ? { how: 'done', output: Buffer.concat(output) } : { how: 'exit code', code: code ?? -1 };
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** In a process group of its own, so that its children can be ended with it. Too long arguments fail at once. */
function start({ command, args, env }: CommandProvider): Child | { code: string } {
  try {
    return spawn(command, args, {
      cwd: dirname(command),
      env,
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  } catch (error) {
    return { code: codeOf(error) };
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}

function killGroup({ pid }: Child): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}
