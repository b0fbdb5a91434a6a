/** One stack for all tests of a file: begun before them, ended after them. */
import { beforeAll } from 'vitest';
import { type CliAndClient, startCliAndClient } from './cli-and-client.ts';
import { type CliAndProvider, type StackOptions, startCliAndProvider } from './cli.ts';

const LIMIT_MS = 120_000;

/** `take` gets it first. `isUp`: the tests find it running; else their first command starts it. */
export function shareStack(
  take: (started: CliAndProvider) => void,
  { isUp = false, ...options }: StackOptions & { isUp?: boolean } = {},
): void {
  beforeAll(async () => {
    const started = await startCliAndProvider(options);
    take(started);
    if (isUp) await started.cli.run(['up']);
    return started.stop;
  }, LIMIT_MS);
}

/** Running, with a client at its server. */
export function shareStackAndClient(take: (started: CliAndClient) => void, options: StackOptions = {}): void {
  beforeAll(async () => {
    const started = await startCliAndClient(options);
    take(started);
    return started.stop;
  }, LIMIT_MS);
}
