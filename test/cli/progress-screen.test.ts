/** The picture in place: what a person sees is the newest picture, whole, and once. */
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { frame } from '../../src/cli/frame.ts';
import { ProgressScreen } from '../../src/cli/progress-screen.ts';
import type { View } from '../../src/cli/progress-view.ts';
import { lookOf } from '../../src/cli/terminal.ts';
import {
  attachedBatch,
  completed,
  failingBatch,
  running,
  runningBatch,
  snapshot,
  task,
  terminal,
  view,
} from '../support/progress-story.ts';
import { emulatedTerminal } from '../support/terminal.ts';

function screenOn(columns: number) {
  // Higher than any picture: what a narrow window pushes out above its top nobody can take back.
  const emulated = emulatedTerminal(columns, 100);
  const screen = new ProgressScreen(emulated.stream);
  onTestFinished(() => screen.end(false));
  return { ...emulated, progress: screen, show: (picture: View) => screen.show(() => picture) };
}

/** Symbols are chosen by the locale this test runs in. */
const { unicode } = lookOf({ isTTY: true, columns: 80, rows: 100 });
const look = (columns: number) => terminal(columns, { rows: 100, unicode });

/** `done` of 8 tasks ended, `atWork` under way. */
function moment(done: number, atWork: number): View {
  const ended = Array.from({ length: done }, (_, i) => completed(i + 1, `封面-${i + 1}`, 60, 100 - i));
  const under = Array.from({ length: atWork }, (_, i) => running(done + i + 1, `cover-${done + i + 1}`, 5));
  const queued = Array.from({ length: 8 - done - atWork }, (_, i) => task(done + atWork + i + 1, 'later'));
  return view(snapshot([...ended, ...under, ...queued]));
}

test('rows come and go, and none is lost or left behind', async () => {
  const steps = fc.record({ done: fc.integer({ min: 0, max: 4 }), atWork: fc.integer({ min: 0, max: 4 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 2, maxLength: 8 }), async (story) => {
      const { show, screen, progress } = screenOn(80);
      for (const { done, atWork } of story) show(moment(done, atWork));
      const { done, atWork } = story.at(-1) as (typeof story)[0];
      expect(await screen()).toEqual(frame(moment(done, atWork), look(80)));
      progress.end(false);
    }),
    { numRuns: 50 },
  );
});

test('after a change of size there is one picture, of the new size', async () => {
  const columns = fc.integer({ min: 20, max: 140 });
  await fc.assert(
    fc.asyncProperty(columns, columns, async (before, after) => {
      const { show, screen, resize, progress } = screenOn(before);
      show(view(runningBatch()));
      resize(after);
      expect(await screen()).toEqual(frame(view(runningBatch()), look(after)));
      progress.end(false);
    }),
    { numRuns: 50 },
  );
});

test('what others say stands above the picture, and the last picture stays', async () => {
  const { show, screen, progress } = screenOn(80);
  show(view(attachedBatch()));
  progress.say('warning: something else');
  show(view(failingBatch()));
  expect(await screen()).toEqual(['warning: something else', ...frame(view(failingBatch()), look(80))]);
  progress.end(true);
  progress.say('after the end');
  expect(await screen()).toEqual([
    'warning: something else',
    ...frame(view(failingBatch()), look(80), true),
    'after the end',
  ]);
});
