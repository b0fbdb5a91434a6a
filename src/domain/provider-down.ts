/** When a refusal says that the provider would refuse every task (SPEC R7): its credentials, its money, its setup. Pure. */
import type { FailureReport } from './failure.ts';

/**
 * What becomes of a batch whose provider is down. `pause`: the refused tasks are queued again, nothing further is sent, and
 * `resume` goes on. `fail`: the remaining tasks end `failed`, without a call.
 */
export const ON_PROVIDER_DOWN = ['pause', 'fail'] as const;
export type OnProviderDown = (typeof ON_PROVIDER_DOWN)[number];

/** Queue runs fail fast, as their users know them. */
export const ON_PROVIDER_DOWN_DEFAULTS = {
  batch: 'pause',
  queue: 'fail',
} as const satisfies Record<string, OnProviderDown>;

/** `doubtful`: a 403 or 404 that may concern its task alone; the second in a row does not. */
export type ProviderDown = 'certain' | 'doubtful';

/** Null: the refusal, or whatever it was, is its task's own. */
export function providerDownBy({ category, http_status, message }: FailureReport): ProviderDown | null {
  if (category === 'quota') return 'certain';
  if (category !== 'auth' && category !== 'not_found') return null;
  return DOUBTFUL_STATUSES.has(http_status) && !namesSetup(message) ? 'doubtful' : 'certain';
}

const DOUBTFUL_STATUSES: ReadonlySet<number | undefined> = new Set([403, 404]);

/** Codes of errors (`model_not_found`) are read as words. */
function namesSetup(message: string): boolean {
  return SETUP_WORDS.test(message.replaceAll(/[_-]/gu, ' '));
}

/** A key, an organisation, a model; gateways speak Chinese too. */
const SETUP_WORDS =
  /\b(?:(?:api)?keys?|tokens?|organi[sz]ations?|models?|deployments?)\b|密钥|令牌|组织|模型/iu;
