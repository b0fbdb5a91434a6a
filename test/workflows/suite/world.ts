/** What every part of the workflow suite needs, whichever server it runs on. */
import { readFile } from 'node:fs/promises';
import { afterEach, beforeAll, beforeEach, expect, vi } from 'vitest';
import type { ResultRecord } from '../../../src/domain/records.ts';
import { until } from '../../support/cli.ts';
import type { CallRecord } from '../../support/provider-calls.ts';
import { type ServerKind, startSystem, type System } from '../../support/system.ts';

/** How long the suite lets things wait: minutes where the server skips time, under 2 s where its clock is the wall's. */
interface Waits {
  /** A `Retry-After`, in seconds. */
  announcedSeconds: number;
  /** A `Retry-After` above `retry_max_delay`, in seconds. */
  longAnnouncedSeconds: number;
  /** `retry_base_delay`, and a `retry_max_delay` that the second wait reaches, in seconds. */
  baseDelaySeconds: number;
  maxDelaySeconds: number;
}

const WAITS: Record<ServerKind, Waits> = {
  'time-skipping': {
    announcedSeconds: 40,
    longAnnouncedSeconds: 600,
    baseDelaySeconds: 30,
    maxDelaySeconds: 45,
  },
  'dev server': { announcedSeconds: 1, longAnnouncedSeconds: 1, baseDelaySeconds: 0.4, maxDelaySeconds: 0.6 },
};

export interface World {
  readonly system: System;
  readonly waits: Waits;
  /** Requests whose prompt has this part. */
  callsFor: (part: string) => CallRecord[];
  /** Resolves when the request with this part in its prompt is under way. */
  untilCalled: (part: string) => Promise<void>;
  resultOf: (path: string | null | undefined) => Promise<ResultRecord>;
  alone: System['alone'];
  /** Server time, in milliseconds, that `work` takes. */
  serverTimeMs: (work: () => Promise<unknown>) => Promise<number>;
}

/** One system for the test file; after each test no workflow task may have failed in anything it started (SPEC T1). */
export function openWorld(kind: ServerKind): World {
  // On a machine that is busy with other things too.
  vi.setConfig({ testTimeout: 60_000 });
  let started: System | undefined;
  const system = () => {
    if (started === undefined) throw new Error('the system starts in beforeAll; ask for it inside a test');
    return started;
  };
  beforeAll(async () => {
    started = await startSystem(kind);
    return started.stop;
  });
  beforeEach(async () => {
    const { provider } = system();
    provider.setScript([]);
    provider.setLatencyMs(0);
    provider.setDownloadStatus(200);
    // A call that outlived its workflow would count as one of this test, and stop the skipping of time.
    await provider.waitForInFlight(0);
  });
  afterEach(async () => {
    expect(await system().workflowTaskFailures()).toEqual([]);
  });
  const callsFor = (part: string) => system().provider.calls.filter(({ prompt }) => prompt?.includes(part));
  return {
    get system() {
      return system();
    },
    waits: WAITS[kind],
    callsFor,
    untilCalled: (part) => until(`the call of "${part}"`, () => callsFor(part).length > 0),
    resultOf: async (path) => JSON.parse(await readFile(String(path), 'utf8')) as ResultRecord,
    alone: (fields) => system().alone(fields),
    serverTimeMs: async (work) => {
      const startedMs = await system().env.currentTimeMs();
      await work();
      return (await system().env.currentTimeMs()) - startedMs;
    },
  };
}
