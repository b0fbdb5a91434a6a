/**
 * The embedded server's database file, which the server itself neither checks nor migrates: tables are made only when
 * there is no file at all, so that one killed in its first start never starts again, or serves without some of them; an
 * older server serves a newer one's file. So the home remembers which server served it last (tried with Temporal CLI
 * 1.5.1 and 1.9.1).
 */
import { existsSync } from 'node:fs';
import { rename, rm, statfs } from 'node:fs/promises';
import { EnvironmentProblem } from './environment-problem.ts';
import { homeFiles } from './home.ts';
import { readHomeRecord, writeHomeRecord } from './home-record.ts';

/** `<home>/server.json`, written by the supervisor as soon as a server serves, and before anybody is told of it. */
export interface LastServer {
  /** As `temporal --version` says it: `1.9.1 (Server 1.32.0, UI 2.54.1)`. */
  temporal_version: string;
  /** host:port. */
  address: string;
  at: string;
}

/** SQLite's own companions of a database file. */
const PARTS = ['', '-wal', '-shm', '-journal'];

export function lastServer(home: string): Promise<LastServer | null> {
  return readHomeRecord<LastServer>(homeFiles(home).server);
}

export async function noteServed(home: string, temporalVersion: string, address: string): Promise<void> {
  const record: LastServer = {
    temporal_version: temporalVersion,
    address,
    at: new Date().toISOString(),
  };
  await writeHomeRecord(homeFiles(home).server, record);
}

/** @throws EnvironmentProblem when a newer Temporal served this file than the one that is to serve it now. */
export async function refuseNewerDatabase(home: string, temporalVersion: string): Promise<void> {
  const { database } = homeFiles(home);
  const last = await lastServer(home);
  if (last === null || !existsSync(database) || !isOlder(temporalVersion, last.temporal_version)) return;
  throw new EnvironmentProblem(
    `The database ${database} was last served by a newer Temporal, ${last.temporal_version}; the one in use now is ` +
      `${temporalVersion}, which may not understand it. Use a Temporal as new as that one (name it in TEMPORAL_CLI_PATH), ` +
      `or begin with a new database: ${wayOut(database)}`,
    { final: true },
  );
}

/**
 * Nothing was ever ordered in a database that never served: it is moved to `temporal.db.unserved`, where the next one like
 * it takes its place. The caller holds the home's lock and has found no server. True when there was one.
 */
export async function setAsideUnserved(home: string): Promise<boolean> {
  const { database, server, worker } = homeFiles(home);
  // A home older than `server.json` has had a worker all the same.
  const hasServed = existsSync(server) || existsSync(worker);
  if (hasServed || !existsSync(database)) return false;
  for (const part of PARTS) {
    const aside = `${database}.unserved${part}`;
    await rm(aside, { force: true });
    await rename(database + part, aside).catch(() => undefined);
  }
  return true;
}

/** What the last words of a server that ended or didn't serve say of its database; null when nothing. */
export async function databaseTrouble(home: string, serverLog: string): Promise<EnvironmentProblem | null> {
  const { database } = homeFiles(home);
  for (const { pattern, trouble, isFinal } of TROUBLES) {
    const said = pattern.exec(serverLog)?.[0];
    if (said !== undefined) return new EnvironmentProblem(trouble(database, said), { final: isFinal });
  }
  // On a full disk even last words are lost.
  return (await freeBytes(home)) < LEAST_FREE_BYTES
    ? new EnvironmentProblem(diskFull(database, 'no space left'))
    : null;
}

/** A server needs more than this to write its first rows. */
const LEAST_FREE_BYTES = 256 * 1024;

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

interface Trouble {
  /** In the words of SQLite, as the server logs them. */
  pattern: RegExp;
  trouble: (database: string, said: string) => string;
  isFinal: boolean;
}

const TROUBLES: Trouble[] = [
  {
    pattern: /file is not a database|database disk image is malformed|no such (?:table|column): [\w.]+/u,
    trouble: (database, said) =>
      `The database of the embedded Temporal is damaged: ${database} ("${said}"). Begin with a new one: ${wayOut(database)}`,
    isFinal: true,
  },
  {
    pattern: /unable to open database file|attempt to write a readonly database/u,
    trouble: (database, said) =>
      `The database of the embedded Temporal can't be used: ${database} ("${said}"). Give this user the right to read and ` +
      'write the file and its folder, and run this again.',
    isFinal: true,
  },
  {
    pattern: /database or disk is full/u,
    trouble: diskFull,
    isFinal: false,
  },
];

function diskFull(database: string, said: string): string {
  return (
    `The disk of the embedded Temporal's database is full: ${database} ("${said}"). Free some space and run this again; ` +
    'nothing is lost.'
  );
}

function wayOut(database: string): string {
  return (
    `\`imgproof down\`, then move ${database} away together with ${database}-wal and ${database}-shm. Images and proofs ` +
    'are files of their own: the same `imgproof batch` command then adopts what is proven and paid, and orders only the rest.'
  );
}

/** By the server's version, as the database is the server's; by that of the CLI when it doesn't say. */
function isOlder(one: string, other: string): boolean {
  const [a, b] = [versionOf(one), versionOf(other)];
  if (a === null || b === null) return false;
  const at = a.findIndex((number, i) => number !== b[i]);
  return at !== -1 && (a[at] as number) < (b[at] as number);
}

function versionOf(text: string): number[] | null {
  const version = (/Server v?(\d+\.\d+\.\d+)/u.exec(text) ?? /^v?(\d+\.\d+\.\d+)/u.exec(text))?.[1];
  return version?.split('.').map(Number) ?? null;
}
