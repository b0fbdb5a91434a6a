/**
 * The vendor's signature inside an image (C2PA, SPEC P3), read offline with c2pa-rs as WebAssembly. It shows that the signer
 * made a claim about exactly these bytes; it does not name our provider, and a gateway may strip it.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { C2paFinding, EvidenceState } from '../domain/stronger-evidence.ts';
import type { ImageFormat } from '../domain/task.ts';
import { NO_CLAIM, type VendorClaim, vendorClaim } from './c2pa-claim.ts';
import { GuardedThread, ThreadProblem } from './guarded-thread.ts';
import type { TrustList } from './trust-list.ts';
import { withMemoryLimit } from './wasm-memory.ts';

/** What is known of the image from elsewhere. */
export interface C2paContext {
  /** By its bytes, whatever its name is. */
  format: ImageFormat;
  /** Whether the image carried such data when it was received; undefined in records that do not say. */
  wasEmbedded?: boolean | undefined;
}

export interface C2paReader {
  /** Never throws, whatever the bytes are. */
  read(image: Buffer, context: C2paContext): Promise<C2paFinding>;
  /** Ends its thread; a later `read` starts another. */
  close(): Promise<void>;
}

/** Every manifest names itself so; without it there is none, and nothing has to be loaded. */
const MARK = 'c2pa';

export function hasC2paMark(image: Buffer): boolean {
  return image.includes(MARK);
}

/**
 * The most that one image may cost the validator: it is untrusted input for a large library. A real image takes 0.1 s
 * and 8 MB.
 */
const LIMITS = {
  /** For the first; halved with each that ran out, so that a thousand of them can't hold up a reviewer for hours. */
  seconds: 20,
  heapMB: 128,
  wasmBytes: 512 * 1024 * 1024,
  /** Memory of WebAssembly never shrinks: a thread that has more is replaced. */
  keptBytes: 128 * 1024 * 1024,
  longestStore: 16 * 1024 * 1024,
};

interface ReaderOptions {
  /** What validates, as `assets/c2pa-thread.mjs` does. */
  script?: URL;
  /** For one image. Default 20. */
  seconds?: number;
}

export function c2paReader(
  trust: TrustList,
  { script = SCRIPT, seconds = LIMITS.seconds }: ReaderOptions = {},
): C2paReader {
  let starting: Promise<GuardedThread<Job, Answer>> | null = null;
  const start = async () => {
    const data = {
      module: await validator(),
      settings: settingsOf(trust),
      longestStore: LIMITS.longestStore,
    };
    return new GuardedThread<Job, Answer>({ script, data, seconds, heapMB: LIMITS.heapMB });
  };
  return {
    async read(image, context) {
      if (!hasC2paMark(image)) return withoutManifest(context);
      try {
        const thread = await (starting ??= start().catch(notStarted));
        const job = () => ({ image: new Uint8Array(image), mediaType: MEDIA_TYPES[context.format] });
        return findingOf(await thread.run(job, isSpent), context, trust);
      } catch (error) {
        if (error instanceof ThreadProblem)
          return { ...NO_CLAIM, state: 'not checked', detail: error.message };
        return unreadable((error as Error).message);
      }
    },
    async close() {
      await (await starting?.catch(() => null))?.close();
    },
  };
}

function notStarted(error: Error): never {
  throw new ThreadProblem(`could not be checked: ${error.message}`);
}

/** Beside `dist`, and beside `src`. */
const SCRIPT = new URL('../../assets/c2pa-thread.mjs', import.meta.url);

interface Job {
  image: Uint8Array;
  mediaType: string;
}

/** What the thread says of an image. */
type Answer = { memoryBytes: number } & (
  | { store: string; error?: never }
  | { store?: never; error: string; isTrap: boolean }
);

function isSpent(answer: Answer): boolean {
  const isTrap = answer.error !== undefined && answer.isTrap;
  return isTrap || answer.memoryBytes > LIMITS.keptBytes;
}

const MEDIA_TYPES: Record<ImageFormat, string> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
};

async function validator(): Promise<Uint8Array> {
  const require = createRequire(import.meta.url);
  const module = await readFile(require.resolve('@contentauth/c2pa-wasm/c2pa.wasm'));
  return withMemoryLimit(module, LIMITS.wasmBytes);
}

function settingsOf({ anchors }: TrustList): string {
  return JSON.stringify({
    trust: { trust_anchors: anchors, trust_config: PURPOSES.join('\n') },
    verify: { verify_trust: true, remote_manifest_fetch: false, ocsp_fetch: false },
  });
}

/** Extended key usages that signing certificates of the list have: e-mail, documents, C2PA signing, time stamps. */
const PURPOSES = ['1.3.6.1.5.5.7.3.4', '1.3.6.1.5.5.7.3.36', '1.3.6.1.4.1.62558.2.1', '1.3.6.1.5.5.7.3.8'];

/** Cut out, stripped or re-encoded is told apart from never signed, where the record says what was received. */
function withoutManifest({ wasEmbedded }: C2paContext): C2paFinding {
  if (wasEmbedded !== true) return { ...NO_CLAIM, state: 'absent', detail: 'no C2PA data in the image' };
  const detail =
    'the image carried C2PA data when it was received, and carries none now: stripped or re-encoded';
  return { ...NO_CLAIM, state: 'invalid', detail };
}

function unreadable(why: string): C2paFinding {
  return { ...NO_CLAIM, state: 'invalid', detail: `its C2PA data can't be read: ${why.slice(0, 200)}` };
}

function findingOf(answer: Answer, context: C2paContext, { source }: TrustList): C2paFinding {
  if (answer.error !== undefined)
    return /JumbfNotFound/u.test(answer.error) ? withoutManifest(context) : unreadable(answer.error);
  const store = JSON.parse(answer.store) as ManifestStore;
  const claim = vendorClaim(store);
  if (claim === null) return { ...NO_CLAIM, state: 'invalid', detail: 'its C2PA data names no manifest' };
  const said = [claim.issuer, claim.software_agent, timeOf(claim)].filter((fact) => fact !== null).join(', ');
  const problems = (store.validation_status ?? []).map(({ code, explanation }) => code ?? explanation);
  const state = STATES[store.validation_state ?? ''] ?? 'invalid';
  return { ...claim, state, detail: detailOf(state, said, problems.join(', ').slice(0, 500), source) };
}

function timeOf({ signed_at, time_stamp_trusted }: VendorClaim): string | null {
  if (signed_at === null || time_stamp_trusted === true) return signed_at;
  return `${signed_at} (by a time stamp that the list does not know)`;
}

/** What the validator itself says of a manifest store. */
interface ManifestStore {
  validation_state?: string;
  validation_status?: { code?: string; explanation?: string }[];
}

const STATES: Record<string, EvidenceState> = { Trusted: 'trusted', Valid: 'valid, signer not trusted' };

function detailOf(state: EvidenceState, said: string, problems: string, source: string): string {
  if (state === 'trusted') return `${said}; by ${source}`;
  if (state !== 'invalid') return `${said}; not in ${source} (${problems})`;
  const what = /(?:dataHash|bmffHash|boxesHash)\.mismatch/u.test(problems)
    ? 'the image was changed after its vendor signed it'
    : 'the claim does not hold';
  return `${what} (${problems}); it says ${said}`;
}
