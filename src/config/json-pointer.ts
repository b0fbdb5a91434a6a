/** What a JSON pointer that is not empty (RFC 6901) points at; undefined when there is nothing. */
export function readPointer(document: unknown, pointer: string): unknown {
  const steps = pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return steps.reduce<unknown>(child, document);
}

function child(value: unknown, step: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  // `length` is a list's own too, and `-` and `01` are no positions.
  if (Array.isArray(value)) return /^(?:0|[1-9]\d*)$/u.test(step) ? value[Number(step)] : undefined;
  return Object.hasOwn(value, step) ? (value as Record<string, unknown>)[step] : undefined;
}
