import { ConfigError, type JsonObject } from '../host/config-file.ts';

/** What one call needs to know of its provider. */
export interface ProviderConfig {
  name: string;
  /** Without a slash at its end; https, or http on this machine. */
  baseUrl: string;
  /** Empty only when a header carries the key. */
  apiKey: string;
  headers: Record<string, string>;
  /** Exact values that must never be shown (SPEC F9). */
  secrets: string[];
}

export type ProviderConfigKind = 'no_entry' | 'no_key' | 'unsupported' | 'invalid';

/** Why a provider can't be called. SPEC H7: a missing key is exit 4, everything else 3. */
export class ProviderConfigError extends ConfigError {
  override name = 'ProviderConfigError';
  readonly kind: ProviderConfigKind;

  constructor(kind: ProviderConfigKind, message: string) {
    super(message, kind === 'no_key' ? 4 : 3);
    this.kind = kind;
  }
}

/** A provider entry, where it was found, and what it may refer to there. */
export interface ProviderEntry {
  name: string;
  block: unknown;
  file: string;
  secrets: SecretsBlock;
  /** What `~` means in that file. */
  home: string;
  /** Value of a variable; undefined when it is unset or empty. */
  variable: (name: string) => string | undefined;
  /** A source of variables that OpenClaw would ask too, and this version doesn't. */
  unaskedVariables: 'env.shellEnv' | null;
  /** Model of the calls to come: entries in `models` may change how it is called. */
  model: string;
}

/** `secrets` of a config file: what SecretRefs may refer to. */
export interface SecretsBlock {
  /** By alias. */
  providers: JsonObject;
  /** Alias that a SecretRef of that source means when it names none. */
  defaults: JsonObject;
}

export function problem(
  { name, file }: Pick<ProviderEntry, 'name' | 'file'>,
  kind: ProviderConfigKind,
  what: string,
): ProviderConfigError {
  return new ProviderConfigError(kind, `Provider "${name}" in ${file} ${what}.`);
}
