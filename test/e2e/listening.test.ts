/** The background stack as the system sees it: how the server was started, and who listens where (DESIGN 2.11). */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type Cli, startCliAndProvider } from '../support/cli.ts';

let cli: Cli;
beforeAll(async () => {
  const started = await startCliAndProvider();
  ({ cli } = started);
  const file = await cli.batchFile('one.json', [{ prompt: 'one' }]);
  expect((await cli.run(['batch', file])).code).toBe(0);
  return started.stop;
}, 120_000);

const NEEDS_PROC = 'command lines and sockets are read from /proc';
const isLinux = process.platform === 'linux';

test('the dev server runs on the database file, with WAL, fairness and the raised poll rate', async ({
  skip,
}) => {
  skip(!isLinux, NEEDS_PROC);
  const argv = readFileSync(`/proc/${(await cli.pids()).server}/cmdline`, 'utf8').split('\0');
  const valuesOf = (option: string) => argv.filter((_, i) => argv[i - 1] === option);
  expect(argv.slice(1, 3)).toEqual(['server', 'start-dev']);
  expect(valuesOf('--db-filename')).toEqual([join(cli.home, 'temporal.db')]);
  expect(valuesOf('--sqlite-pragma')).toEqual(['journal_mode=WAL']);
  expect(existsSync(join(cli.home, 'temporal.db-wal'))).toBe(true);
  expect(valuesOf('--dynamic-config-value')).toEqual(
    expect.arrayContaining([
      'matching.enableFairness=true',
      'history.transferProcessorMaxPollRPS=10000',
      'history.transferProcessorMaxPollHostRPS=100000',
    ]),
  );
});

test('the command line of the dev server names no address but 127.0.0.1', async ({ skip }) => {
  skip(!isLinux, NEEDS_PROC);
  const text = readFileSync(`/proc/${(await cli.pids()).server}/cmdline`, 'utf8');
  const argv = text.split('\0');
  expect(argv[argv.indexOf('--ip') + 1]).toBe('127.0.0.1');
  const addresses = text.match(/\b\d{1,3}(?:\.\d{1,3}){3}\b|\[?::[\da-f]*\]?|\blocalhost\b/giu) ?? [];
  expect(new Set(addresses)).toEqual(new Set(['127.0.0.1']));
});

test('every listening socket of server, worker and supervisor is on the loopback', async ({ skip }) => {
  skip(!isLinux, NEEDS_PROC);
  const { server, worker, supervisor } = await cli.pids();
  const { address, webUi } = JSON.parse(readFileSync(join(cli.home, 'embedded.json'), 'utf8')) as {
    address: string;
    webUi: string;
  };
  const ofServer = listeningAddresses(server);
  // What is looked for is found: the frontend and the Web UI among them.
  expect(ofServer).toEqual(expect.arrayContaining([address, new URL(webUi).host]));
  const all = [server, worker, supervisor].flatMap(listeningAddresses);
  expect(all.filter((one) => !/^(?:127\.0\.0\.1|0{31}1):\d+$/u.test(one))).toEqual([]);
});

test('an address of the kernel’s table is read as what it is', () => {
  expect(
    [
      '0100007F:1C41',
      '00000000:1F90',
      '00000000000000000000000001000000:0050',
      '00000000000000000000000000000000:0050',
      '0000000000000000FFFF00000100007F:0050',
    ].map(addressOf),
  ).toEqual([
    '127.0.0.1:7233',
    '0.0.0.0:8080',
    `${'0'.repeat(31)}1:80`,
    `${'0'.repeat(32)}:80`,
    '127.0.0.1:80',
  ]);
});

/** proc(5): the local address is column 1, the state column 3 (0A: listening), the inode column 9. */
function listeningAddresses(pid: number): string[] {
  const descriptors = readdirSync(`/proc/${pid}/fd`);
  const inodes = new Set(
    descriptors.map((descriptor) => {
      try {
        return /^socket:\[(\d+)\]$/u.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1];
      } catch {
        return undefined;
      }
    }),
  );
  const rows = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/u)),
  );
  return rows.filter((row) => row[3] === '0A' && inodes.has(row[9])).map((row) => addressOf(row[1] ?? ''));
}

/** The kernel prints each 32-bit word in the machine's byte order. An address of IPv6 stays as 32 hex digits. */
function addressOf(text: string): string {
  const [address = '', port = ''] = text.split(':');
  const words = address.match(/.{8}/gu) ?? [];
  const bytes = words.flatMap((word) => [...Buffer.from(word, 'hex')].toReversed());
  const hex = Buffer.from(bytes).toString('hex');
  const isIpv4 = bytes.length === 4 || hex.startsWith('00000000000000000000ffff');
  return `${isIpv4 ? bytes.slice(-4).join('.') : hex}:${Number.parseInt(port, 16)}`;
}
