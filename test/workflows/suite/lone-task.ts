import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FAILURE_TYPES } from '../../../src/domain/failure.ts';
import type { TaskStateRecord } from '../../../src/domain/records.ts';
import { writeReference } from '../../support/reference-image.ts';
import { failureOf } from '../../support/system.ts';
import type { World } from './world.ts';

export function loneTask(world: World): void {
  test('it makes its image under _runs and keeps its state (F2, F5)', async () => {
    const { system, alone } = world;
    const handle = await system.startTask(alone({ prompt: 'alone', task_name: 'solo' }), 'alone-1');
    const row = await handle.result();
    expect(row).toMatchObject({
      status: 'completed',
      ok: true,
      acceptable: true,
      task_key: 'alone-1',
      index: 1,
    });
    expect(row.run_dir).toMatch(/_runs\/solo-\d{8}-\d{6}$/u);
    const state = JSON.parse(
      await readFile(join(row.run_dir as string, 'state.json'), 'utf8'),
    ) as TaskStateRecord;
    expect(state).toMatchObject({ status: 'completed', attempt: 1, output: row.image_path });
  });

  test('img2img sends the references and records their hashes (G1, G2)', async () => {
    const { system, alone, callsFor, resultOf } = world;
    const path = join(system.outputDir, 'reference.png');
    const bytes = await writeReference(path);
    const row = await (
      await system.startTask(alone({ prompt: 'with reference', input_image: path }))
    ).result();
    const result = await resultOf(row.result_json);
    expect(result).toMatchObject({
      mode: 'edit',
      acceptable: true,
      input_images: [{ path, bytes: bytes.length, mime: 'image/png' }],
    });
    expect(callsFor('with reference')[0]?.references).toMatchObject([
      { sha256: result.input_images[0]?.sha256, field: 'image' },
    ]);
  });

  test('a 401 is not repeated (R2)', async () => {
    const { system, alone, callsFor } = world;
    const failure = await failureOf(await system.startTask(alone({ prompt: 'no key [fault:401]' })));
    expect(failure).toMatchObject({
      type: FAILURE_TYPES.taskFailed,
      row: { status: 'failed', category: 'auth' },
    });
    expect(callsFor('no key')).toHaveLength(1);
  });

  test('a complete answer without a usable image is kept, billed, and not bought again (R2, G9)', async () => {
    const { system, alone, callsFor } = world;
    const failure = await failureOf(await system.startTask(alone({ prompt: 'rubbish [fault:html]' })));
    expect(failure.row).toMatchObject({ status: 'failed', category: 'bad_response', billing: { yes: 1 } });
    expect(callsFor('rubbish')).toHaveLength(1);
  });

  test('a reference that changed after admission fails the task without a call (H3)', async () => {
    const { system, alone, callsFor, waits } = world;
    const path = join(system.outputDir, 'changing.png');
    await writeReference(path, '#ff0000');
    const prompt = `changed reference [fault:429 retry-after=${waits.announcedSeconds} times=1]`;
    const handle = await system.startTask(alone({ prompt, input_image: path }));
    await system.provider.waitForCalls(system.provider.calls.length + 1);
    await writeReference(path, '#00ff00');
    const failure = await failureOf(handle);
    expect(failure.row).toMatchObject({ status: 'failed', category: 'input_changed' });
    expect(callsFor('changed reference')).toHaveLength(1);
  });

  test('a reference that changes while its request is under way makes the result not acceptable (P1)', async () => {
    const { system, alone, untilCalled, resultOf } = world;
    const path = join(system.outputDir, 'edited.png');
    await writeReference(path, '#ff0000');
    system.provider.setLatencyMs(1_500);
    const handle = await system.startTask(alone({ prompt: 'edited meanwhile', input_image: path }));
    await untilCalled('edited meanwhile');
    await writeReference(path, '#00ff00');
    const row = await handle.result();
    expect(row).toMatchObject({ ok: true, acceptable: false });
    expect(await resultOf(row.result_json)).toMatchObject({ not_acceptable_because: ['inputs-unchanged'] });
  });

  test('delivery is the caller’s: what asks for it is warned about in the proof (G7)', async () => {
    const { system, alone, resultOf } = world;
    const row = await (await system.startTask(alone({ prompt: 'sent on', send_to_feishu: true }))).result();
    const { warnings, acceptable } = await resultOf(row.result_json);
    expect([warnings.join(), acceptable]).toEqual([expect.stringContaining('send_to_feishu'), true]);
  });
}
