/** A value of unknown JSON in a message: whatever it is, never a throw. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
}
