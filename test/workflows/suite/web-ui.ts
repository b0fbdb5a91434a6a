/** What Temporal's Web UI shows of running work (SPEC T2), as its own query tells it. */
import { expect, test } from 'vitest';
import type { WorkflowHandle } from '@temporalio/client';
import { submitBatch, submitTask } from '../../../src/client.ts';
import { until } from '../../support/cli.ts';
import type { World } from './world.ts';

export function webUi(world: World): void {
  test('a batch tells live what runs, what waits and why it stands still (T2)', async () => {
    const { system } = world;
    const release = system.provider.hold();
    const tasks = ['one', 'two', 'three'].map((name) => ({ prompt: `shown ${name}`, task_name: name }));
    const batch = await system.startBatch(system.batch(tasks, { max_workers: 1 }));
    await system.provider.waitForInFlight(1);
    expect(await currentDetails(batch)).toMatch(
      /^\*\*Running\*\* · 3 tasks · 2 queued · 1 running · 1 at a time/u,
    );
    await batch.executeUpdate('pause', { args: [{ reason: 'new logo' }] });
    expect(await currentDetails(batch)).toContain('new logo. Running tasks go on to their end');
    await batch.executeUpdate('resume');
    expect(await currentDetails(batch)).not.toContain('new logo');
    const task = system.client.getHandle(`${batch.workflowId}/one`);
    const ofTask = await currentDetails(task);
    expect(ofTask).toContain('**Making the image.**');
    expect(ofTask).toContain('“shown one”');
    expect(ofTask).toContain(`(/namespaces/{namespace}/workflows/${batch.workflowId})`);
    release();
    await batch.result();
    expect(await currentDetails(batch)).toContain('**Done** · 3 tasks · 3 completed');
    expect(await currentDetails(task)).toContain('1 request: 1 charged');
  });

  test('every message is described (T3)', async () => {
    const { system } = world;
    const release = system.provider.hold();
    const batch = await system.startBatch(system.batch([{ prompt: 'described' }]));
    await system.provider.waitForInFlight(1);
    const { definition } = await metadata(batch);
    const messages = [...(definition?.queryDefinitions ?? []), ...(definition?.updateDefinitions ?? [])];
    const ours = messages.filter(({ name }) => !name?.startsWith('__'));
    expect(ours.length).toBeGreaterThanOrEqual(9);
    for (const { name, description } of ours) expect(description, name).not.toBe('');
    release();
    await batch.result();
  });
}

/** The time-skipping server keeps no summaries of children, and nothing of a start that it refuses an attribute of. */
export function webUiOnDevServer(world: World): void {
  test('where our search attributes are not registered, everything is the same without them (T2)', async () => {
    const { system } = world;
    const { client } = system.env;
    const request = system.batch([{ prompt: 'unlisted', task_name: 'unlisted' }]);
    const order = {
      batchId: `unlisted-${Date.now()}`,
      batchHash: 'a'.repeat(64),
      request,
      isAsWritten: true,
    };
    const submitted = await submitBatch(client, order);
    if (!('handle' in submitted)) throw new Error(submitted.decision);
    const batch = submitted.handle;
    expect(await batch.result()).toMatchObject({ ok: true, success: 1 });
    expect((await batch.describe()).typedSearchAttributes.getAll().map(({ key }) => key.name)).not.toContain(
      'ImgBatch',
    );
    const alone = { ...system.alone({}), prompt: 'unlisted alone' };
    expect(await (await submitTask(client, `unlisted-task-${Date.now()}`, alone)).result()).toMatchObject({
      ok: true,
    });
  });

  test('a summary says what each task and each step is', async () => {
    const { system } = world;
    const batch = await system.startBatch(system.batch([{ prompt: 'summed up', task_name: '封面' }]));
    await batch.result();
    const steps = await summaries(batch);
    expect(steps).toEqual([
      'Check the order, adopt what is proven',
      '1 封面 · text2img 文生图',
      'Last words: batch_result.json',
    ]);
    expect(await summaries(system.client.getHandle(`${batch.workflowId}/封面`))).toEqual([
      'text2img 文生图 · happy/gpt-image-2 · 1024x1024',
      'Last words: result.json, state.json',
    ]);
  });
}

interface Definition {
  name?: string;
  description?: string;
}

interface Metadata {
  currentDetails?: string;
  definition?: { queryDefinitions?: Definition[]; updateDefinitions?: Definition[] };
}

/** The query that the Web UI asks. */
const metadata = (handle: WorkflowHandle) => handle.query<Metadata>('__temporal_workflow_metadata');

async function currentDetails(handle: WorkflowHandle): Promise<string> {
  let details = '';
  await until('details', async () => {
    details = (await metadata(handle)).currentDetails ?? '';
    return details !== '';
  });
  return details;
}

/** Of what this workflow started, in order. */
async function summaries(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ userMetadata, workflowExecutionStartedEventAttributes }) => {
    const data = userMetadata?.summary?.data;
    return data && !workflowExecutionStartedEventAttributes
      ? [JSON.parse(Buffer.from(data).toString()) as string]
      : [];
  });
}
