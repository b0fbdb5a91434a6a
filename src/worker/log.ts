/** What a worker says: one line of JSON each, Temporal's lines in the form of ours. */
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';

/** Once per process, before any connection. */
export function installRuntime(log: Logger): void {
  const filter = makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' });
  Runtime.install({
    shutdownSignals: [],
    logger: runtimeLogger(log),
    // Otherwise its native part writes coloured lines of its own.
    telemetryOptions: { logging: { filter, forward: {} } },
  });
}

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
const POLL_RETRY = /^gRPC call poll_\w+ retried/u;
const TELL_EVERY_MS = 10_000;

function runtimeLogger(log: Logger): DefaultLogger {
  let toldAtMs = -TELL_EVERY_MS;
  return new DefaultLogger('INFO', ({ level, message, meta }) => {
    const error: unknown = meta?.['error'];
    const details =
      error instanceof Error ? { ...meta, error: error.message, stack: error.stack } : { ...meta };
    // A dozen pollers each try on: one line tells it for all of them.
    const isPollRetry = POLL_RETRY.test(message);
    if (isPollRetry && performance.now() - toldAtMs < TELL_EVERY_MS) return;
    if (isPollRetry) toldAtMs = performance.now();
    log[LEVELS[level]](details, isPollRetry ? 'the Temporal server does not answer; asking again' : message);
  });
}
