/** Program: the scripted provider of the tests, which answers every call with the fixed picture. Ends when its stdin closes. */
import { parseArgs } from 'node:util';
import { startProviderServer } from '../test/support/provider-server.ts';
import { benchPng, labelled } from './png.ts';

const { values } = parseArgs({
  options: {
    'latency-ms': { type: 'string' },
    'image-bytes': { type: 'string' },
    /** How many calls get an image that no other one got. */
    images: { type: 'string' },
    /** Part of every image: tells this provider's from those of another run. */
    label: { type: 'string' },
    log: { type: 'string' },
  },
});

const png = await benchPng(Number(values['image-bytes']));
const server = await startProviderServer({
  latencyMs: Number(values['latency-ms']),
  images: Array.from({ length: Number(values.images) }, (_, i) => labelled(png, `${values.label}, ${i}`)),
  ...(values.log === undefined ? {} : { logFile: values.log }),
});
process.stdin.resume().once('end', () => void server.close().then(() => process.exit(0)));
process.stdout.write(`${JSON.stringify({ baseUrl: server.baseUrl })}\n`);
