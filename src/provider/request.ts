/** The request as it goes out: JSON for text2img, multipart for img2img (`reference/api.md` 1.2, 1.3). */
import { FormData } from 'undici';
import type { ImageCall } from './image-call.ts';
import { bareError, transportError } from './transport-error.ts';

export interface WireRequest {
  origin: string;
  path: string;
  headers: Record<string, string>;
  body: string | FormData;
}

/** Throws `TransportError` of category `config` when the endpoint can't be called at all. */
export function buildRequest(call: ImageCall): WireRequest {
  const { origin, path } = addressOf(call);
  const isEdit = call.mode === 'edit';
  return {
    origin,
    path,
    headers: headersOf(call, isEdit ? {} : { 'content-type': 'application/json' }),
    body: isEdit ? multipart(call) : JSON.stringify(fields(call)),
  };
}

/** `n` is said although 1 is the default: a gateway with another default would bill more than one image (SPEC G4). */
function fields(call: ImageCall): Record<string, string | number> {
  const set = Object.entries(call.options).filter(([, value]) => value !== undefined);
  return {
    model: call.model,
    prompt: call.prompt,
    n: 1,
    size: call.size,
    ...(Object.fromEntries(set) as Record<string, string | number>),
  };
}

/** One reference is `image`, several are `image[]`: OpenAI refuses a repeated `image`, some gateways know no `image[]`. */
function multipart(call: ImageCall): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields(call))) form.append(name, String(value));
  const field = call.references.length === 1 ? 'image' : 'image[]';
  for (const { bytes, mime, filename } of call.references) {
    form.append(field, new Blob([new Uint8Array(bytes)], { type: mime }), filename);
  }
  return form;
}

function addressOf(call: ImageCall): { origin: string; path: string } {
  const endpointPath = call.mode === 'edit' ? '/images/edits' : '/images/generations';
  if (!URL.canParse(call.endpoint.baseUrl)) {
    throw misconfigured('baseUrl is not a URL; correct it in the provider config');
  }
  const url = new URL(call.endpoint.baseUrl);
  return { origin: url.origin, path: `${url.pathname.replace(/\/+$/u, '')}${endpointPath}${url.search}` };
}

function headersOf(call: ImageCall, own: Record<string, string>): Record<string, string> {
  const { apiKey, headers = {} } = call.endpoint;
  const configured = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  const all: Record<string, string> = {
    'user-agent': 'imgproof',
    ...(apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` }),
    ...(Object.fromEntries(configured) as Record<string, string>),
    accept: 'application/json',
    'accept-encoding': 'identity',
    'x-client-request-id': call.clientRequestId,
    'idempotency-key': call.idempotencyKey,
    ...own,
  };
  // The framing is undici's; a configured content-type would hide the boundary of a multipart body.
  for (const name of ['content-length', 'transfer-encoding', 'connection', 'host']) delete all[name];
  if (call.mode === 'edit') delete all['content-type'];
  return checkedHeaders(all);
}

/** undici would refuse these as well, some only after connecting; the value is never part of the message. */
function checkedHeaders(headers: Record<string, string>): Record<string, string> {
  for (const [name, value] of Object.entries(headers)) {
    if (/^[\t\u0020-\u007e\u0080-\u00ff]*$/u.test(value) && /^[\w!#$%&'*+.^`|~-]+$/u.test(name)) continue;
    throw misconfigured(
      `header ${JSON.stringify(name)} has characters that HTTP doesn't allow; check key and headers`,
    );
  }
  return headers;
}

function misconfigured(why: string) {
  return transportError(bareError('ERR_INVALID_CONFIG', why), {
    target: 'provider config',
    phase: 'connecting',
    httpStatus: null,
    requestId: null,
    receivedBytes: 0,
    partial: Buffer.alloc(0),
  });
}
