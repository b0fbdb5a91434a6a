/** imgproof as people run it: the built CLI as a process, a home and folders of its own, the scripted provider as `happy`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ProviderServer, type ProviderServerOptions, startProviderServer } from './provider-server.ts';
import { newFolder } from './temp-folder.ts';

const BIN = fileURLToPath(new URL('../../bin/imgproof.js', import.meta.url));

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
  /** So far. */
  stdout: () => string;
  stderr: () => string;
}

export interface Cli {
  folder: string;
  home: string;
  outputDir: string;
  env: NodeJS.ProcessEnv;
  /** Run to the end. */
  run: (
    args: readonly string[],
    options?: { input?: string; cwd?: string; env?: NodeJS.ProcessEnv },
  ) => Promise<Ended>;
  /** Start, and end later. */
  start: (args: readonly string[], options?: { cwd?: string; env?: NodeJS.ProcessEnv }) => Running;
  /** Write a batch file and return its path. */
  batchFile: (name: string, tasks: readonly unknown[], fields?: object) => Promise<string>;
  /** Pids of the background stack as its supervisor published them. */
  pids: () => Promise<{ supervisor: number; server: number; worker: number }>;
  /** Ends the background stack, then removes its folders; `beforeAll` returns it. */
  stop: () => Promise<void>;
}

/** `bin`: of another build than that of this repository. */
export async function startCli(
  baseUrl: string,
  extraEnv: NodeJS.ProcessEnv = {},
  { bin } = { bin: BIN },
): Promise<Cli> {
  const folder = newFolder();
  const home = extraEnv['IMGPROOF_HOME'] ?? join(folder, 'home');
  const outputDir = join(folder, 'out');
  const config = join(folder, 'config.json');
  await mkdir(home, { recursive: true });
  await writeFile(config, JSON.stringify({ providers: { happy: { baseUrl, apiKey: '${HAPPY_API_KEY}' } } }));
  const env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    HOME: folder,
    IMGPROOF_HOME: home,
    IMGPROOF_CONFIG: config,
    OPENCLAW_STATE_DIR: join(folder, 'openclaw'),
    HAPPY_API_KEY: 'test-key',
    ...extraEnv,
  };
  const start = (args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) =>
    startProcess([bin, ...args], options.cwd ?? folder, { ...env, ...options.env });
  const cli: Cli = {
    folder,
    home,
    outputDir,
    env,
    start,
    run: async (args, options = {}) => {
      const { child, ended } = start(args, options);
      child.stdin?.end(options.input ?? '');
      return ended;
    },
    batchFile: async (name, tasks, fields = {}) => {
      const path = join(folder, name);
      const shared = { output_dir: outputDir, retry_base_delay: 0.2, retry_jitter: 0 };
      await writeFile(path, JSON.stringify({ ...shared, ...fields, tasks }, null, 2));
      return path;
    },
    pids: () => publishedPids(home),
    stop: async () => {
      const { code, stderr } = await cli.run(['down', '--now']);
      rmSync(folder, { recursive: true, force: true });
      if (code !== 0) throw new Error(`the background stack could not be stopped: ${stderr}`);
    },
  };
  return cli;
}

export interface CliAndProvider {
  cli: Cli;
  provider: ProviderServer;
  /** Ends the background stack, then the provider; `beforeAll` returns it. */
  stop: () => Promise<void>;
}

/** `env`: of the CLI, beside its own; `bin`: of another build; the rest is the provider's. */
export type StackOptions = ProviderServerOptions & { env?: NodeJS.ProcessEnv; bin?: string };

/** A scripted provider, and the CLI whose `happy` it is. */
export async function startCliAndProvider({
  env = {},
  bin = BIN,
  ...options
}: StackOptions = {}): Promise<CliAndProvider> {
  const provider = await startProviderServer(options);
  const cli = await startCli(provider.baseUrl, env, { bin });
  const stop = async () => {
    await cli.stop();
    await provider.close();
  };
  return { cli, provider, stop };
}

/** Node with these arguments. */
export function startProcess(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Running {
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout: stdout(), stderr: stderr() }));
  });
  return { child, ended, stdout, stderr };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => (text += chunk));
  return () => text;
}

async function publishedPids(home: string): Promise<{ supervisor: number; server: number; worker: number }> {
  const state = JSON.parse(await readFile(join(home, 'embedded.json'), 'utf8')) as {
    supervisor: { pid: number };
    server: { pid: number };
    worker: { pid: number };
  };
  return { supervisor: state.supervisor.pid, server: state.server.pid, worker: state.worker.pid };
}

/** Poll until it is true; the failure names what was waited for. */
export async function until(
  what: string,
  check: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const limit = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > limit) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Answer files of the spool, newest state. */
export async function spooledAnswers(home: string): Promise<string[]> {
  const spool = join(home, 'spool');
  if (!existsSync(spool)) return [];
  const names = await readdir(spool, { recursive: true });
  return names.filter((name) => name.endsWith('.answer'));
}
