import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Cli, type Running, startCliAndProvider, until } from '../support/cli.ts';
import type { ProviderServer } from '../support/provider-server.ts';
import { API_KEY, type SecureFronts, startSecureFronts, trusting } from '../support/secure-fronts.ts';

let provider: ProviderServer;
let cli: Cli;
let fronts: SecureFronts;
let worker: Running;

describe.skipIf(!existsSync('/usr/bin/openssl'))(
  'a Temporal server with TLS, certificates and keys (C6)',
  () => {
    beforeAll(async () => {
      const started = await startCliAndProvider();
      ({ cli, provider } = started);
      fronts = await startSecureFronts(cli.folder);
      await writeProfile(cli, fronts);
      worker = cli.start(['worker'], { env: trusting(fronts, fronts.tls) });
      await until('the worker polls', () => worker.stdout().includes('worker polls'));
      return async () => {
        worker.child.kill('SIGTERM');
        await worker.ended;
        await fronts.stop();
        await started.stop();
      };
    }, 120_000);

    const order = (prompt: string, ...flags: string[]) => [
      'batch',
      JSON.stringify({ tasks: [{ prompt }] }),
      '--json',
      ...flags,
    ];
    const withKey = (key = API_KEY) => trusting(fronts, fronts.keyed, { TEMPORAL_API_KEY: key });

    test('by the environment: worker and client speak TLS and trust an authority of their own', async () => {
      const { code, stdout } = await cli.run(order('over TLS'), { env: trusting(fronts, fronts.tls) });
      expect([code, JSON.parse(stdout)]).toMatchObject([0, { ok: true, success: 1, exit_code: 0 }]);
    }, 60_000);

    test('by a profile of the temporal CLI’s config file: a client certificate; imgproof temporal uses the same', async () => {
      const byFlag = await cli.run(order('with a certificate', '--profile', 'mutual'));
      expect([byFlag.code, JSON.parse(byFlag.stdout)]).toMatchObject([0, { ok: true, success: 1 }]);
      const env = { TEMPORAL_PROFILE: 'mutual' };
      const byVariable = await cli.run(['status', '--json'], { env });
      expect([byVariable.code, JSON.parse(byVariable.stdout)]).toMatchObject([
        0,
        {
          embedded: null,
          server: { address: fronts.mutual.address, namespace: 'default' },
          open_batches: [],
        },
      ]);
      const passed = await cli.run(['temporal', 'workflow', 'count'], { env });
      expect([passed.code, passed.stdout]).toEqual([0, expect.stringMatching(/Total: [1-9]/u)]);
      const flagged = await cli.run(['temporal', 'workflow', 'count', '--profile', 'mutual']);
      expect([flagged.code, flagged.stdout]).toEqual([0, passed.stdout]);
    }, 60_000);

    test('by an API key: every call of client and worker brings it, and it stands in no output', async () => {
      const second = cli.start(['worker'], { env: withKey() });
      await until('it polls', () => fronts.keyed.calls().includes('PollActivityTaskQueue'));
      const { code, stdout, stderr } = await cli.run(order('with a key'), { env: withKey() });
      expect([code, JSON.parse(stdout)]).toMatchObject([0, { ok: true, success: 1 }]);
      expect(fronts.keyed.keys()).toEqual([`Bearer ${API_KEY}`]);
      expect(fronts.keyed.calls()).toEqual(
        expect.arrayContaining(['StartWorkflowExecution', 'PollWorkflowTaskQueue']),
      );
      second.child.kill('SIGTERM');
      const ended = await second.ended;
      expect(ended.code).toBe(0);
      expect(stdout + stderr + ended.stdout + ended.stderr).not.toContain(API_KEY);
    }, 60_000);

    test.each<[string, () => NodeJS.ProcessEnv, string]>([
      [
        'a certificate that nobody vouches for',
        () => ({ TEMPORAL_ADDRESS: fronts.tls.address, TEMPORAL_TLS: 'true' }),
        'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
      ],
      ['a wrong key', () => withKey('wrong'), 'TEMPORAL_API_KEY'],
      ['a wrong namespace', () => ({ ...withKey(), TEMPORAL_NAMESPACE: 'arts' }), 'TEMPORAL_NAMESPACE'],
      ['a profile that is not there', () => ({ TEMPORAL_PROFILE: 'cluod' }), 'TEMPORAL_PROFILE'],
    ])(
      '%s: client and worker end with exit 3 and name the setting',
      async (_, env, setting) => {
        const [client, server] = await Promise.all([
          cli.run(order('never'), { env: env() }),
          cli.run(['worker'], { env: env() }),
        ]);
        expect([client.code, JSON.parse(client.stdout)]).toMatchObject([
          3,
          { ok: false, exit_code: 3, problems: [] },
        ]);
        expect([client.stderr, server.code, server.stderr]).toEqual([
          expect.stringContaining(setting),
          3,
          expect.stringContaining(setting),
        ]);
        expect(client.stderr + server.stderr).not.toMatch(/\n +at |4711/u);
        expect(provider.calls.some(({ prompt }) => prompt?.includes('never'))).toBe(false);
      },
      60_000,
    );

    test('a key that may look but not order: exit 3, the refusal in the server’s words', async () => {
      fronts.keyed.accept(API_KEY, ['StartWorkflowExecution']);
      const { code, stderr } = await cli.run(order('forbidden'), { env: withKey() });
      fronts.keyed.accept(API_KEY);
      expect(code).toBe(3);
      for (const part of ['does not allow', 'Request unauthorized.', 'TEMPORAL_API_KEY'])
        expect(stderr).toContain(part);
    }, 60_000);

    test('a key that is withdrawn while the command waits: exit 3, the batch goes on', async () => {
      provider.setLatencyMs(4_000);
      const batch = cli.start(order('withdrawn', '--batch-id', 'withdrawn'), { env: withKey() });
      await until('its call', () => provider.inFlight === 1);
      fronts.keyed.accept('another');
      fronts.keyed.hangUp();
      const { code, stderr } = await batch.ended;
      fronts.keyed.accept(API_KEY);
      expect([code, stderr]).toEqual([
        3,
        expect.stringContaining('does not accept our credentials: no such key'),
      ]);
      const result = await cli.run([
        'temporal',
        'workflow',
        'result',
        '--workflow-id',
        'withdrawn',
        '--profile',
        'mutual',
      ]);
      expect([result.code, result.stdout]).toEqual([0, expect.stringContaining('COMPLETED')]);
    }, 60_000);
  },
);

/** Where the temporal CLI has it on Linux. */
async function writeProfile({ folder }: Cli, { mutual, authority, own }: SecureFronts): Promise<void> {
  const place = join(folder, '.config', 'temporalio');
  await mkdir(place, { recursive: true });
  const { cert, key } = own;
  const tls = `{ server_ca_cert_path = "${authority.cert}", client_cert_path = "${cert}", client_key_path = "${key}" }`;
  await writeFile(
    join(place, 'temporal.toml'),
    `[profile.mutual]\naddress = "${mutual.address}"\ntls = ${tls}\n`,
  );
}
