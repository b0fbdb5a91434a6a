/** What the terminal at a stream can show. The only reader of the terminal's own variables (TERM, NO_COLOR, CI, LC_*). */
import type { WriteStream } from 'node:tty';

export interface Look {
  /** Infinity where nothing limits a line: a pipe, a file. */
  columns: number;
  rows: number;
  /** False: not one escape sequence (NO_COLOR, no terminal, TERM=dumb; SPEC C2). */
  colour: boolean;
  /** False: the locale is not UTF-8, symbols fall back to ASCII. */
  unicode: boolean;
}

type Stream = Pick<WriteStream, 'isTTY' | 'columns' | 'rows'>;
type Environment = Readonly<Record<string, string | undefined>>;

export function lookOf(stream: Stream, env: Environment = process.env): Look {
  return {
    columns: stream.isTTY ? stream.columns || 80 : Infinity,
    rows: (stream.isTTY && stream.rows) || 24,
    colour: canMove(stream, env) && !isSet(env['NO_COLOR']),
    unicode: isUtf8(env),
  };
}

/** A terminal that understands escape sequences. */
export function canMove({ isTTY }: Pick<Stream, 'isTTY'>, env: Environment = process.env): boolean {
  return isTTY && env['TERM'] !== 'dumb';
}

/** True where nobody wants escape sequences unless asked for: SPEC C2, and logs of build servers. */
export function prefersPlain(env: Environment = process.env): boolean {
  return isSet(env['NO_COLOR']) || (isSet(env['CI']) && env['CI'] !== 'false');
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

/** POSIX: the first of these that is set names the character set; none is the C locale, which is ASCII. */
function isUtf8(env: Environment): boolean {
  const locale = ['LC_ALL', 'LC_CTYPE', 'LANG'].map((name) => env[name]).find((value) => value);
  return /utf-?8/iu.test(locale ?? '');
}

export interface Symbols {
  done: string;
  failed: string;
  running: string;
  queued: string;
  full: string;
  empty: string;
  /** Ends a text that was cut. */
  more: string;
  /** Between the ends of a range. */
  to: string;
  /** Between facts of one line. */
  dot: string;
  spinner: readonly string[];
}

const UNICODE: Symbols = {
  done: '✓',
  failed: '✗',
  running: '▷',
  queued: '•',
  full: '█',
  empty: '░',
  more: '…',
  to: '–',
  dot: '·',
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧'],
};

const ASCII: Symbols = {
  done: '+',
  failed: 'x',
  running: '>',
  queued: '.',
  full: '#',
  empty: '-',
  more: '...',
  to: '-',
  dot: '-',
  spinner: ['|', '/', '-', '\\'],
};

export function symbolsOf({ unicode }: Pick<Look, 'unicode'>): Symbols {
  return unicode ? UNICODE : ASCII;
}
