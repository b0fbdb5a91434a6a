/** The command table, and the program made of it. */
import { Command } from 'commander';
import { VERSION } from '../domain/version.ts';
import { harmless } from './output.ts';

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
  report: { summary: 'a page of a batch: images, prompts, proofs', load: () => import('./report.ts') },
  export: { summary: 'a batch as one file for a reviewer', load: () => import('./export.ts') },
  key: { summary: 'the keys that sign what is recorded', load: () => import('./key.ts') },
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

/** The program with the flags of one command, or of none. Its errors are thrown as CommanderError. */
export async function createProgram(called: string | undefined): Promise<Command> {
  const program = new Command('imgproof')
    .description('Durable batch image generation that you can prove, on Temporal')
    .version(VERSION)
    .addHelpText('after', EXAMPLES)
    .configureOutput({ writeErr: (text) => void process.stderr.write(harmless(text)) })
    .showHelpAfterError('(add --help for the list of options)')
    // What follows `temporal` belongs to the Temporal CLI.
    .enablePositionalOptions()
    .exitOverride();
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).summary(summary).description(summary).exitOverride();
    if (name === called) (await load()).register(command);
  }
  return program;
}

export const COMMAND_NAMES: readonly string[] = Object.keys(COMMANDS);

const EXAMPLES = `
Examples:
  imgproof run --prompt "A shop counter at dawn, no readable text" --task-name cover-1
  imgproof batch batch.json
  imgproof verify ~/.openclaw/generated-images/batches/covers-20261124-150231-1a2b3c
`;
