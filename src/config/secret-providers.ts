/** Entries of `secrets.providers` (`reference/api.md` 3): one form per source. Structure only, nothing is opened here. */
import { dirname, isAbsolute, normalize } from 'node:path';
import * as z from 'zod';
import { expandHome, isInside, isObject, type JsonObject } from '../host/config-file.ts';
import { problem, type ProviderEntry } from './provider-entry.ts';
import { withVariablesIn } from './variables.ts';

export type SecretSource = 'env' | 'file' | 'exec' | 'store';

export type SecretProvider = EnvProvider | FileProvider | CommandProvider;

export interface EnvProvider {
  source: 'env';
  /** Names of the only variables that may be used; undefined: any. */
  allowlist?: string[];
}

export interface FileProvider {
  source: 'file';
  /** Absolute. */
  path: string;
  /** `json`: an object that ids point into; `singleValue`: the whole text is the secret. */
  mode: 'json' | 'singleValue';
  timeoutMs: number;
  maxBytes: number;
}

export interface CommandProvider {
  source: 'exec';
  /** Absolute; run without a shell. */
  command: string;
  args: string[];
  /** The whole environment of the command. */
  env: Record<string, string>;
  /** False: its output may be the secret itself. */
  jsonOnly: boolean;
  timeoutMs: number;
  /** Milliseconds without output after which it is ended. */
  noOutputTimeoutMs: number;
  maxOutputBytes: number;
}

/** @throws ProviderConfigError that names every field that can't be used */
export function readSecretProvider(
  entry: ProviderEntry,
  alias: string,
  source: SecretSource,
  block: JsonObject,
): SecretProvider {
  const place = `secrets.providers.${alias}`;
  if (Object.hasOwn(block, 'pluginIntegration')) {
    throw problem(
      entry,
      'unsupported',
      `needs ${place} with pluginIntegration, which this version does not support; use command and args`,
    );
  }
  const form = FORMS.safeParse({ ...(withVariablesIn(entry, place, block) as JsonObject), source });
  if (!form.success) {
    const problems = form.error.issues.map(whatIsWrong);
    throw problem(entry, 'invalid', `needs ${place}, which can't be used: ${problems.join('; ')}`);
  }
  switch (form.data.source) {
    case 'env':
      return form.data;
    case 'file':
      return { ...form.data, path: expandHome(form.data.path, entry.home) };
    case 'exec':
      return commandProvider(entry, place, form.data);
  }
}

function whatIsWrong(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return [...issue.path.map(String), issue.message].join(' ');
  const names = issue.keys.map((key) => JSON.stringify(key.slice(0, 40)));
  return `it has no field ${names.join(', ')}`;
}

function commandProvider(
  entry: ProviderEntry,
  place: string,
  { passEnv, trustedDirs, ...form }: CommandForm,
): CommandProvider {
  const command = normalize(expandHome(form.command, entry.home));
  const isTrusted = (folder: string) => isInside(dirname(command), expandHome(folder, entry.home));
  if (trustedDirs !== undefined && trustedDirs.length > 0 && !trustedDirs.some(isTrusted))
    throw problem(entry, 'invalid', `needs ${place}, whose command is in none of its trustedDirs`);
  const passed = passEnv.flatMap((name) => {
    const value = entry.variable(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const { noOutputTimeoutMs = form.timeoutMs } = form;
  return { ...form, command, noOutputTimeoutMs, env: { ...Object.fromEntries(passed), ...form.env } };
}

// --- forms ---------------------------------------------------------------------------------------------------------

const TIMEOUT_MS_MAX = 120_000;
const BYTES_MAX = 20 * 1024 * 1024;

/** Its message says what is expected, never what is there. */
function must<T>(be: string, fits: (value: unknown) => boolean) {
  return z.custom<T>(fits, `must be ${be}`);
}

const isText = (value: unknown) => typeof value === 'string' && !value.includes('\0');
const isPath = (value: unknown) =>
  isText(value) && (isAbsolute(value as string) || (value as string).startsWith('~/'));
const isVariableName = (value: unknown) => isText(value) && /^[A-Za-z_][A-Za-z0-9_]*$/u.test(value as string);
const isListOf = (fits: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(fits);
const isEnv = (value: unknown) =>
  isObject(value) && Object.keys(value).every(isVariableName) && Object.values(value).every(isText);

const path = must<string>('absolute (or begin with ~/)', isPath);
const wholeNumber = (max: number) =>
  must<number>(
    `a whole number from 1 to ${max}`,
    (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= max,
  );
const variableNames = must<string[]>('a list of names of variables', isListOf(isVariableName));

const EnvForm = z.strictObject({ source: z.literal('env'), allowlist: variableNames.exactOptional() });

const FileForm = z.strictObject({
  source: z.literal('file'),
  path,
  mode: must<FileProvider['mode']>('"json" or "singleValue"', (value) =>
    ['json', 'singleValue'].includes(value as string),
  ).default('json'),
  timeoutMs: wholeNumber(TIMEOUT_MS_MAX).default(5_000),
  maxBytes: wholeNumber(BYTES_MAX).default(1024 * 1024),
});

const CommandForm = z.strictObject({
  source: z.literal('exec'),
  command: path,
  args: must<string[]>('a list of strings', isListOf(isText)).default([]),
  passEnv: variableNames.default([]),
  env: must<Record<string, string>>('an object of strings by name of variable', isEnv).default({}),
  jsonOnly: must<boolean>('true or false', (value) => typeof value === 'boolean').default(true),
  timeoutMs: wholeNumber(TIMEOUT_MS_MAX).default(5_000),
  noOutputTimeoutMs: wholeNumber(TIMEOUT_MS_MAX).exactOptional(),
  maxOutputBytes: wholeNumber(BYTES_MAX).default(1024 * 1024),
  trustedDirs: must<string[]>('a list of absolute paths', isListOf(isPath)).exactOptional(),
});
type CommandForm = z.infer<typeof CommandForm>;

const FORMS = z.discriminatedUnion('source', [EnvForm, FileForm, CommandForm]);
