/** Files that somebody hands over as a package. */
import { readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verifyPaths } from '../../src/proof/verify.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { announcing, renamed, zipOf } from '../support/zip-bytes.ts';

describe('a file that only looks like a package is unreadable, with the reason:', () => {
  const verdictOf = async (bytes: Buffer) => {
    const zip = join(tempFolder(), 'hostile.zip');
    writeFileSync(zip, bytes);
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('imgproof-package-'));
    const { items, ok } = await verifyPaths([zip]);
    const after = readdirSync(tmpdir()).filter((name) => name.startsWith('imgproof-package-'));
    expect([ok, after.length]).toEqual([false, before.length]);
    return items[0]?.note ?? '';
  };

  test.each<[string, () => Promise<Buffer> | Buffer, string]>([
    ['no ZIP', () => Buffer.from('PK, but not really'), 'is no ZIP that can be read'],
    [
      'half of one',
      async () => (await zipOf({ 'a.txt': 'hello' })).subarray(0, 60),
      'is no ZIP that can be read',
    ],
    [
      'one without a batch',
      () => zipOf({ 'a.txt': 'hello' }),
      'no imgproof-package.json in it that names a batch',
    ],
    [
      'one whose batch is outside',
      () => zipOf({ 'imgproof-package.json': '{"schema_version": 1, "batch_dir": "../../etc"}' }),
      'no imgproof-package.json in it that names a batch',
    ],
    [
      'a bomb',
      async () => announcing(await zipOf({ 'zeros.png': '0' }, 0o100644, true), 1024 ** 3),
      'is too large at zeros.png',
    ],
    [
      'more than it says',
      async () => announcing(await zipOf({ 'a.txt': '12345678' }, 0o100644, true), 4),
      'too many bytes',
    ],
    [
      'a name that leads out',
      async () => renamed(await zipOf({ 'aa/evil.txt': 'x' }), 'aa/evil.txt', '../evil.txt'),
      'invalid relative path',
    ],
    [
      'an absolute name',
      async () => renamed(await zipOf({ 'aevil.txt': 'x' }), 'aevil.txt', '/evil.txt'),
      'absolute path',
    ],
    ['a link', () => zipOf({ link: '/etc/passwd' }, 0o120777), 'something that is no regular file'],
    ['the same file twice', async () => renamed(await zipOf({ a: '1', b: '2' }), 'b', 'a'), 'has a twice'],
  ])('%s', async (_, make, reason) => {
    expect(await verdictOf(await make())).toContain(reason);
  });
});
