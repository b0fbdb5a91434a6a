/** The check that docs/proof.md shows, run as it stands there: Node and OpenSSL, and nothing of ours. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { type Envelope, preAuthEncoding } from '../../src/proof/dsse.ts';
import { copyOf, envelopeOf, type SignedBatch, signedBatch } from '../support/signed-batch.ts';
import { startSystem } from '../support/system.ts';

const PAGE = fileURLToPath(new URL('../../docs/proof.md', import.meta.url));

let batch: SignedBatch;
beforeAll(async () => {
  const system = await startSystem('time-skipping');
  batch = await signedBatch(system, 'foreign tools');
  return system.stop;
});

async function runFolder(): Promise<string> {
  const [run] = copyOf(batch).runs as [string];
  const [key] = (await batch.keys.publicKeys()).keys;
  writeFileSync(join(run, 'KEY.pem'), key?.public_key ?? '');
  return run;
}

test('the ten lines of the page say that the result is as it was signed, and when it was changed', async () => {
  const lines = /```js\n(?<code>.*?)```/su.exec(readFileSync(PAGE, 'utf8'))?.groups?.['code'] ?? '';
  expect(lines.trimEnd().split('\n').length).toBeLessThanOrEqual(11);
  const run = await runFolder();
  const check = () => execFileSync(process.execPath, ['-e', lines], { cwd: run, encoding: 'utf8' }).trim();
  expect(check()).toBe('result.json is as it was signed');
  const path = join(run, 'result.json');
  writeFileSync(path, `${readFileSync(path, 'utf8')} `);
  expect(check()).toBe('result.json was changed');
});

test('OpenSSL verifies the signature by the command of the page', async () => {
  const run = await runFolder();
  const { payloadType, payload, signatures } = JSON.parse(readFileSync(envelopeOf(run), 'utf8')) as Envelope;
  writeFileSync(join(run, 'signed.bin'), preAuthEncoding(payloadType, Buffer.from(payload, 'base64')));
  writeFileSync(join(run, 'sig.bin'), Buffer.from(signatures[0]?.sig ?? '', 'base64'));
  const command = /`openssl (?<args>pkeyutl[^`]+)`/u.exec(readFileSync(PAGE, 'utf8'))?.groups?.['args'] ?? '';
  const openssl = () => spawnSync('openssl', command.split(' '), { cwd: run, encoding: 'utf8' });
  expect(openssl()).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('Signature Verified Successfully'),
  });
  writeFileSync(join(run, 'signed.bin'), 'something else');
  expect(openssl().status).toBe(1);
});
