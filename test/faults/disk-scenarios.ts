/** Part E: the disk. Full ones are file systems of a few hundred KiB that a test fills, so these need root on Linux. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { Spool, type SpoolEntry } from '../../src/artifacts/spool.ts';
import type { AdmittedTask } from '../../src/domain/task.ts';
import { type ActivityWorld, activityWorld } from '../support/activity-world.ts';
import { admit, tasksOf } from '../support/admit.ts';
import { readJson } from '../support/finished-orders.ts';
import { playTask } from '../support/play-task.ts';
import { type SmallDisk, smallDisk } from '../support/small-disk.ts';
import { refusedOrder } from './admission.ts';
import { given, judgeFiles, type Scenario, type Scenarios } from './scenario.ts';

const ONE_PAID = { status: 'completed', acceptable: true, billing: { possible: 0, yes: 1 } };

function disk(): SmallDisk {
  const small = smallDisk('4m');
  onTestFinished(() => small.remove());
  return small;
}

/** Full when the request is about to be announced, free again for the next attempt. */
const fullAtIntent: Scenario = async () => {
  const small = disk();
  const world = await activityWorld({}, { spoolDir: join(small.folder, 'spool') });
  const { resolveProvider } = world.deps;
  world.deps.resolveProvider = (...wanted) => {
    small.fill();
    return resolveProvider(...wanted);
  };
  const played = await playTask(world, world.task(), {
    before: (n) => {
      if (n === 2) world.deps.resolveProvider = resolveProvider;
      if (n === 2) expect(world.provider.calls).toEqual([]);
      small.free();
    },
  });
  expect(played.failures).toMatchObject([{ details: [{ category: 'disk' }] }]);
  expect(played.failures[0]?.message).toMatch(/spool can't be written: ENOSPC/u);
  expect(played.row).toMatchObject({ ...ONE_PAID, attempts_count: 1 });
  expect(world.provider.calls).toHaveLength(1);
  await judgeFiles(world, played);
};

/** A spool whose first mark of a first byte fails. */
class MarkFails extends Spool {
  #failed = false;

  override async open(key: Parameters<Spool['open']>[0]): Promise<SpoolEntry> {
    const entry = await super.open(key);
    if (this.#failed) return entry;
    this.#failed = true;
    entry.markSent = () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, open'), { code: 'ENOSPC' });
    };
    return entry;
  }
}

const fullAtFirstByte = given({
  provider: async (world) => {
    world.deps.spool = new MarkFails(world.spoolDir);
    return { baseUrl: world.provider.baseUrl, calls: () => world.provider.calls.length };
  },
  says: /nothing was sent/u,
});

/** Full while the provider works; the answer is kept in memory until there is room. */
const fullAtAnswer: Scenario = async () => {
  const small = disk();
  const world = await activityWorld({ latencyMs: 100 }, { spoolDir: join(small.folder, 'spool') });
  const playing = playTask(world, world.task());
  await world.provider.waitForInFlight(1);
  small.fill();
  await world.provider.waitForInFlight(0);
  await sleep(1_000);
  expect(await world.spooledAnswers()).toEqual([]);
  small.free();
  const played = await playing;
  expect(played.row).toMatchObject({ ...ONE_PAID, attempts_count: 1 });
  expect([world.provider.calls.length, played.waitsMs]).toEqual([1, []]);
  await judgeFiles(world, played);
};

/** The spool has room, the folder for images has none. */
const fullAtImage: Scenario = async () => {
  const small = disk();
  const world = await activityWorld({ latencyMs: 100 }, { outputDir: join(small.folder, 'out') });
  const playing = playTask(world, world.task(), { before: (n) => (n === 2 ? small.free() : undefined) });
  await world.provider.waitForInFlight(1);
  small.fill();
  const played = await playing;
  expect(played.failures).toMatchObject([{ details: [{ category: 'disk' }] }]);
  expect(played.row).toMatchObject({ ...ONE_PAID, attempts_count: 1 });
  expect(world.provider.calls).toHaveLength(1);
  await judgeFiles(world, played);
};

const readOnly = refusedOrder(/can't be written \(EROFS/u, () => {
  const small = disk();
  execFileSync('mount', ['-o', 'remount,ro', small.folder]);
  return { request: { output_dir: small.folder } };
});

/** `state.json` can't be put where a folder stands. */
const renameFails: Scenario = async () => {
  const world = await activityWorld();
  const task = world.task();
  const taken = join(task.run_dir, 'state.json');
  mkdirSync(taken, { recursive: true });
  const played = await playTask(world, task, {
    before: async (n) => {
      if (n !== 2) return;
      expect(world.provider.calls).toEqual([]);
      await rm(taken, { recursive: true });
    },
  });
  expect(played.failures).toMatchObject([{ details: [{ category: 'disk' }] }]);
  expect(played.row).toMatchObject({ ...ONE_PAID, attempts_count: 1 });
  await judgeFiles(world, played);
};

/** The whole folder goes while the provider works. */
const removedInFlight: Scenario = async () => {
  const world = await activityWorld({ latencyMs: 150 });
  const playing = playTask(world, world.task());
  await world.provider.waitForInFlight(1);
  await rm(world.outputDir, { recursive: true });
  const played = await playing;
  expect(played.row).toMatchObject({ status: 'completed', billing: { possible: 0, yes: 1 } });
  expect((await stat(played.result.image_path ?? '')).size).toBe(played.result.bytes);
  expect(world.provider.calls).toHaveLength(1);
  await judgeFiles(world, played);
};

/** A batch of these names: each has a folder of its own, inside, and its name as it was written in its proof. */
const named = (...names: string[]): Scenario => {
  return async () => {
    const world = await activityWorld();
    const tasks = await admitBatch(world, names);
    const folders = tasks.map(({ run_dir }) => run_dir);
    const folded = folders.map((path) => path.normalize('NFC').toLowerCase());
    expect(new Set(folded).size).toBe(names.length);
    expect(new Set(folders.map((path) => dirname(path))).size).toBe(1);
    for (const [i, task] of tasks.entries()) {
      const played = await playTask(world, task);
      expect(played.row, names[i]).toMatchObject(ONE_PAID);
      expect(played.result.task_name).toBe(names[i]);
      expect(await readJson(task.run_dir, 'result.json')).toMatchObject({ task_key: task.task_key });
      expect(dirname(played.result.image_path ?? '')).toBe(world.outputDir);
    }
    expect(await world.images()).toHaveLength(names.length);
  };
};

async function admitBatch(world: ActivityWorld, names: string[]): Promise<AdmittedTask[]> {
  const tasks = names.map((task_name) => ({ task_name, prompt: 'a lighthouse', size: '816x816' }));
  const batch = { output_dir: world.outputDir, tasks };
  return tasksOf(await admit(world.deps, 'batch', 'odd-names', batch));
}

export const DISK_SCENARIOS: Scenarios = {
  '60a': fullAtIntent,
  '60b': fullAtFirstByte,
  '61': fullAtAnswer,
  '62': fullAtImage,
  '63': readOnly,
  '64': renameFails,
  '65a': refusedOrder(/can't be written/u, ({ folder }) => {
    writeFileSync(join(folder, 'a-file'), '');
    return { request: { output_dir: join(folder, 'a-file') } };
  }),
  '65b': refusedOrder(/outside of the allowed output folders/u, ({ folder }) => {
    mkdirSync(join(folder, 'allowed'));
    symlinkSync('/tmp', join(folder, 'allowed', 'way-out'));
    return {
      request: { output_dir: join(folder, 'allowed', 'way-out') },
      deps: { outputRoots: () => [join(folder, 'allowed')] },
    };
  }),
  '65c': removedInFlight,
  '66a': named('n'.repeat(180), '../../etc/passwd', 'CON', '🖼️ 图', '.hidden', '-rf'),
  '66b': named('caf\u00e9', 'cafe\u0301', 'Caf\u00e9'),
  '66c': refusedOrder(/201 bytes; 1 to 200 are allowed/u, () => ({
    request: {},
    workflowId: '图'.repeat(67),
  })),
};
