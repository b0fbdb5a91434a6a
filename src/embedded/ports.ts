/** Which ports the embedded server gets (SPEC C5). */
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { readPorts, type Ports } from './home.ts';
import { portsOfOtherWorkers } from './processes.ts';

export const DEFAULT_PORTS: Ports = { port: 7233, uiPort: 8233 };
const RANDOM_TRIES = 3;
const RELEASE_LIMIT_MS = 10_000;

/**
 * In order: those a worker waits for, 7233/8233, those this home was given once, random ones; only free ones. A port
 * that a worker of another home waits for isn't free: it would take our tasks, and pay for them with its own keys.
 */
export async function* portChoices(home: string, wanted: Ports | undefined): AsyncGenerator<Ports> {
  if (wanted && (await becomesFree(wanted))) yield wanted;
  const others = await portsOfOtherWorkers(home);
  for (const ports of [DEFAULT_PORTS, await readPorts(home)]) {
    if (ports && !others.has(ports.port) && (await areFree(ports))) yield ports;
  }
  for (let i = 0; i < RANDOM_TRIES; i++) yield { port: await randomPort(), uiPort: await randomPort() };
}

export async function areFree({ port, uiPort }: Ports): Promise<boolean> {
  return Promise.all([listenOnce(port), listenOnce(uiPort)]).then(
    () => true,
    () => false,
  );
}

/** A process that was killed may hold its sockets for a moment longer than it shows as running. */
async function becomesFree(ports: Ports): Promise<boolean> {
  const deadline = Date.now() + RELEASE_LIMIT_MS;
  while (!(await areFree(ports))) {
    if (Date.now() > deadline) return false;
    await sleep(50);
  }
  return true;
}

async function randomPort(): Promise<number> {
  return listenOnce(0);
}

async function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
