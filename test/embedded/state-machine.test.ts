import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  COMMAND_STEP,
  nextPhase,
  type Phase,
  phaseSeen,
  type StackEvent,
  TRANSITIONS,
} from '../../src/embedded/state-machine.ts';

const PHASES = Object.keys(TRANSITIONS) as Phase[];
const EVENTS = [
  ...new Set(Object.values(TRANSITIONS).flatMap((moves) => Object.keys(moves))),
] as StackEvent[];
const arrows = PHASES.flatMap((from) =>
  Object.entries(TRANSITIONS[from]).map(([event, to]) => ({ from, event, to })),
);
const eventsInto = (phase: Phase) =>
  new Set(arrows.filter(({ to }) => to === phase).map(({ event }) => event));

describe('the life of the embedded stack (C5)', () => {
  test.each<[Phase, StackEvent, Phase | null]>([
    ['down', 'taken over', 'starting'],
    ['starting', 'both ready', 'ready'],
    ['ready', 'part ended', 'starting'],
    ['ready', 'idle', 'stopping'],
    ['stopping', 'used', 'ready'],
    ['stopping', 'stopped', 'down'],
    ['starting', 'gave up', 'failed'],
    ['failed', 'taken over', 'starting'],
    // What must not be possible.
    ['stopping', 'both ready', null],
    ['stopping', 'part ended', null],
    ['starting', 'idle', null],
    ['starting', 'used', null],
    ['ready', 'gave up', null],
    ['ready', 'taken over', null],
    ['failed', 'both ready', null],
    ['down', 'both ready', null],
  ])('%s, %s: %s', (phase, event, next) => {
    expect(nextPhase(phase, event)).toBe(next);
  });

  test('becomes ready only when both are, or when a command came before anything was ended', () => {
    expect(eventsInto('ready')).toEqual(new Set(['both ready', 'used']));
  });

  test('stops only when asked, by a person or by idleness', () => {
    expect(eventsInto('stopping')).toEqual(new Set(['stop asked', 'idle']));
  });

  test('can lose its supervisor in every phase that has one', () => {
    const supervisedPhases = new Set<Phase>(['starting', 'ready', 'stopping']);
    for (const phase of PHASES) {
      expect(nextPhase(phase, 'left alone'), phase).toBe(supervisedPhases.has(phase) ? 'down' : null);
    }
  });

  test('leads to ready from every phase, for a command that waits and spawns as the table says', () => {
    for (const phase of PHASES) expect(COMMAND_STEP[phase], phase).toBeDefined();
    for (const phase of PHASES.filter((phase) => COMMAND_STEP[phase] === 'spawn a supervisor')) {
      expect(nextPhase(phase, 'taken over')).toBe('starting');
    }
    for (const phase of PHASES.filter((phase) => COMMAND_STEP[phase] === 'wait')) {
      expect(Object.keys(TRANSITIONS[phase]).length, `a way out of ${phase}`).toBeGreaterThan(0);
    }
  });

  test.each<[Phase | null, boolean, Phase]>([
    ['ready', true, 'ready'],
    ['stopping', true, 'stopping'],
    [null, true, 'starting'],
    ['ready', false, 'down'],
    ['stopping', false, 'down'],
    ['failed', false, 'failed'],
    [null, false, 'down'],
  ])('published %s with a living supervisor %s is seen as %s', (published, isSupervised, seen) => {
    expect(phaseSeen(published, isSupervised)).toBe(seen);
  });

  test('is drawn as it is: every state diagram of the stack has exactly the arrows of the table', () => {
    const pages = ['docs/embedded.md', 'ARCHITECTURE.md'].map((path) => readFileSync(path, 'utf8'));
    const diagrams = pages.flatMap((page) =>
      [...page.matchAll(/```mermaid\nstateDiagram-v2\n([\s\S]*?)```/gu)].map(([, body]) => body as string),
    );
    expect(diagrams.length).toBeGreaterThan(0);
    for (const diagram of diagrams) {
      const drawn = diagram.trim().split('\n');
      expect(drawn.map((line) => line.trim()).sort()).toEqual(
        arrows.map(({ from, to, event }) => `${from} --> ${to}: ${event}`).sort(),
      );
    }
    expect(EVENTS.length).toBeGreaterThan(8);
  });
});
