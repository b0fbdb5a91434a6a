/** One generation at work, under its spool lock: read the references, pay once, judge the answer, save the image. */
import type { AttemptRecord, ResultRecord } from '../domain/records.ts';
import type { Delivery, GeneratedImage, MockedImage } from '../domain/activity-contract.ts';
import { safeName } from '../domain/layout.ts';
import type { AdmittedTask, ImageFormat, MockOrder } from '../domain/task.ts';
import { AttemptFailed, CallFailed } from '../artifacts/call-failures.ts';
import { reserveImage, saveImage } from '../artifacts/image-store.ts';
import { answeredRecord } from '../artifacts/attempt-records.ts';
import { type PaidAnswer, payOnce, type SendRequest } from '../artifacts/paid-call.ts';
import type { SpoolEntry } from '../artifacts/spool.ts';
import type { KeptDownload } from '../artifacts/spooled-download.ts';
import { deadlineNow, type TaskTime } from '../artifacts/task-deadline.ts';
import { TaskFolder } from '../artifacts/task-folder.ts';
import type { ProviderEndpoint } from '../provider/image-api.ts';
import type { ProviderLane } from '../provider/lane.ts';
import { attemptRequest } from './attempt-request.ts';
import { refuseWithoutDecoder } from './decoder-check.ts';
import type { ActivityDeps } from './deps.ts';
import type { AttemptOrigin, GenerationProgress } from './generation-progress.ts';
import { judgeAnswer } from './judge-answer.ts';
import { fetchLinked } from './linked-image.ts';
import { catchUp, earlierRequests, type KnownRequests, sentElsewhere } from './known-requests.ts';
import { laneOpens, type LaneTurn, turnOf } from './lane-turn.ts';
import { pretend, refuseMock } from './mock-image.ts';
import { passHold } from './pass-hold.ts';
import { readReferences } from './read-references.ts';
import { delayMs, isCutByDeadline, limitOf, promptToSend } from './request-rules.ts';
import { sendRequest } from './send-request.ts';
import { sha256 } from './sha256.ts';
import { runningState } from './task-state.ts';
import { tellOrphan, tellReleased, tellStarted, tellTimeoutKill } from './tell-queue.ts';
import { orJudgedLater } from './unforeseen.ts';
import type { SlotIdentity } from './worker-slots.ts';

/** `state.json` is at most 10 s old while a request runs (SPEC F5). */
const STATE_INTERVAL_MS = 5_000;

export class Generation {
  readonly progress: GenerationProgress;
  readonly #deps: ActivityDeps;
  readonly #task: AdmittedTask;
  readonly #entry: SpoolEntry;
  readonly #origin: AttemptOrigin;
  readonly #folder: TaskFolder;
  readonly #lane: ProviderLane;
  readonly #startedAt = new Date();

  constructor(deps: ActivityDeps, task: AdmittedTask, entry: SpoolEntry, origin: AttemptOrigin) {
    this.#deps = deps;
    this.#task = task;
    this.#entry = entry;
    this.#origin = origin;
    this.#folder = new TaskFolder(task.run_dir, deps.redactLong);
    this.#lane = deps.lanes.of(task.provider);
    this.progress = {
      waitingFor: 'the spool',
      attempt: 0,
      sentAtMs: null,
      limitMs: task.timeout_ms,
      deadlineAtMs: origin.toldDeadlineMs,
      notBeforeMs: null,
      diskProblem: null,
      waiting: 1,
    };
  }

  /** Rejects with `AttemptFailed`. The signal is a person's cancel. */
  run(signal: AbortSignal): Promise<Delivery> {
    return this.#deps.slots.hold(async (slot) => {
      const stopTelling = this.#tellState();
      try {
        await Promise.all([
          this.#writeState(),
          catchUp(this.#known()),
          tellStarted(this.#deps, this.#task, slot),
        ]);
        const { mock } = this.#task;
        return mock === undefined
          ? await this.#keep(await this.#pay(slot, signal), signal)
          : await this.#pretend(mock, slot, signal);
      } catch (error) {
        await tellReleased(this.#deps, this.#task);
        throw await orJudgedLater(error, this.#work());
      } finally {
        await stopTelling();
      }
    });
  }

  #work() {
    const { temporalAttempt } = this.#origin;
    return { deps: this.#deps, task: this.#task, folder: this.#folder, temporalAttempt };
  }

  /** Keeps `state.json` young. Stopping waits for the write under way: the task's last words must come after it. */
  #tellState(): () => Promise<void> {
    let writing = Promise.resolve();
    const timer = setInterval(() => {
      writing = writing.then(() => this.#writeState()).catch(() => undefined);
    }, STATE_INTERVAL_MS);
    return async () => {
      clearInterval(timer);
      await writing;
    };
  }

  async #pay(slot: SlotIdentity, signal: AbortSignal): Promise<PaidAnswer> {
    const { workflowId, runId, temporalAttempt, mayHaveSent, isWaitedOut } = this.#origin;
    const known = this.#known();
    const elsewhere = await sentElsewhere(known);
    const traced = new Set(elsewhere.map((record) => record.temporal_attempt));
    return payOnce({
      entry: this.#entry,
      workflowId,
      runDir: this.#task.run_dir,
      binding: { ...slot, run_id: runId },
      temporalAttempt,
      isWaitedOut,
      unproven: mayHaveSent.filter((n) => !traced.has(n)),
      ...this.#time(),
      maxAttempts: this.#task.max_attempts,
      onUnknown: this.#task.on_unknown,
      earlier: [...(await earlierRequests(known)), ...elsewhere].map((end) => ({ end })),
      recordedAttempts: await this.#folder.lastAttempt(),
      prepare: (attempt) => this.#prepare(attempt, signal),
      delayMs: (attempt, failure) =>
        Math.max(delayMs(this.#task, attempt, failure), this.#lane.waitMs(this.#time().nowMs())),
      onEnded: (record) => this.#recordEnd(record),
      patience: { leaving: this.#deps.leaving, onRefused: (problem) => this.#tellDisk(problem) },
    });
  }

  #tellDisk(diskProblem: string | null): void {
    if (diskProblem === this.progress.diskProblem) return;
    const waitingFor = diskProblem === null ? 'the disk' : 'a disk that refuses';
    Object.assign(this.progress, { diskProblem, waitingFor });
  }

  #known(): KnownRequests {
    const [task, folder, entry] = [this.#task, this.#folder, this.#entry];
    return { task, folder, entry, runId: this.#origin.runId };
  }

  #time(): TaskTime {
    const { clockBehindMs, toldDeadlineMs } = this.#origin;
    const nowMs = () => Date.now() + clockBehindMs;
    return { taskTimeoutMs: this.#task.task_timeout_ms, toldDeadlineMs, nowMs };
  }

  /** SPEC M. */
  async #pretend(mock: MockOrder, slot: SlotIdentity, signal: AbortSignal): Promise<MockedImage> {
    refuseMock(this.#deps.allowMock);
    const { workflowId, runId, temporalAttempt } = this.#origin;
    const deadline = deadlineNow(this.#time(), []);
    const attempt = (await this.#folder.lastAttempt()) + 1;
    const limitMs = limitOf(this.#task, deadline);
    const begun = { waitingFor: 'the mock' as const, sentAtMs: Date.now() };
    Object.assign(this.progress, { ...begun, attempt, limitMs, deadlineAtMs: deadline.atMs });
    const origin = { ...slot, run_id: runId, workflow_id: workflowId, temporal_attempt: temporalAttempt };
    const { record, failure } = await pretend({ task: this.#task, mock, attempt, origin, deadline, signal });
    if (record.category === 'task_deadline') await this.#tellKill('start');
    await this.#recordEnd(record);
    if (failure !== null) throw new AttemptFailed(failure);
    const { generation_id } = this.#task;
    return { generation_id, workflow_id: workflowId, attempt, mock: { output_text: mock.output_text } };
  }

  /** Everything that can fail without money: the decoder, config, references, the folder of the attempt. */
  async #prepare(attempt: number, signal: AbortSignal): Promise<SendRequest> {
    if (signal.aborted || this.#origin.sendsNothing)
      throw new AttemptFailed({ category: 'cancelled', message: 'cancelled before anything was sent' });
    const safe = promptToSend(this.#task);
    await refuseWithoutDecoder(this.#deps);
    const turn = this.#turn(signal);
    await laneOpens(turn);
    const endpoint = await this.#endpoint();
    const references = await readReferences(this.#task, this.#deps.inputRoots());
    const request = attemptRequest(this.#task, attempt, endpoint, safe);
    await passHold(this.#deps.isHeld, signal);
    const inLane = await turnOf(turn);
    this.progress.attempt = attempt;
    const { mode, model, size, options, generation_id } = this.#task;
    return async (beforeFirstByte, deadline) => {
      const limitMs = limitOf(this.#task, deadline);
      await this.#folder.writeRequest({ ...request, timeout_ms: limitMs }).catch((error: unknown) => {
        throw new CallFailed({ category: 'disk', phase: 'connecting', message: (error as Error).message });
      });
      const begun = { waitingFor: 'the image', sentAtMs: Date.now(), limitMs, deadlineAtMs: deadline.atMs };
      Object.assign(this.progress, begun);
      const sending = sendRequest(
        {
          endpoint,
          references,
          mode,
          model,
          prompt: safe.prompt_sent,
          size,
          options,
          timeoutMs: limitMs,
          signal,
          beforeFirstByte,
          clientRequestId: request.client_request_id,
          idempotencyKey: generation_id,
        },
        this.#deps,
      );
      return inLane(attempt, sending).catch(async (error: unknown) => {
        if (!isCutByDeadline(error, this.#task, deadline)) throw error;
        await this.#tellKill('start');
        throw new CallFailed({ ...error.failure, category: 'task_deadline' });
      });
    };
  }

  #turn(signal: AbortSignal): LaneTurn {
    const { nowMs } = this.#time();
    const { leaving } = this.#deps;
    const work = { task: this.#task, lane: this.#lane, progress: this.progress, signal, leaving };
    return { ...work, nowMs, sinceMs: nowMs(), onWait: () => this.#writeState() };
  }

  #tellKill(step: 'start' | 'done'): Promise<void> {
    return tellTimeoutKill(this.#deps, this.#task, { step, attempt: this.progress.attempt });
  }

  async #endpoint(): Promise<ProviderEndpoint> {
    try {
      return await this.#deps.resolveProvider(this.#task.provider, this.#task.model);
    } catch (error) {
      const { kind, message } = error as Error & { kind?: string };
      throw new AttemptFailed({ category: kind === 'no_key' ? 'auth' : 'config', message });
    }
  }

  async #keep({ header, body }: PaidAnswer, signal: AbortSignal): Promise<GeneratedImage> {
    this.progress.waitingFor = 'the disk';
    const judge = { ...this.#deps, fetchLinked: (link: string) => this.#fetchLinked(link, header, signal) };
    const verdict = await judgeAnswer(header, body, this.#task, judge);
    if (!verdict.ok) {
      const error = `${this.#deps.redact(verdict.error)}; kept as received: ${this.#entry.answerPath(header.attempt)}`;
      await this.#folder.writeAttempt(answeredRecord(header, { ok: false, error, category: 'bad_response' }));
      throw new AttemptFailed({ category: 'bad_response', message: error, http_status: header.status });
    }
    const { image, facts, notes } = verdict;
    if (await this.#isOrphaned()) return this.#keepAsEvidence(header, image, facts.format);
    const baseName = `${safeName(this.#task.task_name, sha256)}-${this.#task.stamp}`;
    const place = { outputDir: this.#task.output_dir, baseName, format: facts.format };
    // First what it cost, then the image: a disk that refuses the image must not hide the charge.
    const reserved = reserveImage(this.#entry, place);
    reserved.catch(() => undefined);
    await this.#folder.writeAttempt(answeredRecord(header, { ok: true, notes }));
    const path = await saveImage(await reserved, place, image);
    const { generation_id } = this.#task;
    return {
      generation_id,
      workflow_id: this.#origin.workflowId,
      attempt: header.attempt,
      image: { ...facts, path },
    };
  }

  #fetchLinked(link: string, header: PaidAnswer['header'], signal: AbortSignal): Promise<KeptDownload> {
    this.progress.waitingFor = 'the link';
    const baseUrl = async () => (await this.#endpoint()).baseUrl;
    const { redact } = this.#deps;
    const { orderedMs } = this.#origin;
    return fetchLinked(link, {
      entry: this.#entry,
      header,
      baseUrl,
      signal,
      redact,
      orderedMs,
      ...this.#time(),
    });
  }

  /**
   * Nobody waits for it any more, or the task's last words were written while it was in the air. Words of this very
   * generation that name its image are what the answer is for, and stay true.
   */
  async #isOrphaned(): Promise<boolean> {
    const result = await this.#lastWords();
    if (result?.status === 'completed' && result.generation_id === this.#task.generation_id) return false;
    return this.progress.waiting === 0 || result !== null;
  }

  /** Those written since this began; null when there are none. */
  async #lastWords(): Promise<ResultRecord | null> {
    const result = await this.#folder.readResult();
    return result !== null && Date.parse(result.created_at) > this.#startedAt.getTime() ? result : null;
  }

  /** SPEC S: an answer that outlives its workflow is never a result, and the task keeps its own status. */
  async #keepAsEvidence(header: PaidAnswer['header'], image: Buffer, format: ImageFormat): Promise<never> {
    const error = 'the workflow had ended when this answer came; its image is kept here as evidence';
    await this.#folder.writeAttempt(answeredRecord(header, { ok: false, error, category: null }));
    await this.#folder.writeEvidence(header.attempt, image, format);
    await tellOrphan(this.#deps, this.#task, header.attempt);
    // After a server outage somebody may come for it all the same: the next attempt adopts it from the spool.
    throw new AttemptFailed({ category: 'connection_cut', message: error }, { delayMs: 1_000 });
  }

  async #recordEnd(record: AttemptRecord): Promise<void> {
    await this.#folder.writeAttempt(record);
    await this.#writeState(record);
    if (record.category === 'task_deadline') await this.#tellKill('done');
  }

  async #writeState(ended?: AttemptRecord): Promise<void> {
    if (this.progress.waiting === 0 || (await this.#lastWords()) !== null) return;
    const before = await this.#folder.readState();
    const startedAt = this.#startedAt.toISOString();
    await this.#folder.writeState(
      runningState(this.#task, this.progress, { before, startedAt, ended: ended ?? null }),
    );
  }
}
