/** What OpenClaw's config says about providers; everything else in it is not ours, and not even followed. */
import { isObject, type JsonObject } from '../host/config-file.ts';
import { readWithIncludes } from './include.ts';
import type { SecretsBlock } from './provider-entry.ts';
import type { Settings } from './settings.ts';

export interface OpenclawDocument {
  /** `models.providers`. */
  providers: JsonObject;
  secrets: SecretsBlock;
  /** `env.vars`: variables that count where neither the environment nor `.env` has them. */
  vars: JsonObject;
  /** `env.shellEnv.enabled`: OpenClaw would ask the login shell for variables. */
  asksShell: boolean;
}

/** Read anew each time, its includes followed; empty when there is no such file and nobody named it. @throws ConfigError */
export function readOpenclaw({ openclawConfig, openclawIncludeRoots }: Settings): OpenclawDocument {
  const rules = { keys: ['env', 'models', 'secrets'], roots: openclawIncludeRoots };
  const document = readWithIncludes(openclawConfig, rules) ?? {};
  const env = objectAt(document, 'env');
  return {
    providers: objectAt(objectAt(document, 'models'), 'providers'),
    secrets: secretsBlock(objectAt(document, 'secrets')),
    vars: objectAt(env, 'vars'),
    asksShell: objectAt(env, 'shellEnv')['enabled'] === true,
  };
}

export function secretsBlock(secrets: JsonObject): SecretsBlock {
  return { providers: objectAt(secrets, 'providers'), defaults: objectAt(secrets, 'defaults') };
}

function objectAt(object: JsonObject, key: string): JsonObject {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  return isObject(value) ? value : {};
}
