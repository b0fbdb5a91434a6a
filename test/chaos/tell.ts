/** The figures of a run in lines for people. */
import { HEARTBEAT_TIMEOUT_MS } from './arena.ts';
import type { ArenaReport, ChaosReport } from './play.ts';

/** After that at the latest a killed worker's task is called again (issue 6). */
const RECOVERY_LIMIT_MS = HEARTBEAT_TIMEOUT_MS + 15_000;
const FIRST_CALL_LIMIT_MS = 2_000;

export function tableOf(report: ChaosReport): string[] {
  return [
    '',
    ...aligned([
      [
        'arena',
        'tasks',
        'completed',
        'used up',
        'calls',
        'again',
        'died in flight',
        'yes',
        'possible',
        'kills',
      ],
      ...report.arenas.map(rowOf),
    ]),
    '',
    ...aligned([
      ['killed', 'when', 'times', 'with tasks open'],
      ...report.kills.map(({ victim, point, times, midBatch }) => [
        victim,
        point,
        String(times),
        String(midBatch),
      ]),
    ]),
    '',
    ...aligned([
      ['time', 'count', 'median', 'p95', 'max'],
      ...Object.entries(report.times).map(([name, { count, medianMs, p95Ms, maxMs }]) => [
        name,
        String(count),
        ...[medianMs, p95Ms, maxMs].map((ms) => `${(ms / 1000).toFixed(2)} s`),
      ]),
    ]),
    '',
    ...report.notPlayed.map((text) => `not played: ${text}`),
    ...limits(report),
  ];
}

export function verdictOf(report: ChaosReport): string {
  const sum = (of: (arena: ArenaReport) => number) =>
    report.arenas.reduce((total, arena) => total + of(arena), 0);
  const kills = report.kills.reduce((total, { times }) => total + times, 0);
  const servers = report.kills.filter(({ victim }) => victim === 'server');
  return [
    `${kills} kills over ${sum(({ tasks }) => tasks)} tasks:`,
    `${sum(({ lost }) => lost.length)} lost,`,
    `${sum(({ torn }) => torn.length)} torn files,`,
    `${sum(({ duplicates }) => duplicates)} duplicated (${sum(({ diedInFlight }) => diedInFlight)} calls in flight at kills),`,
    `${sum(({ hidden }) => hidden.length)} hidden,`,
    `${sum(({ unexplained }) => unexplained.length)} without a reason,`,
    `${sum(({ recovered }) => recovered)} recovered,`,
    `${servers.reduce((total, { midBatch }) => total + midBatch, 0)} servers killed mid-batch;`,
    `seed ${report.seed}, ${report.minutes} min`,
  ].join(' ');
}

function rowOf(arena: ArenaReport): string[] {
  const { name, tasks, completed, usedUp, calls, duplicates, diedInFlight, billing, kills } = arena;
  return [
    name,
    ...[tasks, completed, usedUp, calls, duplicates, diedInFlight, billing.yes, billing.possible, kills].map(
      String,
    ),
  ];
}

function limits({ times }: ChaosReport): string[] {
  const max = (part: string) => Object.entries(times).find(([name]) => name.includes(part))?.[1].maxMs ?? NaN;
  const line = (what: string, ms: number, limitMs: number) =>
    `${what}: at most ${(ms / 1000).toFixed(2)} s, wanted ${limitMs / 1000} s: ${ms <= limitMs ? 'holds' : 'DOES NOT HOLD'}`;
  return [
    line(
      "a killed worker's task is called again",
      max('alone: from the kill to the call again'),
      RECOVERY_LIMIT_MS,
    ),
    line('first new call after the new worker began', max('first new call'), FIRST_CALL_LIMIT_MS),
  ];
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
