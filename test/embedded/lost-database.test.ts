import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startCliAndProvider } from '../support/cli.ts';

test('a damaged database is exit 3; moved away, the same batch adopts every proven image without a call', async () => {
  const { cli, provider, stop } = await startCliAndProvider();
  onTestFinished(stop);
  const order = ['batch', await cli.batchFile('lost.json', [{ prompt: 'one' }, { prompt: 'two' }]), '--json'];
  expect((await cli.run(order)).code).toBe(0);
  await cli.run(['down']);

  const database = join(cli.home, 'temporal.db');
  // Without its log there is only the damaged file to go by.
  for (const part of ['-wal', '-shm']) rmSync(database + part, { force: true });
  writeFileSync(database, readFileSync(database).fill(7, 0, 4096));
  const refused = await cli.run(order);
  expect([refused.code, JSON.parse(refused.stdout)]).toMatchObject([3, { ok: false, exit_code: 3 }]);
  expect(refused.stderr).toContain(`damaged: ${database}`);
  expect(refused.stderr).toContain(`move ${database} away together with ${database}-wal and ${database}-shm`);
  expect((await cli.run(['status'])).stdout).toContain('(failed)');

  for (const name of readdirSync(cli.home).filter((file) => file.startsWith('temporal.db'))) {
    renameSync(join(cli.home, name), join(cli.folder, name));
  }
  const again = await cli.run(order);
  expect([again.code, JSON.parse(again.stdout)]).toMatchObject([0, { ok: true, success: 2, adopted: 2 }]);
  expect(provider.calls).toHaveLength(2);
}, 180_000);
