import { type Logger, pino } from 'pino';
import { expect, test } from 'vitest';
import { repeat } from '../../src/worker/repeat.ts';

function logged(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const log: Logger = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  return { log, lines };
}

test('work is done now, and again after what it says, until the signal fires', async () => {
  const stop = new AbortController();
  let times = 0;
  const work = async () => {
    times += 1;
    if (times === 3) stop.abort();
    return 1;
  };
  await repeat('counting', work, { signal: stop.signal, log: logged().log });
  expect(times).toBe(3);
});

test('what it throws is a warning and no end: it is tried again a day later, which the signal cuts short', async () => {
  const stop = new AbortController();
  const { log, lines } = logged();
  let times = 0;
  const work = async () => {
    times += 1;
    setImmediate(() => stop.abort());
    throw new Error('EIO: the disk does not answer');
  };
  await repeat('cleaning the spool', work, { signal: stop.signal, log });
  expect([times, lines.length]).toEqual([1, 1]);
  expect(JSON.parse(lines[0] as string)).toMatchObject({
    level: 40,
    error: 'EIO: the disk does not answer',
    msg: 'cleaning the spool failed; it is tried again in a day',
  });
});
