/** Longer values are cut in messages. */
const LONGEST_CHARACTERS = 500;

/** A value of unknown JSON in a message: whatever it is, never a throw. Members of objects in a fixed order. */
export function shown(value: unknown): string {
  return (typeof value === 'string' ? value : jsonInOrder(value)).slice(0, LONGEST_CHARACTERS);
}

/** Equal values have equal texts, whatever the order of their members. */
export function jsonInOrder(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${name}: ${jsonInOrder(member)}`).join(', ')}}`;
}

const PROBLEMS_SHOWN = 5;

/** Problems in one text, which stays short however many there are. */
export function firstOf(problems: readonly string[]): string {
  const more = problems.length > PROBLEMS_SHOWN ? `; and ${problems.length - PROBLEMS_SHOWN} more` : '';
  return problems.slice(0, PROBLEMS_SHOWN).join('; ') + more;
}
