import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Names one process for ever: a pid alone is given again, to others, also after a reboot. */
export interface ProcessIdentity {
  /** For people; nothing is judged by it. */
  host: string;
  boot_id: string;
  pid: number;
  /** When the process started, in the unit of the platform (clock ticks since boot on Linux). */
  start_time: string;
}

/** Identity of a running process; null when it has ended (a zombie has ended). */
export function identify(pid: number): ProcessIdentity | null {
  const start = process.platform === 'linux' ? startOnLinux(pid) : startByPs(pid);
  return start === null ? null : { host: hostname(), boot_id: bootId(), pid, start_time: start };
}

export function ownIdentity(): ProcessIdentity {
  const own = identify(process.pid);
  if (own === null) throw new Error(`process ${process.pid} can't find itself in the process table`);
  return own;
}

/**
 * True while exactly this process runs: boot id, pid and start time are the same (DESIGN 2.11). The host name is for
 * people only: it changes with networks.
 */
export function isRunning(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== null && isSameProcess(now, identity);
}

export function isSameProcess(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return one.pid === other.pid && one.boot_id === other.boot_id && one.start_time === other.start_time;
}

function startOnLinux(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name in parentheses may hold anything; fields are counted behind it (proc(5): state is 3, starttime 22).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

function startByPs(pid: number): string | null {
  try {
    const line = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return line === '' || line.startsWith('Z') ? null : line.replace(/^\S+\s+/u, '');
  } catch {
    return null;
  }
}

let cachedBootId: string | undefined;

function bootId(): string {
  cachedBootId ??= readBootId();
  return cachedBootId;
}

function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return execFileSync('sysctl', ['-n', 'kern.boottime'], { encoding: 'utf8' }).trim();
  }
}
