import { Context } from '@temporalio/activity';

/** Milliseconds between signs of life; heartbeat timeouts and the worker's throttle must leave room for it. */
const HEARTBEAT_INTERVAL_MS = 5_000;

/** Do the work with a sign of life now and every few seconds: a worker that dies is noticed by their absence. */
export async function heartbeating<T>(details: () => unknown, work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  context.heartbeat(details());
  const timer = setInterval(() => context.heartbeat(details()), HEARTBEAT_INTERVAL_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
