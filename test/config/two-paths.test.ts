/** SPEC G8: the worker resolves secrets; the CLI reads structure and variables, and never opens or runs a SecretRef. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectProvider, namedVariables } from '../../src/config.ts';
import { CANARY, commandWorld, fileWorld, resolveHappy, script } from '../support/secret-tree.ts';

describe('the CLI’s path and the worker’s', () => {
  it('a command of secrets runs for the worker, and never for the CLI', async () => {
    const world = commandWorld({ jsonOnly: false, passEnv: ['VAULT_ADDR'] });
    const trace = join(world.home, 'it-ran');
    script(world, 'vault', `touch '${trace}'; echo ${CANARY}`);
    expect(await inspectProvider(world.settings, 'happy')).toEqual({ ok: true });
    expect(namedVariables(world.settings)).toEqual(['VAULT_ADDR']);
    expect(existsSync(trace)).toBe(false);
    expect(await resolveHappy(world)).toMatchObject({ apiKey: CANARY });
    expect(existsSync(trace)).toBe(true);
  });

  it('a file of secrets is opened for the worker, and never for the CLI', async () => {
    const world = fileWorld({ mode: 'singleValue' }, 'value');
    const pipe = join(world.home, '.openclaw', 'keys.json');
    execFileSync('mkfifo', ['-m', '600', pipe]);
    expect(await inspectProvider(world.settings, 'happy')).toEqual({ ok: true });
    expect(namedVariables(world.settings)).toEqual([]);
    await expect(resolveHappy(world)).rejects.toThrow(/not a regular file/u);
  });
});
