import { createInterface } from 'node:readline/promises';

/** True without a question where nobody could answer it: no terminal at standard input or standard error. */
export async function askYesNo(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-D: no answer, and the cursor still behind the question.
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('\n')));
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), closed]);
    if (answer === '\n') process.stderr.write(answer);
    return /^y(?:es)?$/iu.test(answer.trim());
  } finally {
    terminal.close();
  }
}
