/** imgproof as people have it: the built CLI, a home of its own with the embedded server, supervisor and worker in it. */
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, type Ended, run } from './meter.ts';
import { API_KEY } from './provider-process.ts';
import type { Order } from './runner.ts';

const BIN = fileURLToPath(new URL('../bin/imgproof.js', import.meta.url));

export interface Stack {
  outputDir: string;
  command: (args: readonly string[]) => Command;
  /** To the end; throws when it does not exit with 0. */
  imgproof: (args: readonly string[]) => Promise<Ended>;
  /** Address of the server and pids of what runs in the background. @throws when it is not ready */
  running: () => Promise<{ address: string; pids: Record<'worker' | 'server' | 'supervisor', number> }>;
  useProvider: (baseUrl: string) => Promise<void>;
  writeBatch: (name: string, order: Pick<Order, 'size' | 'tasks'>) => Promise<string>;
  /** Also of a stack that never started. */
  stop: () => void;
}

export async function openStack(folder: string): Promise<Stack> {
  const [home, outputDir] = [join(folder, 'home'), join(folder, 'out')];
  const config = join(folder, 'config.json');
  await mkdir(home, { recursive: true });
  const env = environment(folder, home, config);
  const command = (args: readonly string[]) => ({ args: [BIN, ...args], env, cwd: folder });
  const imgproof = async (args: readonly string[]) => {
    const ended = await run(command(args));
    if (ended.exitCode === 0) return ended;
    throw new Error(`imgproof ${args.join(' ')} ended with ${ended.exitCode}: ${ended.stderr}`);
  };
  const useProvider = (baseUrl: string) => {
    const happy = { baseUrl, apiKey: '${HAPPY_API_KEY}' };
    return writeFile(config, JSON.stringify({ providers: { happy } }, null, 2));
  };
  // The worker must know from its start which variable the config names: else it is restarted for it (SPEC G8).
  await useProvider('http://127.0.0.1:9/v1');
  return {
    outputDir,
    command,
    imgproof,
    running: async () => runningOf((await imgproof(['status', '--json'])).stdout),
    useProvider,
    writeBatch: async (name, order) => {
      const path = join(folder, `${name}.json`);
      await writeFile(path, JSON.stringify(batchOf(outputDir, order), null, 2));
      return path;
    },
    stop: () => stopStack(command(['down', '--now'])),
  };
}

function stopStack({ args, env, cwd }: Command): void {
  const { status, stderr } = spawnSync(process.execPath, args, { env, cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the background stack could not be stopped (${status}): ${stderr}`);
}

function batchOf(outputDir: string, { size, tasks }: Pick<Order, 'size' | 'tasks'>) {
  return {
    output_dir: outputDir,
    size,
    // A call that had to be repeated is a check that fails; nobody needs to wait for it.
    retry_base_delay: 0.2,
    retry_jitter: 0,
    tasks: tasks.map(({ name, prompt }) => ({ task_name: name, prompt })),
  };
}

/** Nothing of this machine's own setup but where the Temporal binary is. */
function environment(folder: string, home: string, config: string): NodeJS.ProcessEnv {
  const binary = ['PATH', 'TEMPORAL_CLI_PATH', 'IMGPROOF_CACHE'].filter((name) => process.env[name]);
  return {
    ...Object.fromEntries(binary.map((name) => [name, process.env[name]])),
    HOME: folder,
    IMGPROOF_HOME: home,
    IMGPROOF_CONFIG: config,
    OPENCLAW_STATE_DIR: join(folder, 'openclaw'),
    HAPPY_API_KEY: API_KEY,
  };
}

function runningOf(statusJson: string) {
  const { embedded } = JSON.parse(statusJson) as {
    embedded: { address: string | null } & Record<'worker' | 'server' | 'supervisor', { pid: number } | null>;
  };
  const { address, worker, server, supervisor } = embedded;
  if (address === null || worker === null || server === null || supervisor === null)
    throw new Error(`the background stack is not up: ${statusJson}`);
  return { address, pids: { worker: worker.pid, server: server.pid, supervisor: supervisor.pid } };
}
