/** Reads a request of the Images API as it is, without judging its fields. */
import type { IncomingMessage } from 'node:http';
import { createHash } from 'node:crypto';
import busboy from 'busboy';
import type { ReceivedReference } from './provider-calls.ts';
import { invalidRequest, type ApiError } from './provider-errors.ts';

export interface ReceivedFile extends ReceivedReference {
  content: Buffer;
}

export interface ReceivedRequest {
  /** JSON values, or text of form fields; of a repeated form field the first value. */
  fields: Record<string, unknown>;
  /** Names of form fields that came more than once. */
  repeated: string[];
  files: ReceivedFile[];
  /** True: field values are text because multipart knows nothing else. */
  isForm: boolean;
  /** Why the body could not be read as such. */
  problem: ApiError | null;
}

/** @throws when the client goes away before the body is complete. */
export async function readRequest(request: IncomingMessage): Promise<ReceivedRequest> {
  const body = await readBody(request);
  const contentType = request.headers['content-type'] ?? '';
  if (/^application\/json\b/iu.test(contentType)) return parseJson(body);
  if (/^multipart\/form-data\b/iu.test(contentType)) return parseForm(body, contentType);
  return unreadable(
    invalidRequest('unsupported_content_type', null, `Unsupported content type '${contentType}'.`),
  );
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (!request.complete) throw new Error('the upload broke off');
  return Buffer.concat(chunks);
}

function parseJson(body: Buffer): ReceivedRequest {
  try {
    const fields: unknown = JSON.parse(body.toString('utf8'));
    if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) {
      return { ...unreadable(null), fields: fields as Record<string, unknown> };
    }
  } catch {
    // Said below, as for every other body that is no JSON object.
  }
  return unreadable(invalidRequest('invalid_json', null, 'The body is not a JSON object.'));
}

async function parseForm(body: Buffer, contentType: string): Promise<ReceivedRequest> {
  const received = { ...unreadable(null), isForm: true };
  try {
    await feed(body, contentType, received);
  } catch (error) {
    received.problem = invalidRequest('invalid_multipart', null, `The form is broken: ${String(error)}`);
  }
  return received;
}

function feed(body: Buffer, contentType: string, received: ReceivedRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    const parser = busboy({
      headers: { 'content-type': contentType },
      defParamCharset: 'utf8',
      preservePath: true,
      limits: { fieldSize: 1024 * 1024 },
    });
    parser.on('field', (name, value) => {
      if (name in received.fields) received.repeated.push(name);
      else received.fields[name] = value;
    });
    parser.on('file', (field, stream, { filename, mimeType }) => {
      const chunks: Buffer[] = [];
      // busboy says undefined for a part that is a file by its type alone.
      const file: ReceivedFile = {
        field,
        filename: filename ?? '',
        mime: mimeType,
        sha256: '',
        bytes: 0,
        content: Buffer.alloc(0),
      };
      received.files.push(file);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('end', () => {
        file.content = Buffer.concat(chunks);
        file.bytes = file.content.length;
        file.sha256 = createHash('sha256').update(file.content).digest('hex');
      });
    });
    parser.on('error', reject);
    parser.on('close', () => {
      resolve();
    });
    parser.end(body);
  });
}

function unreadable(problem: ApiError | null): ReceivedRequest {
  return { fields: {}, repeated: [], files: [], isForm: false, problem };
}
