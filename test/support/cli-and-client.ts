/** A client of the stack's own server, for what a test waits for or only needs: a command costs half a second of CPU time. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { connect, describe, queryTasks } from '../../src/client.ts';
import type { BatchSummary } from '../../src/domain/batch-records.ts';
import type { TaskState } from '../../src/domain/messages.ts';
import { type Cli, type CliAndProvider, type StackOptions, startCliAndProvider } from './cli.ts';

export interface CliAndClient extends CliAndProvider {
  client: Client;
  /** A batch with the CLI's folder and short delays, as `batch --no-wait` orders it. */
  order: (id: string, tasks: readonly unknown[], fields?: object) => Promise<void>;
  resultOf: (id: string) => Promise<BatchSummary>;
  /** None while nobody answers. */
  statesOf: (id: string) => Promise<TaskState[]>;
}

/** With the stack up, and a client of its own at the stack's server. */
export async function startCliAndClient(options: StackOptions = {}): Promise<CliAndClient> {
  const started = await startCliAndProvider(options);
  const { code, stderr } = await started.cli.run(['up']);
  if (code !== 0) throw new Error(`the stack did not come up: ${stderr}`);
  const client = await clientAt(started.cli);
  const { outputDir } = started.cli;
  const shared = { output_dir: outputDir, retry_base_delay: 0.2, retry_jitter: 0 };
  return {
    ...started,
    client,
    order: async (workflowId, tasks, fields = {}) => {
      await client.workflow.start('imageBatch', {
        taskQueue: 'imgproof',
        workflowId,
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        args: [{ ...shared, ...fields, tasks }],
      });
    },
    resultOf: (id) => client.workflow.getHandle(id).result() as Promise<BatchSummary>,
    statesOf: async (id) => (await queryTasks(client, client.workflow.getHandle(id))) ?? [],
    stop: async () => {
      await client.connection.close();
      await started.stop();
    },
  };
}

/** At the server that runs now; whoever asks closes its connection. */
export async function clientAt(cli: Cli): Promise<Client> {
  const { address } = JSON.parse(await readFile(join(cli.home, 'embedded.json'), 'utf8')) as {
    address: string;
  };
  return connect({ address, env: {}, embedded: true });
}

/** The attempt of its paid call that waits or runs, by the server's own count; 0 when there is none, or no answer. */
export async function attemptOf(client: Client, taskKey: string): Promise<number> {
  const task = await describe(client, taskKey).catch(() => null);
  const pending = task?.raw.pendingActivities ?? [];
  return pending.find(({ activityType }) => activityType?.name === 'generateImage')?.attempt ?? 0;
}
