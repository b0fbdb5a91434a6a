/**
 * Run by `test/provider/public-link.test.ts` in a network of its own, where a public address is this machine: a link to a
 * public host over TLS, and names that change their mind. Prints what came of each.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createDownloader } from '../../src/provider/download.ts';

/** Both are this machine in here; only the first is public. */
const [PUBLIC, LOOPBACK] = ['9.9.9.9', '127.0.0.1'];
const [cert = '', key = ''] = process.argv.slice(2);

const seen: string[] = [];
const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (req, res) => {
  seen.push(`${req.socket.localAddress} ${req.url}`);
  // The next connection asks for the name again.
  res.setHeader('connection', 'close');
  if (req.url === '/on') res.writeHead(302, { location: `https://cdn.example:${port}/image` }).end();
  else res.end('the image');
});
await new Promise<void>((ready) => server.listen(0, '0.0.0.0', ready));
const { port } = server.address() as AddressInfo;

const tell = async (name: string, path: string, addresses: readonly string[]) => {
  let asked = 0;
  const download = createDownloader((_, callback) => {
    const address = addresses[asked++] ?? LOOPBACK;
    callback(null, [{ address, family: 4 }]);
  });
  seen.length = 0;
  const came = await download({ link: path, baseUrl: 'https://provider.example/v1' }).then(
    ({ bytes }) => bytes.toString(),
    (error: unknown) => (error as Error).message.replaceAll(`:${port}`, ''),
  );
  process.stdout.write(`${JSON.stringify({ name, came, asked, seen })}\n`);
};
const cdn = `https://cdn.example:${port}`;
await tell('a public host', `${cdn}/image`, [PUBLIC]);
await tell('a public address', `https://${PUBLIC}:${port}/image`, []);
await tell('a name that is asked once', `${cdn}/image`, [PUBLIC, LOOPBACK]);
await tell('a name that has moved when it is asked again', `${cdn}/on`, [PUBLIC, LOOPBACK]);
await tell('a certificate of another name', `https://other.example:${port}/image`, [PUBLIC]);
server.close();
