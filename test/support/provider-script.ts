/** Chooses how the next call is answered: by the test's script first, else by tags in the prompt, else well. */
import type { CallRecord } from './provider-calls.ts';
import { OPTION_READERS, STEPS, type Step, type StepKind, type StepOptions } from './provider-steps.ts';

/** A bare kind is a step without options. */
export type ScriptStep = Step | StepKind;

/** Answers calls whose prompt contains `match`, `times` times (default: always). */
export interface PromptRule {
  match: string;
  step: ScriptStep;
  times?: number;
}

/**
 * One step per call, in order; or a function (undefined: not my business); or rules by prompt. Requests that are
 * refused on their own merits use up no step.
 */
export type Script =
  | readonly ScriptStep[]
  | ((call: CallRecord) => ScriptStep | undefined)
  | { rules: readonly PromptRule[] };

export interface ScriptReader {
  set(script: Script): void;
  /** @throws when a tag in the prompt names an unknown step or option. */
  next(call: CallRecord): Step;
}

export function readScript(initial: Script = []): ScriptReader {
  let choose = chooser(initial);
  const tagUses = new Map<string, number>();
  return {
    set(script) {
      choose = chooser(script);
    },
    next(call) {
      const step = choose(call) ?? taggedStep(call.prompt ?? '', tagUses) ?? 'ok';
      return typeof step === 'string' ? { kind: step } : step;
    },
  };
}

function chooser(script: Script): (call: CallRecord) => ScriptStep | undefined {
  if (typeof script === 'function') return script;
  if ('rules' in script) return byRules(script.rules);
  const steps = [...script];
  return () => steps.shift();
}

function byRules(rules: readonly PromptRule[]): (call: CallRecord) => ScriptStep | undefined {
  const left = rules.map(({ times = Infinity }) => times);
  return ({ prompt }) => {
    const index = rules.findIndex((rule, i) => (left[i] ?? 0) > 0 && (prompt ?? '').includes(rule.match));
    if (index === -1) return undefined;
    left[index] = (left[index] ?? 0) - 1;
    return rules[index]?.step;
  };
}

/**
 * `[fault:429 retry-after=2 times=1]`: the first call with exactly this prompt is answered so, the next by the next tag,
 * in the end well. Without `times` it holds for ever. Values with spaces are quoted.
 */
function taggedStep(prompt: string, uses: Map<string, number>): Step | undefined {
  for (const [position, [, kind = '', options = '']] of [...prompt.matchAll(TAG)].entries()) {
    const { step, times } = parseTag(kind, options);
    const key = `${position} ${prompt}`;
    const used = uses.get(key) ?? 0;
    if (used >= times) continue;
    uses.set(key, used + 1);
    return step;
  }
  return undefined;
}

const TAG = /\[fault:([^\s\]]*)([^\]]*)\]/gu;
const OPTION = /([\w-]+)=(?:"([^"]*)"|(\S+))/gu;

function parseTag(kind: string, text: string): { step: Step; times: number } {
  if (!Object.hasOwn(STEPS, kind))
    throw new Error(`Unknown step '${kind}' in [fault:…]; known: ${known(STEPS)}.`);
  const leftOver = text.replaceAll(OPTION, '').trim();
  if (leftOver !== '') throw new Error(`Cannot read '${leftOver}' in [fault:${kind}…]; write name=value.`);
  const options: Record<string, string | number> = {};
  let times = Infinity;
  for (const [, dashed = '', quoted, bare = ''] of text.matchAll(OPTION)) {
    const name = dashed.replaceAll(/-(\w)/gu, (_match, letter: string) => letter.toUpperCase());
    const value = quoted ?? bare;
    if (name === 'times') times = Number(value);
    else options[name] = readOption(name, value);
  }
  return { step: { kind: kind as StepKind, ...(options as StepOptions) }, times };
}

function readOption(name: string, value: string): string | number {
  if (!Object.hasOwn(OPTION_READERS, name)) {
    throw new Error(`Unknown option '${name}' in [fault:…]; known: times, ${known(OPTION_READERS)}.`);
  }
  return OPTION_READERS[name as keyof StepOptions](value);
}

function known(table: object): string {
  return Object.keys(table).join(', ');
}
