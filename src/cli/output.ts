/** Standard output is data, standard error is everything else (SPEC C2). */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

const warned = new Set<string>();

/** A warning is told once, though both the command and the worker may find it. */
export function warn(text: string): void {
  if (warned.has(text)) return;
  warned.add(text);
  say(`warning: ${safe(text)}`);
}

/** Text from data on one line: no control character of it reaches the terminal (DESIGN 6). */
export function safe(text: string): string {
  return text.replaceAll(/\r?\n/gu, '␤').replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '�');
}
