/** What workflow code sees of a payload: the SDK's own conversion, except that what can't be read is a value, not an error. */
import {
  type ConverterHint,
  defaultPayloadConverter,
  type Payload,
  type PayloadConverter,
  type SerializationContext,
} from '@temporalio/common';

/** Global in workflow code, like `Date`; Node's types, which declare it elsewhere, are not seen here. */
declare const TextDecoder: new (
  label: string,
  options: { fatal: boolean },
) => { decode: (bytes: Uint8Array) => string };

/** A payload that is no JSON of anybody's; the guard of the input refuses it with `problem`. */
export class UnreadablePayload {
  readonly problem: string;

  constructor(payload: Payload) {
    const encoding = encodingOf(payload);
    this.problem =
      encoding === JSON_ENCODING
        ? 'it is not JSON in UTF-8'
        : `its encoding is ${encoding === '' ? 'not given' : `"${encoding}"`}, where "${JSON_ENCODING}" is needed`;
  }
}

/**
 * An error here would fail the workflow task, which the server repeats for ever: whoever started the workflow with such a
 * payload would never hear of it (SPEC T1).
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value, context, hint) => defaultPayloadConverter.toPayload(value, context, hint),
  fromPayload: <T>(payload: Payload, context?: SerializationContext, hint?: ConverterHint<T>): T => {
    try {
      if (encodingOf(payload) === JSON_ENCODING) refuseOtherThanUtf8(payload);
      return defaultPayloadConverter.fromPayload(payload, context, hint);
    } catch {
      return new UnreadablePayload(payload) as T;
    }
  },
};

const JSON_ENCODING = 'json/plain';

/** Metadata comes from anybody: a short text of plain characters, whatever is in it. */
function encodingOf({ metadata }: Payload): string {
  const bytes = metadata?.['encoding'] ?? new Uint8Array();
  return String.fromCharCode(...bytes.slice(0, 60)).replaceAll(/[^\x20-\x7E]/gu, '?');
}

/** The SDK would put a replacement character for what is in another encoding, and an image be paid for such a prompt. */
function refuseOtherThanUtf8({ data }: Payload): void {
  new TextDecoder('utf-8', { fatal: true }).decode(data ?? new Uint8Array());
}
