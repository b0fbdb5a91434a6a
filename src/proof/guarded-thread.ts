/**
 * Work on hostile data in a thread of its own, which is ended when a job takes too long or leaves too much memory behind. One
 * thread, started by the first job, kept for the next ones; jobs run one after the other. It keeps no process alive by itself.
 */
import { Worker } from 'node:worker_threads';

export interface GuardedThreadOptions {
  /** A module that says `ready` first, and then answers each message with one message, in order. */
  script: URL;
  /** Its `workerData`. */
  data: unknown;
  /** For one job. Halved with each job that ran out of it, to a tenth at least: many can't take for ever. */
  seconds: number;
  /** Heap of JavaScript; what WebAssembly uses is limited in its module. */
  heapMB: number;
}

/** The job has no answer: the thread ran out of time or memory, or could not start. */
export class ThreadProblem extends Error {}

export class GuardedThread<Job, Answer> {
  readonly #options: GuardedThreadOptions;
  #thread: Worker | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  #ranOut = 0;

  constructor(options: GuardedThreadOptions) {
    this.#options = options;
  }

  /**
   * `job` is called when its turn has come: what waits holds no copy of its data. `isSpent`: the thread is not to be used again.
   * @throws ThreadProblem
   */
  run(job: () => Job, isSpent: (answer: Answer) => boolean): Promise<Answer> {
    const turn = this.#queue.then(async () => {
      const answer = await this.#answer(job());
      if (isSpent(answer)) await this.close();
      return answer;
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    const thread = this.#thread;
    this.#thread = null;
    await thread?.terminate();
  }

  async #answer(job: Job): Promise<Answer> {
    const share = Math.max(1 / 2 ** this.#ranOut, 1 / 10);
    const seconds = this.#options.seconds * share;
    const isNew = this.#thread === null;
    const thread = (this.#thread ??= this.#start());
    thread.ref();
    try {
      if (isNew) await answerOf(thread, START_SECONDS);
      const answer = answerOf<Answer>(thread, seconds);
      thread.postMessage(job, []);
      return await answer;
    } catch (error) {
      await this.close();
      if (error instanceof RanOut) this.#ranOut += 1;
      throw new ThreadProblem(`could not be checked${(error as Error).message}`);
    } finally {
      thread.unref();
    }
  }

  #start(): Worker {
    const { script, data, heapMB } = this.#options;
    const resourceLimits = { maxOldGenerationSizeMb: heapMB };
    // Its output is not ours: a library in it may print what it panics about.
    const thread = new Worker(script, {
      workerData: data,
      resourceLimits,
      stdout: true,
      stderr: true,
      execArgv: [],
    });
    thread.stdout.resume();
    thread.stderr.resume();
    // Told by the job that waits; between jobs nobody does, and the next one starts another.
    thread.on('error', () => undefined);
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = null;
    });
    return thread;
  }
}

/** Loading depends on the machine, never on what is hostile. */
const START_SECONDS = 60;

class RanOut extends Error {}

/** Its next message, or why there is none, as the end of a sentence. */
async function answerOf<Answer>(thread: Worker, seconds: number): Promise<Answer> {
  let stop = () => {};
  const answer = new Promise<Answer>((resolve, reject) => {
    const timer = setTimeout(() => reject(new RanOut(` in ${seconds} s`)), seconds * 1_000);
    const failed = (error: Error) => reject(new Error(`: ${error.message}`));
    const ended = (code: number) => reject(new Error(`: its thread ended with code ${code}`));
    thread.once('message', resolve).once('error', failed).once('exit', ended);
    stop = () => {
      clearTimeout(timer);
      thread.off('message', resolve).off('error', failed).off('exit', ended);
    };
  });
  return answer.finally(() => stop());
}
