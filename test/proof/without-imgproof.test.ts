/** The check that docs/proof.md shows, run as it stands there: Node and OpenSSL, and nothing of ours. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import type { Envelope } from '../../src/proof/dsse.ts';
import { copyOf, envelopeOf, type SignedBatch, signedBatch } from '../support/signed-batch.ts';
import { startSystem } from '../support/system.ts';

const PAGE = fileURLToPath(new URL('../../docs/proof.md', import.meta.url));

let batch: SignedBatch;
beforeAll(async () => {
  const system = await startSystem('time-skipping');
  batch = await signedBatch(system, 'foreign tools');
  return system.stop;
});

/** The one block of this language on the page. */
function codeOf(language: 'js' | 'sh'): string {
  const blocks = readFileSync(PAGE, 'utf8').split('```');
  return (blocks.find((block) => block.startsWith(`${language}\n`)) ?? '').slice(language.length + 1);
}

async function runFolder(): Promise<string> {
  const [run] = copyOf(batch).runs as [string];
  const [key] = (await batch.keys.publicKeys()).keys;
  writeFileSync(join(run, 'KEY.pem'), key?.public_key ?? '');
  return run;
}

test('the ten lines of the page say that the result is as it was signed, and when it was changed', async () => {
  const lines = codeOf('js');
  expect(lines.trimEnd().split('\n').length).toBeLessThanOrEqual(11);
  const run = await runFolder();
  const check = () => execFileSync(process.execPath, ['-e', lines], { cwd: run, encoding: 'utf8' }).trim();
  expect(check()).toBe('result.json is as it was signed');
  const path = join(run, 'result.json');
  writeFileSync(path, `${readFileSync(path, 'utf8')} `);
  expect(check()).toBe('result.json was changed');
});

test('the lines of the page for a shell and OpenSSL say the same; whatever was changed ends them with 1', async () => {
  const lines = codeOf('sh');
  expect(lines).toContain('openssl pkeyutl -verify');
  const check = (run: string) => spawnSync('sh', ['-c', lines], { cwd: run, encoding: 'utf8' });
  const changed = async (change: (run: string) => void) => {
    const run = await runFolder();
    change(run);
    const { status, stdout } = check(run);
    return [status, stdout.trimEnd().split('\n').at(-1)];
  };
  const { status, stdout } = check(await runFolder());
  expect([status, stdout]).toEqual([0, 'Signature Verified Successfully\nresult.json is as it was signed\n']);
  const append = (run: string, name: string) => writeFileSync(join(run, name), ' ', { flag: 'a' });
  expect(await changed((run) => append(run, 'result.json'))).toEqual([1, 'result.json was changed']);
  const replaced = (run: string) => {
    const text = readFileSync(envelopeOf(run), 'utf8');
    const { payload } = JSON.parse(text) as Envelope;
    const forged = Buffer.from(payload, 'base64').toString().replace('"ok":true', '"ok":null');
    writeFileSync(envelopeOf(run), text.replace(payload, Buffer.from(forged).toString('base64')));
  };
  expect(await changed(replaced)).toEqual([1, 'Signature Verification Failure']);
  const otherKey = execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519']);
  const otherPublic = execFileSync('openssl', ['pkey', '-pubout'], { input: otherKey });
  expect(await changed((run) => writeFileSync(join(run, 'KEY.pem'), otherPublic))).toEqual([
    1,
    'Signature Verification Failure',
  ]);
});
