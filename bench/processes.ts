/** Every process this program starts, so that none outlives it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';

const running = new Set<ChildProcessWithoutNullStreams>();

/** A program of Node. The background stack is no child of ours: `imgproof down` ends it. */
export function startNode(
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; cwd?: string },
): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  running.add(child);
  child.once('close', () => running.delete(child));
  return child;
}

export function endProcesses(): void {
  for (const child of running) child.kill('SIGTERM');
}
