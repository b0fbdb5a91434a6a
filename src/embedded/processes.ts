/** Finding, judging and ending the processes of a home, also those whose supervisor is gone. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { identify, isRunning, type ProcessIdentity } from '../host/process-identity.ts';
import { homeFiles, networkNamespace, type Ports } from './home.ts';
import { RETIRE_SIGNAL } from './stop-request.ts';

const run = promisify(execFile);

export interface FoundServer extends Ports {
  pid: number;
  identity: ProcessIdentity;
}

export interface FoundWorker {
  pid: number;
  identity: ProcessIdentity;
  /** host:port of the Temporal server it works for. */
  address: string;
}

/** The running dev server on this home's database, whoever started it; null when there is none. */
export async function findServer(home: string): Promise<FoundServer | null> {
  for (const command of await commandLines()) {
    if (!has(command, 'start-dev') || !hasOption(command, '--db-filename', homeFiles(home).database))
      continue;
    const port = Number(option(command, '--port'));
    const uiPort = Number(option(command, '--ui-port'));
    const identity = identify(command.pid);
    if (identity !== null) return { pid: command.pid, identity, port, uiPort };
  }
  return null;
}

/** The running embedded worker of this home, whoever started it; null when there is none. */
export async function findWorker(home: string): Promise<FoundWorker | null> {
  for (const command of await commandLines()) {
    if (!has(command, 'worker') || !hasOption(command, '--embedded-home', home)) continue;
    const identity = identify(command.pid);
    if (identity !== null) return { pid: command.pid, identity, address: option(command, '--address') ?? '' };
  }
  return null;
}

/** Ports of servers, running or not, that embedded workers of other homes in our own network work for. */
export async function portsOfOtherWorkers(home: string): Promise<Set<number>> {
  const others = (await commandLines()).filter(
    (command) => has(command, 'worker') && ![undefined, home].includes(option(command, '--embedded-home')),
  );
  const ports = new Set<number>();
  for (const command of others)
    if (await sharesOurNetwork(command.pid))
      ports.add(Number(option(command, '--address')?.split(':').at(-1)));
  return ports;
}

/** False for a process that could not reach us, nor we it. */
export async function sharesOurNetwork(pid: number): Promise<boolean> {
  const theirs = await readlink(`/proc/${pid}/ns/net`).catch(() => null);
  return theirs === (await networkNamespace());
}

/**
 * End exactly this process: SIGTERM, and SIGKILL when `graceMs` is over or `now` fires. Resolves when it has ended;
 * does nothing when it has already.
 */
export async function endProcess(
  identity: ProcessIdentity,
  { graceMs, now }: { graceMs: number; now?: AbortSignal },
): Promise<void> {
  if (!now?.aborted) askToEnd(identity);
  const deadline = Date.now() + graceMs;
  let killed = false;
  while (!hasEnded(identity)) {
    if (!killed && (now?.aborted || Date.now() > deadline)) {
      signal(identity, 'SIGKILL');
      killed = true;
    }
    await sleep(50);
  }
}

/** SIGTERM to exactly this process; nothing when it has ended. */
export function askToEnd(identity: ProcessIdentity): void {
  signal(identity, 'SIGTERM');
}

/** Ask a supervisor to leave server and worker to the next one; nothing when it has ended. */
export function askToRetire(identity: ProcessIdentity): void {
  signal(identity, RETIRE_SIGNAL);
}

/** True when this very process listens on the port, seen from our own network (and not just anybody). */
export async function listensOn(pid: number, port: number): Promise<boolean> {
  return process.platform === 'linux' ? listensOnLinux(pid, port) : listensByLsof(pid, port);
}

/**
 * Stricter than `!isRunning`: a killed process shows as a zombie while one of its threads still waits for the disk, and
 * holds its ports and its database until then.
 */
function hasEnded(identity: ProcessIdentity): boolean {
  if (isRunning(identity)) return false;
  try {
    return readdirSync(`/proc/${identity.pid}/task`).length <= 1;
  } catch {
    return true;
  }
}

function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** `argv` is exact on Linux. Elsewhere ps joins it with spaces and it stays one text. */
type CommandLine = { pid: number; argv: string[] } | { pid: number; text: string };

async function commandLines(): Promise<CommandLine[]> {
  return process.platform === 'linux' ? commandLinesOnLinux() : commandLinesByPs();
}

async function commandLinesOnLinux(): Promise<CommandLine[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name));
  return Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return { pid: Number(pid), argv: text.split('\0') };
    }),
  );
}

async function commandLinesByPs(): Promise<CommandLine[]> {
  const { stdout } = await run('ps', ['-axww', '-o', 'pid=,command='], { maxBuffer: 64 * 1024 * 1024 });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, text] = /^\s*(\d+)\s+(.*)$/u.exec(line) ?? [];
    return pid === undefined || text === undefined ? [] : [{ pid: Number(pid), text }];
  });
}

function has(command: CommandLine, word: string): boolean {
  return 'argv' in command ? command.argv.includes(word) : command.text.includes(` ${word} `);
}

function hasOption(command: CommandLine, name: string, value: string): boolean {
  if ('argv' in command) return option(command, name) === value;
  // Our own command lines never end with these options: the next one marks the end of a value with spaces.
  return command.text.includes(` ${name} ${value} --`);
}

function option(command: CommandLine, name: string): string | undefined {
  if ('text' in command) return new RegExp(` ${name} (\\S+)`, 'u').exec(command.text)?.[1];
  const at = command.argv.indexOf(name);
  return at === -1 ? undefined : command.argv[at + 1];
}

async function listensOnLinux(pid: number, port: number): Promise<boolean> {
  const sockets = await listeningSockets(port);
  if (sockets.size === 0) return false;
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(
    descriptors.map(async (descriptor) => readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')),
  );
  return targets.some((target) => sockets.has(target));
}

/** As `socket:[inode]`, from the kernel's table (proc(5): local address is column 1, state 2, inode 9; 0A = listening). */
async function listeningSockets(port: number): Promise<Set<string>> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const tables = await Promise.all(
    ['/proc/self/net/tcp', '/proc/self/net/tcp6'].map(async (path) => readFile(path, 'utf8').catch(() => '')),
  );
  const rows = tables.flatMap((table) => table.split('\n').map((line) => line.trim().split(/\s+/u)));
  const listening = rows.filter((row) => row[1]?.endsWith(suffix) === true && row[3] === '0A');
  return new Set(listening.map((row) => `socket:[${row[9] ?? ''}]`));
}

async function listensByLsof(pid: number, port: number): Promise<boolean> {
  const filter = ['-nP', '-a', '-p', String(pid), `-iTCP:${port}`, '-sTCP:LISTEN', '-t'];
  return run('lsof', filter).then(
    ({ stdout }) => stdout.trim() !== '',
    () => false,
  );
}
