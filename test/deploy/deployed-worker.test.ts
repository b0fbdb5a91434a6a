/** The namespace job and the worker of docker-compose.yml without Docker: the same files, commands and variables. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadSettings } from '../../src/config.ts';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import type { ResultRecord } from '../../src/domain/records.ts';
import { resolveBinary } from '../../src/embedded/binaries.ts';
import { type Cli, startCliAndProvider, until } from '../support/cli.ts';
import { readDockerfile, ROOT } from '../support/deploy-files.ts';
import type { ProviderServer } from '../support/provider-server.ts';
import { filesBelow } from '../support/system.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { assembleImage, WITHIN_IMAGE } from '../support/worker-image.ts';

const image = readDockerfile().at(-1) ?? [];

describe('what docker-compose.yml starts, started by hand', () => {
  let provider: ProviderServer;
  let server: TestWorkflowEnvironment;
  let cli: Cli;
  let temporal: string;
  beforeAll(async () => {
    const started = await startCliAndProvider({ apiKey: 'key-from-a-file' });
    ({ cli, provider } = started);
    const { packageRoot } = loadSettings();
    const explicitPath = process.env['TEMPORAL_CLI_PATH'];
    temporal = (await resolveBinary('temporal', { packageRoot, explicitPath, env: process.env })).path;
    server = await TestWorkflowEnvironment.createLocal({
      server: { executable: { type: 'existing-path', path: temporal } },
    });
    return async () => {
      await server.teardown();
      await started.stop();
    };
  }, 120_000);

  /** The container's places in a folder: its config, `/data`, `/var/lib/imgproof`, `/run/secrets`. */
  function container() {
    const folder = tempFolder();
    const [data, secret, config] = ['data', 'happy_api_key', 'config.json5'].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    mkdirSync(join(data, 'inputs'), { recursive: true });
    mkdirSync(join(data, 'outputs'));
    writeFileSync(secret, 'key-from-a-file\n');
    const shipped = readFileSync(join(ROOT, 'deploy', 'worker', 'config.json5'), 'utf8');
    writeFileSync(config, shipped.replaceAll("'/data/", `'${data}/`));
    const env = {
      PATH: process.env['PATH'],
      HOME: join(folder, 'home'),
      IMGPROOF_HOME: join(folder, 'home'),
      IMGPROOF_CONFIG: config,
      TEMPORAL_ADDRESS: server.address,
      TEMPORAL_NAMESPACE: 'images',
      HAPPY_BASE_URL: provider.baseUrl,
      HAPPY_API_KEY_FILE: secret,
      ...WITHIN_IMAGE,
    };
    return { app: assembleImage(folder), data, secret, env };
  }

  /** ENTRYPOINT and CMD as they stand in the Dockerfile, with `/app` where it is. */
  function startCommand(app: string, env: NodeJS.ProcessEnv): ChildProcess & { text: () => string } {
    const words = ['ENTRYPOINT', 'CMD'].flatMap(
      (wanted) => JSON.parse(image.find(({ name }) => name === wanted)?.text ?? '[]') as string[],
    );
    const [program = '', ...args] = words.map((word) => word.replace('/app/', `${app}/`));
    const child = spawn(program, args, { env, cwd: app, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += String(chunk)));
    return Object.assign(child, { text: () => text });
  }

  /** deploy/temporal/create-namespace.sh as the job `namespace` runs it. */
  function createNamespace(variables: NodeJS.ProcessEnv) {
    const bin = tempFolder();
    symlinkSync(temporal, join(bin, 'temporal'));
    return spawnSync('/bin/sh', [join(ROOT, 'deploy', 'temporal', 'create-namespace.sh')], {
      encoding: 'utf8',
      env: {
        PATH: `${bin}:${process.env['PATH']}`,
        HOME: bin,
        TEMPORAL_ADDRESS: server.address,
        ...variables,
      },
    });
  }

  const onServer = (...args: string[]) =>
    spawnSync(temporal, [...args, '--address', server.address, '-o', 'json'], { encoding: 'utf8' }).stdout;

  test('create-namespace.sh makes the namespace with 90 days and our search attributes, again and again', () => {
    for (const namespace of ['images', 'images', 'default']) {
      const { status, stderr } = createNamespace({ TEMPORAL_NAMESPACE: namespace, RETENTION: '2160h' });
      expect([namespace, status, stderr]).toEqual([namespace, 0, expect.any(String)]);
      expect(onServer('operator', 'namespace', 'describe', '--namespace', namespace)).toMatch(
        /7776000s|2160h/u,
      );
      const attributes = onServer('operator', 'search-attribute', 'list', '--namespace', namespace);
      for (const name of ['ImgBatch', 'ImgTaskKey', 'ImgStatus', 'ImgMode', 'ImgModel'])
        expect(attributes).toContain(name);
    }
  }, 90_000);

  test('the worker makes a batch of the paths it is allowed, with the key from the secret file; SIGTERM ends it with 0', async () => {
    const { app, data, env } = container();
    const files = await filesBelow(app);
    createNamespace({ TEMPORAL_NAMESPACE: 'images' });
    const worker = startCommand(app, env);
    await until('the worker polls', () => worker.text().includes('worker polls'));
    const reference = join(data, 'inputs', 'logo.png');
    await sharp({ create: { width: 32, height: 32, channels: 3, background: '#123456' } })
      .png()
      .toFile(reference);
    const file = await cli.batchFile(
      'deployed.json',
      [{ prompt: 'deployed' }, { prompt: 'with logo', image: reference }],
      {
        output_dir: join(data, 'outputs'),
      },
    );
    const { code, stdout } = await cli.run([
      'batch',
      file,
      '--json',
      '--address',
      server.address,
      '--namespace',
      'images',
    ]);
    const summary = JSON.parse(stdout) as BatchResultRecord;
    expect([code, summary.success, summary.acceptable]).toEqual([0, 2, true]);
    const result = JSON.parse(readFileSync(String(summary.results[1]?.result_json), 'utf8')) as ResultRecord;
    expect(result.image_path).toMatch(/\/outputs\/task-02-/u);
    // The scripted provider refuses any other key; it is nowhere in what the worker said or wrote.
    expect(worker.text() + JSON.stringify(result)).not.toContain('key-from-a-file');
    const outside = await cli.batchFile(
      'outside.json',
      [{ prompt: 'x', image: join(cli.folder, 'config.json') }],
      {
        output_dir: join(data, 'outputs'),
      },
    );
    const refused = await cli.run(['batch', outside, '--address', server.address, '--namespace', 'images']);
    expect(refused.code).toBe(2);

    // The container's root is read-only: whatever it wrote, it wrote elsewhere.
    expect(await filesBelow(app)).toEqual(files);
    worker.kill('SIGTERM');
    expect(await once(worker, 'exit')).toEqual([0, null]);
  }, 120_000);

  test('without its key file it ends with exit 3 and says which variable', async () => {
    const { app, env } = container();
    const worker = startCommand(app, { ...env, HAPPY_API_KEY_FILE: '/nowhere/key' });
    expect(await once(worker, 'exit')).toEqual([3, null]);
    expect(worker.text()).toContain('HAPPY_API_KEY_FILE');
  });
});
