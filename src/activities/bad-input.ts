import { ApplicationFailure } from '@temporalio/activity';
import { FAILURE_TYPES } from '../domain/failure.ts';
import { pathText, type Problem } from '../intake/problems.ts';

/** Ends the workflow as Failed with every problem in the message (SPEC T1); nothing was sent. */
export function badInput(problems: readonly Problem[]): ApplicationFailure {
  const told = withinReason(problems);
  const lines = told.map(({ path, message }) => `${pathText(path) || 'input'}: ${message}`);
  const rest = problems.length - told.length;
  const text = [
    `${problems.length} problem${problems.length === 1 ? '' : 's'}, nothing was sent:`,
    ...lines,
    ...(rest > 0 ? [`and ${rest} more`] : []),
  ].join('\n');
  return ApplicationFailure.nonRetryable(text, FAILURE_TYPES.badInput, told);
}

/**
 * A failure travels in one message, three times over (text, details, stack), and what exceeds Temporal's limit arrives
 * without a word of it. A problem in each task of the largest file has room; what has none is counted.
 */
const CHARACTERS = { step: 200, message: 500, all: 150_000 };

function withinReason(problems: readonly Problem[]): Problem[] {
  const told: Problem[] = [];
  let characters = 0;
  for (const { path, message } of problems) {
    const problem = { path: path.map(cutStep), message: cut(message, CHARACTERS.message) };
    characters += pathText(problem.path).length + problem.message.length;
    if (characters > CHARACTERS.all) break;
    told.push(problem);
  }
  return told;
}

function cutStep(step: string | number): string | number {
  return typeof step === 'number' ? step : cut(step, CHARACTERS.step);
}

function cut(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters)}…`;
}
