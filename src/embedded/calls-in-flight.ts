/** What can be said of paid calls that run now. Only the server knows them; whoever can ask it tells us. */

export interface CallInFlight {
  task_key: string;
  /** `queued`: about to be sent. */
  state: 'running' | 'queued';
  /** Of the request that is under way; 0 when none was seen yet. */
  elapsed_seconds: number;
  limit_seconds: number;
}

/** Calls that run at the server of this address; null when it can't be asked. */
export type AskCalls = (address: string) => Promise<CallInFlight[] | null>;

const NAMES_SHOWN = 4;

/** `cover-1 (32 s of 600 s), cover-2 (4 s of 600 s) and 3 more`. */
export function callList(calls: readonly CallInFlight[]): string {
  const shown = calls.slice(0, NAMES_SHOWN).map(({ task_key, elapsed_seconds, limit_seconds }) => {
    return `${printable(task_key)} (${elapsed_seconds} s of ${limit_seconds} s)`;
  });
  const more = calls.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

/** The longest time that any of them may still take, in seconds. */
export function longestRemaining(calls: readonly CallInFlight[]): number {
  return Math.max(0, ...calls.map(({ elapsed_seconds, limit_seconds }) => limit_seconds - elapsed_seconds));
}

/** `9 min 28 s`. */
export function spoken(seconds: number): string {
  const whole = Math.ceil(seconds);
  const minutes = Math.floor(whole / 60);
  return minutes === 0 ? `${whole} s` : `${minutes} min ${whole % 60} s`;
}

/** Keys are people's texts: no control character of theirs reaches a terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '�');
}
