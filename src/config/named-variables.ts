/** Which environment variables decide how a provider is called (SPEC G8). Names only: no secret is opened for it. */
import { isObject, readJson5 } from '../host/config-file.ts';
import { readOwnConfig } from './own-config.ts';
import type { Settings } from './settings.ts';

/** Names of environment variables in the provider blocks of both configs, sorted. @throws ConfigError */
export function namedVariables(settings: Settings): string[] {
  const document = readJson5(settings.openclawConfig) ?? {};
  const models = document['models'];
  const blocks = [readOwnConfig(settings).providers, isObject(models) ? models['providers'] : undefined];
  return [...new Set(blocks.flatMap(variablesIn))].sort();
}

function variablesIn(value: unknown): string[] {
  if (typeof value === 'string') return variablesInText(value);
  if (typeof value !== 'object' || value === null) return [];
  const { source, id } = value as { source?: unknown; id?: unknown };
  if (source === 'env' && typeof id === 'string') return [id];
  return Object.values(value).flatMap(variablesIn);
}

function variablesInText(text: string): string[] {
  const whole = /^\$([A-Z_][A-Z0-9_]*)$/u.exec(text.trim())?.[1];
  if (whole !== undefined) return [whole];
  return [...text.matchAll(/(?<!\$)\$\{([A-Z_][A-Z0-9_]*)\}/gu)].map(([, name]) => name as string);
}
