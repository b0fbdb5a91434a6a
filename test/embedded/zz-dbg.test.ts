import { it } from 'vitest';
import { readFileSync } from 'node:fs';
import { embeddedStatus, ensureEmbedded, stopEmbedded } from '/work/main/src/embedded/embedded.ts';
import { newHome, packageWithStandInWorker, temporalCli } from '/work/main/test/embedded/home-folder.ts';
it('x', async () => {
  const home = newHome(); const packageRoot = packageWithStandInWorker(); const cli = await temporalCli();
  const up = () => ensureEmbedded({ home, packageRoot, temporalCliPath: cli, env: process.env }, { onStatus: () => undefined });
  await up();
  for (let i = 0; i < 8; i++) {
    const s = await embeddedStatus(home); const port = s.address;
    process.kill(s.server!.pid, 'SIGKILL');
    await new Promise((r) => setTimeout(r, 100));
    const p = await up();
    console.log(i, port, p.address, s.worker?.pid, (await embeddedStatus(home)).worker?.pid);
  }
  await stopEmbedded(home, { now: true, onStatus: () => undefined });
  console.log(readFileSync(home + '/logs/supervisor.log', 'utf8'), readFileSync(home + '/logs/server.log', 'utf8').split('\n').filter((l) => /Error|Temporal Server/.test(l)).join('\n'));
}, 100000);
