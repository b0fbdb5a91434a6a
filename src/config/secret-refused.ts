/** Why a secret can't be had: a text that follows `secrets.providers.<alias>:` and quotes nothing of it (SPEC F9). */
export class SecretRefused extends Error {
  override name = 'SecretRefused';
  /** `no_key`: the secret isn't there. `invalid`: its place breaks a rule. */
  readonly kind: 'no_key' | 'invalid';

  constructor(kind: SecretRefused['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** By id; what is missing is not there. */
export type SecretAnswers = Map<string, string | SecretRefused>;

/** A secret as it was found: text, and not empty. */
export function secretText(found: unknown): string | SecretRefused {
  if (typeof found === 'string' && found.trim() !== '') return found;
  const what = typeof found === 'string' ? 'is empty' : 'is not a string';
  return new SecretRefused('no_key', `what it holds there ${what}; put the secret there as a string`);
}
