/** How long it took until work went on. */
import type { Arena, Kill } from './arena.ts';

export interface Spread {
  count: number;
  medianMs: number;
  p95Ms: number;
  maxMs: number;
}

export function spreadOf(times: readonly number[]): Spread {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  return { count: sorted.length, medianMs: at(0.5), p95Ms: at(0.95), maxMs: at(1) };
}

/** From each kill to the next call that reaches the provider. */
export function untilNextCall({ kills, provider }: Arena, victim: Kill['victim']): number[] {
  return kills
    .filter((kill) => kill.victim === victim)
    .flatMap((kill) => {
      const next = provider.calls.find(
        ({ arrived_at, x_client_request_id: id }) =>
          Date.parse(arrived_at) > kill.atMs && !kill.inFlight.includes(id ?? ''),
      );
      return next === undefined ? [] : [Date.parse(next.arrived_at) - kill.atMs];
    });
}

/** From the death of a call to the next call for the same task. */
export function untilCalledAgain({ kills, provider }: Arena): number[] {
  return kills.flatMap((kill) =>
    kill.inFlight.flatMap((id) => {
      const { calls } = provider;
      const at = calls.findIndex(({ x_client_request_id }) => x_client_request_id === id);
      const next = calls.slice(at + 1).find(({ prompt }) => prompt === calls[at]?.prompt);
      return at === -1 || next === undefined ? [] : [Date.parse(next.arrived_at) - kill.atMs];
    }),
  );
}
