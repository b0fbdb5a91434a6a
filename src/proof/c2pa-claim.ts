/**
 * What a vendor's manifest says of an image: who signed when, what was done, from what. Everything in it may be hostile, though
 * it came through the validator: any shape is read, nothing is trusted to be there, long texts are cut.
 */
import type { C2paFinding } from '../domain/stronger-evidence.ts';

export type VendorClaim = Omit<C2paFinding, 'state' | 'detail'>;

export const NO_CLAIM: VendorClaim = {
  issuer: null,
  claim_generator: null,
  software_agent: null,
  signed_at: null,
  time_stamp_trusted: null,
  made_at: null,
  digital_source_type: null,
  action: null,
};

/** A value of a manifest store as c2pa-rs writes it (its `json()`), of which nothing is sure. */
type Json = Record<string, unknown>;

/** What the active manifest claims; null when the store names none. */
export function vendorClaim(store: unknown): VendorClaim | null {
  const [active, ...earlier] = lineage(store);
  if (active === undefined) return null;
  const own = actionsOf(active);
  const all = [active, ...earlier].flatMap(actionsOf);
  const made = own.find((action) => sourceTypeOf(action) !== null) ?? own[0];
  const signature = objectIn(active, 'signature_info');
  const signedAt = textIn(signature, 'time');
  return {
    issuer: textIn(signature, 'issuer'),
    claim_generator: textIn(objectsIn(active, 'claim_generator_info')[0], 'name'),
    software_agent: textIn(made, 'softwareAgent') ?? textIn(objectIn(made, 'softwareAgent'), 'name'),
    signed_at: signedAt,
    time_stamp_trusted: signedAt === null ? null : successes(store).includes('timeStamp.trusted'),
    made_at: own.map((action) => textIn(action, 'when')).find((when) => when !== null) ?? null,
    digital_source_type: sourceTypeIn(all),
    action: workOf(active, own, all),
  };
}

/** The active manifest, and those that it names as earlier states of the same picture (`parentOf`), newest first. */
function lineage(store: unknown): Json[] {
  const manifests = objectIn(store, 'manifests');
  const labels = new Set<string>();
  const found: Json[] = [];
  let label = textIn(store, 'active_manifest');
  while (label !== null && !labels.has(label)) {
    labels.add(label);
    const manifest = objectIn(manifests, label);
    if (manifest === null) break;
    found.push(manifest);
    const parent = objectsIn(manifest, 'ingredients').find((one) => one['relationship'] === 'parentOf');
    label = textIn(parent, 'active_manifest');
  }
  return found;
}

function actionsOf(manifest: Json): Json[] {
  return objectsIn(manifest, 'assertions')
    .filter((assertion) => textIn(assertion, 'label')?.startsWith('c2pa.actions') === true)
    .flatMap((assertion) => objectsIn(objectIn(assertion, 'data'), 'actions'));
}

/** Made by AI from pictures among other things (IPTC digital source types). */
const COMPOSITES = ['compositeWithTrainedAlgorithmicMedia', 'compositeSynthetic'];
const MADE_BY_AI: ReadonlySet<string> = new Set(['trainedAlgorithmicMedia', ...COMPOSITES]);

/** A photograph that was edited by AI is one of AI: that one counts wherever it stands. */
function sourceTypeIn(actions: readonly Json[]): string | null {
  const types = actions.map(sourceTypeOf).filter((type) => type !== null);
  return types.find((type) => MADE_BY_AI.has(type)) ?? types[0] ?? null;
}

function sourceTypeOf(action: Json): string | null {
  return textIn(action, 'digitalSourceType')?.split('/').at(-1) ?? null;
}

/**
 * `edited` needs the vendor's word that another picture went in. A picture that was made by AI and then opened, converted or
 * edited in a further manifest is `created`: that is how services wrap their own images. Prompts are ingredients, too.
 */
function workOf(active: Json, own: readonly Json[], all: readonly Json[]): VendorClaim['action'] {
  const hasPicture = objectsIn(active, 'ingredients').some(
    (one) =>
      ['inputTo', 'componentOf'].includes(textIn(one, 'relationship') ?? '') &&
      textIn(one, 'format')?.startsWith('image/') === true,
  );
  const isComposite = own.some((action) => COMPOSITES.includes(sourceTypeOf(action) ?? ''));
  if (hasPicture || isComposite) return 'edited';
  const names = all.map((action) => textIn(action, 'action'));
  if (names.includes('c2pa.created')) return 'created';
  return names.some((name) => name === 'c2pa.edited' || name === 'c2pa.placed') ? 'edited' : null;
}

function successes(store: unknown): (string | null)[] {
  const results = objectIn(objectIn(store, 'validation_results'), 'activeManifest');
  return objectsIn(results, 'success').map((one) => textIn(one, 'code'));
}

const LONGEST_TEXT = 200;

function textIn(value: unknown, name: string): string | null {
  const text = memberOf(value, name);
  return typeof text === 'string' ? text.slice(0, LONGEST_TEXT) : null;
}

function objectIn(value: unknown, name: string): Json | null {
  const member = memberOf(value, name);
  return isObject(member) ? member : null;
}

function objectsIn(value: unknown, name: string): Json[] {
  const list = memberOf(value, name);
  return Array.isArray(list) ? list.filter(isObject) : [];
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
