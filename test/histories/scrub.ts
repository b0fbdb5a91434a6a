/** Takes out of a history what tells about the machine that recorded it and what no replay looks at. */
import { hostname } from 'node:os';
import type { History } from './committed.ts';

interface Payload {
  metadata: { encoding: string };
  data: string;
}

/** `folder` is where the recording system had its files. */
export function scrub(history: History, folder: string): History {
  return scrubbed(history, (text) =>
    text.replaceAll(folder, '/tmp/imgproof').replaceAll(`${hostname()}/slot-`, 'host/slot-'),
  ) as History;
}

/** Field → what stands in its place. */
const FIELDS: Record<string, unknown> = { identity: 'worker', stackTrace: undefined, pid: 1 };

function scrubbed(value: unknown, clean: (text: string) => string): unknown {
  if (typeof value === 'string') return clean(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => scrubbed(item, clean));
  if (isJsonPayload(value)) return { ...value, data: encode(scrubbed(decode(value), clean)) };
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      name in FIELDS ? FIELDS[name] : scrubbed(field, clean),
    ]),
  );
}

const JSON_PLAIN = Buffer.from('json/plain').toString('base64');

function isJsonPayload(value: object): value is Payload {
  return 'data' in value && (value as Partial<Payload>).metadata?.encoding === JSON_PLAIN;
}

const decode = ({ data }: Payload): unknown => JSON.parse(Buffer.from(data, 'base64').toString('utf8'));
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
