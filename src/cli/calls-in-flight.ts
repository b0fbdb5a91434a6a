/** Paid calls that run now at an embedded server, as `down` and a change of environment need to know them (SPEC C5, G8). */
import type { Client } from '@temporalio/client';
import type { LiveAttempt } from '../client.ts';
import { WORKFLOW_TYPES } from '../domain/messages.ts';
import type { CallInFlight } from '../embedded/embedded.ts';

/** A server that does not answer within this time can't be asked. */
const ASK_LIMIT_MS = 5_000;
/** Of a request whose limit no heartbeat has told yet: the default (SPEC G3). */
const DEFAULT_LIMIT_SECONDS = 600;

/** Calls under way, and those about to be sent; null when the server can't be asked. Never rejects. */
export async function callsInFlight(address: string): Promise<CallInFlight[] | null> {
  const { connect } = await import('../client.ts');
  const asked = connect({ address, env: {}, embedded: true }).then(async (client) => {
    try {
      return await callsOf(client);
    } finally {
      await client.connection.close();
    }
  });
  return Promise.race([asked.catch(() => null), patience()]);
}

async function callsOf(client: Client): Promise<CallInFlight[]> {
  const { liveAttempt } = await import('../client.ts');
  const query = `WorkflowType = '${WORKFLOW_TYPES.task}' AND ExecutionStatus = 'Running'`;
  const calls: CallInFlight[] = [];
  for await (const { workflowId } of client.workflow.list({ query })) {
    const attempt = await liveAttempt(client, workflowId);
    const state = attempt && callState(attempt);
    if (state === null) continue;
    calls.push({
      task_key: workflowId,
      state,
      elapsed_seconds: attempt?.heartbeat?.elapsed_seconds ?? 0,
      limit_seconds: attempt?.heartbeat?.limit_seconds ?? DEFAULT_LIMIT_SECONDS,
    });
  }
  return calls;
}

/** Null for what costs nothing now. A call whose heartbeat got lost (outage, laptop's sleep) runs on all the same. */
function callState({ state, lastFailure }: LiveAttempt): CallInFlight['state'] | null {
  if (state !== 'waiting') return state;
  return lastFailure?.includes('Heartbeat timeout') === true ? 'running' : null;
}

function patience(): Promise<null> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(null), ASK_LIMIT_MS).unref();
  });
}
