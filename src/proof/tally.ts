/** How far a verification is, for whoever watches it. Counts what was found so far: more may be found on the way. */
import type { VerifyItem } from './verdict.ts';

export class Tally {
  /** Results and tasks that are to be looked at, as far as they are known. */
  found = 0;
  done = 0;
  notProven = 0;

  expect(count: number): void {
    this.found += count;
  }

  /** @returns the item */
  count<Item extends Pick<VerifyItem, 'ok'>>(item: Item): Item {
    this.done += 1;
    if (!item.ok) this.notProven += 1;
    return item;
  }
}
