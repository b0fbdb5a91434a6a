/** `npm run record-histories [-- SCENARIO…]`: sets up, then plays and keeps the histories of the workflows as they are built now. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { bootstrap, ROOT, runScript } from './bootstrap.mjs';

await runScript(async () => {
  const { temporal } = await bootstrap({ binaries: ['temporal'] });
  const recorder = join(ROOT, 'test', 'histories', 'record.ts');
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', recorder, ...process.argv.slice(2)], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, TEMPORAL_CLI_PATH: temporal },
  });
  return status ?? 1;
});
