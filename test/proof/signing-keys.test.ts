/** The worker's signing keys (SPEC P3): made once, replaced, damaged; a record never waits for them. */
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { SigningKeys } from '../../src/artifacts/signing-keys.ts';
import { FILES } from '../../src/domain/layout.ts';
import { ownKeys, trustedKeysIn } from '../../src/proof/trusted-keys.ts';
import { verifyPaths } from '../../src/proof/verify.ts';
import { copyOf, type SignedBatch, signedBatch, trusted } from '../support/signed-batch.ts';
import { startSystem, type System } from '../support/system.ts';
import { tempFolder } from '../support/temp-folder.ts';

let system: System;
let batch: SignedBatch;
beforeAll(async () => {
  system = await startSystem('time-skipping');
  batch = await signedBatch(system, 'first');
  return system.stop;
});

/** State of each signature of the batch, its own first, as this machine's `verify` sees it. */
async function statesOf(of: SignedBatch) {
  const keys = await ownKeys(batch.keys.folder);
  const { items } = await verifyPaths([copyOf(of).batchDir], { keys });
  return items.map(({ evidence }) => evidence.signature?.state);
}
const TRUSTED = ['trusted', 'trusted', 'trusted', 'trusted'];
const ABSENT = TRUSTED.map(() => 'absent');

describe('the first key', () => {
  test('is made by the first who needs it, whole, for its owner alone; of eight at once all have the same', async () => {
    const folder = join(tempFolder(), 'home', 'keys');
    const made = await Promise.all(Array.from({ length: 8 }, () => new SigningKeys(folder).current()));
    expect(new Set(made.map(({ keyId }) => keyId)).size).toBe(1);
    expect(readdirSync(folder)).toEqual(['key-0001.json']);
    expect([statSync(folder).mode & 0o777, statSync(join(folder, 'key-0001.json')).mode & 0o777]).toEqual([
      0o700, 0o600,
    ]);
  });

  test('its id is the sha256 of the public key as OpenSSL writes it in DER', async () => {
    const { keyId, publicKeyPem } = await batch.keys.current();
    const der = execFileSync('openssl', ['pkey', '-pubin', '-outform', 'DER'], { input: publicKeyPem });
    const digest = execFileSync('openssl', ['dgst', '-sha256', '-r'], { input: der, encoding: 'utf8' });
    expect(digest.split(' ')[0]).toBe(keyId);
  });
});

describe('another key', () => {
  test('signs from then on, also in a worker that runs; what earlier ones signed stays trusted', async () => {
    const before = await batch.keys.current();
    const { keyId } = await new SigningKeys(batch.keys.folder).rotate();
    const later = await signedBatch(system, 'after rotation');
    expect(later.summary.manifest?.key_id).toBe(keyId);
    expect([await statesOf(later), await statesOf(batch)]).toEqual([TRUSTED, TRUSTED]);
    const { keys: list } = await batch.keys.publicKeys();
    expect(list.map(({ key_id }) => key_id)).toEqual([before.keyId, keyId]);
    expect(list.map(({ retired_at }) => retired_at)).toEqual([list[1]?.created_at, null]);
  });

  test('in the middle of a batch: each record has the key of its time, and all of them are trusted', async () => {
    const before = await batch.keys.current();
    const tasks = ['one', 'two'].map((name) => ({ prompt: `midway, ${name}`, task_name: name }));
    // The first task is signed before the second one's request is sent, which waits until there is another key.
    const secondArrived = new Promise<() => void>((resolve) => {
      system.provider.setScript(({ prompt }) => {
        if (prompt === 'midway, two') resolve(system.provider.hold());
        return undefined;
      });
    });
    const handle = await system.startBatch(system.batch(tasks, { max_workers: 1 }), 'midway');
    const release = await secondArrived;
    const { keyId } = await new SigningKeys(batch.keys.folder).rotate();
    release();
    const { batch_dir } = await handle.result();
    system.provider.setScript([]);
    const { items } = await verifyPaths([batch_dir], { keys: await ownKeys(batch.keys.folder) });
    expect(
      items.map(({ task, evidence }) => [task, evidence.signature?.state, evidence.signature?.key_id]),
    ).toEqual([
      ['midway', 'trusted', keyId],
      ['one', 'trusted', before.keyId],
      ['two', 'trusted', keyId],
    ]);
  });
});

test('a key that signs after another one took over, by its own word, is not trusted for that', async () => {
  const { keys } = await trusted(batch.keys);
  const firstSigned = (await verifyPaths([copyOf(batch).batchDir], { keys: { keys, source: 'us' } })).items[0]
    ?.evidence.signature?.signed_at as string;
  const retiredFor = async (ms: number) => {
    const retired_at = new Date(Date.parse(firstSigned) - ms).toISOString();
    const list = { source: 'us', keys: keys.map((key) => ({ ...key, retired_at })) };
    const { items } = await verifyPaths([copyOf(batch).batchDir], { keys: list, required: ['signature'] });
    return [items[0]?.ok, items[0]?.evidence.signature?.state, items[0]?.evidence.signature?.detail];
  };
  // A worker that had the key in its hand when another one came.
  expect(await retiredFor(1_000)).toEqual([true, 'trusted', expect.any(String)]);
  expect(await retiredFor(3_600_000)).toEqual([
    false,
    'valid, signer not trusted',
    expect.stringContaining('had been retired when it signed'),
  ]);
});

describe('a key that can’t be used stops no record', () => {
  /** Breaks the keys, and puts them right again. */
  const BROKEN: Record<string, () => () => void> = {
    'the one that signs is damaged': () => {
      const file = newest();
      const kept = readFileSync(file);
      writeFileSync(file, kept.subarray(0, 40));
      return () => writeFileSync(file, kept);
    },
    'it may be read by others': () => {
      const file = newest();
      chmodSync(file, 0o644);
      return () => chmodSync(file, 0o600);
    },
    'others may write into its folder': () => {
      chmodSync(batch.keys.folder, 0o777);
      return () => chmodSync(batch.keys.folder, 0o700);
    },
    'its folder is none': () => {
      renameSync(batch.keys.folder, `${batch.keys.folder}-kept`);
      writeFileSync(batch.keys.folder, '');
      return () => {
        rmSync(batch.keys.folder);
        renameSync(`${batch.keys.folder}-kept`, batch.keys.folder);
      };
    },
  };
  const newest = () => join(batch.keys.folder, readdirSync(batch.keys.folder).sort().at(-1) as string);

  // A worker keeps the key that it has read: each of these comes right after a rotation.
  test.each(Object.keys(BROKEN))('%s: unsigned, and the batch says why; verify says absent', async (name) => {
    await batch.keys.rotate();
    const repair = BROKEN[name]?.() ?? (() => undefined);
    const unsigned = await signedBatch(system, name);
    repair();
    expect(unsigned.summary).toMatchObject({ success: 2, manifest: { count: 3, key_id: null } });
    expect(unsigned.summary.manifest?.unsigned).toContain(dirname(newest()));
    const { items } = await verifyPaths([copyOf(unsigned).batchDir], {
      keys: await ownKeys(batch.keys.folder),
    });
    expect(items.map(({ evidence }) => evidence.signature?.state)).toEqual(ABSENT);
    expect(items.map(({ verdict }) => verdict)).toEqual(['proven', 'proven', 'proven', 'not completed']);
    expect(readdirSync(unsigned.record.batch_dir)).not.toContain(FILES.manifestEnvelope);
  });

  test('an older one that is damaged is nobody’s any more; the others sign, are trusted, and results are adopted', async () => {
    const older = (await batch.keys.publicKeys()).keys.length;
    await batch.keys.rotate();
    const tasks = [{ prompt: 'adopted later', task_name: 'kept' }];
    const order = async () => (await system.startBatch(system.batch(tasks), 'adopting')).result();
    await order();
    const oldest = join(batch.keys.folder, 'key-0001.json');
    const kept = readFileSync(oldest);
    writeFileSync(oldest, '{"half":');
    const { keys, problems } = await ownKeys(batch.keys.folder);
    expect([keys.length, problems]).toEqual([older, [expect.stringContaining(oldest)]]);
    const again = await order();
    expect(again).toMatchObject({ ok: true, adopted: 1 });
    const { items } = await verifyPaths([again.batch_dir], { keys: await ownKeys(batch.keys.folder) });
    expect(items.map(({ evidence }) => evidence.signature?.state)).toEqual(['trusted', 'trusted']);
    expect(await statesOf(batch)).toEqual(TRUSTED.map(() => 'valid, signer not trusted'));
    writeFileSync(oldest, kept);
    expect(await statesOf(batch)).toEqual(TRUSTED);
  });

  test('what is said of it quotes nothing of it: the words go into logs and histories', async () => {
    const keys = new SigningKeys(join(tempFolder(), 'keys'));
    const { file } = await keys.current();
    const whole = readFileSync(file, 'utf8');
    const secret = /PRIVATE KEY-----\\n(?<body>[^\\]+)/u.exec(whole)?.groups?.['body'] as string;
    const parts = Array.from({ length: secret.length - 3 }, (_, i) => secret.slice(i, i + 4));
    for (const damage of [
      whole.replace(`"-----BEGIN PRIVATE KEY-----\\n${secret}`, secret),
      whole.slice(0, -60),
    ]) {
      expect(damage).not.toBe(whole);
      writeFileSync(file, damage);
      const refusal = await new SigningKeys(keys.folder).current().then(
        () => 'not refused',
        ({ message }: Error) => message,
      );
      const { problems } = await keys.publicKeys();
      expect([problems.length, refusal]).toEqual([1, expect.stringContaining(file)]);
      const said = `${refusal} ${problems.join(' ')}`;
      expect(parts.filter((part) => said.includes(part))).toEqual([]);
    }
  });

  test('its public half is known as long as it can be read, whatever became of the private one', async () => {
    const keys = new SigningKeys(join(tempFolder(), 'keys'));
    const { file, keyId } = await keys.current();
    const record = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...record, private_key: 'gone' }));
    await expect(new SigningKeys(keys.folder).current()).rejects.toThrow('imgproof key rotate');
    expect(await keys.publicKeys()).toMatchObject({ keys: [{ key_id: keyId }], problems: [] });
    const other = await new SigningKeys(join(tempFolder(), 'keys')).current();
    writeFileSync(file, JSON.stringify({ ...record, public_key: other.publicKeyPem }));
    expect(await keys.publicKeys()).toMatchObject({ keys: [], problems: [expect.stringContaining(file)] });
  });
});

describe('a list of keys (verify --keys)', () => {
  test.each([
    ['nothing', '', 'JSON'],
    ['null', 'null', 'is no list of keys'],
    ['a list without a name', '[]', 'is no list of keys'],
    ['nobody', '{"keys":[null]}', 'keys[0]'],
    ['half a key', '{"keys":[{"public_key":"-----BEGIN PUBLIC KEY-----\\nMCow"}]}', 'keys[0]'],
    ['a private key', 'PRIVATE', 'keys[0]: "public_key" is no Ed25519 public key'],
    ['the id of another key', 'OTHER ID', 'keys[0]: "key_id" is the one of another key'],
  ])('%s is refused: nobody shall believe that it counts', async (_, text, problem) => {
    const file = join(tempFolder(), 'keys.json');
    const { file: keyFile, publicKeyPem } = await batch.keys.current();
    const { private_key } = JSON.parse(readFileSync(keyFile, 'utf8')) as { private_key: string };
    const texts: Record<string, string> = {
      PRIVATE: JSON.stringify({ keys: [{ public_key: private_key }] }),
      'OTHER ID': JSON.stringify({ keys: [{ public_key: publicKeyPem, key_id: '0'.repeat(64) }] }),
    };
    writeFileSync(file, texts[text] ?? text);
    await expect(trustedKeysIn(file)).rejects.toThrow(problem);
  });
});
