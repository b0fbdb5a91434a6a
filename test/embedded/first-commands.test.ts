import { spawn, type SpawnOptions } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { watchServers } from '../chaos/server-watch.ts';
import { type Cli, startCli } from '../support/cli.ts';

const BIN = fileURLToPath(new URL('../../bin/imgproof.js', import.meta.url));

interface Place {
  address: string;
  web_ui: string;
  home: string;
}

let cli: Cli;
beforeEach(async () => {
  // No provider is ever called here.
  cli = await startCli('http://127.0.0.1:9/v1');
});
afterEach(() => cli.stop(), 60_000);

describe('first commands (C5)', () => {
  test('20 at once start one server and one worker, and all are told the same place', async () => {
    const servers = watchServers(cli.home);
    const ends = await Promise.all(Array.from({ length: 20 }, () => cli.run(['up', '--json'])));
    expect(ends.map(({ code, stderr }) => (code === 0 ? 'up' : stderr))).toEqual(Array(20).fill('up'));
    expect(new Set(ends.map(({ stdout }) => (JSON.parse(stdout) as Place).address)).size).toBe(1);
    await servers.stop();
    expect(servers.secondServers()).toBe(0);
    const log = (name: string) => readFileSync(join(cli.home, 'logs', `${name}.log`), 'utf8');
    expect(log('worker').match(/"worker polls"/gu)).toHaveLength(1);
    expect(log('supervisor').match(/down → starting: taken over/gu)).toHaveLength(1);
  }, 240_000);

  test('use ports 7233 and 8233 where they are free, and print them', async (context) => {
    context.skip(
      process.platform !== 'linux' || process.getuid?.() !== 0,
      'only root on Linux can make a network in which both ports are free for sure',
    );
    const script = `ip link set lo up && "${process.execPath}" "${BIN}" up --json && "${process.execPath}" "${BIN}" down --now`;
    const options: SpawnOptions = { env: cli.env, stdio: ['ignore', 'pipe', 'ignore'] };
    const child = spawn('unshare', ['--net', 'sh', '-c', script], options);
    let stdout = '';
    child.stdout?.on('data', (data: Buffer) => (stdout += data.toString()));
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      address: '127.0.0.1:7233',
      web_ui: 'http://127.0.0.1:8233',
      home: cli.home,
    });
  }, 120_000);
});

describe('a TEMPORAL_ADDRESS that is the embedded server’s own (C5)', () => {
  test('starts it again when it has stopped; one where somebody else serves is a server of its own', async () => {
    // A port of its own: 7233 may be taken by somebody else as soon as we let go of it.
    await cli.run(['down', '--now']);
    const occupant = createServer().on('error', () => undefined);
    await new Promise<void>((done) => occupant.once('error', () => done()).listen(7233, '127.0.0.1', done));
    const { address } = JSON.parse((await cli.run(['up', '--json'])).stdout) as Place;
    await cli.run(['down', '--now']);
    occupant.close();
    const listed = await cli.run(['temporal', 'workflow', 'list'], { env: { TEMPORAL_ADDRESS: address } });
    expect([listed.code, listed.stderr]).toEqual([0, expect.stringContaining('starting Temporal')]);
    const nowhere = { TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const other = await cli.run(['temporal', 'workflow', 'list'], { env: nowhere });
    expect(other.code).not.toBe(0);
    expect(other.stderr).not.toContain('starting Temporal');
  }, 120_000);
});

describe('IMGPROOF_IDLE_STOP that can not be understood', () => {
  test('is exit 3 with what is right, and starts nothing', async () => {
    const { code, stderr } = await cli.run(['up'], { env: { IMGPROOF_IDLE_STOP: 'soon' } });
    expect([code, stderr]).toEqual([3, expect.stringContaining('such as 90s, 15m or 2h, or "off"')]);
    expect(readdirSync(cli.home)).toEqual([]);
  });
});
