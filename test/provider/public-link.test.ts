/** A link into the open internet, in a network of its own that has nothing but this machine. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { tempFolder } from '../support/temp-folder.ts';

const SCRIPT = 'ip link set lo up && ip addr add 9.9.9.9/32 dev lo && exec "$@"';

test('is followed to the address that was judged, over TLS, and a name is not asked twice for one connection', () => {
  const authority = createAuthority(tempFolder(), 'authority');
  const { cert, key } = authority.issue('cdn', ['DNS:cdn.example', 'IP:9.9.9.9']);
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: authority.cert };
  const program = ['--import', 'tsx', 'test/support/public-link.ts', cert, key];
  const { stdout, stderr, status } = spawnSync(
    'unshare',
    ['--net', 'sh', '-c', SCRIPT, 'sh', process.execPath, ...program],
    { encoding: 'utf8', env, timeout: 20_000 },
  );
  expect([status, stderr]).toEqual([0, '']);
  const told = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(told).toEqual([
    { name: 'a public host', came: 'the image', asked: 1, seen: ['9.9.9.9 /image'] },
    { name: 'a public address', came: 'the image', asked: 0, seen: ['9.9.9.9 /image'] },
    { name: 'a name that is asked once', came: 'the image', asked: 1, seen: ['9.9.9.9 /image'] },
    {
      name: 'a name that has moved when it is asked again',
      came: 'https://cdn.example/image is not asked: cdn.example, which is 127.0.0.1, is no public address',
      asked: 2,
      seen: ['9.9.9.9 /on'],
    },
    {
      name: 'a certificate of another name',
      came: 'https://other.example/image could not be read: ERR_TLS_CERT_ALTNAME_INVALID',
      asked: 1,
      seen: [],
    },
  ]);
});
