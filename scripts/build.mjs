/** `npm run build`: dependencies and `dist`, when they are not current. */
import { bootstrap, runScript } from './bootstrap.mjs';

await runScript(async () => {
  await bootstrap({ binaries: [] });
  return 0;
});
