/** `verify` of a batch that runs again after its end (SPEC B7, P2): unfinished and not broken, and nothing hides in it. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { verifyPaths } from '../../src/proof/verify.ts';
import { until } from '../support/cli.ts';
import { startSystem, type System } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem('time-skipping');
  return system.stop;
});

const verdicts = async (batchDir: string) => {
  const { items, ok } = await verifyPaths([batchDir]);
  return [ok, Object.fromEntries(items.map(({ kind, task, verdict }) => [`${kind} ${task}`, verdict]))];
};

test('while a retry runs: what it has brought is proven, what runs is unfinished, what is missing is found', async () => {
  const calls = (part: string) => system.provider.calls.filter(({ prompt }) => prompt?.includes(part)).length;
  const tasks = [
    { prompt: 'kept', task_name: 'one' },
    { prompt: 'again two [fault:400 times=1]', task_name: 'two' },
    { prompt: 'again three [fault:400 times=1]', task_name: 'three' },
  ];
  const order = system.batch(tasks, { max_workers: 1 });
  const { batch_dir } = await (await system.startBatch(order, 'again')).result();
  const failed = { 'task two': 'not completed', 'task three': 'not completed' };
  const before = { 'batch again': 'proven', 'result one': 'proven' };
  expect((await verdicts(batch_dir))[1]).toEqual({
    ...before,
    'result two': failed['task two'],
    'result three': failed['task three'],
  });

  const answerFirst = system.provider.hold();
  const second = await system.startBatch({ retry: { batch_dir, failed: true } }, 'again');
  await until('the first to run again', () => calls('again two') === 2);
  const running = { 'batch again': 'unfinished', 'task two': 'unfinished', 'task three': 'unfinished' };
  expect(await verdicts(batch_dir)).toEqual([false, { ...running, 'result one': 'proven' }]);
  answerFirst();
  const answerSecond = system.provider.hold();
  onTestFinished(answerSecond);
  await until('the second to run again', () => calls('again three') === 2);
  const half = { ...running, 'result one': 'proven', 'result two': 'proven' };
  const { 'task two': _, ...told } = half;
  expect(await verdicts(batch_dir)).toEqual([false, told]);

  // Alone as well, whatever the row of before says.
  const report = await verifyPaths([batch_dir]);
  const two = report.items.find(({ task }) => task === 'two');
  expect((await verifyPaths([String(two?.path)])).items[0]).toMatchObject({
    verdict: 'proven',
    note: expect.stringContaining('taken up again') as unknown,
  });
  const [batch] = report.items;
  expect(batch?.note).toBe('unfinished: taken up again after its end, 1 of 3 tasks wait or run');

  const one = String(report.items.find(({ task }) => task === 'one')?.image);
  const bytes = readFileSync(one);
  rmSync(one);
  expect((await verdicts(batch_dir))[1]).toMatchObject({ 'result one': 'broken' });
  writeFileSync(one, bytes);
  answerSecond();
  await second.result();
  const ended = await verdicts(batch_dir);
  expect(ended).toEqual([true, { ...before, 'result two': 'proven', 'result three': 'proven' }]);

  // Words in a state.json that nobody signed make nothing better.
  const state = join(dirname(String(two?.path)), 'state.json');
  expect(basename(dirname(state))).toBe('02-two');
  writeFileSync(state, readFileSync(state, 'utf8').replace('"completed"', '"running"'));
  expect((await verdicts(batch_dir))[0]).toBe(false);
});
