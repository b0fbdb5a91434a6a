/** (b) imgproof: `imgproof batch FILE --json` on the embedded server, whose processes are up already. */
import type { BatchResultRecord } from '../src/domain/batch-records.ts';
import type { Runner } from './runner.ts';
import type { Stack } from './stack.ts';

export function imgproofRunner(stack: Stack): Runner {
  return {
    name: 'imgproof',
    standing: async () => (await stack.running()).pids,
    prepare: async ({ label, baseUrl, size, tasks }) => {
      await stack.useProvider(baseUrl);
      const file = await stack.writeBatch(label, { size, tasks });
      return stack.command(['batch', file, '--batch-id', label, '--json']);
    },
    delivered: (_, { stdout }) => resultsIn(stdout).map(deliveredBy),
  };
}

function resultsIn(stdout: string): BatchResultRecord['results'] {
  try {
    return (JSON.parse(stdout) as Partial<BatchResultRecord>).results ?? [];
  } catch {
    // The exit code and the missing images tell of it.
    return [];
  }
}

function deliveredBy({ task_name, image_path, result_json }: BatchResultRecord['results'][number]) {
  return { task: task_name, imagePath: image_path, resultJson: result_json };
}
