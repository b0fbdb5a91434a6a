import { describe, expect, it } from 'vitest';
import { namedVariables } from '../../src/config.ts';
import { configWorld, openclawWith } from '../support/config-world.ts';

const BASE = { baseUrl: 'https://api.example.com/v1' };

describe('the variables that the provider config names (G8)', () => {
  it('every form of both files counts once, set or not; texts, escapes and other parts of the config do not', () => {
    const happy = {
      baseUrl: 'https://${HOST}/v1',
      apiKey: '${B_KEY}',
      headers: { 'X-Org': '${ORG}', 'X-Token': '$TOKEN', 'X-Plain': '$${NO_A}', 'X-Loud': 'NO_B' },
    };
    const gateway = {
      source: 'exec',
      command: '/bin/true',
      passEnv: ['VAULT_ADDR', 'vault_token'],
      env: { MODE: '${MODE_OF}' },
    };
    const openclaw = {
      models: { providers: { happy, other: { ...BASE, apiKey: '$B_KEY' } } },
      secrets: { providers: { gateway, plain: { source: 'env', allowlist: ['NO_C'] } } },
      env: { vars: { NO_D: '${NO_E}' } },
      channels: { apiKey: '${NO_F}' },
    };
    const own = {
      providers: { own: { ...BASE, apiKey: { source: 'env', provider: 'default', id: 'A_KEY' } } },
    };
    expect(namedVariables(configWorld({ openclaw, own }).settings)).toEqual([
      'A_KEY',
      'B_KEY',
      'HOST',
      'MODE_OF',
      'ORG',
      'TOKEN',
      'VAULT_ADDR',
      'vault_token',
    ]);
  });

  it('a bare name is one only where that variable is set: elsewhere it may be the key itself', () => {
    const files = openclawWith({ ...BASE, apiKey: 'HAPPY_API_KEY' });
    expect(namedVariables(configWorld(files, { HAPPY_API_KEY: 'k' }).settings)).toEqual(['HAPPY_API_KEY']);
    expect(namedVariables(configWorld(files).settings)).toEqual([]);
  });

  it('keys named as what every object has are keys like others', () => {
    const happy = { ...BASE, constructor: 'NO_A', toString: '${A_KEY}', apiKey: 'k' };
    expect(namedVariables(configWorld(openclawWith(happy)).settings)).toEqual(['A_KEY']);
  });

  it('a key that happens to be named as a variable in small letters stays unsaid', () => {
    const files = openclawWith({ ...BASE, apiKey: 'secret_in_small' });
    expect(namedVariables(configWorld(files, { secret_in_small: 'x' }).settings)).toEqual([]);
  });

  it('a broken file names none, and hides nothing of the other one', () => {
    const files = openclawWith({ ...BASE, apiKey: '${A_KEY}' });
    expect(namedVariables(configWorld({ ...files, own: '{broken' }).settings)).toEqual(['A_KEY']);
    expect(namedVariables(configWorld({ openclaw: '{broken' }).settings)).toEqual([]);
    expect(namedVariables(configWorld().settings)).toEqual([]);
  });
});
