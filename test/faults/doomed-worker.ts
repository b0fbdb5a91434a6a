/**
 * A worker process with several tasks, each of which stands still at its own moment until all do; then the last one begins
 * its request and the process is killed at its first byte. Started by `killed-worker.ts`; its orders come in argv.
 */
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createPaidActivities } from '../../src/activities/index.ts';
import type { ActivityDeps } from '../../src/activities/deps.ts';
import { createRecordTask } from '../../src/activities/record-task.ts';
import { WorkerSlots } from '../../src/activities/worker-slots.ts';
import { SigningKeys } from '../../src/artifacts/signing-keys.ts';
import { Spool, type SpoolEntry } from '../../src/artifacts/spool.ts';
import { loadSettings, resolveProvider } from '../../src/config.ts';
import type { Delivery } from '../../src/domain/activity-contract.ts';
import type { TaskOrder } from '../../src/domain/task.ts';
import { ProviderLanes } from '../../src/provider/lane.ts';
import { createSecrets } from '../../src/provider/secrets.ts';

export type Moment =
  | 'before its request is announced'
  | 'after it was announced'
  | 'when its connection stands'
  /** Its end comes from outside. */
  | 'while the provider works'
  | 'after the last byte'
  | 'when the answer is in the spool'
  | 'while the image is saved'
  | 'after the image'
  | 'after result.json'
  | 'out of memory';

export interface Doom {
  env: NodeJS.ProcessEnv;
  outputDir: string;
  spoolDir: string;
  runId: string;
  tasks: { moment: Moment; order: TaskOrder }[];
}

const doom = JSON.parse(process.argv[2] as string) as Doom;
const never = new Promise<never>(() => undefined);

/** To the process that watches: this task is at its moment. */
function standStill(moment: Moment): Promise<never> {
  process.send?.(moment);
  return never;
}

/** Its spool stands still where its moment is. */
class DoomedSpool extends Spool {
  readonly #moment: Moment;

  constructor(moment: Moment) {
    super(doom.spoolDir);
    this.#moment = moment;
  }

  override async open(key: Parameters<Spool['open']>[0]): Promise<SpoolEntry> {
    const entry = await super.open(key);
    const moment = this.#moment;
    const writeIntent = entry.writeIntent.bind(entry);
    const markSent = entry.markSent.bind(entry);
    const writeAnswer = entry.writeAnswer.bind(entry);
    const reserveImagePath = entry.reserveImagePath.bind(entry);
    entry.writeIntent = async (intent) => {
      await writeIntent(intent);
      if (moment === 'after it was announced') await standStill(moment);
    };
    entry.markSent = (attempt) => {
      markSent(attempt);
      if (moment === 'when its connection stands') process.kill(process.pid, 'SIGKILL');
      if (moment === 'out of memory') setTimeout(useUpMemory, 100);
    };
    entry.writeAnswer = async (header, body) => {
      if (moment === 'after the last byte') await standStill(moment);
      await writeAnswer(header, body);
      if (moment === 'when the answer is in the spool') await standStill(moment);
    };
    entry.reserveImagePath = async (wanted) => {
      const path = await reserveImagePath(wanted);
      return moment === 'while the image is saved' ? standStill(moment) : path;
    };
    return entry;
  }
}

function useUpMemory(): void {
  const kept: number[][] = [];
  for (;;) kept.push(Array.from({ length: 100_000 }, (_, i) => i + kept.length));
}

const settings = loadSettings(doom.env);
const { remember, redact, redactLong, redactBody } = createSecrets();

function depsAt(moment: Moment): ActivityDeps {
  const { outputDir } = doom;
  return {
    spool: new DoomedSpool(moment),
    keys: new SigningKeys(join(settings.home, 'keys')),
    slots: new WorkerSlots(),
    lanes: new ProviderLanes(),
    leaving: new AbortController().signal,
    isHeld: () => Promise.resolve(false),
    resolveProvider: async (name, model) => {
      if (moment === 'before its request is announced') await standStill(moment);
      const provider = await resolveProvider(settings, name, model);
      remember(provider.secrets);
      return provider;
    },
    redact,
    redactLong,
    redactBody,
    defaults: { outputDir, batchRoot: null, queueDir: outputDir, queueOutputDir: outputDir },
    prices: () => null,
    allowMock: false,
    inputRoots: () => null,
    outputRoots: () => null,
    heartbeatTimeoutMs: 20_000,
  };
}

async function run({ moment, order }: Doom['tasks'][number]): Promise<void> {
  const deps = depsAt(moment);
  const workflowExecution = { workflowId: order.task_key, runId: doom.runId };
  const now = { attempt: 1, currentAttemptScheduledTimestampMs: Date.now() };
  const env = new MockActivityEnvironment({ ...now, workflowExecution });
  const { generateImage } = createPaidActivities(deps);
  const generated = await env.run<[TaskOrder], Delivery, typeof generateImage>(generateImage, order);
  if (moment === 'after the image') await standStill(moment);
  await createRecordTask(deps)({
    order,
    workflow_id: order.task_key,
    run_id: doom.runId,
    started_at_ms: Date.now(),
    outcome: { status: 'completed', generated },
  });
  await standStill(moment);
}

const isLast = ({ moment }: Doom['tasks'][number]) => moment === 'when its connection stands';

process.once('message', () => {
  for (const task of doom.tasks.filter(isLast)) void run(task);
});
await Promise.all(doom.tasks.filter((task) => !isLast(task)).map(run));
