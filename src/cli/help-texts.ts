/** What `--help` says, as the build keeps it: who asks for help does not wait for the program (docs/performance.md). */
import type { Command } from 'commander';
import { COMMAND_NAMES, createProgram } from './program.ts';

/** Columns that a terminal has at least. */
const WIDTH = 80;

/** By the words that call the command: '' is `imgproof --help`, 'queue run' is `imgproof queue run --help`. */
export async function helpTexts(): Promise<Record<string, string>> {
  const texts: Record<string, string> = { '': helpOf(await createProgram(undefined)) };
  for (const name of COMMAND_NAMES) {
    const program = await createProgram(name);
    const command = program.commands.find((one) => one.name() === name);
    if (command !== undefined) Object.assign(texts, textsOf(command, name));
  }
  return texts;
}

function textsOf(command: Command, words: string): Record<string, string> {
  const texts = command.commands.map((child) => textsOf(child, `${words} ${child.name()}`));
  // What follows `temporal` is for the Temporal CLI, `--help` too.
  const own = words === 'temporal' ? {} : { [words]: helpOf(command) };
  return Object.assign(own, ...texts) as Record<string, string>;
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => WIDTH,
  });
  command.outputHelp();
  return text;
}
