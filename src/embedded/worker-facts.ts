/**
 * What makes one worker another one than the next (SPEC G8): the values of the variables that the provider configs name,
 * where those configs are, and the version of imgproof. A worker publishes salted hashes; a command that orders compares
 * them with what it sees itself. Values stay in memory on both sides.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, namedVariables, type Settings } from '../config.ts';

/** By name; some values are secrets. */
export type WorkerFacts = Record<string, string>;

export interface PublishedFacts {
  imgproof_version: string;
  salt: string;
  /** HMAC-SHA256 with the salt as key: nobody can look a key up in a table, or see that two names hold the same one. */
  hashes: Record<string, string>;
}

export const VERSION_FACT = 'the imgproof version';

/** What a process started with these settings would work with. */
export function workerFacts(settings: Settings): WorkerFacts {
  const { env, ownConfig, openclawConfig, openclawStateDir, packageRoot } = settings;
  const names = [...namesIn(settings), 'IMGPROOF_ALLOW_MOCK'];
  return {
    ...Object.fromEntries(names.map((name) => [name, env[name]?.trim() ?? ''])),
    // A command that checked one config must not be served by a worker that reads another.
    IMGPROOF_CONFIG: ownConfig.path,
    OPENCLAW_CONFIG_PATH: openclawConfig.path,
    OPENCLAW_STATE_DIR: openclawStateDir,
    // The only default that an order does not carry: where batch folders go (SPEC F3).
    OPENCLAW_WORKSPACE: env['OPENCLAW_WORKSPACE']?.trim() ?? '',
    [VERSION_FACT]: imgproofVersion(packageRoot),
  };
}

export function publishedFacts(facts: WorkerFacts): PublishedFacts {
  const salt = randomBytes(16).toString('hex');
  const hashes = Object.entries(facts).map(([name, value]) => [name, hash(salt, name, value)]);
  return {
    imgproof_version: facts[VERSION_FACT] ?? '',
    salt,
    hashes: Object.fromEntries(hashes) as Record<string, string>,
  };
}

/** Names of what differs. A variable that the worker said nothing of (the config named it later) differs when it is set. */
export function differingFacts(facts: WorkerFacts, published: PublishedFacts): string[] {
  const { salt, hashes } = published;
  return Object.entries(facts)
    .filter(([name, value]) => (hashes[name] ?? hash(salt, name, '')) !== hash(salt, name, value))
    .map(([name]) => name);
}

function hash(salt: string, name: string, value: string): string {
  return createHmac('sha256', salt).update(`${name}\0${value}`).digest('hex');
}

/** A config that can't be read names nothing; whoever orders with it is told by the check of its provider. */
function namesIn(settings: Settings): string[] {
  try {
    return namedVariables(settings);
  } catch (error) {
    if (error instanceof ConfigError) return [];
    throw error;
  }
}

/** Of the package and, where it was built from a checkout, of its sources. */
function imgproofVersion(packageRoot: string): string {
  const { version = '' } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    version?: string;
  };
  try {
    return `${version}+${readFileSync(join(packageRoot, 'dist', '.stamp'), 'utf8')
      .trim()
      .slice(0, 12)}`;
  } catch {
    return version;
  }
}
