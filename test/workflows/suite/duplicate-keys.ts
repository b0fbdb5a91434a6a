import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { World } from './world.ts';

export function duplicateKeys(world: World): void {
  test('a key that occurs twice in one file is skipped at its second place (B5)', async () => {
    const { system, callsFor } = world;
    const tasks = [
      { prompt: 'twin 1', task_key: 'twin' },
      { prompt: 'twin 2', task_key: 'twin' },
    ];
    const summary = await (await system.startBatch(system.batch(tasks))).result();
    expect(summary).toMatchObject({ ok: false, success: 1, skipped: 1 });
    const [, second] = (await system.recordOf(summary)).results;
    expect(second).toMatchObject({ status: 'skipped', category: 'duplicate_key' });
    expect(callsFor('twin')).toHaveLength(1);
  });

  test('the second place stays skipped also when the first one fails (B5)', async () => {
    const { system, callsFor } = world;
    const tasks = [
      { prompt: 'failing twin 1 [fault:400]', task_key: 'failing-twin' },
      { prompt: 'failing twin 2', task_key: 'failing-twin' },
    ];
    const summary = await (await system.startBatch(system.batch(tasks))).result();
    expect(summary).toMatchObject({ ok: false, success: 0, failed: 1, skipped: 1 });
    expect(callsFor('failing twin')).toHaveLength(1);
  });

  test('a repeated key is skipped whatever becomes of the first, also of one over the limit (B5)', async () => {
    const { system } = world;
    const keys = ['over-a', 'over-b', 'over-b'];
    const tasks = keys.map((task_key) => ({ prompt: 'over', task_key }));
    const summary = await (await system.startBatch(system.batch(tasks, { queue_limit: 1 }))).result();
    const { results } = await system.recordOf(summary);
    expect(results.map(({ status }) => status)).toEqual(['completed', 'rejected', 'skipped']);
  });

  test('a key that is active in another batch is skipped with the id of the active one (B5)', async () => {
    const { system, callsFor } = world;
    system.provider.setLatencyMs(1_500);
    const first = await system.startBatch(system.batch([{ prompt: 'shared 1', task_key: 'shared' }]));
    await system.provider.waitForInFlight(1);
    const second = await system.startBatch(system.batch([{ prompt: 'shared 2', task_key: 'shared' }]));
    const row = (await system.recordOf(await second.result())).results[0];
    expect(row).toMatchObject({ status: 'skipped', category: 'active_elsewhere' });
    expect(row?.error).toMatch(/"shared" is active elsewhere: workflow shared, run [0-9a-f-]{36}$/u);
    const state = await readFile(join(row?.run_dir as string, 'state.json'), 'utf8');
    expect(JSON.parse(state)).toMatchObject({ status: 'skipped', last_error: row?.error });
    expect(await first.result()).toMatchObject({ ok: true });
    expect(callsFor('shared')).toHaveLength(1);
  });

  test('a key whose task has ended is free for another batch (B5)', async () => {
    const { system, callsFor } = world;
    const order = (prompt: string) => system.batch([{ prompt, task_key: 'free-again' }]);
    expect(await (await system.startBatch(order('free again 1'))).result()).toMatchObject({ ok: true });
    expect(await (await system.startBatch(order('free again 2'))).result()).toMatchObject({ ok: true });
    expect(callsFor('free again')).toHaveLength(2);
  });
}
