/** The workflows as people meet them: real workers, activities, files and sockets; told once for both Temporal servers. */
import { describe, expect, test } from 'vitest';
import { replayProblems } from '../../support/replay.ts';
import type { ServerKind } from '../../support/system.ts';
import { adoption } from './adoption.ts';
import { batch } from './batch.ts';
import { cancellation } from './cancellation.ts';
import { cost } from './cost.ts';
import { deadlines } from './deadlines.ts';
import { devServerOnly } from './dev-server-only.ts';
import { duplicateKeys } from './duplicate-keys.ts';
import { keptAnswers } from './kept-answers.ts';
import { loneTask } from './lone-task.ts';
import { operations } from './operations.ts';
import { providerDown } from './provider-down.ts';
import { refusals } from './refusals.ts';
import { resets } from './resets.ts';
import { retries } from './retries.ts';
import { webUi, webUiOnDevServer } from './web-ui.ts';
import { openWorld } from './world.ts';

export function workflowSuite(kind: ServerKind): void {
  const world = openWorld(kind);
  describe('imageBatch', () => {
    batch(world);
    duplicateKeys(world);
    adoption(world);
  });
  describe('imageTask alone', () => loneTask(world));
  describe('retries', () => retries(world));
  describe('the time of a task', () => deadlines(world));
  describe('cancellation', () => cancellation(world));
  describe('operations', () => operations(world));
  describe('a provider that is down', () => providerDown(world));
  describe('a paid answer that is no image yet', () => keptAnswers(world));
  describe('cost', () => cost(world));
  describe('the Web UI', () => webUi(world));
  describe('what no workflow can work with', () => refusals(world));
  if (kind === 'time-skipping') return;
  describe('on the dev server only', () => devServerOnly(world));
  describe('the Web UI on the dev server', () => webUiOnDevServer(world));
  // The time-skipping server has no reset at all.
  describe('resets', () => resets(world));
  // Live workflows answer from the worker's cache; after a restart they are replayed, as here.
  test('every workflow of this file replays', async () => {
    const histories = world.system.histories();
    expect(histories.length).toBeGreaterThan(50);
    expect(await replayProblems(histories)).toEqual([]);
  });
}
