import { execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { isRunning } from '../../src/host/process-identity.ts';
import { writePorts } from '../../src/embedded/home.ts';
import { portChoices } from '../../src/embedded/ports.ts';
import { endProcess, findServer, type FoundServer } from '../../src/embedded/processes.ts';
import { bringUpServer, startServer, waitUntilServing } from '../../src/embedded/server.ts';
import { temporalVersion as versionOf } from '../../src/embedded/stack.ts';
import { newHome, temporalCli } from './home-folder.ts';

let binary: string;
let temporalVersion: string;
let occupant: Server | null;
const homes: string[] = [];
const servers: FoundServer[] = [];

function home(): string {
  const path = newHome();
  homes.push(path);
  return path;
}

/** Null when somebody else has 7233 already, which serves the test as well. */
async function occupyDefaultPort(): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(7233, '127.0.0.1', () => resolve(server));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

beforeAll(async () => {
  binary = await temporalCli();
  temporalVersion = await versionOf(binary);
  occupant = await occupyDefaultPort();
});

afterAll(async () => {
  await Promise.all(servers.map(async ({ identity }) => endProcess(identity, { graceMs: 5000 })));
  occupant?.close();
  for (const path of homes) rmSync(path, { recursive: true, force: true });
});

describe('the embedded Temporal server', () => {
  let first: FoundServer;
  let firstHome: string;
  const temporal = (...args: string[]): string =>
    execFileSync(binary, [...args, '--address', `127.0.0.1:${first.port}`], { encoding: 'utf8', env: {} });

  beforeAll(async () => {
    firstHome = home();
    first = await bringUpServer({ binary, temporalVersion, home: firstHome });
    servers.push(first);
  });

  it('takes random ports when 7233 is taken, and keeps its database in its home', () => {
    expect(first.port).not.toBe(7233);
    expect(existsSync(join(firstHome, 'temporal.db'))).toBe(true);
    expect(existsSync(join(firstHome, 'logs', 'server.log'))).toBe(true);
  });

  it('has the five search attributes of the Web UI', () => {
    const listed = temporal('operator', 'search-attribute', 'list');
    for (const name of ['ImgBatch', 'ImgTaskKey', 'ImgStatus', 'ImgMode', 'ImgModel']) {
      expect(listed).toMatch(new RegExp(`${name}\\s+Keyword`, 'u'));
    }
  });

  it('keeps ended workflows for 90 days', () => {
    const described = JSON.parse(
      temporal('operator', 'namespace', 'describe', '-n', 'default', '-o', 'json'),
    ) as {
      config: { workflowExecutionRetentionTtl: string };
    };
    expect(described.config.workflowExecutionRetentionTtl).toBe(`${90 * 24 * 3600}s`);
  });

  it('is found by its home, with its ports, and by no other home', async () => {
    expect(await findServer(firstHome)).toMatchObject({
      pid: first.pid,
      port: first.port,
      uiPort: first.uiPort,
    });
    expect(await findServer(`${firstHome}-2`)).toBeNull();
  });

  it('that loses the race for a port counts as ended, although somebody answers there', async () => {
    const loserHome = home();
    const { port, uiPort } = first;
    const logFile = join(loserHome, 'logs', 'server.log');
    const loser = await startServer({ binary, home: loserHome, ports: { port, uiPort }, logFile });
    expect(await waitUntilServing(loser, binary, { timeoutMs: 20_000 })).toBe('ended');
    expect(isRunning(first.identity)).toBe(true);
  });

  it('of a second home comes up beside it', async () => {
    const second = await bringUpServer({ binary, temporalVersion, home: home() });
    servers.push(second);
    expect(second.port).not.toBe(first.port);
  });

  it('comes back on its own random port, with its database', async () => {
    temporal('operator', 'search-attribute', 'create', '--name', 'Remembered', '--type', 'Keyword');
    await endProcess(first.identity, { graceMs: 0 });
    expect(await findServer(firstHome)).toBeNull();
    const again = await bringUpServer({ binary, temporalVersion, home: firstHome });
    servers.push(again);
    expect(again.port).toBe(first.port);
    expect(temporal('operator', 'search-attribute', 'list')).toContain('Remembered');
  });

  it('gets other random ports, kept from then on, when its own were taken meanwhile', async () => {
    const takenHome = home();
    const bringUp = async (): Promise<FoundServer> => {
      const server = await bringUpServer({ binary, temporalVersion, home: takenHome });
      servers.push(server);
      return server;
    };
    const before = await bringUp();
    await endProcess(before.identity, { graceMs: 0 });
    const thief = createServer();
    await new Promise<void>((resolve) => thief.listen(before.port, '127.0.0.1', resolve));
    onTestFinished(() => void thief.close());
    const other = await bringUp();
    expect(other.port).not.toBe(before.port);
    thief.close();
    await endProcess(other.identity, { graceMs: 0 });
    const again = await bringUp();
    expect([again.port, again.uiPort]).toEqual([other.port, other.uiPort]);
  });

  it('leaves a port alone on which a worker of another home waits for its server', async () => {
    const keptHome = home();
    const [port, uiPort] = await Promise.all([freePort(), freePort()]);
    await writePorts(keptHome, { port, uiPort });
    const offered = async (): Promise<number[]> => {
      const ports: number[] = [];
      for await (const choice of portChoices(keptHome, undefined)) ports.push(choice.port);
      return ports;
    };
    expect(await offered()).toContain(port);
    const args = ['worker', '--embedded-home', `${keptHome}-2`, '--address', `127.0.0.1:${port}`];
    const other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)', '--', ...args]);
    onTestFinished(() => void other.kill('SIGKILL'));
    await expect.poll(offered).not.toContain(port);
  });

  it('that can not start says so with the end of its log', async () => {
    const broken = home();
    const missing = bringUpServer({ temporalVersion, binary: join(broken, 'no-such-binary'), home: broken });
    await expect(missing).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('no-such-binary') as string,
    });
    const failing = bringUpServer({ temporalVersion, binary: process.execPath, home: broken });
    await expect(failing).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('server.log') as string,
    });
  });
});
