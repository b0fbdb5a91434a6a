/**
 * What is removed from the spool, and when. An entry goes when all of this holds:
 * - none of its files has changed for the retention time;
 * - nobody works on it: no running process holds its lock, and the cleaner does while it removes;
 * - its task has ended: the `result.json` in the task's folder names each request of the entry, and each answer as paid.
 *   An entry without any request has nothing to be recorded, and goes by its age.
 * Temporary files go a day after they were written. Claims of images stay: they say whose image came first (SPEC P1).
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FILES } from '../domain/layout.ts';
import { isRecorded } from './recorded-requests.ts';
import { type Spool, SpoolEntry, type SpooledAttempt } from './spool.ts';
import { readSpoolJson } from './spool-files.ts';
import { removeStrays, type Strays } from './stray-files.ts';

export interface CleanupRule {
  /** Milliseconds since the last change of an entry; null: entries are never removed. */
  retentionMs: number | null;
  /** Milliseconds since 1970. */
  nowMs: number;
  /** Generations that one pass looks at, at most; the next one goes on behind the last. Default 5,000. */
  most?: number;
  /** The last generation of the pass before; null: begin with the first. */
  after?: string | null;
  /** Fires when the pass shall end; what it began with is done first. */
  signal?: AbortSignal;
}

export interface Cleanup {
  /** Generations. */
  lookedAt: number;
  removed: number;
  removedBytes: number;
  strays: Strays;
  /** Old enough, and kept: their requests are in no result on disk. */
  unrecorded: number;
  /** What was left as it is, and why: foreign, damaged, or the disk refused. */
  problems: string[];
  /** Where the next pass goes on; null when all were looked at. */
  after: string | null;
}

const MOST = 5_000;
const GENERATION = /^g-[0-9A-Za-z]+$/u;
const REMOVED = /^removed-[0-9a-f]{12}$/u;

/** One pass, one entry after the other: a worker has other things to do. Throws only when the spool can't be listed. */
export function cleanSpool({ root }: Spool, rule: CleanupRule): Promise<Cleanup> {
  return new Pass(root, rule).run();
}

class Pass {
  readonly #root: string;
  readonly #rule: CleanupRule;
  readonly #done: Cleanup = {
    lookedAt: 0,
    removed: 0,
    removedBytes: 0,
    strays: { files: 0, bytes: 0 },
    unrecorded: 0,
    problems: [],
    after: null,
  };
  /** Folders whose temporary files are gone: tasks share theirs. */
  readonly #swept = new Set<string>();

  constructor(root: string, rule: CleanupRule) {
    this.#root = root;
    this.#rule = rule;
  }

  async run(): Promise<Cleanup> {
    const { most = MOST, after = null, signal } = this.#rule;
    const names = existsSync(this.#root) ? await foldersIn(this.#root) : [];
    for (const name of names.filter((one) => REMOVED.test(one))) await this.#try(() => this.#discard(name));
    const generations = names.filter((name) => GENERATION.test(name)).sort();
    const from = after === null ? 0 : generations.findIndex((name) => name > after);
    const wanted = from === -1 ? [] : generations.slice(from, from + most);
    for (const name of wanted) if (signal?.aborted !== true) await this.#try(() => this.#generation(name));
    const isLast = wanted.at(-1) === generations.at(-1) || wanted.length === 0;
    if (isLast) await this.#try(() => this.#claims());
    return { ...this.#done, after: isLast ? null : (wanted.at(-1) ?? null) };
  }

  /** Whatever stands in the way of one thing is told, and does not stop the others. */
  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#done.problems.push((error as Error).message);
    }
  }

  async #generation(name: string): Promise<void> {
    const folder = join(this.#root, name);
    this.#done.lookedAt += 1;
    for (const request of await foldersIn(folder)) {
      const key = { generation_id: name, request_fingerprint: request };
      await this.#try(() => this.#entry(new SpoolEntry(join(folder, request), key)));
    }
    // Another request of it may be there still, or again.
    await rmdir(folder).catch(() => undefined);
  }

  async #entry(entry: SpoolEntry): Promise<void> {
    const attempts = await entry.attempts();
    await this.#sweepPlaces(entry, attempts);
    const verdict = await this.#verdictOn(entry, attempts);
    if (verdict === 'unrecorded') this.#done.unrecorded += 1;
    if (verdict !== 'remove') return;
    const lock = await entry.lock();
    if (lock.kind === 'held') return;
    try {
      // Somebody may have been at work until just now.
      if ((await this.#verdictOn(entry, await entry.attempts())) === 'remove') await this.#remove(entry);
    } finally {
      // Gone with the entry, unless that stays.
      await lock.release();
    }
  }

  async #verdictOn(
    entry: SpoolEntry,
    attempts: readonly SpooledAttempt[],
  ): Promise<'too young' | 'unrecorded' | 'remove'> {
    const { retentionMs, nowMs } = this.#rule;
    if (retentionMs === null || nowMs - (await lastChangeMs(entry.folder)) < retentionMs) return 'too young';
    return (await isRecorded(entry.key.generation_id, attempts)) ? 'remove' : 'unrecorded';
  }

  /** Out of reach in one step, then bit by bit: a half-removed entry would tell less than was paid. */
  async #remove(entry: SpoolEntry): Promise<void> {
    const bytes = await bytesIn(entry.folder);
    const name = `removed-${randomBytes(6).toString('hex')}`;
    await rename(entry.folder, join(this.#root, name));
    this.#done.removed += 1;
    this.#done.removedBytes += bytes;
    await this.#discard(name);
  }

  async #discard(name: string): Promise<void> {
    await rm(join(this.#root, name), { recursive: true, force: true });
  }

  /** Temporary files of a process that was killed: in the entry, beside its image, in its task's folder. */
  async #sweepPlaces(entry: SpoolEntry, attempts: readonly SpooledAttempt[]): Promise<void> {
    await this.#sweep(entry.folder);
    const image = await readSpoolJson<{ path?: unknown }>(join(entry.folder, 'image.json'));
    if (typeof image?.path === 'string') {
      await this.#sweep(dirname(image.path));
      await this.#sweep(join(dirname(image.path), FILES.proofs));
    }
    for (const { intent } of attempts) {
      if (intent?.run_dir === undefined || this.#swept.has(intent.run_dir)) continue;
      await this.#sweep(intent.run_dir);
      const names = await foldersIn(intent.run_dir).catch(() => []);
      for (const name of names.filter((one) => one.startsWith('attempt-')))
        await this.#sweep(join(intent.run_dir, name));
    }
  }

  /** Of the last pass only: a claim is written once, and there may be thousands. */
  async #claims(): Promise<void> {
    const claims = join(this.#root, 'images');
    for (const name of await foldersIn(claims).catch(() => [])) await this.#sweep(join(claims, name));
  }

  async #sweep(folder: string): Promise<void> {
    if (this.#swept.has(folder)) return;
    this.#swept.add(folder);
    const { files, bytes } = await removeStrays(folder, this.#rule.nowMs, this.#done.problems);
    this.#done.strays.files += files;
    this.#done.strays.bytes += bytes;
  }
}

/** Names of real folders; what a link leads to is not ours. */
async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** Milliseconds since 1970. Whoever looks takes the lock: that is no change. */
async function lastChangeMs(folder: string): Promise<number> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('lock'));
  const times = await Promise.all(names.map(async (name) => (await lstat(join(folder, name))).mtimeMs));
  return names.length === 0 ? (await lstat(folder)).mtimeMs : Math.max(...times);
}

async function bytesIn(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map(async (name) => (await lstat(join(folder, name))).size);
  return (await Promise.all(sizes)).reduce((total, size) => total + size, 0);
}
