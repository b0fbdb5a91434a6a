/** What leaves the spool, and when: real tasks, their real files, made older. */
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Spool } from '../../src/artifacts/spool.ts';
import { cleanSpool, type CleanupRule } from '../../src/artifacts/spool-cleanup.ts';
import type { ResultRecord } from '../../src/domain/records.ts';
import type { AdmittedTask } from '../../src/domain/task.ts';
import { type ActivityWorld, activityWorld } from '../support/activity-world.ts';
import { age, DAY_MS } from '../support/age.ts';
import { playTask } from '../support/play-task.ts';
import type { ScriptStep } from '../support/provider-script.ts';
import { canMount, SMALL_DISK_NEEDS, smallDisk } from '../support/small-disk.ts';
import { filesBelow } from '../support/system.ts';

function clean({ spoolDir }: ActivityWorld, rule: Partial<CleanupRule> = {}) {
  return cleanSpool(new Spool(spoolDir), { retentionMs: 14 * DAY_MS, nowMs: Date.now(), ...rule });
}

/** A task of its own folder that has ended. */
async function ended(world: ActivityWorld, key = 'cover', step: ScriptStep = 'ok'): Promise<AdmittedTask> {
  world.provider.setScript([step]);
  const run_dir = join(world.outputDir, 'batches', 'batch-1', key);
  const task = world.task({ task_key: key, task_name: key, prompt: `a lighthouse for ${key}`, run_dir });
  await playTask(world, task);
  return task;
}

const entryOf = ({ spoolDir }: ActivityWorld, task: AdmittedTask) =>
  join(spoolDir, task.generation_id, task.request_fingerprint.slice(0, 16));

describe('an entry is removed', () => {
  test('when its task has ended, its result is on disk and nothing has changed for 14 days', async () => {
    const world = await activityWorld();
    const task = await ended(world);
    await age(world.spoolDir, 15);
    const before = await filesBelow(world.outputDir);
    const { size } = statSync(join(entryOf(world, task), '01.answer'));
    const done = await clean(world);
    expect(done).toMatchObject({ lookedAt: 1, removed: 1, unrecorded: 0, problems: [], after: null });
    expect(done.removedBytes).toBeGreaterThanOrEqual(size);
    expect(await readdir(world.spoolDir)).toEqual(['images']);
    expect(await filesBelow(world.outputDir)).toEqual(before);
  });

  test('also of a task that failed with an answer that was paid', async () => {
    const world = await activityWorld();
    const task = await ended(world, 'cover', 'html');
    await age(world.spoolDir, 15);
    expect(await clean(world)).toMatchObject({ removed: 1, problems: [] });
    expect(existsSync(entryOf(world, task))).toBe(false);
  });

  test('by its age alone when nothing was ever sent', async () => {
    const world = await activityWorld();
    const entry = await world.deps.spool.open(world.task());
    await entry.markBegan('run-1', 1);
    await age(world.spoolDir, 15);
    expect(await clean(world)).toMatchObject({ removed: 1 });
  });

  test('the claim of its image stays: the same image is still no new one (P1)', async () => {
    const world = await activityWorld();
    const task = await ended(world);
    const { sha256 } = JSON.parse(await readFile(join(task.run_dir, 'result.json'), 'utf8')) as ResultRecord;
    await age(world.spoolDir, 15);
    await clean(world);
    expect(await world.deps.spool.claimImage(sha256 as string, 'g-2')).toBe(task.generation_id);
  });

  test('the rest of a removal that a kill cut short goes with the next pass', async () => {
    const world = await activityWorld();
    const task = await ended(world);
    await rename(entryOf(world, task), join(world.spoolDir, 'removed-0123456789ab'));
    await clean(world);
    expect(await readdir(world.spoolDir)).toEqual(['images']);
  });
});

describe('an entry stays', () => {
  test.each<[string, number, (world: ActivityWorld, task: AdmittedTask) => Promise<unknown>, number]>([
    ['one of its files changed 13 days ago', 13, async () => undefined, 0],
    ['there is no result.json', 15, (_, task) => rm(join(task.run_dir, 'result.json')), 1],
    [
      'the result.json can’t be read',
      15,
      (_, task) => writeFile(join(task.run_dir, 'result.json'), '{"a'),
      1,
    ],
    ['the task’s folder has gone', 15, (world) => rm(world.outputDir, { recursive: true }), 1],
    ['the result does not list its request', 15, (_, task) => tell(task, { attempts: [] }), 1],
    ['the result lists it as not paid', 15, (_, task) => tellUnpaid(task), 1],
    ['the task runs again', 15, (_, task) => tell(task, { status: 'running' }), 1],
    [
      'it does not say where its result is',
      15,
      async (world, task) => {
        const path = join(entryOf(world, task), '01.intent.json');
        const { run_dir: _, ...intent } = JSON.parse(await readFile(path, 'utf8')) as { run_dir: string };
        await writeFile(path, JSON.stringify(intent));
        await age(world.spoolDir, 15);
      },
      1,
    ],
  ])('when %s', async (_name, days, change, unrecorded) => {
    const world = await activityWorld();
    const task = await ended(world);
    await age(world.spoolDir, days);
    await change(world, task);
    expect(await clean(world)).toMatchObject({ removed: 0, unrecorded, problems: [] });
    expect(existsSync(join(entryOf(world, task), '01.answer'))).toBe(true);
  });

  async function tell(task: AdmittedTask, change: Partial<ResultRecord>): Promise<void> {
    const path = join(task.run_dir, 'result.json');
    const result = JSON.parse(await readFile(path, 'utf8')) as ResultRecord;
    await writeFile(path, JSON.stringify({ ...result, ...change }));
  }

  async function tellUnpaid(task: AdmittedTask): Promise<void> {
    const { attempts } = JSON.parse(
      await readFile(join(task.run_dir, 'result.json'), 'utf8'),
    ) as ResultRecord;
    await tell(task, { attempts: attempts.map((record) => ({ ...record, billing: 'possible' })) });
  }

  test('while a running process holds its lock; the lock of a dead one is none', async () => {
    const world = await activityWorld();
    const task = await ended(world);
    await age(world.spoolDir, 15);
    const lock = await (await world.deps.spool.open(task)).lock();
    expect(await clean(world)).toMatchObject({ removed: 0, unrecorded: 0 });
    if (lock.kind !== 'acquired') throw new Error('somebody has it');
    const path = join(entryOf(world, task), 'lock');
    const dead = { ...(JSON.parse(await readFile(path, 'utf8')) as object), boot_id: 'another' };
    await writeFile(path, JSON.stringify(dead));
    expect(await clean(world)).toMatchObject({ removed: 1 });
  });

  test('for ever with the retention off; temporary files go all the same', async () => {
    const world = await activityWorld();
    const task = await ended(world);
    await writeFile(join(entryOf(world, task), '02.answer.0123456789ab.tmp'), 'half');
    await age(world.spoolDir, 400);
    expect(await clean(world, { retentionMs: null })).toMatchObject({
      removed: 0,
      strays: { files: 1, bytes: 4 },
    });
  });
});

describe('temporary files of killed processes', () => {
  test('go after a day: in the spool, beside the image, in the task’s folder; nobody else’s do', async () => {
    const world = await activityWorld();
    const task = await ended(world);
    const claims = join(world.spoolDir, 'images', 'ab');
    await mkdir(claims, { recursive: true });
    const folders = [
      entryOf(world, task),
      claims,
      world.outputDir,
      task.run_dir,
      join(task.run_dir, 'attempt-01'),
    ];
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    for (const folder of folders) {
      for (const name of ['old.0123456789ab.tmp', 'notes.tmp', 'photo.png.tmp']) {
        await writeFile(join(folder, name), 'half of it');
        await utimes(join(folder, name), yesterday, yesterday);
      }
      await writeFile(join(folder, 'young.0123456789ab.tmp'), 'half of it');
    }
    expect(await clean(world)).toMatchObject({ removed: 0, strays: { files: 5, bytes: 50 }, problems: [] });
    for (const folder of folders) {
      const left = (await readdir(folder)).filter((name) => name.endsWith('.tmp')).sort();
      expect(left).toEqual(['notes.tmp', 'photo.png.tmp', 'young.0123456789ab.tmp']);
    }
    expect(await clean(world)).toMatchObject({ strays: { files: 0 } });
  });
});

describe('what is not ours, and what can’t be done', () => {
  test('links are not followed, foreign folders and files stay, a damaged entry is told and does not stop the others', async () => {
    const world = await activityWorld();
    const tasks = [
      await ended(world, 'one'),
      await ended(world, 'two'),
      await ended(world, 'three'),
    ] as const;
    const [damaged, linked, good] = tasks;
    await writeFile(join(entryOf(world, damaged), '01.intent.json'), '{"attempt"');
    const elsewhere = join(world.folder, 'elsewhere');
    await rename(join(world.spoolDir, linked.generation_id), elsewhere);
    await symlink(elsewhere, join(world.spoolDir, linked.generation_id));
    await mkdir(join(world.spoolDir, 'my notes'));
    await writeFile(join(world.spoolDir, 'a-file'), 'mine');
    await age(world.spoolDir, 15);
    await age(elsewhere, 15);
    const done = await clean(world);
    expect(done).toMatchObject({ removed: 1, problems: [expect.stringContaining('01.intent.json')] });
    expect(existsSync(entryOf(world, good))).toBe(false);
    expect(await filesBelow(elsewhere)).not.toEqual([]);
    expect(await readdir(world.spoolDir)).toEqual(
      expect.arrayContaining(['my notes', 'a-file', damaged.generation_id]),
    );
  });

  test('a pass looks at so many generations, and the next one goes on behind them', async () => {
    const world = await activityWorld();
    for (const key of ['a', 'b', 'c', 'd', 'e']) await ended(world, key);
    await age(world.spoolDir, 15);
    const first = await clean(world, { most: 2 });
    const second = await clean(world, { most: 2, after: first.after });
    const third = await clean(world, { most: 2, after: second.after });
    expect([first, second, third].map(({ removed }) => removed)).toEqual([2, 2, 1]);
    expect(third.after).toBeNull();
  });

  test('what the disk refuses to remove is told, and the pass goes on', async (context) => {
    context.skip(!canMount(), SMALL_DISK_NEEDS);
    const disk = smallDisk('4m');
    onTestFinished(() => disk.remove());
    const world = await activityWorld({}, { spoolDir: join(disk.folder, 'spool') });
    const task = await ended(world, 'one');
    await ended(world, 'two');
    await writeFile(join(entryOf(world, task), '02.answer.0123456789ab.tmp'), 'half');
    await age(world.spoolDir, 15);
    execFileSync('mount', ['-o', 'remount,ro', disk.folder]);
    const done = await clean(world);
    expect(done).toMatchObject({ lookedAt: 2, removed: 0, removedBytes: 0, strays: { files: 0 } });
    expect(done.problems).toHaveLength(3);
    expect(done.problems.every((problem) => problem.includes('EROFS'))).toBe(true);
  });

  test('a spool that is not there yet is clean', async () => {
    expect(await clean(await activityWorld())).toMatchObject({ lookedAt: 0, removed: 0, problems: [] });
  });
});
