/** What lies in the spool and was not written there by this imgproof for this request: refused, told, never adopted (R5). */
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/activities/sha256.ts';
import { FAILURES } from '../../src/domain/failure.ts';
import type { AdmittedTask } from '../../src/domain/task.ts';
import { type ActivityWorld, activityWorld, failureOf, RUN_ID } from '../support/activity-world.ts';
import { playTask, recordOutcome, reportOf } from '../support/play-task.ts';

const entryOf = ({ spoolDir }: ActivityWorld, { generation_id, request_fingerprint }: AdmittedTask) =>
  join(spoolDir, generation_id, request_fingerprint.slice(0, 16));

type Damage = (path: string) => Promise<unknown> | void;

/** The same bytes, behind a link. */
const asLink: Damage = async (path) => {
  await rename(path, `${path}-aside`);
  await symlink(`${path}-aside`, path);
};
const asFolder: Damage = async (path) => {
  await rm(path, { force: true });
  await mkdir(path);
};
/** Whoever opened it as a file would wait for ever. */
const asPipe: Damage = async (path) => {
  await rm(path, { force: true });
  execFileSync('mkfifo', [path]);
};
const withText =
  (text: string): Damage =>
  (path) =>
    writeFile(path, text);

/** Another value of one field of a JSON file, or of the first line of an answer. */
const withField =
  (name: string, value: unknown): Damage =>
  async (path) => {
    const content = await readFile(path);
    const end = path.endsWith('.answer') ? content.indexOf(0x0a) : content.length;
    const object = JSON.parse(content.subarray(0, end).toString()) as object;
    const line = Buffer.from(JSON.stringify({ ...object, [name]: value }));
    await writeFile(path, Buffer.concat([line, content.subarray(end)]));
  };

const DAMAGES: [what: string, file: string, damage: Damage, says: RegExp][] = [
  ['an answer of another generation', '01.answer', withField('generation_id', 'g-9'), /another request/u],
  [
    'an answer to another request',
    '01.answer',
    withField('request_fingerprint', 'f'.repeat(64)),
    /another request/u,
  ],
  [
    'an answer under another number',
    '01.answer',
    (path) => copyFile(path, path.replace('01.', '02.')),
    /02\.answer is the answer to another request/u,
  ],
  [
    'an answer of a newer imgproof',
    '01.answer',
    withField('schema_version', 2),
    /schema_version 2, and this imgproof knows 1/u,
  ],
  ['an answer behind a link', '01.answer', asLink, /01\.answer is a symbolic link/u],
  ['a folder where an answer is', '01.answer', asFolder, /01\.answer is a folder/u],
  ['a pipe where an answer is', '01.answer', asPipe, /01\.answer is a pipe/u],
  ['a cut intent', '01.intent.json', withText('{"attempt": 1, "gener'), /01\.intent\.json can't be read/u],
  ['an intent that is a list', '01.intent.json', withText('[]'), /01\.intent\.json holds no JSON object/u],
  [
    'an intent of another generation',
    '01.intent.json',
    withField('generation_id', 'g-9'),
    /of another request/u,
  ],
  ['an intent of another attempt', '01.intent.json', withField('attempt', 7), /of another request/u],
  ['an intent of a newer imgproof', '01.intent.json', withField('schema_version', 99), /schema_version 99/u],
  ['an intent behind a link', '01.intent.json', asLink, /01\.intent\.json is a symbolic link/u],
  ['a pipe where an intent is', '01.intent.json', asPipe, /01\.intent\.json is a pipe/u],
  ['an end that is no end', '01.end.json', withText('null'), /01\.end\.json holds no JSON object/u],
  [
    'a place for the image elsewhere',
    'image.json',
    withText('{"path": "/etc/cron.d/x.png"}'),
    /names no place in/u,
  ],
  ['a place for the image that is no path', 'image.json', withText('{"path": 7}'), /names no place in/u],
  [
    'a lock that names nobody',
    'lock',
    withText('{}'),
    /lock .* names no process.*Remove it when no imgproof runs/u,
  ],
  ['a lock that is no JSON', 'lock', withText('me'), /the lock .* can't be read/u],
  ['a folder where the lock is', 'lock', asFolder, /lock is a folder/u],
  ['a pipe where the lock is', 'lock', asPipe, /lock is a pipe/u],
  ['a link where the entry is', '.', asLink, /is a symbolic link, not a folder/u],
  [
    'a file where the generation is',
    '..',
    async (path) => {
      await rm(path, { recursive: true });
      await writeFile(path, '');
    },
    /is a file, not a folder/u,
  ],
];

describe('foreign or damaged: the task ends at once and says which file and why; nothing is bought', () => {
  test.each(DAMAGES)('%s', async (_what, file, damage, says) => {
    const world = await activityWorld();
    const task = world.task();
    const { image } = await world.attempt(task).result;
    await damage(join(entryOf(world, task), file));
    const failure = await failureOf(world.attempt(task, 2));
    expect(failure).toMatchObject({ nonRetryable: true, details: [{ category: 'needs_review' }] });
    const outcome = { status: 'failed', failure: reportOf(failure) } as const;
    const { row, result } = await recordOutcome(world, task, outcome, Date.now());
    expect(row).toMatchObject({
      status: 'failed',
      category: 'needs_review',
      billing: { possible: 0, yes: 1 },
    });
    expect(result).toMatchObject({
      error: expect.stringMatching(says),
      diagnosis: { human_reason: FAILURES.needs_review.reason },
      image_path: null,
    });
    expect(world.provider.calls).toHaveLength(1);
    // What was saved before is nobody's to remove.
    expect(sha256(await readFile(image.path))).toBe(image.sha256);
  });

  test('its request is listed as possible when only the spool knew its end', async () => {
    const world = await activityWorld();
    const task = world.task();
    await world.attempt(task).result;
    await rm(join(task.run_dir, 'attempt-01', 'result.json'));
    await writeFile(join(entryOf(world, task), '01.intent.json'), '');
    const outcome = { status: 'failed', failure: reportOf(await failureOf(world.attempt(task, 2))) } as const;
    const { row } = await recordOutcome(world, task, outcome, Date.now());
    expect(row).toMatchObject({ attempts_count: 1, billing: { possible: 1, yes: 0 } });
  });
});

describe('names that no imgproof writes', () => {
  test('are passed over, also unreadable ones: the paid answer beside them is adopted', async () => {
    const world = await activityWorld();
    const task = world.task();
    const first = await world.attempt(task).result;
    const entry = entryOf(world, task);
    const names = [
      '1.answer',
      '001.answer',
      '007.intent.json',
      '-1.end.json',
      'x.answer',
      '99999999999999999999.end.json',
      '02.answer.0123456789ab.tmp',
    ];
    for (const name of names) await writeFile(join(entry, name), 'nothing of ours');
    await writeFile(Buffer.concat([Buffer.from(`${entry}/`), Buffer.from([0xff, 0xfe, 0x2e])]), '');
    await mkdir(join(dirname(dirname(entry)), 'my notes'));
    expect(await world.attempt(task, 2).result).toEqual(first);
    expect(world.provider.calls).toHaveLength(1);
  });

  test('numbers go on behind 99', async () => {
    const world = await activityWorld();
    const task = world.task({ max_attempts: 5 });
    const entry = await world.deps.spool.open(task);
    await entry.markBegan(RUN_ID, 1);
    for (const attempt of [99, 100]) {
      const { generation_id, request_fingerprint } = task;
      const binding = { worker_id: 'host/slot-1', pid: 4242, thread_id: 0, run_id: RUN_ID };
      const at = { started_at: new Date().toISOString(), temporal_attempt: 1, workflow_id: task.task_key };
      await entry.writeIntent({ generation_id, request_fingerprint, attempt, ...binding, ...at });
    }
    expect((await world.attempt(task, 2).result).attempt).toBe(101);
  });
});

describe('a claim of an image that can’t be read', () => {
  test.each<[string, Damage]>([
    ['a folder', asFolder],
    ['a pipe', asPipe],
    ['no name of a generation', withText('\u0000\u001b[31m')],
  ])(
    '%s is somebody’s: the image is kept, with a warning, and is not acceptable (P1)',
    async (_name, damage) => {
      const create = { width: 816, height: 816, channels: 3, background: '#224466' } as const;
      const image = await sharp({ create }).png().toBuffer();
      const world = await activityWorld({ images: [image] });
      const claim = join(world.spoolDir, 'images', sha256(image).slice(0, 2), sha256(image));
      await mkdir(dirname(claim), { recursive: true });
      await damage(claim);
      const { row, result } = await playTask(world, world.task());
      expect(row).toMatchObject({ status: 'completed', acceptable: false });
      expect(result.warnings).toEqual(['the same image was delivered before, by generation unknown']);
    },
  );
});
