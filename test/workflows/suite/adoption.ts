import { expect, test } from 'vitest';
import type { World } from './world.ts';

export function adoption(world: World): void {
  test('the same order again adopts every proven result without a call; again orders anew (B6)', async () => {
    const { system, callsFor, resultOf } = world;
    const request = system.batch([{ prompt: 'adopt a' }, { prompt: 'adopt b' }]);
    const first = await (await system.startBatch(request, 'adopting')).result();
    const second = await (await system.startBatch(request, 'adopting')).result();
    expect(second).toMatchObject({ ok: true, success: 2, adopted: 2, cost: { no: 0, possible: 0, yes: 0 } });
    expect(callsFor('adopt')).toHaveLength(2);
    expect(second.batch_dir).not.toBe(first.batch_dir);
    const copy = await resultOf((await system.recordOf(second)).results[0]?.result_json);
    expect(copy.adopted_from).toBe((await system.recordOf(first)).results[0]?.result_json);
    const third = await (await system.startBatch({ ...request, again: true }, 'adopting')).result();
    expect([third.adopted, callsFor('adopt').length]).toEqual([0, 4]);
  });

  test('of an order that ended in parts only what has no result is made (B6)', async () => {
    const { system, callsFor } = world;
    const request = system.batch([{ prompt: 'part a' }, { prompt: 'part b [fault:400 times=1]' }]);
    expect(await (await system.startBatch(request, 'in-parts')).result()).toMatchObject({
      success: 1,
      failed: 1,
    });
    const second = await (await system.startBatch(request, 'in-parts')).result();
    expect(second).toMatchObject({ ok: true, success: 2, adopted: 1, cost: { no: 0, possible: 0, yes: 1 } });
    expect([callsFor('part a').length, callsFor('part b').length]).toEqual([1, 2]);
  });
}
