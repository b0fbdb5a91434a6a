/** Where bad inputs are tried: the real dev server, a worker process of its own, and the Temporal CLI as people call it. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { TASK_QUEUES } from '../../src/domain/messages.ts';
import type { BadInput, Payload } from './bad-inputs.ts';
import { startCliAndProvider, until } from './cli.ts';
import { startDevServer } from './dev-server.ts';
import type { ProviderServer } from './provider-server.ts';

export interface Outcome {
  end: 'failed' | 'completed' | 'refused' | 'open' | 'closed otherwise';
  /** From start to close by the server's clock; 0 when it was not started. */
  seconds: number;
  /** Why it failed, or why it was refused. */
  message: string;
  activities: number;
  /** WorkflowTaskFailed and WorkflowTaskTimedOut. */
  brokenWorkflowTasks: number;
}

export interface BadInputWorld {
  provider: ProviderServer;
  /** Start it, wait for its end. */
  run: (bad: BadInput) => Promise<Outcome>;
  /** Ids of open workflows, by `temporal workflow list`. */
  openWorkflows: () => Promise<string[]>;
  stop: () => Promise<void>;
}

/** SPEC T1. */
const FAILED_WITHIN_SECONDS = 5;
const PATIENCE_MS = 20_000;

export async function startBadInputWorld(): Promise<BadInputWorld> {
  const { cli, provider, stop } = await startCliAndProvider();
  const server = await startDevServer();
  const worker = cli.start(['worker', '--address', server.address]);
  await until('the worker polls', () => worker.stdout().includes('worker polls'));
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection });
  const env = { PATH: process.env['PATH'], HOME: cli.folder, TEMPORAL_ADDRESS: server.address };
  const temporal = (args: readonly string[]) =>
    promisify(execFile)(server.binary, args, { env }).then(
      ({ stdout }) => ({ ok: true, text: stdout }),
      (error: { stderr: string }) => ({ ok: false, text: error.stderr.trim() }),
    );
  let count = 0;
  return {
    provider,
    run: async (bad) => {
      count += 1;
      const workflowId = bad.workflowId ?? `bad-input-${count}`;
      const started =
        'payload' in bad.input
          ? await startAsClient(client, bad.type, workflowId, bad.input.payload)
          : await temporal(['workflow', 'start', ...(await startArguments(bad, workflowId, cli.folder))]);
      return started.ok ? outcomeOf(client, workflowId) : refusal(started.text);
    },
    openWorkflows: async () => {
      const query = ['--query', "ExecutionStatus = 'Running'", '-o', 'json'];
      const { text } = await temporal(['workflow', 'list', ...query]);
      return (JSON.parse(text || '[]') as { execution: { workflowId: string } }[]).map(
        ({ execution }) => execution.workflowId,
      );
    },
    stop: async () => {
      await connection.close();
      worker.child.kill('SIGTERM');
      if (worker.child.exitCode === null) await once(worker.child, 'exit');
      await server.stop();
      await stop();
    },
  };
}

/** What is not as it must be; nothing when all is. */
export function deviations({ expected }: BadInput, outcome: Outcome): string[] {
  const { end, seconds, message, activities, brokenWorkflowTasks } = outcome;
  const says = expected.end === 'completed' ? [] : expected.says;
  const isFailed = expected.end === 'failed';
  return [
    ...(end === expected.end ? [] : [`it is ${end}, not ${expected.end}`]),
    ...(isFailed && seconds > FAILED_WITHIN_SECONDS ? [`it took ${seconds} s`] : []),
    ...says.filter((part) => !message.includes(part)).map((part) => `the message lacks: ${part}`),
    ...(isFailed && expected.by === 'guard' && activities > 0 ? [`${activities} activities before it`] : []),
    ...(isFailed && expected.by === 'admission' && activities !== 1 ? [`${activities} activities`] : []),
    ...(brokenWorkflowTasks === 0 ? [] : [`${brokenWorkflowTasks} workflow tasks failed`]),
  ];
}

async function startArguments(bad: BadInput, workflowId: string, folder: string): Promise<string[]> {
  const order = ['--type', bad.type, '--task-queue', TASK_QUEUES.main, '--workflow-id', workflowId];
  if ('flags' in bad.input) return [...order, ...bad.input.flags];
  const path = join(folder, 'bad-input.json');
  await writeFile(path, 'file' in bad.input ? bad.input.file : '');
  return [...order, '--input-file', path];
}

async function startAsClient(client: Client, type: string, workflowId: string, payload: Payload) {
  await client.workflowService.startWorkflowExecution({
    namespace: 'default',
    workflowId,
    requestId: workflowId,
    workflowType: { name: type },
    taskQueue: { name: TASK_QUEUES.main },
    input: { payloads: [payload] },
  });
  return { ok: true, text: '' };
}

async function outcomeOf(client: Client, workflowId: string): Promise<Outcome> {
  const handle = client.workflow.getHandle(workflowId);
  const limit = Date.now() + PATIENCE_MS;
  let description = await handle.describe();
  while (description.closeTime === undefined && Date.now() < limit) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    description = await handle.describe();
  }
  const { events } = await handle.fetchHistory();
  const failure = events?.find((event) => event.workflowExecutionFailedEventAttributes);
  const { startTime, closeTime, status } = description;
  return {
    end: ENDS[status.name] ?? 'closed otherwise',
    seconds: ((closeTime?.getTime() ?? Date.now()) - startTime.getTime()) / 1000,
    message: failure?.workflowExecutionFailedEventAttributes?.failure?.message ?? '',
    activities: count(events, 'activityTaskScheduledEventAttributes'),
    brokenWorkflowTasks:
      count(events, 'workflowTaskFailedEventAttributes') +
      count(events, 'workflowTaskTimedOutEventAttributes'),
  };
}

const ENDS: Record<string, Outcome['end']> = { RUNNING: 'open', FAILED: 'failed', COMPLETED: 'completed' };

function count<Event extends object>(events: Event[] | null | undefined, kind: keyof Event): number {
  return events?.filter((event) => event[kind]).length ?? 0;
}

function refusal(message: string): Outcome {
  return { end: 'refused', seconds: 0, message, activities: 0, brokenWorkflowTasks: 0 };
}
