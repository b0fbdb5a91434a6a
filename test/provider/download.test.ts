/** An image that the provider gives as a link: where it may lead, and what comes with it (issue 6, point 7). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createDownloader, DownloadFailed, type DownloadLimits } from '../../src/provider/download.ts';
import { isPublicAddress, type Resolve } from '../../src/provider/public-address.ts';
import { rawServer } from './raw-server.ts';

const IMAGE = Buffer.from('not an image, but bytes');

interface Place {
  server: Server;
  origin: string;
  port: number;
  seen: IncomingMessage[];
}

/** A provider on this machine, which also serves files. */
async function place(answer: (req: IncomingMessage, res: ServerResponse) => void): Promise<Place> {
  const seen: IncomingMessage[] = [];
  const server = createServer((req, res) => {
    seen.push(req);
    answer(req, res);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { server, origin: `http://127.0.0.1:${port}`, port, seen };
}

/** Names as an attacker's DNS server has them; what was asked is kept. */
function names(table: Record<string, string[]>): { resolve: Resolve; asked: string[] } {
  const asked: string[] = [];
  const resolve: Resolve = (hostname, callback) => {
    asked.push(hostname);
    const addresses = table[hostname] ?? [];
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return { resolve, asked };
}

async function refusalOf(
  link: string,
  baseUrl: string,
  { resolve, limits }: { resolve?: Resolve; limits?: Partial<DownloadLimits> } = {},
): Promise<DownloadFailed> {
  const error: unknown = await createDownloader(resolve)({ link, baseUrl }, limits).then(
    () => new Error('it was downloaded'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DownloadFailed);
  return error as DownloadFailed;
}

const ELSEWHERE = 'https://provider.example/v1';

describe('A link into a network that is not public is not followed', () => {
  test.each([
    '127.0.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '017700000001',
    '0177.0.0.1',
    '127.1',
    '127.0.0.1.',
    '①②⑦.⓪.⓪.①',
    '0',
    '0.0.0.0',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '100.100.100.200',
    '169.254.169.254',
    '0xa9fea9fe',
    '2852039166',
    '168.63.129.16',
    '192.0.0.192',
    '198.18.0.1',
    '192.0.2.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '[::]',
    '[::1]',
    '[::127.0.0.1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:0:127.0.0.1]',
    '[64:ff9b::169.254.169.254]',
    '[64:ff9b:1::1]',
    '[2002:7f00:1::]',
    '[2001:0:1::1]',
    '[fd00:ec2::254]',
    '[fe80::1]',
    '[fec0::1]',
    '[ff02::1]',
    '[100::1]',
    '[2001:db8::1]',
  ])('%s', async (host) => {
    const inside = await rawServer({});
    const { message, isTransient } = await refusalOf(`https://${host}:${inside.port}/a.png?sig=1`, ELSEWHERE);
    expect(message).toMatch(/is not asked: .* is no public address/u);
    expect(message).not.toContain('sig=');
    expect(isTransient).toBe(false);
    expect(inside.connections()).toBe(0);
  });

  test.each<[string, string[]]>([
    ['to this machine', ['127.0.0.1']],
    ['to a metadata service', ['169.254.169.254']],
    ['to this machine by IPv6', ['::1']],
    ['to a mapped address', ['::ffff:127.0.0.1']],
    ['to a public address and a private one', ['93.184.216.34', '10.0.0.1']],
  ])('by a name that leads %s', async (_, addresses) => {
    const inside = await rawServer({});
    const { resolve, asked } = names({ 'innocent.example': addresses });
    const { message } = await refusalOf(`https://innocent.example:${inside.port}/a.png`, ELSEWHERE, {
      resolve,
    });
    expect(message).toMatch(/innocent\.example, which is \S+, is no public address/u);
    expect(asked).toEqual(['innocent.example']);
    expect(inside.connections()).toBe(0);
  });

  test.each(['localhost', 'localhost.'])('by the real name %s', async (host) => {
    const inside = await rawServer({});
    const { message } = await refusalOf(`https://${host}:${inside.port}/a.png`, ELSEWHERE);
    expect(message).toMatch(/is not asked|could not be read: E/u);
    expect(inside.connections()).toBe(0);
  });

  test('from the provider by a redirect, whatever the first address was', async () => {
    const inside = await rawServer({});
    const { resolve, asked } = names({ 'rebinding.example': ['127.0.0.1'] });
    for (const location of [
      `http://127.0.0.1:${inside.port}/a.png`,
      `https://127.0.0.1:${inside.port}/a.png`,
      `//127.1:${inside.port}/a.png`,
      `https://rebinding.example:${inside.port}/a.png`,
    ]) {
      const provider = await place((_, res) => void res.writeHead(302, { location }).end());
      await refusalOf('/a.png', `${provider.origin}/v1`, { resolve });
      expect(provider.seen).toHaveLength(1);
    }
    expect(asked).toEqual(['rebinding.example']);
    expect(inside.connections()).toBe(0);
  });
});

describe('Only https, or the provider itself', () => {
  test.each([
    ['http://cdn.example/a.png', /neither https nor the provider's own address/u],
    ['ftp://cdn.example/a.png', /neither https/u],
    ['file:///etc/passwd', /neither https/u],
    ['data:image/png;base64,AAAA', /neither https/u],
    ['https://user:pw@cdn.example/a.png', /carries a user name/u],
    ['http://[', /is no URL/u],
    [`https://cdn.example/${'a'.repeat(9000)}`, /too long/u],
  ])('%s', async (link, why) => {
    const { message, isTransient } = await refusalOf(link, ELSEWHERE);
    expect(message).toMatch(why);
    expect(message).not.toContain('pw');
    expect(isTransient).toBe(false);
  });

  test.each(['/files/a.png', 'files/a.png', './a.png'])(
    'a relative link leads to the provider, without key or headers: %s',
    async (link) => {
      const provider = await place((_, res) => void res.end(IMAGE));
      const got = await createDownloader()({ link, baseUrl: `${provider.origin}/v1` });
      expect(got).toEqual({ bytes: IMAGE, origin: provider.origin });
      const [request] = provider.seen;
      expect(Object.keys(request?.headers ?? {}).sort()).toEqual([
        'accept',
        'accept-encoding',
        'connection',
        'host',
        'user-agent',
      ]);
    },
  );

  test('another port of the provider’s host is not the provider', async () => {
    const other = await rawServer({});
    const provider = await place((_, res) => void res.end(IMAGE));
    await refusalOf(`http://127.0.0.1:${other.port}/a.png`, provider.origin);
    expect(other.connections()).toBe(0);
  });
});

describe('A download ends', () => {
  const limits = { bytes: 1000, timeoutMs: 300, redirects: 2 };
  test.each<[string, (req: IncomingMessage, res: ServerResponse) => void, RegExp, boolean]>([
    [
      'at a size that is announced',
      (_, res) => void res.end(Buffer.alloc(1001)),
      /larger than 1000 bytes/u,
      false,
    ],
    [
      'at a size that is not',
      (_, res) => {
        res.flushHeaders();
        const more = setInterval(() => res.write(Buffer.alloc(400)), 1);
        res.on('close', () => clearInterval(more));
      },
      /larger than 1000 bytes/u,
      false,
    ],
    [
      'at a bomb, unopened',
      (_, res) =>
        void res.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1_000_000))),
      /is compressed, which was not accepted|larger than/u,
      false,
    ],
    [
      'at a page',
      (_, res) => void res.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      /holds text\/html, no image/u,
      false,
    ],
    ['at a refusal', (_, res) => void res.writeHead(403).end(), /answered 403/u, false],
    ['at a fault', (_, res) => void res.writeHead(503).end(), /answered 503/u, true],
    ['at a cut', (_, res) => void res.socket?.destroy(), /could not be read/u, true],
    ['in time: no answer', () => undefined, /took longer than 0\.3 s/u, true],
    [
      'in time: a drip',
      (_, res) => {
        const drip = setInterval(() => res.write('a'), 20);
        res.on('close', () => clearInterval(drip));
      },
      /took longer than 0\.3 s/u,
      true,
    ],
    [
      'at redirects in a circle',
      (_, res) => void res.writeHead(302, { location: '/a.png' }).end(),
      /leads on after 2 redirects/u,
      false,
    ],
    ['at a redirect to nowhere', (_, res) => void res.writeHead(302).end(), /answered 302/u, false],
  ])('%s', async (_, answer, why, isTransient) => {
    const provider = await place(answer);
    const failed = await refusalOf('/a.png?sig=1', provider.origin, { limits });
    expect(failed.message).toMatch(why);
    expect(failed.message).not.toContain('sig=');
    expect(failed.isTransient).toBe(isTransient);
  });

  test('when its task is cancelled', async () => {
    const cancel = new AbortController();
    const provider = await place(() => cancel.abort());
    const order = { link: '/a.png', baseUrl: provider.origin, signal: cancel.signal };
    await expect(createDownloader()(order)).rejects.toMatchObject({ name: 'AbortError' });
  });
});

test('Public are addresses of the open internet only', () => {
  expect(
    ['93.184.216.34', '8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8'].filter((a) => !isPublicAddress(a)),
  ).toEqual([]);
  expect(['', 'localhost', '1.2.3', '::7f00:1', 'x'].filter(isPublicAddress)).toEqual([]);
});
