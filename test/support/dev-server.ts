/** Temporal's dev server as a process that a test stops and brings back, on one port and one database. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { loadSettings } from '../../src/config.ts';
import { resolveBinary } from '../../src/embedded/binaries.ts';

export interface DevServer {
  address: string;
  port: number;
  /** Path of the Temporal CLI, which the server is part of. */
  binary: string;
  /** Start again after `kill`; what was recorded is there again. */
  start: () => Promise<void>;
  /** As a crash does it. */
  kill: () => Promise<void>;
  /** For good, with its database. */
  stop: () => Promise<void>;
}

/** A port for somebody who listens later. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** `isStarted` false: nobody listens on its address before `start`. */
export async function startDevServer({ isStarted = true } = {}): Promise<DevServer> {
  const folder = mkdtempSync(join(tmpdir(), 'imgproof-server-'));
  const port = await freePort();
  const binary = await temporalBinary();
  let child: ChildProcess | null = null;
  const server: DevServer = {
    address: `127.0.0.1:${port}`,
    port,
    binary,
    start: async () => {
      child = spawn(binary, serverArguments(port, join(folder, 'temporal.db')), { stdio: 'ignore' });
      await untilServing(server.address);
    },
    kill: async () => {
      if (child === null || child.exitCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
      child = null;
    },
    stop: async () => {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  if (isStarted) await server.start();
  return server;
}

async function temporalBinary(): Promise<string> {
  const { packageRoot } = loadSettings();
  const explicitPath = process.env['TEMPORAL_CLI_PATH'];
  return (await resolveBinary('temporal', { packageRoot, explicitPath, env: process.env })).path;
}

/** The last one: its default makes every hop wait (DESIGN 2.11). */
function serverArguments(port: number, database: string): string[] {
  const place = `--ip 127.0.0.1 --port ${port} --headless --log-level error`.split(' ');
  const speed = ['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=10000'];
  return ['server', 'start-dev', ...place, '--db-filename', database, ...speed];
}

async function untilServing(address: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: '30s' });
  await connection.close();
}
