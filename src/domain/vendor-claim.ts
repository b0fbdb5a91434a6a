/**
 * The vendor's signed claim held against the record of the call. Only a contradiction breaks a rule: a claim that is silent, or
 * fits an honest record and another one alike, decides nothing (docs/proof.md). Pure.
 */
import type { ResultRecord } from './records.ts';
import type { BrokenEvidenceRule, C2paFinding } from './stronger-evidence.ts';

/** The worker's clock may be wrong by so much without contradicting the vendor's. */
const CLOCK_TOLERANCE_MS = 3_600_000;

/** Also of a signer that the list does not know: the file contradicts its record whoever signed. None when it is invalid. */
export function brokenClaimRules(claim: C2paFinding | null, result: ResultRecord): BrokenEvidenceRule[] {
  if (claim?.state !== 'trusted' && claim?.state !== 'valid, signer not trusted') return [];
  return [againstMode(claim, result), againstCall(claim, result)].filter((broken) => broken !== null);
}

/** IPTC digital source types of what cameras, scanners and people make. */
const NOT_MADE_BY_AI: ReadonlySet<string> = new Set([
  'digitalCapture',
  'computationalCapture',
  'compositeCapture',
  'negativeFilm',
  'positiveFilm',
  'print',
  'humanEdits',
  'minorHumanEdits',
  'digitalArt',
  'digitalCreation',
  'screenCapture',
  'virtualRecording',
]);

/** OpenAI signs edits as `created` (reference/api.md 5), so that `created` contradicts neither mode. */
function againstMode(
  { action, digital_source_type: type }: C2paFinding,
  { mode }: ResultRecord,
): BrokenEvidenceRule | null {
  const found = `${action ?? 'no action'}, ${type ?? 'no source type'}`;
  if (type !== null && NOT_MADE_BY_AI.has(type))
    return { id: 'c2pa-fits-mode', expected: 'made by AI', found };
  if (mode === 'generation' && action === 'edited')
    return { id: 'c2pa-fits-mode', expected: 'text2img: from no other picture', found };
  return null;
}

/**
 * The time stamp to the second, and the time inside the claim by its day: the latter alone can't be replaced by somebody with a
 * time stamp authority of his own, and vendors write midnight there.
 */
function againstCall(claim: C2paFinding, result: ResultRecord): BrokenEvidenceRule | null {
  const [signed, made] = [timeOf(claim.signed_at), timeOf(claim.made_at)];
  if (signed === null && made === null) return null;
  const window = callWindow(result);
  const found = [
    ...(signed === null ? [] : [`signed at ${textOf(signed)}`]),
    ...(made === null ? [] : [`made on ${dayOf(made)}`]),
  ].join(', ');
  if (window === null) return { id: 'c2pa-fits-call', expected: 'a record that says when it called', found };
  const { from, to } = window;
  const fits =
    (signed === null || (from <= signed && signed <= to)) &&
    (made === null || (dayOf(from) <= dayOf(made) && dayOf(made) <= dayOf(to)));
  return fits ? null : { id: 'c2pa-fits-call', expected: `between ${textOf(from)} and ${textOf(to)}`, found };
}

/**
 * From the first request of this generation on: a gateway may answer a repeated one with what it made for the first. Until the
 * answer, else the record. Null when they say neither.
 */
function callWindow({ attempts, created_at }: ResultRecord): { from: number; to: number } | null {
  const calls: Partial<ResultRecord['attempts'][number] | null>[] = attempts;
  const starts = calls.map((call) => timeOf(call?.started_at)).filter((time) => time !== null);
  const end = timeOf(calls.findLast((call) => call?.ok === true)?.ended_at) ?? timeOf(created_at);
  if (starts.length === 0 || end === null) return null;
  const first = starts.reduce((a, b) => Math.min(a, b));
  return { from: first - CLOCK_TOLERANCE_MS, to: end + CLOCK_TOLERANCE_MS };
}

/** Null also for what is no time of this era: sums with it would be none either. */
function timeOf(text: unknown): number | null {
  const time = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return time > 0 && time < LAST_TIME ? time : null;
}

const LAST_TIME = Date.UTC(9999, 0);

function textOf(time: number): string {
  return new Date(time).toISOString();
}

function dayOf(time: number): string {
  return textOf(time).slice(0, 10);
}
