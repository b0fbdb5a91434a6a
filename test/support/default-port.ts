/** The port that the embedded server takes when it is free (SPEC C5), taken by somebody else. */
import { createServer, type Server } from 'node:net';
import { expect } from 'vitest';
import { DEFAULT_PORTS } from '../../src/embedded/ports.ts';
import type { Cli } from './cli.ts';

/** Starts the stack while the port is taken; its address. */
export async function upBesideDefaultPort(cli: Cli): Promise<string> {
  for (;;) {
    expect((await cli.run(['down'])).code).toBe(0);
    const occupant = await occupyDefaultPort();
    const { code, stdout } = await cli.run(['up', '--json']);
    occupant?.close();
    const { address } = JSON.parse(stdout) as { address: string };
    expect([code, address]).toEqual([0, expect.stringMatching(/^127\.0\.0\.1:\d+$/u)]);
    // Somebody else may have let go of it in between: then it was not taken, and this says nothing yet.
    if (occupant !== null || !address.endsWith(`:${DEFAULT_PORTS.port}`)) return address;
  }
}

/** Null when a process that is none of ours listens there already, which takes the port as well. Anything else fails. */
async function occupyDefaultPort(): Promise<Server | null> {
  const server = createServer();
  const problem = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    server.once('error', resolve);
    server.listen(DEFAULT_PORTS.port, '127.0.0.1', () => resolve(null));
  });
  if (problem === null) return server;
  expect(problem.code).toBe('EADDRINUSE');
  return null;
}
