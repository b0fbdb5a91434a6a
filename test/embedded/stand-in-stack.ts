/** A stack with the real supervisor and the real Temporal server, whose worker only says what happens to it. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { EmbeddedPlace } from '../../src/embedded/ensure.ts';
import { embeddedStatus, ensureEmbedded, stopEmbedded } from '../../src/embedded/embedded.ts';
import { newHome, packageWithStandInWorker, temporalCli } from './home-folder.ts';

export interface Pids {
  supervisor: number;
  server: number;
  worker: number;
}

export class StandInStack {
  readonly #packageRoot: string;
  readonly #homes: string[] = [];
  readonly cli: string;
  home = '';
  idleStopMs: number | null = null;
  /** What the last command was told while it waited. */
  told: string[] = [];

  static async create(): Promise<StandInStack> {
    return new StandInStack(packageWithStandInWorker(), await temporalCli());
  }

  private constructor(packageRoot: string, cli: string) {
    this.#packageRoot = packageRoot;
    this.cli = cli;
  }

  freshHome(): void {
    this.home = newHome();
    this.#homes.push(this.home);
    this.idleStopMs = null;
  }

  async up(temporalCliPath = this.cli): Promise<EmbeddedPlace> {
    const { home, idleStopMs } = this;
    const told: string[] = [];
    this.told = told;
    const settings = { home, idleStopMs, temporalCliPath, packageRoot: this.#packageRoot, env: process.env };
    return ensureEmbedded(settings, { onStatus: (text) => told.push(text) });
  }

  async down(now = false): Promise<number | null> {
    return stopEmbedded(this.home, { now, onStatus: () => undefined, askCalls: async () => [] });
  }

  async pids(): Promise<Pids> {
    const { supervisor, server, worker } = await embeddedStatus(this.home);
    return { supervisor: supervisor?.pid ?? 0, server: server?.pid ?? 0, worker: worker?.pid ?? 0 };
  }

  async status(): Promise<string> {
    return (await embeddedStatus(this.home)).status;
  }

  /** Of the stand-in workers: `ready`, `drains`, `drained`, each with a pid. */
  events(): string {
    return readFileSync(join(this.home, 'worker-events'), 'utf8');
  }

  log(): string {
    return readFileSync(join(this.home, 'logs', 'supervisor.log'), 'utf8');
  }

  /** Never to pid 0, which would be the group of this test. */
  send(signal: NodeJS.Signals, ...found: number[]): void {
    expect(found).not.toContain(0);
    for (const pid of found) process.kill(pid, signal);
  }

  async remove(): Promise<void> {
    for (const home of this.#homes) {
      this.home = home;
      if (existsSync(home)) await this.down(true);
      rmSync(home, { recursive: true, force: true });
    }
    rmSync(this.#packageRoot, { recursive: true, force: true });
  }
}
