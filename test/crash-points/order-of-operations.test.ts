/** Shown by the recording of one task: what a power failure must not undo is with the disk before the next step. */
import { describe, expect, test } from 'vitest';
import type { Operation } from './doomed.ts';
import { type Cut, CUTS } from './scenarios.ts';
import { operationsOf } from './sweep.ts';

/** Whole at every instant, and made anew from what is durable: after a power failure an older one may be there. */
const PROJECTIONS = /\/(?:state\.json|stdout\.txt|stderr\.txt|began-[^/]+)$/u;

/** Every kind of file is in one of them. */
const SHOWN = CUTS.filter(({ name }) => /^(?:img2img|an answer cut|adoption)/u.test(name));

describe.each(SHOWN.map((cut) => [cut.name, cut] as const))(
  'the files of a task: %s',
  { timeout: 120_000 },
  (_name, cut) => {
    test('each durable file is synced before it has its name, and its folder after it', async () => {
      const { operations, named } = await recordingOf(cut);
      const durable = named.filter(({ to = '' }) => !PROJECTIONS.test(to));
      expect(durable.length).toBeGreaterThanOrEqual(5);
      for (const { path, to = '', name, beganAt, endedAt } of durable) {
        const ofTemporary = operations.filter((one) => one.path === path);
        const written = ofTemporary.filter(({ op }) => op === 'write').map((one) => one.endedAt);
        const isSynced = (one: Operation) =>
          one.op === 'fsync' && one.beganAt > Math.max(...written) && one.endedAt < beganAt;
        expect(written.length, `${name} is written`).toBeGreaterThan(0);
        expect(ofTemporary.some(isSynced), `${name}: its bytes are synced before it has its name`).toBe(true);
        const folder = operations.find(
          (one) => one.op === 'fsync' && one.path === folderOf(to) && one.beganAt > endedAt,
        );
        expect(folder?.endedAt, `${name}: its folder is synced afterwards`).toBeLessThan(Infinity);
      }
    });

    test('no file that is read gets its content under its own name', async () => {
      const { operations } = await recordingOf(cut);
      const inPlace = operations.filter(
        ({ op, path }) =>
          /^(?:create|write|writeFile|appendFile|copyFile|truncate)$/u.test(op) && !path.endsWith('.tmp'),
      );
      // The mark of a first byte is empty: there is nothing of it that could be torn.
      expect(inPlace.filter(({ op, path }) => op !== 'create' || !path.endsWith('.sent'))).toEqual([]);
    });

    test('each new folder is synced into its parent before anything is in it', async () => {
      const { operations } = await recordingOf(cut);
      const made = operations.filter(({ op }) => op === 'mkdir');
      expect(made.length).toBeGreaterThan(0);
      for (const { path, name, endedAt } of made) {
        const synced = operations.find(
          (one) => one.op === 'fsync' && one.path === folderOf(path) && one.beganAt > endedAt,
        );
        const within = operations.filter((one) => one.path.startsWith(`${path}/`));
        const firstWithin = Math.min(...within.map(({ beganAt }) => beganAt));
        expect(synced?.endedAt, name).toBeLessThan(firstWithin);
      }
    });

    test('a paid answer is with the disk before anything else is made of it (R5)', async () => {
      const { operations, named } = await recordingOf(cut);
      const answer = named.find(({ to = '' }) => to.endsWith('.answer'));
      if (cut.endedAfterAnswer === true) {
        expect(answer).toBeUndefined();
        return;
      }
      const { to = '', endedAt = Infinity } = answer ?? {};
      const synced = operations.find(
        (one) => one.op === 'fsync' && one.path === folderOf(to) && one.beganAt > endedAt,
      );
      const images = operations.filter(({ path }) => /\/(?:images|out\/[^/]+\.png|image\.json)/u.test(path));
      const results = named.filter((one) => one.to?.endsWith('/result.json') && one.beganAt > endedAt);
      const next = [...images, ...results].map(({ beganAt }) => beganAt);
      expect(synced?.endedAt).toBeLessThan(Math.min(...next));
    });

    test('intent, then the mark of the first byte, then the answer: each with the disk before the next begins', async () => {
      const { operations } = await recordingOf(cut);
      const steps = ['.intent.json', '.sent', '.answer'].flatMap(
        (end) =>
          operations.findLast(
            ({ op, path, to }) => (to ?? path).endsWith(end) && (op === 'link' || op === 'create'),
          ) ?? [],
      );
      expect(steps).toHaveLength(cut.endedAfterAnswer === true ? 0 : 3);
      for (const [i, { path, to, endedAt }] of steps.slice(0, -1).entries()) {
        const synced = operations.find(
          (one) => one.op === 'fsync' && one.path === folderOf(to ?? path) && one.beganAt > endedAt,
        );
        expect(synced?.endedAt).toBeLessThan(steps[i + 1]?.beganAt ?? 0);
      }
    });
  },
);

interface Recording {
  operations: Operation[];
  /** Those that give a file its name. */
  named: Operation[];
}

const recordings = new Map<string, Promise<Recording>>();

/** Played once for all tests of it. */
function recordingOf(cut: Cut): Promise<Recording> {
  const recording = recordings.get(cut.name) ?? record(cut);
  recordings.set(cut.name, recording);
  return recording;
}

async function record(cut: Cut): Promise<Recording> {
  // What failed (a name was taken) has no end, and changed nothing.
  const operations = (await operationsOf(cut)).filter(({ endedAt }) => endedAt < Infinity);
  const named = operations.filter(({ op, to = '' }) => (op === 'link' || op === 'rename') && !isPassing(to));
  return { operations, named };
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** Locks go with their process, and what is renamed in order to be removed. */
function isPassing(path: string): boolean {
  return /\/lock(?:\.released-\w+)?$/u.test(path);
}
