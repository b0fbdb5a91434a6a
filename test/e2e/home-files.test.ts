/** Every file that the background stack and its orders leave below the home has its place and its version (SPEC F, H1). */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { FILE_WRITERS } from '../../src/domain/layout.ts';
import { holdApiLane } from '../../src/embedded/embedded.ts';
import { type Cli, startCliAndProvider, until } from '../support/cli.ts';
import { upBesideDefaultPort } from '../support/default-port.ts';
import { rowsFor } from '../support/file-writers.ts';
import { filesBelow } from '../support/system.ts';

let cli: Cli;
let address: string;
/** Below the home, while everything runs. */
let files: string[];
/** One call is under way until then. */
let endCall: () => Promise<void>;
beforeAll(async () => {
  const started = await startCliAndProvider();
  ({ cli } = started);
  address = await upBesideDefaultPort(cli);
  const image = sharp({ create: { width: 32, height: 32, channels: 3, background: '#336699' } });
  await writeFile(join(cli.folder, 'reference.png'), await image.png().toBuffer());
  const tasks = [
    { prompt: 'from a reference', image: 'reference.png' },
    { prompt: 'twice [fault:500 times=1]' },
  ];
  expect((await cli.run(['batch', await cli.batchFile('home.json', tasks)])).code).toBe(0);
  await takeOver();
  const answer = started.provider.hold();
  const running = cli.run(['batch', await cli.batchFile('running.json', [{ prompt: 'still running' }])]);
  await until('a call', () => started.provider.inFlight === 1);
  const release = await holdApiLane(cli.home);
  files = await filesBelow(cli.home);
  endCall = async () => {
    answer();
    expect((await running).code).toBe(0);
  };
  return async () => {
    await release();
    await started.stop();
  };
}, 240_000);

/** A supervisor that was killed leaves its lock to the next one. */
async function takeOver(): Promise<void> {
  const { supervisor } = await cli.pids();
  process.kill(supervisor, 'SIGKILL');
  expect((await cli.run(['up'])).code).toBe(0);
  await until('the next supervisor', async () => (await cli.pids()).supervisor !== supervisor);
}

const rowsOf = (file: string) => rowsFor(join(cli.home, file), { home: cli.home, outputDir: cli.outputDir });

describe('every file of the home has its place in FILE_WRITERS', () => {
  test('each file fits exactly one row', () => {
    expect(files.length).toBeGreaterThan(20);
    expect(files.map((file) => [file, rowsOf(file).length]).filter(([, fits]) => fits !== 1)).toEqual([]);
  });

  test('each is for its owner alone, also the database of the server', async () => {
    const modes = await Promise.all(
      files.map(async (file) => {
        // Takeovers of locks and sockets come and go.
        const mode = await stat(join(cli.home, file)).then(
          (found) => found.mode & 0o077,
          () => 0,
        );
        return { file, mode };
      }),
    );
    expect(files).toContain('temporal.db');
    expect(modes.filter(({ mode }) => mode !== 0)).toEqual([]);
  });

  test('each row of the home has a file', () => {
    const found = new Set(files.flatMap(rowsOf));
    const missing = Object.keys(FILE_WRITERS).filter((row) => row.startsWith('<home>') && !found.has(row));
    // It is there only while `down --now` waits.
    expect(missing).toEqual(['<home>/stop-now']);
  });
});

describe('every JSON object below the home', () => {
  test('carries schema_version (F), also locks, and the first line of a spooled answer', async () => {
    const versions = await Promise.all(
      files
        .filter((file) => !file.startsWith('logs/'))
        .map(async (file) => ({ file, object: await objectIn(file) })),
    );
    const objects = versions.filter(({ object }) => object !== null);
    expect(objects.filter(({ object }) => object?.schema_version !== 1).map(({ file }) => file)).toEqual([]);
    const names = new Set(objects.map(({ file }) => file));
    expect(files.filter((file) => /\.json$|\.answer$|\.lock/u.test(file) && !names.has(file))).toEqual([]);
  });

  async function objectIn(file: string): Promise<{ schema_version?: number } | null> {
    const bytes = await readFile(join(cli.home, file));
    if (!bytes.subarray(0, 1).equals(Buffer.from('{'))) return null;
    const text = file.endsWith('.answer') ? bytes.subarray(0, bytes.indexOf('\n')) : bytes;
    return JSON.parse(text.toString('utf8')) as { schema_version?: number };
  }
});

describe('a home of another imgproof', () => {
  beforeAll(() => endCall());

  const rewrite = async (name: string, change: (record: Record<string, unknown>) => object) => {
    const path = join(cli.home, name);
    const before = await readFile(path, 'utf8');
    await writeFile(path, JSON.stringify(change(JSON.parse(before) as Record<string, unknown>)));
    return () => writeFile(path, before);
  };

  const withoutVersion = ({ schema_version: _, ...record }: Record<string, unknown>) => record;

  test.each(['embedded.json', 'worker.json', 'supervisor.lock'])(
    '%s without schema_version, as earlier ones wrote it, is that of the stack that runs',
    async (name) => {
      const before = await cli.pids();
      const restore = await rewrite(name, withoutVersion);
      const { code, stdout } = await cli.run(['up', '--json']);
      await restore();
      expect([code, JSON.parse(stdout), await cli.pids()]).toMatchObject([0, { address }, before]);
    },
    60_000,
  );

  test('ports.json and server.json without it keep their word at the next start', async () => {
    await cli.run(['down']);
    for (const name of ['ports.json', 'server.json']) await rewrite(name, withoutVersion);
    expect(await upBesideDefaultPort(cli)).toBe(address);
  }, 60_000);

  test('embedded.json of a newer one is exit 3 with the file and the way out, and stays as it is', async () => {
    const restore = await rewrite('embedded.json', (record) => ({ ...record, schema_version: 2 }));
    const { code, stderr } = await cli.run(['status']);
    await restore();
    expect([code, stderr]).toEqual([3, expect.stringContaining(join(cli.home, 'embedded.json'))]);
    expect(stderr).toContain('has schema_version 2, this imgproof knows 1');
    expect(stderr).toContain('IMGPROOF_HOME');
  }, 60_000);
});
