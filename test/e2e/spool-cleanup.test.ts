/** The worker that people run removes what is recorded and old, at its start; nothing that they look at changes. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import { age } from '../support/age.ts';
import { spooledAnswers, startCliAndProvider, until } from '../support/cli.ts';

test('a worker that starts removes answers recorded 15 days ago; they are proven and adopted all the same', async () => {
  const { cli, provider, stop } = await startCliAndProvider();
  onTestFinished(stop);
  const tasks = [{ prompt: 'kept by its proof' }, { prompt: 'no image [fault:html]' }];
  const file = await cli.batchFile('old.json', tasks);
  const first = await cli.run(['batch', file, '--json']);
  const { batch_dir, success } = JSON.parse(first.stdout) as BatchResultRecord;
  expect([first.code, success]).toEqual([1, 1]);
  const spool = join(cli.home, 'spool');
  await age(spool, 15);
  expect(await spooledAnswers(cli.home)).toHaveLength(2);

  process.kill((await cli.pids()).worker, 'SIGKILL');
  const log = () => readFile(join(cli.home, 'logs', 'worker.log'), 'utf8');
  await until('the next worker has cleaned', async () => (await log()).includes('"removed":2'));
  expect(await log()).toMatch(
    /"removed":2,"removed_bytes":\d{3,},.*"unrecorded":0,"problems":0,.*spool cleaned/u,
  );
  expect(await readdir(spool)).toEqual(['images']);
  expect((await cli.run(['verify', batch_dir])).stdout).toContain('2 checked, 1 not acceptable');
  const again = await cli.run(['batch', file, '--json']);
  expect(JSON.parse(again.stdout)).toMatchObject({ success: 1 });
  expect(provider.calls.filter(({ prompt }) => prompt === 'kept by its proof')).toHaveLength(1);
}, 180_000);
