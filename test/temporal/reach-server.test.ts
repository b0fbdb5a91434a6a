import { existsSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { reachServer } from '../../src/temporal/server.ts';
import { freePort } from '../support/dev-server.ts';
import {
  API_KEY,
  type SecureFronts,
  showing,
  startSecureFronts,
  trusting,
} from '../support/secure-fronts.ts';
import { newFolder } from '../support/temp-folder.ts';

let fronts: SecureFronts;

describe.skipIf(!existsSync('/usr/bin/openssl'))('the way to a Temporal server (C3, C6)', () => {
  beforeAll(async () => {
    const folder = newFolder();
    fronts = await startSecureFronts(folder);
    return async () => {
      await fronts.stop();
      rmSync(folder, { recursive: true, force: true });
    };
  }, 120_000);

  const key = { TEMPORAL_API_KEY: API_KEY };
  test.each<[string, () => Record<string, string>]>([
    ['in plain text', () => ({ TEMPORAL_ADDRESS: fronts.server.address })],
    ['by TLS', () => trusting(fronts, fronts.tls)],
    [
      'by TLS, made out to another name',
      () => trusting(fronts, fronts.otherName, { TEMPORAL_TLS_SERVER_NAME: 'example.com' }),
    ],
    ['with a client certificate', () => trusting(fronts, fronts.mutual, showing(fronts.own))],
    ['with an API key', () => trusting(fronts, fronts.keyed, key)],
  ])('%s', async (_, env) => {
    const connection = await reachServer({ env: env(), embedded: false });
    await connection.close();
  });

  test.each<[string, () => Record<string, string>, string[]]>([
    [
      'an address that is a URL',
      () => ({ TEMPORAL_ADDRESS: 'http://localhost:1' }),
      ['http://localhost:1', 'TEMPORAL_ADDRESS'],
    ],
    [
      'plain text where TLS is spoken',
      () => ({ TEMPORAL_ADDRESS: fronts.tls.address }),
      ['speaks TLS', 'TEMPORAL_TLS to true'],
    ],
    [
      'TLS where none is spoken',
      () => ({ TEMPORAL_ADDRESS: fronts.server.address, TEMPORAL_TLS: 'true' }),
      ['speaks no TLS', 'TEMPORAL_TLS asks'],
    ],
    [
      'a key where no TLS is spoken',
      () => ({ TEMPORAL_ADDRESS: fronts.server.address, ...key }),
      ['speaks no TLS', 'TEMPORAL_API_KEY asks'],
    ],
    [
      'an unknown authority',
      () => ({ TEMPORAL_ADDRESS: fronts.tls.address, TEMPORAL_TLS: 'true' }),
      ['is not trusted', 'TEMPORAL_TLS_SERVER_CA_CERT_PATH'],
    ],
    [
      'a certificate for another name',
      () => trusting(fronts, fronts.otherName),
      ['is not trusted', 'example.com', 'TEMPORAL_TLS_SERVER_NAME'],
    ],
    [
      'no client certificate',
      () => trusting(fronts, fronts.mutual),
      ['client certificate', 'TEMPORAL_TLS_CLIENT_CERT_PATH'],
    ],
    [
      'a stranger’s client certificate',
      () => trusting(fronts, fronts.mutual, showing(fronts.foreign)),
      ['client certificate', 'TEMPORAL_TLS_CLIENT_CERT_PATH'],
    ],
    [
      'a key file that holds no key',
      () => trusting(fronts, fronts.tls, showing({ cert: fronts.own.cert, key: fronts.own.cert })),
      ['TEMPORAL_TLS_CLIENT_CERT_PATH'],
    ],
    [
      'a wrong API key',
      () => trusting(fronts, fronts.keyed, { TEMPORAL_API_KEY: 'wrong' }),
      ['credentials', 'no such key', 'TEMPORAL_API_KEY'],
    ],
    ['no API key', () => trusting(fronts, fronts.keyed), ['credentials', 'TEMPORAL_API_KEY']],
    [
      'a namespace that is not there',
      () => ({ TEMPORAL_ADDRESS: fronts.server.address, TEMPORAL_NAMESPACE: 'arts' }),
      ['no namespace "arts"', 'TEMPORAL_NAMESPACE'],
    ],
  ])('%s is told before the patience ends, and no waiting helps', async (_, env, parts) => {
    const problem = await reachServer({ env: env(), embedded: false }, 60_000).catch(
      (error: unknown) => error,
    );
    expect(problem).toMatchObject({ exitCode: 3, isLasting: true });
    for (const part of parts) expect((problem as Error).message).toContain(part);
  });

  test('where nobody listens, or nobody speaks, the patience is waited for: it may pass', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    for (const [address, reason] of [
      [`127.0.0.1:${await freePort()}`, 'ECONNREFUSED'],
      [`127.0.0.1:${port}`, 'no Temporal server answers'],
      ['nowhere.invalid:7233', 'nowhere.invalid'],
    ] as const) {
      const problem = await reachServer({ address, env: {}, embedded: false }, 1_500).catch(
        (error: unknown) => error,
      );
      expect(problem).toMatchObject({
        exitCode: 3,
        isLasting: false,
        message: expect.stringContaining(reason),
      });
      expect(problem).toMatchObject({ message: expect.stringContaining('(--address)') });
    }
    silent.close();
  });

  test('a key that may not look at the namespace is no wrong namespace', async () => {
    fronts.keyed.accept(API_KEY, ['DescribeNamespace']);
    const env = trusting(fronts, fronts.keyed, { ...key, TEMPORAL_NAMESPACE: 'unseen' });
    const connection = await reachServer({ env, embedded: false });
    await connection.close();
    fronts.keyed.accept(API_KEY);
  });
});
