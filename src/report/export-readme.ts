import type { PackageRecord } from '../domain/package.ts';

/** Only so many are told by name here; all are in the package's own record. */
const TOLD = 20;

/** What somebody who finds this package years later has to know. `missing`: what is not among the histories, and why. */
export function readmeOf(record: PackageRecord, missing: string | null): string {
  const { batch_name, batch_id, exported_at, histories, left_out = [] } = record;
  return `Evidence of the batch "${line(batch_name)}" (${line(batch_id)}), exported by imgproof at ${exported_at}.

report/index.html   open it in a browser: images, prompts, references, verdicts
evidence/    the files as the worker wrote them: images, references, result.json, signatures (*.dsse.json), manifest
${histories.length === 0 ? '' : `histories/   ${histories.length} histories of Temporal, as JSON: the batch and its tasks\n`}keys.json    public keys that signed, by the words of whoever exported this
trust/       the C2PA trust list that the report was made with
${missing === null ? '' : `\n${histories.length === 0 ? 'There are no histories of Temporal in it' : 'Histories of Temporal that are not in it'}: ${line(missing)}.\n`}${leftOut(left_out)}
Check it: imgproof verify THIS.zip --keys KEYS --require signature
KEYS is the list of keys that you had from the operator before: keys.json in here is only as good as this file.
Without imgproof: each *.dsse.json is a DSSE envelope of an in-toto statement, signed with Ed25519; the image's own
signature of its vendor can be read with any C2PA tool.
`;
}

function leftOut(files: readonly string[]): string {
  if (files.length === 0) return '';
  const more =
    files.length > TOLD ? `  and ${files.length - TOLD} more, listed in imgproof-package.json\n` : '';
  const told = files.slice(0, TOLD).map((file) => `  ${line(file)}\n`);
  return `\nLeft out, because imgproof did not write it or it is not the image that was sent:\n${told.join('')}${more}`;
}

function line(text: string): string {
  return text.replaceAll(/[\s\p{Cc}\p{Bidi_Control}]+/gu, ' ');
}
