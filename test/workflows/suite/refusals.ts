import { expect, test } from 'vitest';
import type { WorkflowHandle } from '@temporalio/client';
import { FAILURE_TYPES } from '../../../src/domain/failure.ts';
import type { World } from './world.ts';

export function refusals(world: World): void {
  test('bad input ends the batch failed with all problems before any request', async () => {
    const { system } = world;
    const before = system.provider.calls.length;
    const request = { tasks: [{ prompt: '' }, { promt: 'x' }, { prompt: 'x', size: '7x7' }] };
    const { type, message } = await causeOf(await system.startBatch(request));
    expect(type).toBe(FAILURE_TYPES.badInput);
    for (const part of ['tasks[0].prompt', 'tasks[1].promt', 'tasks[2].size'])
      expect(message).toContain(part);
    expect(system.provider.calls).toHaveLength(before);
  });

  test.each([
    ['null', null, 'it is null'],
    ['a string', 'a cat', 'it is a string'],
    ['an array', [{ prompt: 'a cat' }], 'it is an array'],
  ])('%s instead of an object is refused by both workflow types before any activity (T1)', async (...row) => {
    const [, input, problem] = row;
    const { system } = world;
    for (const handle of [await system.startBatch(input), await system.startTask(input)]) {
      const { type, message } = await causeOf(handle);
      expect([type, message]).toEqual([FAILURE_TYPES.badInput, expect.stringContaining(problem)]);
      const { events = [] } = await handle.fetchHistory();
      expect(events?.some((event) => event.activityTaskScheduledEventAttributes)).toBe(false);
    }
  });

  test('an unknown workflow type fails at once instead of looping', async () => {
    const { system } = world;
    const handle = await system.client.start('imageBtach', {
      taskQueue: 'imgproof',
      workflowId: 'typo',
      args: [{}],
    });
    const { type } = await causeOf(handle);
    expect(type).toBe(FAILURE_TYPES.unknownWorkflowType);
  });
}

async function causeOf(handle: WorkflowHandle): Promise<{ type: string; message: string }> {
  const error = await handle.result().catch((reason: unknown) => reason);
  return (error as { cause: { type: string; message: string } }).cause;
}
