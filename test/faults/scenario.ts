/**
 * How a case of the fault catalogue is provoked and judged. What must come of it is the catalogue's to say
 * (`src/domain/fault-catalogue.ts`, `failure.ts`); a scenario says how it happens, and what can be seen beside that.
 */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { billingOf, type FailureCategory, FAILURES, type Phase } from '../../src/domain/failure.ts';
import { faultCases, type FaultCase, type FaultEnd } from '../../src/domain/fault-catalogue.ts';
import type { AdmittedTask } from '../../src/domain/task.ts';
import { type ActivityWorld, activityWorld, API_KEY } from '../support/activity-world.ts';
import { canariesAfter } from '../support/canary-sweep.ts';
import { type Clock, type Played, playTask } from '../support/play-task.ts';
import type { ScriptStep } from '../support/provider-script.ts';
import { filesBelow } from '../support/system.ts';

/** Provokes the case and judges it. */
export type Scenario = (faultCase: FaultCase) => Promise<void>;

/** By key of the case: `43a`. */
export type Scenarios = Readonly<Record<string, Scenario>>;

/** One test for each case; its name begins with the key, which is what `npm run faults` counts. */
export function playScenarios(scenarios: Scenarios, limitMs = 60_000): void {
  vi.setConfig({ testTimeout: limitMs });
  const cases = new Map(faultCases().map((one) => [one.key, one]));
  test.each(Object.keys(scenarios))(
    '#%s',
    async (key) => {
      const found = cases.get(key);
      if (found === undefined) throw new Error(`the catalogue has no case ${key}`);
      const terminal = watchTerminal();
      await scenarios[key]?.(found.faultCase);
      expect(canariesAfter(terminal())).toEqual([]);
    },
    60_000,
  );
}

/** What this process prints from now on. */
function watchTerminal(): () => string {
  const printed: string[] = [];
  const spies = ([process.stdout, process.stderr] as const).map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation((chunk) => {
      printed.push(String(chunk));
      return true;
    }),
  );
  return () => {
    for (const spy of spies) spy.mockRestore();
    return printed.join('');
  };
}

/** How a case differs from a good call of text2img. */
export interface Given {
  /** What the scripted provider does to the first call, or to several in turn; afterwards it answers well. */
  step?: ScriptStep | readonly ScriptStep[];
  /** Instead of the scripted provider: where the worker finds it, and how many calls it saw. */
  provider?: (world: ActivityWorld) => Promise<Stranger>;
  task?: Partial<AdmittedTask>;
  references?: number;
  clock?: Clock;
  before?: (n: number) => Promise<void> | void;
  /** Milliseconds from, to, of the first wait; default: the task's base delay. */
  wait?: readonly [from: number, to: number];
  /** Requests that are sent; default: what the end says, and one more when it is repeated. */
  calls?: number;
  /** The fault stays: the task fails when its attempts are used up. */
  lasting?: boolean;
  /** What the failure says. */
  says?: RegExp;
  also?: (played: Played, world: ActivityWorld, task: AdmittedTask) => Promise<void> | void;
}

/** A provider that is none of the scripted ones. */
export interface Stranger {
  baseUrl: string;
  calls: () => number;
}

/** The usual case: one task, the fault once, then a provider that is well again. */
export function given(given: Given): Scenario {
  return async ({ end }) => {
    if (end === 'refused') throw new Error('what admission refuses is no case of a call');
    const script = given.step === undefined ? [] : [given.step].flat();
    const world = await activityWorld({ script });
    const stranger = await given.provider?.(world);
    if (stranger !== undefined) await world.configure({ baseUrl: stranger.baseUrl, apiKey: API_KEY });
    const task = await taskOf(world, given);
    const { clock, before } = given;
    const played = await playTask(world, task, {
      ...(clock === undefined ? {} : { clock }),
      ...(before === undefined ? {} : { before }),
    });
    judgeEnd(end, given, played);
    // The client may have the last byte before the server has noted that it is gone.
    await world.provider.waitForInFlight(0);
    expect(stranger?.calls() ?? world.provider.calls.length).toBe(given.calls ?? callsOf(end, given));
    if (stranger === undefined) judgeLog(world, played);
    await judgeFiles(world, played);
    await given.also?.(played, world, task);
  };
}

async function taskOf(world: ActivityWorld, { references = 0, task }: Given): Promise<AdmittedTask> {
  const colours = ['#336699', '#996633'].slice(0, references);
  const input_images = await Promise.all(colours.map((colour, i) => world.reference(`ref-${i}`, colour)));
  return world.task({ input_images, ...task });
}

/** The case is about all of these. */
export function allOf(...scenarios: readonly Scenario[]): Scenario {
  return async (faultCase) => {
    for (const scenario of scenarios) await scenario(faultCase);
  };
}

/** The base delay of the task is 100 ms. */
const BACKOFF = [1, 100] as const;

function judgeEnd(end: FaultEnd, given: Given, played: Played): void {
  if (typeof end === 'object') {
    judgeFailure(end, given, played);
    return;
  }
  const { row, result } = played;
  expect(row).toMatchObject({
    status: 'completed',
    attempts_count: 1,
    billing: { no: 0, possible: 0, yes: 1 },
  });
  expect(row.acceptable).toBe(end !== 'not acceptable');
  if (end === 'completed') expect(result.warnings).toEqual([]);
  if (end === 'completed with a warning') expect(result.warnings).toHaveLength(1);
}

function judgeFailure(
  { category, phase }: { category: FailureCategory; phase: Phase },
  { wait = BACKOFF, lasting, says }: Given,
  { row, attempts, failures, waitsMs, heartbeats }: Played,
): void {
  const { retryable, status } = FAILURES[category];
  const repeats = waitsMs.length > 0;
  const [report] = (failures[0]?.details ?? []) as [{ category: string; message: string }];
  expect(report).toMatchObject({ category, message: expect.stringMatching(says ?? /^\S.{10,}$/su) });
  // Prepared in vain, it leaves no attempt.
  if (attempts.length > 0 || retryable)
    expect(attempts[0]).toMatchObject({ ok: false, category, phase, billing: billingOf(category, phase) });
  expect(row).toMatchObject(
    repeats && lasting !== true ? { status: 'completed', acceptable: true } : { status, category },
  );
  if (!repeats) return;
  expect(retryable).toBe(true);
  expect(waitsMs[0]).toBeGreaterThanOrEqual(wait[0]);
  expect(waitsMs[0]).toBeLessThanOrEqual(wait[1]);
  expect(heartbeats.some(({ waiting_for }) => waiting_for === 'the next attempt')).toBe(true);
}

/** What the attempts say of the answers is what the provider's log says. */
function judgeLog({ provider }: ActivityWorld, { attempts }: Played): void {
  const sent = attempts.filter(({ phase }) => phase !== 'connecting');
  expect(sent.map(({ http_status }) => http_status)).toEqual(provider.calls.map(({ status }) => status));
  const answered = sent.filter(({ http_status }) => http_status !== null);
  const log = provider.calls.filter(({ status }) => status !== null);
  expect(answered.map(({ request_id }) => request_id)).toEqual(log.map(({ request_id }) => request_id));
}

/** Each request that left is one call. */
function callsOf(end: FaultEnd, { lasting }: Given): number {
  if (typeof end !== 'object') return 1;
  const sent = end.phase === 'connecting' ? 0 : 1;
  return FAILURES[end.category].retryable && lasting !== true ? sent + 1 : sent;
}

/** Whatever happened: JSON that parses, nothing temporary, an image only where a result says so, and no key anywhere. */
export async function judgeFiles(world: ActivityWorld, ...played: Played[]): Promise<void> {
  const contents = await contentsOf(world);
  const names = contents.map(([path]) => path);
  expect(names.filter((name) => /\.tmp$|\.imgproof-|(?:^|\/)lock$/u.test(name))).toEqual([]);
  for (const [name, content] of contents)
    if (name.endsWith('.json')) expect(() => JSON.parse(content.toString()) as unknown, name).not.toThrow();
  const told = played.flatMap(({ failures, heartbeats }) => [
    ...heartbeats,
    ...failures.map(({ message, stack, details }) => ({ message, stack, details })),
  ]);
  const tellTales = [...contents, ['what Temporal was told', Buffer.from(JSON.stringify(told))] as const]
    .filter(([, content]) => content.includes(API_KEY))
    .map(([name]) => name);
  expect(tellTales).toEqual([]);
  const images = await world.images();
  for (const { row, result } of played) {
    expect(result.ok).toBe(row.status === 'completed');
    const own = images.filter((name) => name === basename(result.image_path ?? ''));
    expect(own).toHaveLength(result.ok ? 1 : 0);
  }
  const attempts = played.flatMap(({ result }) => result.attempts);
  const answered = attempts.filter(({ billing, phase }) => billing === 'yes' && phase === 'done');
  expect(await world.spooledAnswers()).toHaveLength(answered.length);
}

async function contentsOf({
  outputDir,
  spoolDir,
}: ActivityWorld): Promise<(readonly [path: string, Buffer])[]> {
  const found = await Promise.all(
    [outputDir, spoolDir].map(async (folder) =>
      (await filesBelow(folder).catch(() => [])).map((name) => join(folder, name)),
    ),
  );
  return Promise.all(found.flat().map(async (path) => [path, await readFile(path)] as const));
}
