/**
 * One task as a worker plays it, from the built program and without Temporal, which would take seconds to load: Temporal
 * attempts of `generateImage` with the waits they ask for, then `recordTask`. What Temporal would know of it goes to
 * stdout as lines of JSON: an attempt that was scheduled, the outcome that its workflow has.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asyncLocalStorage, Context } from '@temporalio/activity';
import { createGenerateImage } from '../../dist/activities/generate-image.js';
import { createRecordTask } from '../../dist/activities/record-task.js';
import { WorkerSlots } from '../../dist/activities/worker-slots.js';
import { SigningKeys } from '../../dist/artifacts/signing-keys.js';
import { Spool } from '../../dist/artifacts/spool.js';
import { loadSettings, resolveProvider } from '../../dist/config.js';
import { ProviderLanes } from '../../dist/provider/lane.js';
import { createSecrets } from '../../dist/provider/secrets.js';

const { env, outputDir, spoolDir, runId, order, from } = JSON.parse(process.argv[2]);
const tell = (event) => writeSync(1, `${JSON.stringify(event)}\n`);
const settings = loadSettings(env);
const secrets = createSecrets();
const { redact, redactLong, redactBody } = secrets;
const deps = {
  spool: new Spool(spoolDir),
  keys: new SigningKeys(join(settings.home, 'keys')),
  slots: new WorkerSlots(),
  lanes: new ProviderLanes(),
  leaving: new AbortController().signal,
  isHeld: () => Promise.resolve(false),
  resolveProvider: async (name, model) => {
    const provider = await resolveProvider(settings, name, model);
    secrets.remember(provider.secrets);
    return provider;
  },
  redact,
  redactLong,
  redactBody,
  defaults: { outputDir, batchRoot: null, queueDir: outputDir, queueOutputDir: outputDir },
  allowMock: false,
  inputRoots: () => null,
  outputRoots: () => null,
  heartbeatTimeoutMs: 20_000,
};
const generateImage = createGenerateImage(deps);
const startedAtMs = Date.now();
const outcome = await outcomeOf(from);
tell({ outcome });
const recordTask = createRecordTask(deps);
const ended = { workflow_id: order.task_key, run_id: runId, started_at_ms: startedAtMs, outcome };
await inContext(1, () => recordTask({ order, ...ended }));
tell({ recorded: true });
process.exit(0);

async function outcomeOf(attempt) {
  tell({ attempt });
  try {
    return { status: 'completed', generated: await inContext(attempt, () => generateImage(order)) };
  } catch (error) {
    if (error.nonRetryable === false) {
      await sleep(Number(error.nextRetryDelay) + 2);
      return outcomeOf(attempt + 1);
    }
    const [failure] = error.details ?? [{ category: 'internal', message: error.message }];
    return { status: 'failed', failure };
  }
}

function inContext(attempt, work) {
  const info = {
    attempt,
    workflowExecution: { workflowId: order.task_key, runId },
    currentAttemptScheduledTimestampMs: Date.now(),
    heartbeatTimeoutMs: 20_000,
  };
  const never = new Promise(() => undefined);
  const log = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const context = new Context(info, never, new AbortController().signal, () => undefined, undefined, log);
  return asyncLocalStorage.run(context, work);
}
