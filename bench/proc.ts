/** What Linux knows of processes and of the machine, from /proc; see proc(5). */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** The unit of CPU times in /proc, on every architecture. */
const TICKS_PER_SECOND = 100;

/** CPU seconds of a process with all its threads and the children it has waited for; null when it has ended. */
export function cpuSeconds(pid: number): number | null {
  const times = statTimes(pid);
  return times === null ? null : times.own + times.children;
}

/** CPU seconds of the children that this process has waited for, theirs included. */
export function childrenCpuSeconds(): number {
  return statTimes(process.pid)?.children ?? 0;
}

/** CPU seconds that anybody has used on this machine, with what a hypervisor gave to others. */
export function machineCpuSeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = readFileSync(
    '/proc/stat',
    'utf8',
  )
    .split('\n', 1)[0]!
    .split(/\s+/u)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND;
}

/** Most memory that was resident at one time since the start, or since `forgetPeakMemory`; null when it has ended. */
export function peakMemoryBytes(pid: number): number | null {
  const line = /^VmHWM:\s+(\d+) kB$/mu.exec(readProc(pid, 'status') ?? '');
  return line === null ? null : Number(line[1]) * 1024;
}

/** What is resident now; null when it has ended. */
export function residentBytes(pid: number): number | null {
  const line = /^VmRSS:\s+(\d+) kB$/mu.exec(readProc(pid, 'status') ?? '');
  return line === null ? null : Number(line[1]) * 1024;
}

/** Open files, sockets and pipes; null when it has ended. */
export function openFileCount(pid: number): number | null {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return null;
  }
}

/** Begin the peak anew with what is resident now; a kernel that has no such switch goes on from the start. */
export function forgetPeakMemory(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // The peak is then an upper bound.
  }
}

/** Name in parentheses may hold anything; the rest is numbers (utime, stime, cutime, cstime are fields 14 to 17). */
function statTimes(pid: number): { own: number; children: number } | null {
  const stat = readProc(pid, 'stat');
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15).map(Number);
  return { own: (utime + stime) / TICKS_PER_SECOND, children: (cutime + cstime) / TICKS_PER_SECOND };
}

function readProc(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return null;
  }
}
