import { expect, test } from 'vitest';
import { embeddedEnvironment, needsServer } from '../../src/cli/temporal-arguments.ts';

test.each<[string, boolean]>([
  ['workflow list', true],
  ['--output json workflow count', true],
  ['operator namespace describe default', true],
  ['', false],
  ['--version', false],
  ['workflow list --help', false],
  ['workflow list --address other:7233', false],
  ['workflow list --address=other:7233', false],
  ['workflow list --profile cloud', false],
  ['--config-file x.toml workflow list', false],
  ['config get --prop address', false],
  ['server start-dev', false],
  ['completion bash', false],
])('imgproof temporal %s: starts the embedded server? %s (C5)', (line, expected) => {
  expect(needsServer(line.split(' ').filter(Boolean))).toBe(expected);
});

test('what was meant for another server does not reach the embedded one', () => {
  const env = {
    PATH: '/bin',
    TEMPORAL_NAMESPACE: 'art',
    TEMPORAL_API_KEY: 'k',
    TEMPORAL_TLS: 'true',
    TEMPORAL_PROFILE: 'p',
  };
  const { TEMPORAL_CONFIG_FILE, ...rest } = embeddedEnvironment(env, '127.0.0.1:7233');
  expect(rest).toEqual({ PATH: '/bin', TEMPORAL_ADDRESS: '127.0.0.1:7233' });
  expect(TEMPORAL_CONFIG_FILE).toMatch(/nonexistent/u);
});
