import { type Logger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';

export const QUIET: Logger = {
  log() {},
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
};

/** Before anything else of the SDK in this process: workers in tests have nothing to say, and signals are the runner's. */
export function quietRuntime(): void {
  // What the SDK's core warns of, tests provoke on purpose; where it matters they look at histories.
  const telemetryOptions = { logging: { filter: makeTelemetryFilterString({ core: 'ERROR' }) } };
  Runtime.install({ logger: QUIET, shutdownSignals: [], telemetryOptions });
}
