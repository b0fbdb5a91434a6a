/** Progress in place on a terminal: the picture is drawn 4 times a second, from looks at the server that are rarer. */
import { cursorTo, clearScreenDown, moveCursor } from 'node:readline';
import type { WriteStream } from 'node:tty';
import { stripVTControlCharacters } from 'node:util';
import { createLogUpdate } from 'log-update';
import { frame } from './frame.ts';
import { rowsOf } from './layout.ts';
import type { View } from './progress-view.ts';
import { lookOf } from './terminal.ts';

const DRAW_MS = 250;

/**
 * The cursor is never hidden, so there is none to restore, whatever ends this process (SIGKILL and Ctrl-Z too). Lines
 * that others say go above the picture.
 */
export class ProgressScreen {
  readonly #stream: WriteStream;
  readonly #draw: ReturnType<typeof createLogUpdate>;
  readonly #timer: NodeJS.Timeout;
  #viewAt: ((nowMs: number) => View) | null = null;
  /** As they were drawn. */
  #drawn: string[] = [];

  constructor(stream: WriteStream) {
    this.#stream = stream;
    this.#draw = createLogUpdate(stream, { showCursor: true });
    this.#timer = setInterval(() => this.#redraw(), DRAW_MS).unref();
    stream.on('resize', this.#onResize);
    process.on('SIGTSTP', this.#onStop);
  }

  show(viewAt: (nowMs: number) => View): void {
    this.#viewAt = viewAt;
    this.#redraw();
  }

  say(text: string): void {
    this.#draw.clear();
    this.#stream.write(`${text}\n`);
    this.#redraw();
  }

  /** The last picture stays where it is, unless the order's end says it all. */
  end(stays: boolean): void {
    clearInterval(this.#timer);
    this.#stream.off('resize', this.#onResize);
    process.off('SIGTSTP', this.#onStop);
    this.#draw.clear();
    if (stays) for (const line of this.#lines(true)) this.#stream.write(`${line}\n`);
    this.#viewAt = null;
  }

  #redraw(): void {
    // How Node learns of a new size, and draws it by `#onResize`: the signal itself may still be on its way.
    process.emit('SIGWINCH', 'SIGWINCH');
    const lines = this.#lines(false);
    // log-update 7.2 rewrites only lines that differ, and loses those below a line that came or went.
    if (lines.length !== this.#drawn.length) this.#draw.clear();
    this.#drawn = lines;
    if (lines.length > 0) this.#draw(lines.join('\n'));
  }

  #lines(isLast: boolean): string[] {
    return this.#viewAt === null ? [] : frame(this.#viewAt(Date.now()), lookOf(this.#stream), isLast);
  }

  /** A terminal that became narrower has broken the lines of the picture in two: all of their parts go. */
  readonly #onResize = (): void => {
    const { columns } = lookOf(this.#stream);
    const rows = this.#drawn
      .map((line) => rowsOf(stripVTControlCharacters(line), columns))
      .reduce((sum, count) => sum + count, 0);
    if (rows === 0) return;
    moveCursor(this.#stream, 0, -rows);
    cursorTo(this.#stream, 0);
    clearScreenDown(this.#stream);
    this.#draw.done();
    this.#redraw();
  };

  /** Ctrl-Z: what is drawn stays, and after `fg` the picture begins anew below the words of the shell. */
  readonly #onStop = (): void => {
    this.#draw.done();
    this.#drawn = [];
    process.kill(process.pid, 'SIGSTOP');
  };
}
