/** Images that are looked at at the same time; each may need a few hundred MB to be decoded. */
export const IMAGES_AT_ONCE = 4;

/** `Promise.all` over `items` with at most `limit` under way: a large output directory must not use up file handles. */
export async function mapLimited<T, R>(
  items: readonly T[],
  limit: number,
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const at = next;
      next += 1;
      results[at] = await map(items[at] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  return results;
}
