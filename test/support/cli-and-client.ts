import type { Client } from '@temporalio/client';
import { connect } from '../../src/client.ts';
import { type CliAndProvider, startCliAndProvider } from './cli.ts';

/** With the stack up, and a client of its own at the stack's server. */
export async function startCliAndClient(): Promise<CliAndProvider & { client: Client }> {
  const started = await startCliAndProvider();
  const { stdout } = await started.cli.run(['up', '--json']);
  const { address } = JSON.parse(stdout) as { address: string };
  const client = await connect({ address, env: {}, embedded: true });
  const stop = async () => {
    await client.connection.close();
    await started.stop();
  };
  return { ...started, client, stop };
}
