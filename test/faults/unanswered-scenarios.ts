/** Part B: sent, and no complete answer. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { activityWorld, type ActivityWorld, API_KEY } from '../support/activity-world.ts';
import { playTask } from '../support/play-task.ts';
import { filesBelow } from '../support/system.ts';
import { goodAnswer, goodJson, type RawFault, rawFault, faultServer } from './answers.ts';
import { type Given, type Scenario, type Scenarios } from './scenario.ts';

const MIB = 1024 * 1024;
/** Of the request; scaled from the 600 s of production. */
const SHORT: Given = { task: { timeout_ms: 400 } };

const says = (text: string | ((good: string) => string), more?: Given) =>
  rawFault((socket, good) => void socket.write(typeof text === 'string' ? text : text(good)), more);

/** The first part of a good answer, then what breaks it; a moment apart, so that the part arrives. */
const half =
  (breaks: (socket: Socket) => void, answer: (good: string) => string = (good) => good): RawFault =>
  (socket, good) => {
    const text = answer(good);
    socket.write(text.slice(0, text.length / 2), () => void sleep(50).then(() => breaks(socket)));
  };

const unframed = (good: string) => good.replace(/content-length: \d+\r\n/u, '');
const chunked = (good: string) => {
  const body = good.slice(good.indexOf('\r\n\r\n') + 4);
  return `HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n`;
};

/** What came before the cut is kept, and is no answer. */
const keepsWhatCame: Given = {
  also: async (_, { spoolDir }) => {
    const partials = (await filesBelow(spoolDir)).filter((name) => name.endsWith('.partial'));
    expect(partials).toEqual([expect.stringMatching(/\/01\.partial$/u)]);
    const kept = await readFile(join(spoolDir, partials[0] as string), 'utf8');
    const whole = await goodJson();
    expect(kept.length).toBeGreaterThan(100);
    expect(whole.startsWith(kept)).toBe(true);
  },
};

const drip: RawFault = (socket, good) => {
  const end = good.indexOf('\r\n\r\n') + 4;
  socket.write(good.slice(0, end));
  const timer = setInterval(() => socket.write(good.slice(end, end + 1)), 20);
  socket.once('close', () => clearInterval(timer));
};

/** More than may come, and no end of it. */
const endless: RawFault = (socket) => {
  socket.write('HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n');
  const chunk = `${MIB.toString(16)}\r\n${'A'.repeat(MIB)}\r\n`;
  const pour = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', pour);
  pour();
};

/** Memory, in bytes, that the work takes at its worst. */
async function growthOf(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 10);
  await work().finally(() => clearInterval(timer));
  return most - before;
}

/** 200 MB of zeros in 200 KB. */
const gzipBomb: Scenario = async (faultCase) => {
  const bomb = gzipSync(Buffer.alloc(200 * MIB));
  const head = `HTTP/1.1 200 X\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`;
  const scenario = rawFault(
    (socket) => {
      socket.write(head);
      socket.write(bomb);
    },
    { says: /content-encoding gzip, and none was accepted/u },
  );
  expect(await growthOf(() => scenario(faultCase))).toBeLessThan(150 * MIB);
};

/** One connection for two tasks: the second request finds it dead. */
const keptConnection: Scenario = async ({ end }) => {
  const world = await activityWorld();
  const good = await goodAnswer();
  const server = await faultServer({
    answer: (socket, n) => void (n === 2 ? socket.resetAndDestroy() : socket.write(good)),
  });
  await world.configure({ baseUrl: server.baseUrl, apiKey: API_KEY });
  const named = (name: string) =>
    world.task({ task_key: name, task_name: name, run_dir: join(world.outputDir, 'batches', name) });
  expect((await playTask(world, named('one'))).row.status).toBe('completed');
  const second = await playTask(world, named('two'));
  expect(second.attempts[0]).toMatchObject({ ...(end as object), billing: 'possible' });
  expect(second.row).toMatchObject({ status: 'completed', attempts_count: 2 });
  // The second request came over the first one's connection, and once.
  expect([server.requests.length, server.connections()]).toEqual([3, 2]);
};

/** The deadline of the request ends it, from whichever phase. */
const endsInTime = (fault: RawFault): Scenario =>
  rawFault(fault, {
    ...SHORT,
    // The next one is answered at once.
    also: ({ attempts }: { attempts: { elapsed_ms: number | null }[] }, _: ActivityWorld) => {
      expect(attempts[0]?.elapsed_ms).toBeGreaterThanOrEqual(400);
      expect(attempts[0]?.elapsed_ms).toBeLessThan(10_000);
    },
  });

export const UNANSWERED_SCENARIOS: Scenarios = {
  '13': rawFault((socket) => void socket.resetAndDestroy()),
  '14': rawFault((socket) => void socket.end()),
  '15': keptConnection,
  '16': endsInTime(() => undefined),
  '17': endsInTime((socket, good) => void socket.write(good.slice(0, good.length / 2))),
  '18': endsInTime(drip),
  '19': rawFault(
    half((socket) => void socket.resetAndDestroy()),
    keepsWhatCame,
  ),
  '20': rawFault(
    half((socket) => void socket.end()),
    keepsWhatCame,
  ),
  '21': rawFault(half((socket) => void socket.end(), chunked)),
  '22': rawFault(
    half((socket) => void socket.end(), unframed),
    { says: /no valid JSON, or was cut off/u },
  ),
  '23a': rawFault(endless, { says: /larger than 94371840 bytes/u }),
  '23b': says(`HTTP/1.1 200 X\r\ncontent-length: ${91 * MIB}\r\n\r\n{`, { says: /larger than/u }),
  '24': gzipBomb,
  '25a': says('SSH-2.0-OpenSSH_9.2\r\n'),
  '25b': says('HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n'),
  '26': says((good) => good.replace('\r\n', `\r\n${`x-filler: ${'a'.repeat(1_000)}\r\n`.repeat(200)}`)),
  '27a': says((good) => good.replace('\r\n', '\r\ntransfer-encoding: chunked\r\n')),
  '27b': says((good) => good.replace('\r\n', '\r\ncontent-length: 5\r\n')),
  '28': says((good) => `HTTP/1.1 100 Continue\r\n\r\n${good}`),
};
