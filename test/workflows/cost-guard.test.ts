/** The cap as an invariant (SPEC R8), whatever tasks cost and in whatever order they end. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Admission } from '../../src/domain/batch.ts';
import { emptyEnd } from '../../src/domain/rows.ts';
import type { TaskTicket } from '../../src/domain/task.ts';
import { CostGuard } from '../../src/workflows/cost-guard.ts';
import { TaskBook } from '../../src/workflows/task-book.ts';

/** A task of the plan: its price, what its one request came to, and which of those that run ends then. */
interface Planned {
  priceMicros: number;
  /** What an answer costs by its tokens: at most what was expected. */
  spentPart: number;
  billing: 'no' | 'possible' | 'yes';
  endsAt: number;
}

const PLAN = fc.record({
  tasks: fc.array(
    fc.record<Planned>({
      priceMicros: fc.integer({ min: 0, max: 400_000 }),
      spentPart: fc.double({ min: 0, max: 1, noNaN: true }),
      billing: fc.constantFrom('no', 'possible', 'yes'),
      endsAt: fc.nat(3),
    }),
    { minLength: 1, maxLength: 30 },
  ),
  workers: fc.integer({ min: 1, max: 4 }),
  capMicros: fc.integer({ min: 1, max: 4_000_000 }),
});

test('with one request for each task the cap is never exceeded, and what is left would have exceeded it', () => {
  fc.assert(
    fc.property(PLAN, ({ tasks, workers, capMicros }) => {
      const { book, guard } = bookOf(tasks, capMicros);
      const running: number[] = [];
      let next = 1;
      do {
        while (next <= tasks.length && running.length < workers && guard.refusal(next) === null) {
          book.start(next);
          running.push(next);
          next += 1;
          expect(committedMicros(book, running, tasks)).toBeLessThanOrEqual(capMicros);
        }
        const [ended] = running.splice((tasks[next - 2]?.endsAt ?? 0) % Math.max(1, running.length), 1);
        if (ended !== undefined) endTask(book, ended, tasks[ended - 1] as Planned);
      } while (running.length > 0 || (next <= tasks.length && guard.refusal(next) === null));
      const committed = committedMicros(book, [], tasks);
      expect(committed).toBeLessThanOrEqual(capMicros);
      const left = tasks[next - 1];
      if (left !== undefined) expect(committed + left.priceMicros).toBeGreaterThan(capMicros);
    }),
    { numRuns: 500 },
  );
});

test('a task that runs once more counts with what it cost before', () => {
  const task: Planned = { priceMicros: 50_000, spentPart: 1, billing: 'possible', endsAt: 0 };
  const { book, guard } = bookOf([task, task], 140_000);
  book.start(1);
  endTask(book, 1, task);
  book.reopen(1);
  expect(guard.refusal(1)).toBeNull();
  book.start(1);
  expect(guard.refusal(2)).toBe(
    'max_cost 0.14 USD: 0.00 USD spent, 0.05 USD possibly, 0.05 USD in flight; the next task is expected to cost 0.05 USD',
  );
  guard.setCap(150_000);
  expect(guard.refusal(2)).toBeNull();
});

test('without a cap, and without prices, nothing is refused', () => {
  const task: Planned = { priceMicros: 1, spentPart: 1, billing: 'yes', endsAt: 0 };
  expect(bookOf([task], null).guard.refusal(1)).toBeNull();
  const { guard } = bookOf([task], null, null);
  guard.setCap(0);
  expect([guard.currency, guard.refusal(1)]).toEqual([null, null]);
});

function bookOf(tasks: readonly Planned[], capMicros: number | null, currency: string | null = 'USD') {
  const book = new TaskBook();
  book.admit({
    tasks: tasks.map(({ priceMicros }, i) => ({ index: i + 1, price_micros: priceMicros }) as TaskTicket),
    ended: [],
    ...(currency === null ? {} : { currency }),
    ...(capMicros === null ? {} : { max_cost_micros: capMicros }),
  } as unknown as Admission);
  return { book, guard: new CostGuard(book) };
}

function endTask(book: TaskBook, index: number, { billing, priceMicros, spentPart }: Planned): void {
  const charged = { no: 0, possible: priceMicros, yes: Math.floor(priceMicros * spentPart) }[billing];
  const counts = { no: 0, possible: 0, yes: 0, [billing]: 1 };
  const money = {
    currency: 'USD',
    spent_micros: billing === 'yes' ? charged : 0,
    possibly_spent_micros: billing === 'possible' ? charged : 0,
  };
  book.end({ ...emptyEnd(index, 'failed'), billing: { ...counts, ...money } });
}

/** Counted here once more, from the plan and the ends. */
function committedMicros(book: TaskBook, running: readonly number[], tasks: readonly Planned[]): number {
  const ended = book
    .ends()
    .reduce(
      (sum, { billing }) => sum + (billing.spent_micros ?? 0) + (billing.possibly_spent_micros ?? 0),
      0,
    );
  return running.reduce((sum, index) => sum + (tasks[index - 1]?.priceMicros ?? 0), ended);
}
