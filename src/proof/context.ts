/** What a verification knows beside the files: whom to trust, and what is asked for. */
import type { Level, StrongerEvidence } from '../domain/stronger-evidence.ts';
import type { C2paReader } from './c2pa.ts';
import type { ClaimsLookup } from './claims.ts';
import type { TrustedKeys } from './dsse.ts';
import type { Tally } from './tally.ts';

export interface VerifyContext {
  claims: ClaimsLookup;
  keys: TrustedKeys;
  c2pa: C2paReader;
  required: readonly Level[];
  /** Also those images whose trusted signer has decoded exactly these bytes. */
  decodeAll: boolean;
  tally: Tally;
}

export const NO_EVIDENCE: StrongerEvidence = { c2pa: null, signature: null };
