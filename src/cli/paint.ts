/** Styled text. Without its width: `--help` has no need of the tables that tell it. Pure. */
import { styleText } from 'node:util';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Text without control characters: who composes it has filtered what came from data. */
export interface Piece {
  text: string;
  style?: Style;
}

export type Line = readonly Piece[];

export function plain(text: string): Piece {
  return { text };
}

export function styled(style: Style, text: string): Piece {
  return { text, style };
}

export function paint(line: Line, colour: boolean): string {
  return line
    .map(({ text, style }) =>
      colour && style !== undefined ? styleText(style, text, { validateStream: false }) : text,
    )
    .join('')
    .trimEnd();
}
