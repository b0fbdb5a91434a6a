/** A command on a real terminal (`on_pty.py`), and the screen a person would see (`@xterm/headless`). */
import { spawn } from 'node:child_process';
import type { WriteStream } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { Terminal } from '@xterm/headless';

const PTY = fileURLToPath(new URL('on_pty.py', import.meta.url));

export interface OnTerminal {
  /** What is on the screen and above it, without trailing blanks and empty lines. */
  screen: () => string[];
  /** Every byte so far. */
  raw: () => string;
  press: (keys: string) => void;
  resize: (columns: number, rows: number) => void;
  /** With the exit code, when everything is on the screen. */
  ended: Promise<number | null>;
}

export const CTRL_C = '\u0003';

/** See `on_pty.py`. */
// eslint-disable-next-line no-control-regex -- it is a control sequence
const RESIZED = /\u001B\]resize;(\d+);(\d+)\u0007/u;
/** The beginning of a mark whose end has not arrived. */
// eslint-disable-next-line no-control-regex -- it is a control sequence
const UNFINISHED = /\u001B(?:\][^\u0007]*)?$/u;

export function onTerminal(
  command: readonly string[],
  { columns, rows = 30, cwd, env }: { columns: number; rows?: number; cwd: string; env: NodeJS.ProcessEnv },
): OnTerminal {
  const terminal = new Terminal({ cols: columns, rows, scrollback: 500, allowProposedApi: true });
  const child = spawn('python3', [PTY, String(columns), String(rows), ...command], {
    cwd,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const order = (what: object) => child.stdin.write(`${JSON.stringify(what)}\n`);
  let raw = '';
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    rest += text;
    for (let mark = RESIZED.exec(rest); mark !== null; mark = RESIZED.exec(rest)) {
      const [whole, newColumns, newRows] = mark;
      show(rest.slice(0, mark.index), () => terminal.resize(Number(newColumns), Number(newRows)));
      rest = rest.slice(mark.index + whole.length);
    }
    const open = UNFINISHED.exec(rest);
    const complete = open?.index ?? rest.length;
    show(rest.slice(0, complete));
    rest = rest.slice(complete);
  });
  const show = (text: string, then?: () => void) => {
    raw += text;
    terminal.write(text, then);
  };
  return {
    screen: () => screenOf(terminal),
    raw: () => raw,
    press: (keys) => order({ type: keys }),
    resize: (newColumns, newRows) => order({ resize: [newColumns, newRows] }),
    ended: new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => terminal.write('', () => resolve(code)));
    }),
  };
}

/** A terminal in this process, for code that writes to a stream. */
export function emulatedTerminal(columns: number, rows = 30) {
  const terminal = new Terminal({ cols: columns, rows, scrollback: 500, allowProposedApi: true });
  const listeners = new Set<() => void>();
  const stream = {
    isTTY: true,
    columns,
    rows,
    // As a tty does it: a line feed begins a new line at its left end.
    write: (text: string) => terminal.write(text.replaceAll('\n', '\r\n')),
    on: (_event: 'resize', listener: () => void) => listeners.add(listener),
    off: (_event: 'resize', listener: () => void) => listeners.delete(listener),
  };
  return {
    stream: stream as unknown as WriteStream,
    /** When everything written so far is shown. */
    screen: () => new Promise<string[]>((resolve) => terminal.write('', () => resolve(screenOf(terminal)))),
    resize: (newColumns: number) => {
      terminal.resize(newColumns, rows);
      stream.columns = newColumns;
      for (const listener of listeners) listener();
    },
  };
}

function screenOf({ buffer }: Terminal): string[] {
  const { active } = buffer;
  return Array.from(
    { length: active.length },
    (_, i) => active.getLine(i)?.translateToString(true) ?? '',
  ).filter((line) => line.trim() !== '');
}
