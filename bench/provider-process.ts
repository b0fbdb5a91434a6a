/** The scripted provider as a process of its own, one for each run: its call log is the judge of that run. */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CallRecord } from '../test/support/provider-calls.ts';
import type { Workload } from './options.ts';
import { startNode } from './processes.ts';

/** The only key it takes. */
export const API_KEY = 'test-key';

const PROGRAM = fileURLToPath(new URL('provider.ts', import.meta.url));

export interface Provider {
  baseUrl: string;
  pid: number;
  /** Every call so far, in order of arrival. */
  calls: () => CallRecord[];
  stop: () => Promise<void>;
}

/** Images for twice as many calls as there are tasks: a call too many is for the checks to find. */
export async function startProvider(workload: Workload, label: string, logFile: string): Promise<Provider> {
  const options = {
    'latency-ms': workload.latencyMs,
    'image-bytes': workload.imageBytes,
    images: workload.tasks * 2,
    label,
    log: logFile,
  };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = startNode(['--import', 'tsx', PROGRAM, ...args], { env: process.env });
  child.stderr.pipe(process.stderr);
  const exited = once(child, 'exit');
  const [line] = (await Promise.race([
    once(createInterface(child.stdout), 'line'),
    exited.then(([code]) => Promise.reject(new Error(`the scripted provider ended with ${code}`))),
  ])) as [string];
  const { baseUrl } = JSON.parse(line) as { baseUrl: string };
  return {
    baseUrl,
    pid: child.pid as number,
    calls: () => callsIn(logFile),
    stop: async () => {
      child.stdin.end();
      await exited;
    },
  };
}

/** The log has a line per event; the last one of a call says how it ended. */
function callsIn(logFile: string): CallRecord[] {
  if (!existsSync(logFile)) return [];
  const lines = readFileSync(logFile, 'utf8').split('\n').filter(Boolean);
  const records = lines.map((line) => JSON.parse(line) as CallRecord);
  return [...new Map(records.map((record) => [record.call, record])).values()];
}
