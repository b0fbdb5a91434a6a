/** What the figures were measured on. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Stack } from './stack.ts';
import { median } from './stats.ts';

export interface Machine {
  cpu: string;
  cores: number;
  memoryBytes: number;
  kernel: string;
  node: string;
  temporal: string;
  /** Of the folder the measured runs write to. */
  fileSystem: string;
  /** Median time to write and fsync 4 KiB there: each image takes several of these. */
  fsyncMs: number;
  /** Of the last minute, before anything was started. */
  loadAverage: number;
  commit: string | null;
}

export async function machineFacts(stack: Stack, folder: string): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.versions.node,
    loadAverage: loadavg()[0] ?? 0,
    fileSystem: fileSystemOf(folder),
    fsyncMs: await fsyncMs(folder),
    commit: currentCommit(),
    temporal: (await stack.imgproof(['temporal', '--version'])).stdout.trim(),
  };
}

/** By the longest mount point above it. */
function fileSystemOf(folder: string): string {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, point = '/']) => `${folder}/`.startsWith(point === '/' ? point : `${point}/`))
    .sort(([, a = ''], [, b = '']) => b.length - a.length);
  return mounts[0]?.[2] ?? 'unknown';
}

const FSYNCS = 20;

async function fsyncMs(folder: string): Promise<number> {
  const path = join(folder, 'fsync-probe');
  const file = await open(path, 'w');
  const times: number[] = [];
  for (let n = 0; n < FSYNCS; n += 1) {
    const startedAt = performance.now();
    await file.write(Buffer.alloc(4096, n));
    await file.sync();
    times.push(performance.now() - startedAt);
  }
  await file.close();
  await rm(path);
  return median(times);
}

/** Null where there is no Git, or no repository. */
function currentCommit(): string | null {
  const git = spawnSync('git', ['rev-parse', '--short', 'HEAD'], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  });
  return git.status === 0 ? git.stdout.trim() : null;
}
