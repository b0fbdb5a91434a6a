import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { holdApiLane } from '../../src/embedded/embedded.ts';
import { findServer, findWorker } from '../../src/embedded/processes.ts';
import { type CliAndProvider, until } from '../support/cli.ts';
import { shareStack } from '../support/shared-stack.ts';
import { attemptOf, clientAt } from '../support/cli-and-client.ts';

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started), { env: { IMGPROOF_HEARTBEAT_TIMEOUT_MS: '8000' } });

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.startsWith(part)).length;
const tasks = (count: number, name: string) =>
  Array.from({ length: count }, (_, i) => ({ prompt: `${name} ${i + 1}` }));
const temporal = (...args: string[]) => cli.run(['temporal', 'workflow', ...args]);

/** Four tasks that are there, and wait for a slot. */
async function order(name: string, maxWorkers = 4): Promise<void> {
  const file = await cli.batchFile(`${name}.json`, tasks(4, name), { max_workers: maxWorkers });
  expect((await cli.run(['batch', file, '--batch-id', name, '--no-wait'])).code).toBe(0);
  const client = await clientAt(cli);
  for (const task of [1, 2, 3, 4].slice(0, maxWorkers)) {
    const key = `${name}/task-0${task}`;
    await until(`the queued call of ${key}`, async () => (await attemptOf(client, key)) > 0);
  }
  await client.connection.close();
  expect(calls(name)).toBe(0);
}

/** A worker asks for holds only when it starts. */
async function heldFromTheStart(): Promise<() => Promise<void>> {
  const { code, stderr } = await cli.run(['down']);
  expect([code, stderr]).toEqual([0, expect.stringContaining('stopped')]);
  const release = await holdApiLane(cli.home);
  onTestFinished(release);
  return release;
}

/** Flags of a task without a batch, whose prompt is its id. */
function lone(id: string): string[] {
  const input = JSON.stringify({ prompt: id, output_dir: cli.outputDir });
  return ['--type', 'imageTask', '--task-queue', 'imgproof', '--workflow-id', id, '--input', input];
}

/** Everything at once, as a power cut does it. */
async function killAll(): Promise<void> {
  const { supervisor, server, worker } = await cli.pids();
  for (const pid of [supervisor, worker, server]) process.kill(pid, 'SIGKILL');
  await until('the end of all', async () => !(await findServer(cli.home)) && !(await findWorker(cli.home)));
}

describe('`imgproof temporal …` on a stopped system takes effect before any API call is made (C5)', () => {
  test('a batch that is cancelled so while its tasks wait for their first call makes none', async () => {
    const release = await holdApiLane(cli.home);
    onTestFinished(release);
    await order('waiting');
    await order('going-on');
    await killAll();
    await release();

    const cancel = await temporal('cancel', '--workflow-id', 'waiting');
    expect([cancel.code, cancel.stderr]).toEqual([0, expect.not.stringContaining('rror')]);
    // The order that nobody cancelled shows that paid calls have begun since.
    expect((await temporal('result', '--workflow-id', 'going-on')).stdout).toContain('COMPLETED');
    expect([calls('going-on'), calls('waiting')]).toEqual([4, 0]);
    const end = await temporal('result', '--workflow-id', 'waiting');
    expect(end.stdout + end.stderr).toMatch(/cancel/iu);
  }, 240_000);

  test('a command that waits for images on a stopped system does not wait for itself', async () => {
    await cli.run(['down']);
    const { code, stdout } = await temporal('execute', ...lone('executed'));
    expect([code, stdout]).toEqual([0, expect.stringContaining('COMPLETED')]);
    expect(calls('executed')).toBe(1);
  }, 120_000);

  test('a command that is killed while it delivers its message holds nothing back', async () => {
    await cli.run(['down']);
    await temporal('start', ...lone('killed'));
    await cli.run(['down']);
    const cancel = cli.start(['temporal', 'workflow', 'list']);
    await until('its worker', async () => (await findWorker(cli.home)) !== null);
    cancel.child.kill('SIGKILL');
    await once(cancel.child, 'exit');
    expect((await temporal('result', '--workflow-id', 'killed')).stdout).toContain('COMPLETED');
  }, 120_000);
});

describe('cancel and pause on a stopped system take effect before any API call is made (C5)', () => {
  test.each([
    ['cancelled', []],
    ['cancelled-now', ['--now']],
  ])(
    'a batch that is %s makes none',
    async (name, flags) => {
      const release = await heldFromTheStart();
      await order(name);
      await order(`beside-${name}`);
      await killAll();
      await release();
      const { code, stderr } = await cli.run(['cancel', name, ...flags]);
      expect([code, stderr]).toEqual([0, expect.stringContaining('starting Temporal')]);
      const beside = await cli.run(['watch', `beside-${name}`]);
      expect([beside.code, beside.stderr + beside.stdout]).toEqual([0, expect.any(String)]);
      expect([calls(`beside-${name}`), calls(name)]).toEqual([4, 0]);
      const end = JSON.parse((await cli.run(['watch', name, '--json'])).stdout) as object;
      expect(end).toMatchObject({ cancelled: 4, cost: { no: 0, possible: 0, yes: 0 } });
    },
    240_000,
  );

  test('a batch that is paused starts nothing beyond what it had begun, until it is resumed', async () => {
    const release = await heldFromTheStart();
    await order('halted', 2);
    await order('beside-halted');
    await killAll();
    await release();
    expect((await cli.run(['pause', 'halted'])).code).toBe(0);
    expect((await cli.run(['watch', 'beside-halted'])).code).toBe(0);
    await until('the two that had begun', () => calls('halted') === 2);
    await cli.run(['down']);
    expect((await cli.run(['resume', 'halted'])).code).toBe(0);
    const { code, stdout } = await cli.run(['watch', 'halted', '--json']);
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { success: 4 }]);
    expect(calls('halted')).toBe(4);
  }, 240_000);
});
