import { type PriceTable, taskPrice } from '../domain/cost.ts';
import type { NormalizedTask } from '../domain/task.ts';
import type { Problem } from './problems.ts';

/** What lacks a price is named as far as this. */
const NAMED = 5;

/** SPEC R8: a cap holds only where every task that it counts has a price. */
export function unpricedProblems(
  { max_cost_micros, tasks }: { max_cost_micros: number | null; tasks: readonly NormalizedTask[] },
  table: PriceTable | null,
): Problem[] {
  if (max_cost_micros === null) return [];
  const unpriced = tasks.filter((task) => table === null || taskPrice(table, task) === null);
  if (unpriced.length === 0) return [];
  const names = [...new Set(unpriced.map(({ provider, model, size }) => `${provider}/${model} at ${size}`))];
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  const message = `needs a price for every task; "prices" of the config has none for ${names.slice(0, NAMED).join(', ')}${more}`;
  return [{ path: ['max_cost'], message }];
}
