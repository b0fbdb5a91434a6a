import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, test } from 'vitest';
import { FAILURE_TYPES } from '../../src/domain/failure.ts';
import type { TaskRow } from '../../src/domain/records.ts';
import { startSystem, type System } from '../support/system.ts';

const TASK_QUEUE = 'somebody-else';
let system: System;
beforeAll(async () => {
  system = await startSystem('time-skipping');
  const worker = await Worker.create({
    connection: system.env.nativeConnection,
    taskQueue: TASK_QUEUE,
    workflowsPath: fileURLToPath(new URL('../support/foreign-workflow.ts', import.meta.url)),
  });
  const run = worker.run();
  return async () => {
    worker.shutdown();
    await run;
    await system.stop();
  };
}, 120_000);

describe('imageTask as a child of anybody’s workflow (T1)', () => {
  const start = (workflowId: string, request: unknown) =>
    system.client.start('foreignParent', { taskQueue: TASK_QUEUE, workflowId, args: [request] });

  test('it takes the shape of the files and makes its image', async () => {
    const request = { prompt: 'for a parent', output_dir: system.outputDir };
    const row = (await (await start('parent-1', request)).result()) as TaskRow;
    expect(row).toMatchObject({ ok: true, status: 'completed', acceptable: true });
  });

  test('bad input fails it with all problems instead of looping', async () => {
    const error = await (
      await start('parent-2', { promt: 'x', size: 7 })
    )
      .result()
      .catch((reason: unknown) => reason);
    const { cause: child } = error as { cause: { cause: { type: string; message: string } } };
    expect(child.cause).toMatchObject({ type: FAILURE_TYPES.badInput });
    for (const part of ['promt', 'size']) expect(child.cause.message).toContain(part);
  });
});
