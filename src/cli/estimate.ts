/** What an order may cost, before it is one (SPEC R8): told by `--dry-run`, and asked about above a set sum. */
import type { Settings } from '../config.ts';
import { type Estimate, estimateOf, moneyText } from '../domain/cost.ts';
import type { NormalizedTask } from '../domain/task.ts';
import { askYesNo } from './ask.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import type { EstimateFlags } from './flags.ts';
import { print, printJson, safe, warn } from './output.ts';
import { counted } from './words.ts';

/** An order that has passed every check. */
export interface CheckedOrder {
  /** Those that would run. */
  tasks: readonly NormalizedTask[];
  models: string;
  warnings: readonly string[];
  maxCostMicros: number | null;
  /** False: the worker is elsewhere, and so are its prices (SPEC C6). */
  embedded: boolean;
}

/** Nothing of it needs a server, and nothing is left behind. */
export function tellDryRun(settings: Settings, order: CheckedOrder, { json }: { json?: boolean }): void {
  const { tasks, models, warnings, maxCostMicros, embedded } = order;
  const table = embedded ? settings.prices : null;
  const estimate = estimateOf(table, tasks);
  if (json)
    return printJson({
      ok: true,
      dry_run: true,
      total: tasks.length,
      models,
      estimate,
      max_cost_micros: maxCostMicros,
      warnings,
      exit_code: EXIT.ok,
      reason: 'checked; nothing was ordered',
    });
  for (const warning of warnings) warn(warning);
  print(`${counted(tasks.length, 'task')}  ${safe(models)}`);
  if (estimate !== null) print(`  estimate  ${estimateText(estimate)}${capText(estimate, maxCostMicros)}`);
  else print(`  estimate  none: ${embedded ? (table === null ? NO_PRICES : NOT_ALL) : ELSEWHERE}`);
  print('  Everything was checked; nothing was sent and nothing was ordered.');
}

const NO_PRICES = 'the config has no "prices"';
const NOT_ALL = '"prices" of the config does not have all of these models and sizes';
const ELSEWHERE = 'prices are those of the worker, which is elsewhere';

/**
 * On a terminal, before an order whose estimate is above `prices.askAbove`. @throws CommandProblem exit 2 when the answer is no
 */
export async function confirmCost(
  settings: Settings,
  tasks: readonly NormalizedTask[],
  { yes }: Pick<EstimateFlags, 'yes'>,
): Promise<void> {
  const table = settings.prices;
  const limit = table?.ask_above_micros ?? null;
  const estimate = estimateOf(table, tasks);
  if (yes || limit === null || estimate === null || estimate.expected_micros <= limit) return;
  const question = `${counted(tasks.length, 'task')} for ${estimateText(estimate)}. Order ${tasks.length === 1 ? 'it' : 'them'}?`;
  if (await askYesNo(question)) return;
  throw new CommandProblem(EXIT.usage, 'The answer was no. Nothing was sent.');
}

/** Results that are proven already are in it: only admission sees which of them it adopts. */
function estimateText({ currency, expected_micros, at_most_micros }: Estimate): string {
  const expected = `about ${moneyText(expected_micros, currency)}`;
  if (at_most_micros === expected_micros) return expected;
  return `${expected}, at most ${moneyText(at_most_micros, currency)} with every repetition charged`;
}

function capText({ currency, expected_micros }: Estimate, maxCostMicros: number | null): string {
  if (maxCostMicros === null) return '';
  const cap = `max_cost ${moneyText(maxCostMicros, currency)}`;
  return expected_micros > maxCostMicros ? `; ${cap} will pause it before its end` : `; ${cap}`;
}
