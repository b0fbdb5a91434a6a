/**
 * Signed statements in standard formats: an in-toto Statement v1 in a DSSE envelope, signed with Ed25519
 * (github.com/secure-systems-lab/dsse protocol.md, github.com/in-toto/attestation spec/v1). What is checked is the payload
 * as it is stored; the key id in an envelope is a hint and proves nothing.
 */
import { type KeyObject, sign, verify } from 'node:crypto';
import { keyIdOf, publicKeyIn, type SigningKey } from '../artifacts/key-file.ts';
import type { PublicKeyRecord } from '../artifacts/signing-keys.ts';
import { canonicalJson } from '../domain/ids.ts';
import { SCHEMA_VERSION } from '../domain/records.ts';

const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';

/** A file that a statement speaks of, by its name relative to the envelope. */
export interface Subject {
  name: string;
  digest: { sha256: string };
}

export interface Statement {
  _type: typeof STATEMENT_TYPE;
  subject: Subject[];
  predicateType: string;
  predicate: Record<string, unknown>;
}

export interface Envelope {
  /** Ours; readers of DSSE ignore fields they do not know. */
  schema_version: number;
  payloadType: string;
  /** Base64 of the statement. */
  payload: string;
  signatures: { keyid: string; sig: string }[];
}

/** Who may have signed: those whom the reader trusts. */
export interface TrustedKeys {
  keys: PublicKeyRecord[];
  /** For people: where they come from. */
  source: string;
}

/** `retired`: a key of theirs, but by its own word it signed after another one had taken over. */
export type Standing = 'trusted' | 'retired' | 'unknown';

export type Opened =
  | { kind: 'signed'; statement: Statement; keyId: string; standing: Standing }
  | { kind: 'invalid'; problem: string };

/** `signer` joins the predicate: whoever has no list of keys can still see that nothing was changed. */
export function seal(
  { subject, predicateType, predicate }: Omit<Statement, '_type'>,
  key: SigningKey,
): Envelope {
  const signer = { key_id: key.keyId, algorithm: 'Ed25519', public_key: key.publicKeyPem };
  const statement: Statement = {
    _type: STATEMENT_TYPE,
    subject,
    predicateType,
    predicate: { ...predicate, signer },
  };
  const payload = Buffer.from(canonicalJson(statement));
  const sig = sign(null, preAuthEncoding(PAYLOAD_TYPE, payload), key.privateKey).toString('base64');
  return {
    schema_version: SCHEMA_VERSION,
    payloadType: PAYLOAD_TYPE,
    payload: payload.toString('base64'),
    signatures: [{ keyid: key.keyId, sig }],
  };
}

/** Never throws, whatever the bytes are. */
export function open(content: Buffer, { keys }: TrustedKeys): Opened {
  const envelope = envelopeIn(content);
  if (envelope === null) return invalid('it is no DSSE envelope of an in-toto statement');
  // Every byte of the file counts, also those that no signature covers.
  if (content.toString('utf8') !== envelopeText(envelope)) return invalid('its form was changed');
  const payload = Buffer.from(envelope.payload, 'base64');
  if (payload.toString('base64') !== envelope.payload) return invalid('its payload is no clean base64');
  const message = preAuthEncoding(envelope.payloadType, payload);
  const signedBy = (key: KeyObject) =>
    envelope.signatures.some(({ keyid, sig }) => keyid === keyIdOf(key) && holds(message, key, sig));
  const statement = statementIn(payload);
  if (statement === null) return invalid('its payload is no in-toto statement of ours');
  for (const record of keys) {
    const key = publicKeyIn(record.public_key);
    if (key !== null && signedBy(key))
      return { kind: 'signed', statement, keyId: keyIdOf(key), standing: standingOf(record, statement) };
  }
  const own = publicKeyIn((statement.predicate['signer'] as { public_key?: unknown } | null)?.public_key);
  if (own !== null && signedBy(own))
    return { kind: 'signed', statement, keyId: keyIdOf(own), standing: 'unknown' };
  return invalid('the signature does not fit what is signed: it was changed, or signed with another key');
}

/** A worker that had taken the old key when another one came may finish what it began. */
const TAKE_OVER_MS = 60_000;

function standingOf({ retired_at }: PublicKeyRecord, { predicate }: Statement): Standing {
  const retired = Date.parse(retired_at ?? '');
  const signed = Date.parse(String(predicate['signed_at']));
  return Number.isNaN(retired) || signed <= retired + TAKE_OVER_MS ? 'trusted' : 'retired';
}

/** As it lies on the disk. */
export function envelopeText({ schema_version, payloadType, payload, signatures }: Envelope): string {
  const inOrder = signatures.map(({ keyid, sig }) => ({ keyid, sig }));
  return `${JSON.stringify({ schema_version, payloadType, payload, signatures: inOrder }, null, 2)}\n`;
}

/** DSSE's PAE: what is signed names type and lengths, so that no other reading of the same bytes fits. */
function preAuthEncoding(type: string, payload: Buffer): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

function invalid(problem: string): Opened {
  return { kind: 'invalid', problem };
}

function holds(message: Buffer, key: KeyObject, sig: string): boolean {
  const signature = Buffer.from(sig, 'base64');
  // The last character of base64 has bits that mean nothing.
  if (signature.toString('base64') !== sig) return false;
  return verify(null, message, key, signature);
}

const SIGNATURES_MAX = 8;
/** Ours have five at most. */
const SUBJECTS_MAX = 16;

function envelopeIn(content: Buffer): Envelope | null {
  const value: Partial<Envelope> | null = objectIn(content);
  if (value?.payloadType !== PAYLOAD_TYPE || typeof value.payload !== 'string') return null;
  const { signatures } = value;
  if (!Array.isArray(signatures) || signatures.length === 0 || signatures.length > SIGNATURES_MAX)
    return null;
  return signatures.every((one) => typeof one?.sig === 'string') ? (value as Envelope) : null;
}

function statementIn(payload: Buffer): Statement | null {
  const value: Partial<Statement> | null = objectIn(payload);
  if (value?._type !== STATEMENT_TYPE || typeof value.predicateType !== 'string') return null;
  if (!Array.isArray(value.subject) || typeof value.predicate !== 'object' || value.predicate === null)
    return null;
  const isSubject = (one: Partial<Subject> | null) =>
    typeof one?.name === 'string' && /^[0-9a-f]{64}$/u.test(String(one.digest?.sha256));
  if (value.subject.length > SUBJECTS_MAX || !value.subject.every(isSubject)) return null;
  // Whoever hands over an envelope must not have the same file read a thousand times.
  const names = new Set(value.subject.map(({ name }) => name));
  return names.size === value.subject.length ? (value as Statement) : null;
}

function objectIn(bytes: Buffer): object | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
