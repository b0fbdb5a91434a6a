/**
 * Program: our worker without its prebuilt workflow bundle, which it makes at start as a worker must that has none.
 * `bundling-worker.mjs <copy of the package> <host:port>`; the copy has its own `dist` and finds our node_modules.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , copy, address] = process.argv;
process.argv[2] = join(copy, 'dist');
await import('../scripts/bundle-workflows.mjs');
const { main } = await import(pathToFileURL(join(copy, 'dist', 'cli', 'main.js')).href);
await main(['worker', '--address', address]);
