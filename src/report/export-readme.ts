import type { PackageRecord } from '../domain/package.ts';

/** What somebody who finds this package years later has to know. */
export function readmeOf(record: PackageRecord, noHistories: string | null): string {
  const histories =
    noHistories === null
      ? `histories/   ${record.histories.length} histories of Temporal: the batch and its tasks, as JSON`
      : `There are no histories of Temporal in it: ${noHistories}.`;
  return `Evidence of the batch "${record.batch_name.replaceAll(/\s+/gu, ' ')}" (${record.batch_id}), exported by imgproof at ${record.exported_at}.

report/index.html   open it in a browser: images, prompts, references, verdicts
evidence/    the files as the worker wrote them: images, references, result.json, signatures (*.dsse.json), manifest
${histories}
keys.json    public keys that signed, by the words of whoever exported this
trust/       the C2PA trust list that the report was made with

Check it: imgproof verify THIS.zip --keys KEYS --require signature
KEYS is the list of keys that you had from the operator before: keys.json in here is only as good as this file.
Without imgproof: each *.dsse.json is a DSSE envelope of an in-toto statement, signed with Ed25519; the image's own
signature of its vendor can be read with any C2PA tool.
`;
}
