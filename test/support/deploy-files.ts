/** The deployment files of the repository, read as Docker would read them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Service {
  image: string;
  build?: { context: string; dockerfile: string };
  entrypoint?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  secrets?: string[];
  networks: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  stop_grace_period?: string;
  [option: string]: unknown;
}

export interface Compose {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file?: string }>;
  [option: string]: unknown;
}

export function readCompose(): Compose {
  return parse(readText('docker-compose.yml'), { merge: true }) as Compose;
}

/** Variables as they are without an environment: `${NAME:-default}` is the default, `${NAME:?why}` the text `required`. */
export function interpolated(text: string): string {
  return text.replaceAll(/\$\{\w+:-([^}]*)\}/gu, '$1').replaceAll(/\$\{\w+:\?[^}]*\}/gu, 'required');
}

/** A bind mount or a named volume in its short form: `source:target[:ro]`. */
export function mountOf(volume: string): { source: string; target: string; readOnly: boolean } {
  const [source = '', target = '', mode] = interpolated(volume).split(':');
  return { source, target, readOnly: mode === 'ro' };
}

export interface Instruction {
  name: string;
  text: string;
}

/** Instructions of each stage, joined lines, without comments. What stands before the first FROM comes first. */
export function readDockerfile(): Instruction[][] {
  const lines = readText('Dockerfile')
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#') && line.trim() !== '');
  const stages: Instruction[][] = [[]];
  for (const line of lines
    .join('\n')
    .replaceAll(/\\\n\s*/gu, '')
    .split('\n')) {
    const [name = '', ...rest] = line.split(' ');
    if (name === 'FROM') stages.push([]);
    stages.at(-1)?.push({ name, text: rest.join(' ').trim() });
  }
  return stages;
}

export interface Copy {
  /** Stage it comes from; null is the build context. */
  from: string | null;
  sources: string[];
  target: string;
}

export function copiesOf(stage: readonly Instruction[]): Copy[] {
  return stage
    .filter(({ name }) => name === 'COPY')
    .map(({ text }) => {
      const words = text.split(' ');
      const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length) ?? null;
      const paths = words.filter((word) => !word.startsWith('--'));
      return { from, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
    });
}

/** True when `.dockerignore`, which lists what is let in, lets this path in. */
export function isInContext(path: string): boolean {
  const rules = readText('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (rules[0] !== '*' || !rules.slice(1).every((rule) => rule.startsWith('!'))) {
    throw new Error('.dockerignore is not a list of exceptions from "nothing"');
  }
  return rules.slice(1).some((rule) => path === rule.slice(1) || path.startsWith(`${rule.slice(1)}/`));
}

function readText(name: string): string {
  return readFileSync(join(ROOT, name), 'utf8');
}
