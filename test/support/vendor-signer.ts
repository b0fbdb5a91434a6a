/**
 * A vendor of tests that signs images with C2PA manifests of any content, with the library that also validates them. Its
 * certificates are made by OpenSSL for each signer; it has no time stamp authority.
 */
import { execFileSync } from 'node:child_process';
import { createPrivateKey, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import init, { WasmBuilder } from '@contentauth/c2pa-wasm';
import type { ImageFormat } from '../../src/domain/task.ts';
import { newFolder } from './temp-folder.ts';

export interface Claim {
  actions: Action[];
  /** Further files that the claim says went in; actions name them by their label. */
  ingredients?: {
    label?: string;
    relationship: 'parentOf' | 'componentOf' | 'inputTo';
    format: ImageFormat;
    image: Buffer;
  }[];
}

interface Action {
  action: string;
  when?: string;
  digitalSourceType?: string;
  softwareAgent?: { name: string };
  parameters?: { ingredientIds: string[] };
}

export interface VendorSigner {
  /** Of its root, in PEM. */
  trustList: string;
  sign(image: Buffer, format: ImageFormat, claim: Claim): Promise<Buffer>;
}

const SOURCE_TYPES = 'http://cv.iptc.org/newscodes/digitalsourcetype';

/** As OpenAI writes it for generations and edits. */
export function createdByAi(when = '2026-11-24T00:00:00Z'): Claim {
  return {
    actions: [
      {
        action: 'c2pa.created',
        when,
        softwareAgent: { name: 'test model' },
        digitalSourceType: `${SOURCE_TYPES}/trainedAlgorithmicMedia`,
      },
      { action: 'c2pa.converted', when },
    ],
  };
}

export function madeAs(action: string, sourceType: string): Claim {
  return { actions: [{ action, digitalSourceType: `${SOURCE_TYPES}/${sourceType}` }] };
}

export async function vendorSigner(): Promise<VendorSigner> {
  const { chain, key, root } = certificates();
  const require = createRequire(import.meta.url);
  await init({ module_or_path: readFileSync(require.resolve('@contentauth/c2pa-wasm/c2pa.wasm')) });
  Object.assign(globalThis, { FileReaderSync: ReaderOfParts });
  const signer = {
    sign: async (claim: Uint8Array) => coseSign1(claim, chain, key),
    reserveSize: RESERVED,
    alg: 'es256',
  };
  return {
    trustList: root,
    async sign(image, format, { actions, ingredients = [] }) {
      const type = `image/${format}`;
      const builder = WasmBuilder.fromJson(
        JSON.stringify({
          claim_generator_info: [{ name: 'imgproof test' }],
          claim_version: 2,
          title: 'image',
          format: type,
          assertions: [{ label: 'c2pa.actions.v2', data: { actions } }],
        }),
        JSON.stringify({ verify: { verify_after_sign: false }, builder: { thumbnail: { enabled: false } } }),
      );
      for (const { image, format, ...rest } of ingredients) {
        const about = JSON.stringify({ ...rest, title: 'another', format: `image/${format}` });
        await builder.addIngredientFromBlob(about, `image/${format}`, new Part(image));
      }
      return Buffer.from(await builder.sign(signer as never, [], type, new Part(image)));
    },
  };
}

/** The library reads blobs as a browser's worker does, piece by piece and at once. */
class Part extends Blob {
  readonly content: Buffer;

  constructor(content: Buffer) {
    super([new Uint8Array(content)]);
    this.content = content;
  }

  override slice(start?: number, end?: number): Part {
    return new Part(this.content.subarray(start, end));
  }
}

class ReaderOfParts {
  readAsArrayBuffer({ content }: Part): ArrayBuffer {
    return new Uint8Array(content).buffer;
  }
}

/** Room for the signature in the manifest, which it has to fill. */
const RESERVED = 4_096;

/** A signature of claim version 2 (RFC 9052): the chain is in the protected header. */
function coseSign1(claim: Uint8Array, chain: readonly Buffer[], key: KeyObject): Uint8Array<ArrayBuffer> {
  const [ALGORITHM, ES256, CHAIN] = [1, 6, 33];
  const certificates = [head(4, chain.length), ...chain.map(bytes)];
  const header = Buffer.concat([
    head(5, 2),
    head(0, ALGORITHM),
    head(1, ES256),
    head(0, CHAIN),
    ...certificates,
  ]);
  const signed = [head(4, 4), text('Signature1'), bytes(header), bytes(Buffer.alloc(0)), bytes(claim)];
  const signature = sign('sha256', Buffer.concat(signed), { key, dsaEncoding: 'ieee-p1363' });
  const padded = (padding: number) =>
    Buffer.concat([
      Buffer.from([0xd2]),
      head(4, 4),
      bytes(header),
      head(5, 1),
      text('pad'),
      bytes(Buffer.alloc(padding)),
      Buffer.from([0xf6]),
      bytes(signature),
    ]);
  return new Uint8Array(padded(RESERVED - padded(256).length + 256));
}

/** Begin of a CBOR value: its major type and its length or value (RFC 8949). */
function head(major: number, value: number): Buffer {
  const begin = Buffer.from([major * 32 + (value < 24 ? value : 25)]);
  if (value < 24) return begin;
  const length = Buffer.alloc(2);
  length.writeUInt16BE(value);
  return Buffer.concat([begin, length]);
}

function bytes(content: Uint8Array): Buffer {
  return Buffer.concat([head(2, content.length), content]);
}

function text(content: string): Buffer {
  return Buffer.concat([head(3, content.length), Buffer.from(content)]);
}

const CONFIG = `[req]
distinguished_name=name
[name]
[root]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
subjectKeyIdentifier=hash
[leaf]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=emailProtection
authorityKeyIdentifier=keyid
`;

function certificates(): { chain: Buffer[]; key: KeyObject; root: string } {
  const cwd = newFolder();
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd, stdio: 'pipe' });
  writeFileSync(join(cwd, 'config'), CONFIG);
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-config', 'config'];
  const days = ['-days', '2'];
  openssl(
    'req',
    '-x509',
    ...fresh,
    ...days,
    '-extensions',
    'root',
    '-keyout',
    'root.key',
    '-out',
    'root.pem',
    '-subj',
    '/O=imgproof test/CN=root',
  );
  openssl('req', ...fresh, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/O=Test Vendor/CN=signer');
  openssl(
    'x509',
    '-req',
    ...days,
    '-in',
    'leaf.csr',
    '-CA',
    'root.pem',
    '-CAkey',
    'root.key',
    '-CAcreateserial',
    '-extfile',
    'config',
    '-extensions',
    'leaf',
    '-out',
    'leaf.pem',
  );
  const [leaf, root] = ['leaf.pem', 'root.pem'].map((name) => readFileSync(join(cwd, name), 'utf8')) as [
    string,
    string,
  ];
  const key = createPrivateKey(readFileSync(join(cwd, 'leaf.key')));
  rmSync(cwd, { recursive: true });
  return { chain: [leaf, root].map((pem) => new X509Certificate(pem).raw), key, root };
}
