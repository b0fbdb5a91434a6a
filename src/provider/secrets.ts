import { createRedactor } from './redact.ts';

/** Every secret a process has seen, and how it keeps them out of what it writes (SPEC F9). */
export interface Secrets {
  remember: (secrets: readonly string[]) => void;
  redact: (text: string) => string;
  /** For records: secrets of 8 characters and more. A shorter one could be any word of a prompt. */
  redactLong: (text: string) => string;
  /** For an answer before it is kept: bytes that hold no secret are not touched, images stay as they are. */
  redactBody: (body: Buffer) => Buffer;
}

/** Shorter secrets could stand in a prompt, or in the base64 of an image, by chance. */
const LONG_SECRET_CHARACTERS = 8;

export function createSecrets(): Secrets {
  const known = new Set<string>();
  let redact = createRedactor([]);
  let redactLong = createRedactor([]);
  return {
    remember: (secrets) => {
      const before = known.size;
      for (const secret of secrets) known.add(secret);
      // Told anew with every request.
      if (known.size === before) return;
      redact = createRedactor([...known]);
      redactLong = createRedactor([...known].filter(({ length }) => length >= LONG_SECRET_CHARACTERS));
    },
    redact: (text) => redact(text),
    redactLong: (text) => redactLong(text),
    redactBody: (body) => {
      const text = body.toString('latin1');
      const redacted = redactLong(text);
      return redacted === text ? body : Buffer.from(redacted, 'latin1');
    },
  };
}
