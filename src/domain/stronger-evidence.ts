/** Evidence beyond the rules of P1 (SPEC P3): what is there, how much it says, and the rules that ask for it. */

/** `trusted` alone is proof for somebody else; `absent` and `not checked` (took too long) prove nothing either way. */
export const EVIDENCE_STATES = [
  'trusted',
  'valid, signer not trusted',
  'invalid',
  'absent',
  'not checked',
] as const;
export type EvidenceState = (typeof EVIDENCE_STATES)[number];

/** Our own signature of a result or a batch. */
export interface SignatureFinding {
  state: EvidenceState;
  key_id: string | null;
  /** By the worker's clock. */
  signed_at: string | null;
  /** One line for people. */
  detail: string;
}

/** The vendor's signature inside the image. */
export interface C2paFinding {
  state: EvidenceState;
  /** Organization that the signing certificate names. */
  issuer: string | null;
  /** Program that made the claim. */
  claim_generator: string | null;
  software_agent: string | null;
  /** RFC 3339, by the time stamp; null without one. */
  signed_at: string | null;
  /** Whether the trust list knows who made the time stamp: else anybody could have put another one in. Null without one. */
  time_stamp_trusted: boolean | null;
  /** When the image was made by the signed claim itself, where often only the day counts. */
  made_at: string | null;
  /** Last part of the IPTC term, such as `trainedAlgorithmicMedia`; of AI where any step was. */
  digital_source_type: string | null;
  /** What the claim says was done: `created` from nothing it names, `edited` from another picture; null: it does not tell. */
  action: 'created' | 'edited' | null;
  detail: string;
}

export interface StrongerEvidence {
  c2pa: C2paFinding | null;
  signature: SignatureFinding | null;
}

export const LEVELS = ['signature', 'c2pa'] as const;
export type Level = (typeof LEVELS)[number];

interface EvidenceRule {
  en: string;
  zh: string;
}

/** What is there and contradicts the files breaks a rule of its own; that it has to be there is only asked by `--require`. */
export const EVIDENCE_RULES = {
  'signature-holds': {
    en: 'A signature that is there fits the files it speaks of.',
    zh: '若有签名，则签名与其所述文件一致。',
  },
  'signature-required': {
    en: 'The records are signed with a key that the reviewer trusts.',
    zh: '记录由审核方信任的密钥签名。',
  },
  'c2pa-holds': {
    en: "A vendor's signature in the image fits the image.",
    zh: '若图片内有厂商签名，则签名与图片一致。',
  },
  'c2pa-fits-mode': {
    en: 'What the vendor signed of how the image was made does not contradict the mode.',
    zh: '厂商签名所述的图片制作方式与模式不矛盾。',
  },
  'c2pa-fits-call': {
    en: 'By what the vendor signed, the image was made while the recorded call ran, within an hour: it is new.',
    zh: '按厂商签名，图片是在所记录的调用期间（误差一小时以内）生成的：它是新生成的。',
  },
  'c2pa-required': {
    en: 'The image carries a signature of its vendor that leads to the trust list.',
    zh: '图片带有可追溯到信任列表的厂商签名。',
  },
} as const satisfies Record<string, EvidenceRule>;

/** Only asked by `verify --history`, which needs a server. */
export const HISTORY_RULE = {
  id: 'history-agrees',
  en: "Temporal's history keeps the head of this very manifest.",
  zh: 'Temporal 历史记录中保存的正是此清单的末端哈希。',
} as const;

export type EvidenceRuleId = keyof typeof EVIDENCE_RULES;

/** A rule that does not hold, and what was found. */
export interface BrokenEvidenceRule {
  id: EvidenceRuleId;
  expected?: string;
  found: string;
}

/** In the order of the levels. A level that was not looked at (null) breaks none, unless it is required. */
export function brokenEvidenceRules(
  evidence: StrongerEvidence,
  required: readonly Level[],
): BrokenEvidenceRule[] {
  return LEVELS.flatMap((level): BrokenEvidenceRule[] => {
    const finding = evidence[level];
    const found = finding === null ? 'nothing to look at' : `${finding.state}: ${finding.detail}`;
    if (finding?.state === 'invalid') return [{ id: `${level}-holds`, found }];
    const isMissing = required.includes(level) && finding?.state !== 'trusted';
    return isMissing ? [{ id: `${level}-required`, found }] : [];
  });
}
