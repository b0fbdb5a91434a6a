/** SPEC M: tasks that only pretend. */
import type { MockOrder } from '../domain/task.ts';
import type { LayeredTask } from './layers.ts';
import type { Problem } from './problems.ts';

const MOCK_FIELDS = ['mock_sleep', 'mock_exit_code', 'mock_output_text'] as const;

/** Undefined for a task that means it. */
export function mockOf(task: LayeredTask): MockOrder | undefined {
  if (MOCK_FIELDS.every((field) => task.find(field) === undefined)) return undefined;
  return {
    sleep_ms: Math.round((task.get('mock_sleep') ?? 0) * 1000),
    exit_code: task.get('mock_exit_code') ?? 0,
    output_text: task.get('mock_output_text') ?? '',
  };
}

/** Where mocks are not allowed each of their fields is a problem: none may be dropped, or the task would be paid for. */
export function mockProblems(task: LayeredTask): Problem[] {
  const message =
    'works only where IMGPROOF_ALLOW_MOCK=1 is set for the worker; a mock must never pass for an image';
  return MOCK_FIELDS.flatMap((field) => {
    const found = task.find(field);
    return found === undefined ? [] : [{ path: found.path, message }];
  });
}
