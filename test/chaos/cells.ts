/** Which process is killed in which state of the embedded stack, and how a real batch gets there. */
import { connect } from 'node:net';
import { findServer, findWorker } from '../../src/embedded/processes.ts';
import { supervised } from '../../src/embedded/status.ts';
import { workerRecord } from '../../src/embedded/worker-record.ts';
import { type Cli, type Running, until } from '../support/cli.ts';
import type { ProviderServer } from '../support/provider-server.ts';

export const VICTIMS = ['supervisor', 'server', 'worker', 'command'] as const;
export type Victim = (typeof VICTIMS)[number];

export const STATES = ['server starts', 'worker starts', 'ready, idle', 'ready, calls', 'draining'] as const;
export type State = (typeof STATES)[number];

export interface Cell {
  state: State;
  victim: Victim;
}

/** What doesn't exist in a state can't be killed in it. */
const ABSENT: Partial<Record<State, Victim[]>> = {
  'server starts': ['worker'],
  'ready, idle': ['command'],
};

export const CELLS: Cell[] = STATES.flatMap((state) =>
  VICTIMS.filter((victim) => !ABSENT[state]?.includes(victim)).map((victim) => ({ state, victim })),
);

export interface Arrived {
  /** The command to kill when that is the victim. */
  command: Running | null;
  /** All that were started. */
  commands: Running[];
}

/** Brings the stack to a state by real commands; resolves at the moment in which the victim is to be killed. */
export async function arriveAt(
  state: State,
  cli: Cli,
  order: string[],
  provider: ProviderServer,
): Promise<Arrived> {
  switch (state) {
    case 'server starts': {
      const batch = cli.start(order);
      await until('a server that does not serve yet', async () => {
        const server = await findServer(cli.home);
        return server !== null && !(await accepts(server.port));
      });
      return { command: batch, commands: [batch] };
    }
    case 'worker starts': {
      const batch = cli.start(order);
      await until('a worker that is not ready yet', async () => {
        const worker = await findWorker(cli.home);
        return worker !== null && (await workerRecord(cli.home, worker.identity)) === null;
      });
      return { command: batch, commands: [batch] };
    }
    case 'ready, idle':
      await cli.run(['up']);
      return { command: null, commands: [] };
    case 'ready, calls': {
      const batch = cli.start(order);
      await provider.waitForInFlight(4, 60_000);
      return { command: batch, commands: [batch] };
    }
    case 'draining': {
      const batch = cli.start(order);
      await provider.waitForInFlight(4, 60_000);
      const down = cli.start(['down']);
      await until('the drain', async () => {
        const worker = await findWorker(cli.home);
        const record = worker && (await workerRecord(cli.home, worker.identity));
        return record?.phase === 'draining';
      });
      return { command: down, commands: [batch, down] };
    }
  }
}

export async function pidOf(victim: Victim, cli: Cli, arrived: Arrived): Promise<number> {
  const pid = {
    supervisor: async () => (await supervised(cli.home)).holder?.pid,
    server: async () => (await findServer(cli.home))?.pid,
    worker: async () => (await findWorker(cli.home))?.pid,
    command: async () => arrived.command?.child.pid,
  };
  const found = await pid[victim]();
  if (found === undefined) throw new Error(`there is no ${victim} to kill`);
  return found;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const end = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
