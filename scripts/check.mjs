/** `npm run check`: the gate without the tests. */
import { bootstrap, runScript } from './bootstrap.mjs';
import { runGate } from './gate.mjs';

await runScript(async () => {
  await bootstrap({ build: false, binaries: [], quiet: true });
  return runGate().failed === 0 ? 0 : 1;
});
