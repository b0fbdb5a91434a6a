/**
 * The life of the embedded stack (SPEC C5) as one table: the supervisor moves by it, commands decide by it.
 * The picture of it is in docs/embedded.md.
 */

/** `down`: no supervisor keeps the stack; server and worker may run on without one until the next command. */
export type Phase = 'down' | 'starting' | 'ready' | 'stopping' | 'failed';

export type StackEvent =
  /** A supervisor took the lock of the home. */
  | 'taken over'
  /** The server serves and the worker polls. */
  | 'both ready'
  /** Server or worker ended unasked. */
  | 'part ended'
  /** `imgproof down`, or SIGTERM. */
  | 'stop asked'
  /** No open work and no command for `IMGPROOF_IDLE_STOP`. */
  | 'idle'
  /** A command came while `idle` was being told, before anything was ended. */
  | 'used'
  /** Worker and server have ended as asked. */
  | 'stopped'
  /** Starting again can't help, or nothing ever got ready. */
  | 'gave up'
  /** The supervisor was killed, or made room for another one; server and worker run on. */
  | 'left alone';

type Moves = Partial<Record<StackEvent, Phase>>;

/** An event that a phase does not name changes nothing in it. */
export const TRANSITIONS: Record<Phase, Moves> = {
  down: { 'taken over': 'starting' },
  starting: {
    'both ready': 'ready',
    'stop asked': 'stopping',
    'gave up': 'failed',
    'left alone': 'down',
  },
  ready: { 'part ended': 'starting', idle: 'stopping', 'stop asked': 'stopping', 'left alone': 'down' },
  stopping: { used: 'ready', stopped: 'down', 'left alone': 'down' },
  failed: { 'taken over': 'starting' },
};

/** The next phase; null when the event means nothing in this one. */
export function nextPhase(phase: Phase, event: StackEvent): Phase | null {
  return TRANSITIONS[phase][event] ?? null;
}

/** What a command does that needs the stack. Who waits for an end begins anew after it. */
export const COMMAND_STEP: Record<Phase, 'spawn a supervisor' | 'wait' | 'use it'> = {
  down: 'spawn a supervisor',
  failed: 'spawn a supervisor',
  starting: 'wait',
  stopping: 'wait',
  ready: 'use it',
};

/** The phase as anybody may see it: what was published last counts while its supervisor lives, `failed` also after. */
export function phaseSeen(published: Phase | null, isSupervised: boolean): Phase {
  if (isSupervised) return published ?? 'starting';
  return published === 'failed' ? 'failed' : 'down';
}
