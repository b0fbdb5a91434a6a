/** Certificates that a vendor's signature must lead to (SPEC P3): the list shipped in `trust/`, or the reviewer's own. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { TrustProblem } from './trusted-keys.ts';

export interface TrustList {
  /** PEM certificates. */
  anchors: string;
  /** For people: which list. */
  source: string;
  /** Certificates that are valid today. */
  current: number;
}

/** Date of the shipped list; older than a year, `verify` says so. */
const SHIPPED_AT = '2026-08-21';
const SHIPPED = ['c2pa-signers.pem', 'c2pa-time-stamps.pem'];
const OLD_AFTER_MS = 366 * 24 * 3_600_000;

export async function shippedTrustList(): Promise<TrustList> {
  const texts = await Promise.all(trustFiles().map((file) => readFile(file, 'utf8')));
  const isOld = Date.now() - Date.parse(SHIPPED_AT) > OLD_AFTER_MS;
  const age = isOld ? ', more than a year old: give a newer one with --trust-list' : '';
  return listOf(texts.join('\n'), `the C2PA trust list of ${SHIPPED_AT}${age}`);
}

/** The files of the shipped list. */
export function trustFiles(): string[] {
  return SHIPPED.map((name) => fileURLToPath(new URL(`../../trust/${name}`, import.meta.url)));
}

/** @throws TrustProblem */
export async function trustListIn(file: string): Promise<TrustList> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new TrustProblem(`the trust list ${file} can't be read: ${error.message}`);
  });
  return listOf(text, file);
}

/** @throws TrustProblem */
function listOf(text: string, source: string): TrustList {
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu) ?? [];
  if (certificates.length === 0) throw new TrustProblem(`there is no certificate in PEM in ${source}`);
  const current = certificates.filter((pem) => isCurrent(pem, source)).length;
  if (current === 0) throw new TrustProblem(`every certificate in ${source} has expired: use a newer list`);
  return { anchors: certificates.join('\n'), source, current };
}

function isCurrent(pem: string, source: string): boolean {
  try {
    const { validFrom, validTo } = new X509Certificate(pem);
    return Date.parse(validFrom) <= Date.now() && Date.now() <= Date.parse(validTo);
  } catch (error) {
    throw new TrustProblem(`a certificate in ${source} can't be read: ${(error as Error).message}`);
  }
}
