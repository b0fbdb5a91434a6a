/** An answer that only links to its image: what is kept, and what a cancel does to a download (SPEC R5, B7). */
import { readdir, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { CancelledFailure } from '@temporalio/common';
import { expect, test } from 'vitest';
import { goodImage } from '../faults/answers.ts';
import { http, rawServer } from '../provider/raw-server.ts';
import { activityWorld, API_KEY } from '../support/activity-world.ts';
import { recordOutcome } from '../support/play-task.ts';

/** A provider that links to itself; `follow` says what is found there, nothing for ever when it says nothing. */
async function linking(follow: (image: Buffer) => Buffer | null) {
  const image = await goodImage();
  const server = await rawServer({
    answer: (socket) => {
      const isOrder = server.requests.at(-1)?.startsWith('POST') === true;
      const answer = isOrder ? http(200, JSON.stringify({ data: [{ url: '/a.png' }] })) : follow(image);
      if (answer !== null) socket.write(answer);
    },
  });
  const world = await activityWorld();
  await world.configure({ baseUrl: server.baseUrl, apiKey: API_KEY });
  const asked = (method: string) => server.requests.filter((request) => request.startsWith(method)).length;
  return { world, image, asked };
}

const png = (image: Buffer) =>
  Buffer.concat([Buffer.from(`HTTP/1.1 200 X\r\ncontent-length: ${image.length}\r\n\r\n`), image]);

test('is fetched once: whoever adopts the answer finds the image beside it', async () => {
  const { world, image, asked } = await linking(png);
  const task = world.task();
  const first = await world.attempt(task, 1).result;
  const second = await world.attempt(task, 2).result;
  expect(await readFile(first.image.path)).toEqual(image);
  expect(second.image).toEqual(first.image);
  expect([asked('POST'), asked('GET')]).toEqual([1, 1]);
});

test('is fetched again when what was kept is not whole; nothing is bought again', async () => {
  const { world, image, asked } = await linking(png);
  const task = world.task();
  const first = await world.attempt(task, 1).result;
  const names = await readdir(world.spoolDir, { recursive: true });
  const kept = names.find((name) => name.endsWith('01.download')) ?? 'none';
  await truncate(join(world.spoolDir, kept), 500);
  const second = await world.attempt(task, 2).result;
  expect(await readFile(second.image.path)).toEqual(image);
  expect(second.image).toEqual(first.image);
  expect([asked('POST'), asked('GET')]).toEqual([1, 2]);
});

test('is not waited for after a cancel, and the charge is told', async () => {
  const { world, asked } = await linking(() => null);
  const task = world.task();
  const attempt = world.attempt(task, 1);
  await expect.poll(() => asked('GET')).toBe(1);
  attempt.cancel('cancelRequested');
  await expect(attempt.result).rejects.toThrow(CancelledFailure);
  const failure = { category: 'cancelled' as const, message: 'cancelled' };
  const { row } = await recordOutcome(world, task, { status: 'cancelled', failure }, Date.now());
  expect(row).toMatchObject({ status: 'cancelled', billing: { yes: 1 }, attempts_count: 1 });
});
