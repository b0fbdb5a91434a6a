/** What several records have in common can be said once, where every byte is kept. */

/** Fields that have the same value in all of them. */
export function commonFields<T extends object>([first, ...others]: readonly T[]): Partial<T> {
  if (first === undefined) return {};
  const isCommon = ([name, value]: [string, unknown]) =>
    others.every((other) => other[name as keyof T] === value);
  return Object.fromEntries(Object.entries(first).filter(isCommon)) as Partial<T>;
}

/** What of a record `said` does not say already. */
export function ownFields<T extends object>(record: T, said: Partial<T>): Partial<T> {
  const isOwn = ([name, value]: [string, unknown]) => said[name as keyof T] !== value;
  return Object.fromEntries(Object.entries(record).filter(isOwn)) as Partial<T>;
}
