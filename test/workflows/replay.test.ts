/**
 * Workflows that began under an older build go on under this one (DESIGN 2.15): every history that was ever committed
 * is replayed by the workflow code as it is built now.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { committedHistories, currentVersion } from '../histories/committed.ts';
import { SCENARIOS } from '../histories/scenarios.ts';
import { quietRuntime } from '../support/quiet-runtime.ts';
import { BUILT, replay } from '../support/replay.ts';
import { workflowTaskFailures } from '../support/workflow-task-failures.ts';

const histories = committedHistories();
beforeAll(quietRuntime);

describe('the built workflows replay', () => {
  test.each(histories)('$name', ({ history }) => replay(BUILT, history));
});

describe('the committed histories', () => {
  test('show every scenario for the version of package.json (npm run record-histories)', () => {
    const recorded = histories
      .filter(({ version }) => version === currentVersion())
      .map(({ name }) => name.split('/')[1]);
    expect(recorded).toEqual(expect.arrayContaining(Object.keys(SCENARIOS)));
  });

  test('are of workflows that ended, and no workflow task failed in them', () => {
    const end = /^EVENT_TYPE_WORKFLOW_EXECUTION_(?:COMPLETED|FAILED|CANCELED|TERMINATED)$/u;
    for (const { name, history } of histories) {
      expect(history.events.at(-1)?.eventType, name).toMatch(end);
      expect(workflowTaskFailures(history.events), name).toEqual([]);
    }
  });

  test('tell nothing about the machine that recorded them', () => {
    for (const { name, text } of histories) {
      const decoded = text.replaceAll(/"data":"([^"]*)"/gu, (_, data: string) =>
        Buffer.from(data, 'base64').toString('utf8'),
      );
      const paths = [...decoded.matchAll(/(?<=["\s(])\/[\w.-]+\/[\w./-]*/gu)].map(([path]) => path);
      expect(
        paths.filter((path) => !path.startsWith('/tmp/imgproof/')),
        name,
      ).toEqual([]);
      const leak =
        /"identity":"(?!worker"|history-service")[^"]*|"stackTrace"|"pid":(?!1\b)\d+|"worker_id":"(?!host\/|none|unknown)[^"]*/u;
      expect(leak.exec(decoded)?.[0], name).toBeUndefined();
    }
  });
});
