/** `embedded.json` as its one writer sees it: moves by the table, one write after the other. */
import type { EmbeddedState } from './home.ts';
import { writeState } from './home.ts';
import { nextPhase, type Phase, type StackEvent } from './state-machine.ts';

type Notes = Partial<Omit<EmbeddedState, 'status'>>;

export class PublishedState {
  readonly #home: string;
  readonly #log: (message: string) => void;
  #state: EmbeddedState;
  #writing: Promise<void> = Promise.resolve();

  constructor(home: string, first: EmbeddedState, log: (message: string) => void) {
    this.#home = home;
    this.#state = first;
    this.#log = log;
  }

  get phase(): Phase {
    return this.#state.status;
  }

  get problem(): EmbeddedState['problem'] {
    return this.#state.problem;
  }

  /** False, and nothing is published, when the event means nothing in this phase. */
  async move(event: StackEvent, notes: Notes = {}): Promise<boolean> {
    const next = nextPhase(this.#state.status, event);
    if (next === null) return false;
    this.#log(`${this.#state.status} → ${next}: ${event}`);
    await this.#publish({ ...this.#state, ...notes, status: next });
    return true;
  }

  async note(notes: Notes): Promise<void> {
    await this.#publish({ ...this.#state, ...notes });
  }

  async forgetProblem(): Promise<void> {
    const { problem: _, ...state } = this.#state;
    await this.#publish(state);
  }

  /** A disk that takes no state file is no reason to end what runs: the next change is another try. */
  #publish(state: EmbeddedState): Promise<void> {
    this.#state = state;
    this.#writing = this.#writing.then(() =>
      writeState(this.#home, state).catch((error: unknown) =>
        this.#log(`state not published: ${(error as Error).message}`),
      ),
    );
    return this.#writing;
  }
}
