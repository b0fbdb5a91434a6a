/** The scripted provider as a program. */
import { renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { ProviderServer, ProviderServerOptions } from './provider-server.ts';

const OPTIONS = {
  help: { type: 'boolean' },
  /** Default 0: any free one. */
  port: { type: 'string' },
  'latency-ms': { type: 'string' },
  /** Call log, JSON lines. */
  log: { type: 'string' },
  'api-key': { type: 'string' },
  /** Receives the port number once the server listens. */
  'port-file': { type: 'string' },
  /** End when this process has ended. */
  'exit-with-pid': { type: 'string' },
} as const;

const USAGE = `A scripted provider of the Images API on 127.0.0.1. It draws pictures and costs nothing.
  --port <n>             default 0: any free one
  --latency-ms <n>       time before each answer; default 0
  --api-key <key>        the bearer key asked for; default test-key
  --log <file>           a JSON line is appended for each call
  --port-file <file>     receives the port once it listens
  --exit-with-pid <pid>  ends when that process has ended
`;

/** Prints one JSON line when it listens; SIGTERM and SIGINT end it. */
export async function runFromCommandLine(
  start: (options: ProviderServerOptions) => Promise<ProviderServer>,
): Promise<void> {
  const { values } = readOptions();
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const server = await start({
    port: wholeNumber('port', values.port ?? '0'),
    latencyMs: wholeNumber('latency-ms', values['latency-ms'] ?? '0'),
    ...(values['api-key'] === undefined ? {} : { apiKey: values['api-key'] }),
    ...(values.log === undefined ? {} : { logFile: values.log }),
  });
  const exit = () => {
    void server.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', exit);
  process.once('SIGINT', exit);
  if (values['exit-with-pid'] !== undefined)
    exitWith(wholeNumber('exit-with-pid', values['exit-with-pid']), exit);
  if (values['port-file'] !== undefined) writePortFile(values['port-file'], server.port);
  process.stdout.write(`${JSON.stringify({ baseUrl: server.baseUrl, pid: process.pid })}\n`);
}

function readOptions() {
  try {
    return parseArgs({ options: OPTIONS });
  } catch (error) {
    process.stderr.write(`demo-provider: ${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

function wholeNumber(name: string, text: string): number {
  if (/^\d+$/u.test(text)) return Number(text);
  throw new Error(`demo-provider: --${name} must be a whole number, not '${text}'.`);
}

/** Whoever polls the file never sees half of it. */
function writePortFile(file: string, port: number): void {
  writeFileSync(`${file}.tmp`, `${port}\n`);
  renameSync(`${file}.tmp`, file);
}

function exitWith(pid: number, exit: () => void): void {
  const timer = setInterval(() => {
    if (isAlive(pid)) return;
    clearInterval(timer);
    exit();
  }, 1000);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
