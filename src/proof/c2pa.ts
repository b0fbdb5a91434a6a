/**
 * The vendor's signature inside an image (C2PA, SPEC P3), read offline with c2pa-rs as WebAssembly. It shows that the signer
 * made a claim about exactly these bytes; it does not name our provider, and a gateway may strip it.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { C2paFinding, EvidenceState } from '../domain/stronger-evidence.ts';
import type { ImageFormat } from '../domain/task.ts';
import type { TrustList } from './trust-list.ts';

/** What is known of the image from elsewhere. */
export interface C2paContext {
  format: ImageFormat;
  /** Whether the image carried such data when it was received; undefined in records that do not say. */
  wasEmbedded?: boolean | undefined;
}

export type C2paReader = (image: Buffer, context: C2paContext) => Promise<C2paFinding>;

/** Every manifest names itself so; without it there is none, and nothing has to be loaded. */
const MARK = 'c2pa';

export function hasC2paMark(image: Buffer): boolean {
  return image.includes(MARK);
}

/** Never throws, whatever the bytes are. */
export function c2paReader(trust: TrustList): C2paReader {
  let loaded: Promise<Read> | null = null;
  return async (image, context) => {
    if (!hasC2paMark(image)) return withoutManifest(context);
    try {
      loaded ??= load(trust);
      const read = await loaded;
      return findingOf(await read(image, MEDIA_TYPES[context.format]), trust);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (/JumbfNotFound/u.test(text)) return withoutManifest(context);
      return { ...NOTHING, state: 'invalid', detail: `its C2PA data can't be read: ${text.slice(0, 200)}` };
    }
  };
}

const MEDIA_TYPES: Record<ImageFormat, string> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
};

const NOTHING = {
  issuer: null,
  claim_generator: null,
  software_agent: null,
  signed_at: null,
  digital_source_type: null,
  action: null,
} as const;

/** Cut out, stripped or re-encoded is told apart from never signed, where the record says what was received. */
function withoutManifest({ wasEmbedded }: C2paContext): C2paFinding {
  if (wasEmbedded !== true) return { ...NOTHING, state: 'absent', detail: 'no C2PA data in the image' };
  const detail =
    'the image carried C2PA data when it was received, and carries none now: stripped or re-encoded';
  return { ...NOTHING, state: 'invalid', detail };
}

/** What is used of a manifest store as c2pa-rs writes it. */
interface ManifestStore {
  active_manifest?: string;
  manifests?: Record<string, Manifest>;
  validation_state?: string;
  validation_status?: { code?: string; explanation?: string }[];
}

interface Manifest {
  claim_generator_info?: { name?: string }[];
  signature_info?: { issuer?: string; time?: string };
  assertions?: { label?: string; data?: { actions?: Action[] } }[];
}

interface Action {
  action?: string;
  digitalSourceType?: string;
  softwareAgent?: string | { name?: string };
}

type Read = (image: Buffer, mediaType: string) => Promise<ManifestStore>;

async function load({ anchors }: TrustList): Promise<Read> {
  const require = createRequire(import.meta.url);
  const { default: init, WasmReader } = await import('@contentauth/c2pa-wasm');
  await init({ module_or_path: await readFile(require.resolve('@contentauth/c2pa-wasm/c2pa.wasm')) });
  const settings = JSON.stringify({
    trust: { trust_anchors: anchors, trust_config: PURPOSES.join('\n') },
    verify: { verify_trust: true, remote_manifest_fetch: false, ocsp_fetch: false },
  });
  return async (image, mediaType) => {
    const reader = await WasmReader.fromBytes(mediaType, new Uint8Array(image), settings);
    try {
      return JSON.parse(reader.json()) as ManifestStore;
    } finally {
      reader.free();
    }
  };
}

/** Extended key usages that signing certificates of the list have: e-mail, documents, C2PA signing, time stamps. */
const PURPOSES = ['1.3.6.1.5.5.7.3.4', '1.3.6.1.5.5.7.3.36', '1.3.6.1.4.1.62558.2.1', '1.3.6.1.5.5.7.3.8'];

function findingOf(store: ManifestStore, { source }: TrustList): C2paFinding {
  const manifest = store.manifests?.[store.active_manifest ?? ''];
  if (manifest === undefined)
    return { ...NOTHING, state: 'invalid', detail: 'its C2PA data names no manifest' };
  const facts = factsOf(manifest);
  const said = [facts.issuer, facts.software_agent, facts.signed_at]
    .filter((fact) => fact !== null)
    .join(', ');
  const problems = (store.validation_status ?? []).map(({ code, explanation }) => code ?? explanation);
  const state = STATES[store.validation_state ?? ''] ?? 'invalid';
  return { ...facts, state, detail: detailOf(state, said, problems.join(', '), source) };
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

function factsOf(manifest: Manifest): Omit<C2paFinding, 'state' | 'detail'> {
  const actions = (manifest.assertions ?? [])
    .filter(({ label }) => label?.startsWith('c2pa.actions') === true)
    .flatMap(({ data }) => data?.actions ?? []);
  const made = actions.find(({ digitalSourceType }) => digitalSourceType !== undefined) ?? actions[0];
  const agent = made?.softwareAgent;
  return {
    issuer: manifest.signature_info?.issuer ?? null,
    claim_generator: manifest.claim_generator_info?.[0]?.name ?? null,
    software_agent: (typeof agent === 'string' ? agent : agent?.name) ?? null,
    signed_at: manifest.signature_info?.time ?? null,
    digital_source_type: made?.digitalSourceType?.split('/').at(-1) ?? null,
    action: actions.some(({ action }) => /\.(?:edited|opened|placed)$/u.test(action ?? ''))
      ? 'edited'
      : actions.some(({ action }) => action === 'c2pa.created')
        ? 'created'
        : null,
  };
}
