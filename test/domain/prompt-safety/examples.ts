import type { SafetyRuleId } from '../../../src/domain/prompt-safety-rules.ts';

/** What the rules of one language must and must not recognise. Wordings are short and clinical on purpose. */
export interface Examples {
  /** Prompts with the rules that hold, in the order of the table. */
  hits: [prompt: string, ...rules: SafetyRuleId[]][];
  /** Prompts of everyday work that no rule may touch, by subject. */
  misses: Record<string, string[]>;
  /** Prompts that are refused, with and without `raw`. */
  refused: string[];
}
