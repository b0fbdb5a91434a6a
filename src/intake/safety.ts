/** What a person is told of prompt safety before anything is sent (SPEC G6, H7). No message carries the prompt. */
import { isRefused, safePrompt } from '../domain/prompt-safety.ts';
import { REFUSAL } from '../domain/prompt-safety-rules.ts';
import { type NormalizedTask, TASK_LIMITS } from '../domain/task.ts';

type Prompt = Pick<NormalizedTask, 'prompt' | 'raw'>;

/** Why this prompt can't be ordered, or null. */
export function safetyProblem(task: Prompt): string | null {
  if (isRefused(task.prompt)) {
    return `policy_refused: the wording sexualises minors (rule ${REFUSAL.id}); refused with and without raw. If that is not meant, say it otherwise`;
  }
  const { prompt_sent, safety_rules } = safePrompt(task);
  const [written, sent] = [task.prompt, prompt_sent].map((text) => Array.from(text).length) as [
    number,
    number,
  ];
  if (safety_rules.length === 0 || sent <= TASK_LIMITS.promptCharacters) return null;
  const rules = safety_rules.join(', ');
  return `has ${written} characters, and ${sent} with its safety constraints (${rules}): more than ${TASK_LIMITS.promptCharacters}. Shorten it by ${sent - TASK_LIMITS.promptCharacters}, or send it raw`;
}

const TASKS_TOLD = 5;

/** One line that says which tasks get constraints appended, and by which rules; none when no task does. */
export function safetyWarnings(tasks: readonly (Prompt & Pick<NormalizedTask, 'task_name'>)[]): string[] {
  const told = tasks.flatMap((task) => {
    const { prompt_sent, safety_rules } = safePrompt(task);
    return prompt_sent === task.prompt ? [] : `${task.task_name} (${safety_rules.join(', ')})`;
  });
  if (told.length === 0) return [];
  const others = told.length > TASKS_TOLD ? ` and ${told.length - TASKS_TOLD} more` : '';
  return [
    `prompt safety: constraints are appended to ${told.slice(0, TASKS_TOLD).join(', ')}${others}; raw sends a prompt as written`,
  ];
}
