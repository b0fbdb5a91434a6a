/** The vendor's signature inside an image (SPEC P3), offline. Real files are read where they are (`../shared`). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { assert, asyncProperty, integer, uint8Array } from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { c2paReader, hasC2paMark } from '../../src/proof/c2pa.ts';
import { shippedTrustList, trustListIn } from '../../src/proof/trust-list.ts';
import { REAL_IMAGES, WITHOUT_REAL_IMAGES } from '../support/real-images.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { createdByAi, vendorSigner } from '../support/vendor-signer.ts';

const shipped = c2paReader(await shippedTrustList());
afterAll(() => shipped.close());
const asPng = (wasEmbedded?: boolean) => ({ format: 'png' as const, wasEmbedded });

describe('real images signed by OpenAI', () => {
  beforeEach(({ skip }) => skip(...WITHOUT_REAL_IMAGES));

  const image = () => readFileSync(REAL_IMAGES[0] as string);

  test('are trusted, with issuer, agent, time and source type', async () => {
    for (const path of REAL_IMAGES) {
      const finding = await shipped.read(readFileSync(path), asPng());
      expect(finding).toMatchObject({
        state: 'trusted',
        issuer: expect.stringMatching(/^OpenAI OpCoi?, LLC$/u),
        claim_generator: 'OpenAI Media Service API',
        signed_at: expect.stringMatching(/^2026-04-22T/u),
        // OpenAI's time stamp authority is not in the list; the day is in the claim itself.
        time_stamp_trusted: false,
        made_at: '2026-04-22T00:00:00Z',
        digital_source_type: 'trainedAlgorithmicMedia',
        action: 'created',
      });
      expect(finding.detail).toContain('C2PA trust list of 2026-08-21');
    }
  });

  test('with one byte changed are invalid: changed after the vendor signed', async () => {
    const changed = image();
    changed.writeUInt8(changed.readUInt8(changed.length - 2_000) ^ 1, changed.length - 2_000);
    expect(await shipped.read(changed, asPng())).toMatchObject({
      state: 'invalid',
      issuer: expect.stringContaining('OpenAI'),
      detail: expect.stringContaining('changed after its vendor signed it'),
    });
  });

  test('re-encoded or stripped are told apart from never signed, where the record says what was received', async () => {
    for (const bare of [await sharp(image()).png().toBuffer(), withoutChunk(image(), 'caBX')]) {
      expect(hasC2paMark(bare)).toBe(false);
      expect((await shipped.read(bare, asPng(true))).detail).toContain('stripped or re-encoded');
      expect(await shipped.read(bare, asPng(true))).toMatchObject({ state: 'invalid' });
      for (const never of [false, undefined])
        expect(await shipped.read(bare, asPng(never))).toMatchObject({ state: 'absent' });
    }
  });

  test('cut short are invalid, not absent', async () => {
    const whole = image();
    for (const length of [Math.floor(whole.length / 2), 10_000, 300])
      expect((await shipped.read(whole.subarray(0, length), asPng(true))).state).toBe('invalid');
  });

  test('a list without their signer: valid, signer not trusted', async () => {
    const others = await listWithout('OpenAI', 'Trufo', 'SSL');
    const reader = c2paReader(others);
    const finding = await reader.read(image(), asPng());
    await reader.close();
    expect(finding).toMatchObject({ state: 'valid, signer not trusted' });
    expect(finding.detail).toContain('signingCredential.untrusted');
  });

  test('with any bytes of the manifest changed: a verdict, never absent, never a crash', async () => {
    const whole = image();
    const [from, to] = chunkAt(whole, 'caBX');
    await assert(
      asyncProperty(integer({ min: from, max: to - 1 }), integer({ min: 1, max: 255 }), async (at, by) => {
        const changed = Buffer.from(whole);
        changed.writeUInt8(changed.readUInt8(at) ^ by, at);
        const { state } = await shipped.read(changed, asPng(true));
        expect(['invalid', 'trusted', 'valid, signer not trusted']).toContain(state);
      }),
      { numRuns: 40 },
    );
  });
});

describe('an image without the vendor’s signature', () => {
  const plain = sharp({ create: { width: 32, height: 32, channels: 3, background: '#336699' } })
    .png()
    .toBuffer();

  test('is absent; with chunks that only look like one, invalid or absent, and never a crash', async () => {
    expect(await shipped.read(await plain, asPng())).toMatchObject({ state: 'absent', issuer: null });
    const png = await plain;
    await assert(
      asyncProperty(uint8Array({ maxLength: 400 }), async (noise) => {
        const content = Buffer.concat([Buffer.from('\0\0\0\x40jumb\0\0\0\x20jumdc2pa'), noise]);
        expect(['invalid', 'absent']).toContain(
          (await shipped.read(withChunk(png, 'caBX', content), asPng())).state,
        );
      }),
      { numRuns: 100 },
    );
  });
});

describe('an image of each format that can be asked for', () => {
  const size = { width: 64, height: 48, channels: 3, background: '#336699' } as const;

  test.each(['png', 'jpeg', 'webp'] as const)(
    '%s: trusted, and told apart when it was changed or re-encoded',
    async (format) => {
      const vendor = await vendorSigner();
      const plain = await sharp({ create: size }).toFormat(format).toBuffer();
      const signed = await vendor.sign(plain, format, createdByAi());
      const file = join(tempFolder(), 'list.pem');
      writeFileSync(file, vendor.trustList);
      const reader = c2paReader(await trustListIn(file));
      const context = { format, wasEmbedded: true };
      expect(await reader.read(signed, context)).toMatchObject({
        state: 'trusted',
        issuer: 'Test Vendor',
        action: 'created',
      });
      expect((await shipped.read(signed, context)).state).toBe('valid, signer not trusted');

      const changed = Buffer.from(signed);
      // Within the pixels, which are the end of PNG and JPEG and the begin of WebP.
      const at = format === 'webp' ? signed.indexOf('VP8') + 12 : signed.length - 16;
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect((await reader.read(changed, context)).detail).toContain('changed after its vendor signed it');
      const again = await sharp(signed).toFormat(format).toBuffer();
      expect((await reader.read(again, context)).detail).toContain('stripped or re-encoded');
      await reader.close();
    },
  );
});

describe('a trust list', () => {
  test.each([
    ['without a certificate', 'hello', 'there is no certificate in PEM'],
    [
      'with a broken one',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
      "a certificate in .* can't be read",
    ],
  ])('%s is refused by name', async (_, text, message) => {
    const file = join(tempFolder(), 'list.pem');
    writeFileSync(file, text);
    await expect(trustListIn(file)).rejects.toThrow(new RegExp(message, 'u'));
  });

  test('that is not there is refused by name', async () => {
    await expect(trustListIn('/nowhere/list.pem')).rejects.toThrow(
      "the trust list /nowhere/list.pem can't be read",
    );
  });

  test('all of whose certificates have expired is refused', async () => {
    const file = join(tempFolder(), 'expired.pem');
    writeFileSync(file, EXPIRED);
    await expect(trustListIn(file)).rejects.toThrow('has expired: use a newer list');
  });
});

/** Valid in 2020, for this test alone. */
const EXPIRED = `-----BEGIN CERTIFICATE-----
MIIBFjCBvAIBATAKBggqhkjOPQQDAjAXMRUwEwYDVQQKDAxFeHBpcmVkIFRlc3Qw
HhcNMjAwMTAxMDAwMDAwWhcNMjEwMTAxMDAwMDAwWjAXMRUwEwYDVQQKDAxFeHBp
cmVkIFRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARAb4gB7PresEEX3T4U
KjbDD7VooMx5jW5GHGmzvrc8rO3xpKjyzWJsDJzhaH+jSeDoCN8eb9PmkZnS+ZCk
U0xdMAoGCCqGSM49BAMCA0kAMEYCIQCMX+O44/CFjT8EqTLlis42Ut8feMvVnlgS
BwO2HZK+IgIhAIAept9xkrQdU41XnwmJuUX79WEYjzIXcoe5fVnxJPV8
-----END CERTIFICATE-----
`;

async function listWithout(...names: string[]) {
  const { X509Certificate } = await import('node:crypto');
  const { anchors } = await shippedTrustList();
  const all = anchors.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu) ?? [];
  const others = all.filter((pem) => !names.some((name) => new X509Certificate(pem).subject.includes(name)));
  expect(others.length).toBeLessThan(all.length);
  const file = join(tempFolder(), 'others.pem');
  writeFileSync(file, others.join('\n'));
  return trustListIn(file);
}

/** Begin and end of the content of the first chunk of this type. */
function chunkAt(png: Buffer, type: string): [number, number] {
  const at = png.indexOf(type);
  return [at + 4, at + 4 + png.readUInt32BE(at - 4)];
}

function withoutChunk(png: Buffer, type: string): Buffer {
  const [from, to] = chunkAt(png, type);
  return Buffer.concat([png.subarray(0, from - 8), png.subarray(to + 4)]);
}

/** Right behind the header. */
function withChunk(png: Buffer, type: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([png.subarray(0, 33), length, named, sum, png.subarray(33)]);
}
