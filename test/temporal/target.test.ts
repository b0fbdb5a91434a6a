import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { namedAddress, settingName, temporalConnection } from '../../src/temporal/target.ts';
import { tempFolder } from '../support/temp-folder.ts';

const PROFILES = `
[profile.default]
address = "default.example:1"
[profile.cloud]
address = "cloud.example:2"
namespace = "art"
api_key = "secret"
[profile.bare]
namespace = "bare"
[profile.secure]
address = "secure.example:3"
tls = { server_ca_cert_path = "/nowhere/ca.pem" }
[profile.half]
tls = { client_cert_data = "x" }
`;

/** The environment of somebody whose config file holds these profiles. */
function withProfiles(text = PROFILES): Record<string, string> {
  const file = join(tempFolder(), 'temporal.toml');
  writeFileSync(file, text);
  return { TEMPORAL_CONFIG_FILE: file };
}

describe('which server is meant: flag over environment over profile (C5, C6)', () => {
  test.each<[string, { address?: string; profile?: string }, Record<string, string>, string | null]>([
    ['a flag', { address: 'flag.example:9' }, { TEMPORAL_ADDRESS: 'env.example:8' }, 'flag.example:9'],
    ['the environment', { profile: 'cloud' }, { TEMPORAL_ADDRESS: 'env.example:8' }, 'env.example:8'],
    ['a profile by flag', { profile: 'cloud' }, { TEMPORAL_PROFILE: 'secure' }, 'cloud.example:2'],
    ['a profile by environment', {}, { TEMPORAL_PROFILE: 'secure' }, 'secure.example:3'],
    ['the default profile', {}, {}, 'default.example:1'],
    ['a profile without an address', { profile: 'bare' }, {}, 'localhost:7233'],
    ['a variable that is empty', {}, { TEMPORAL_ADDRESS: '', TEMPORAL_PROFILE: '' }, 'default.example:1'],
  ])('%s', (_, flags, env, address) => {
    expect(namedAddress({ ...flags, env: { ...withProfiles(), ...env } })).toBe(address);
  });

  test('nothing names one: the embedded server is meant', () => {
    expect(namedAddress({ env: {} })).toBeNull();
    expect(namedAddress({ env: withProfiles('[profile.default]\nnamespace = "art"\n') })).toBeNull();
    expect(namedAddress({ env: { TEMPORAL_CONFIG_FILE: '/nowhere/temporal.toml' } })).toBeNull();
    for (const text of ['', '# nothing yet\n']) expect(namedAddress({ env: withProfiles(text) })).toBeNull();
    const named = { ...withProfiles(''), TEMPORAL_ADDRESS: 'env.example:8' };
    expect(namedAddress({ env: named })).toBe('env.example:8');
    expect(namedAddress({ env: { TEMPORAL_NAMESPACE: 'art', TEMPORAL_API_KEY: 'k' } })).toBeNull();
  });

  test('namespace and key come from the profile too; the key implies TLS; flags and variables win one by one', () => {
    const env = { ...withProfiles(), TEMPORAL_PROFILE: 'cloud' };
    const { connectionOptions, namespace } = temporalConnection({ env, embedded: false });
    expect([namespace, connectionOptions]).toMatchObject([
      'art',
      { address: 'cloud.example:2', apiKey: 'secret', tls: true },
    ]);
    const other = { ...env, TEMPORAL_NAMESPACE: 'music', TEMPORAL_API_KEY: 'other' };
    const won = temporalConnection({ env: other, address: 'flag.example:9', embedded: false });
    expect([won.namespace, won.connectionOptions]).toMatchObject([
      'music',
      { address: 'flag.example:9', apiKey: 'other' },
    ]);
    expect(temporalConnection({ env: other, namespace: 'dance', embedded: false }).namespace).toBe('dance');
  });

  test('the embedded server takes nothing of it', () => {
    const env = { ...withProfiles(), TEMPORAL_PROFILE: 'cloud', TEMPORAL_TLS: 'true' };
    const place = temporalConnection({ env, address: '127.0.0.1:5', embedded: true });
    expect(place).toEqual({ connectionOptions: { address: '127.0.0.1:5' }, namespace: 'default' });
  });
});

describe('what can’t be used is an environment problem that names its setting (C3)', () => {
  test.each<[string, { profile?: string; env?: Record<string, string> }, string[]]>([
    ['a profile that is not there', { profile: 'cluod' }, ['"cluod"', '--profile']],
    ['the same by environment', { env: { TEMPORAL_PROFILE: 'cluod' } }, ['"cluod"', 'TEMPORAL_PROFILE']],
    [
      'a certificate of a profile that is not there',
      { profile: 'secure' },
      ['/nowhere/ca.pem', 'tls.server_ca_cert_path'],
    ],
    [
      'a certificate of a variable that is not there',
      { env: { TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/nowhere/env.pem' } },
      ['/nowhere/env.pem', 'TEMPORAL_TLS_SERVER_CA_CERT_PATH'],
    ],
    [
      'a certificate without its key',
      { profile: 'half' },
      ['tls.client_cert_path', 'TEMPORAL_TLS_CLIENT_KEY_PATH'],
    ],
    [
      'a key without its certificate',
      { env: { TEMPORAL_TLS_CLIENT_KEY_DATA: 'x' } },
      ['TEMPORAL_TLS_CLIENT_KEY_DATA', 'TEMPORAL_TLS_CLIENT_CERT_PATH'],
    ],
  ])('%s', (_, { profile, env = {} }, parts) => {
    const target = {
      env: { ...withProfiles(), ...env },
      embedded: false,
      ...(profile === undefined ? {} : { profile }),
    };
    const problem = thrownBy(() => temporalConnection(target));
    expect(problem).toMatchObject({ exitCode: 3 });
    for (const part of parts) expect((problem as Error).message).toContain(part);
  });

  test.each([
    ['no TOML', '[profile.default'],
    ['no profiles', 'address = "x"'],
    ['a profile that is none', 'profile = 3'],
  ])('a config file with %s', (_, text) => {
    const env = withProfiles(text);
    const problem = thrownBy(() => namedAddress({ env, profile: 'default' }));
    expect(problem).toMatchObject({
      exitCode: 3,
      message: expect.stringContaining(String(env['TEMPORAL_CONFIG_FILE'])),
    });
  });

  test('a setting is named by where it was made', () => {
    const env = { ...withProfiles(), TEMPORAL_PROFILE: 'cloud' };
    const names = (target: object) => settingName('address', { env, embedded: false, ...target });
    expect(names({ address: 'x:1' })).toBe('--address');
    expect(names({ env: { ...env, TEMPORAL_ADDRESS: 'x:1' } })).toBe('TEMPORAL_ADDRESS');
    expect(names({})).toBe('address of the profile "cloud", or TEMPORAL_ADDRESS');
    expect(names({ env: {} })).toBe('TEMPORAL_ADDRESS');
  });
});

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return 'nothing was thrown';
}
