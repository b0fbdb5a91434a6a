/** The scripts that hand the database's password on; Temporal's own programs are recorded, not run. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../support/deploy-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

describe('setup-schema.sh and start-server.sh', () => {
  /** Stands for a program of Temporal's images: writes down how it was called, and with which password. */
  function recorder(name: string): { folder: string; log: string } {
    const folder = tempFolder();
    const log = join(folder, 'log');
    const program = join(folder, name);
    writeFileSync(
      program,
      `#!/bin/sh\necho "$SQL_PASSWORD$POSTGRES_PWD $SQL_PLUGIN $SQL_HOST $SQL_USER $*" >> ${log}\n`,
    );
    chmodSync(program, 0o755);
    return { folder, log };
  }

  function run(script: string, folder: string, variables: NodeJS.ProcessEnv) {
    const path = join(ROOT, 'deploy', 'temporal', script);
    return spawnSync('/bin/sh', [path], {
      encoding: 'utf8',
      env: { PATH: `${folder}:/usr/bin:/bin`, ...variables },
    });
  }

  test('both databases are made and brought to the schema of the image, with the password from the secret file', () => {
    const { folder, log } = recorder('temporal-sql-tool');
    writeFileSync(join(folder, 'password'), 'hex0123\n');
    const { status, stdout, stderr } = run('setup-schema.sh', folder, {
      POSTGRES_PASSWORD_FILE: join(folder, 'password'),
    });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
    const versioned = (store: string) => `/etc/temporal/schema/postgresql/v12/${store}/versioned`;
    const called = 'hex0123 postgres12 postgres temporal';
    expect(readFileSync(log, 'utf8').trim().split('\n')).toEqual([
      `${called} --db temporal create`,
      `${called} --db temporal setup-schema -v 0.0`,
      `${called} --db temporal update-schema -d ${versioned('temporal')}`,
      `${called} --db temporal_visibility create`,
      `${called} --db temporal_visibility setup-schema -v 0.0`,
      `${called} --db temporal_visibility update-schema -d ${versioned('visibility')}`,
    ]);
  });

  test.each(['setup-schema.sh', 'start-server.sh'])('%s ends at once without its secret', (script) => {
    const { folder, log } = recorder('temporal-sql-tool');
    expect(run(script, folder, {}).stderr).toContain('POSTGRES_PASSWORD_FILE');
    expect(run(script, folder, { POSTGRES_PASSWORD_FILE: '/nowhere' }).status).not.toBe(0);
    expect(existsSync(log)).toBe(false);
  });

  test('a failing step ends the job, so that it is tried again and the server waits', () => {
    const { folder } = recorder('temporal-sql-tool');
    writeFileSync(join(folder, 'temporal-sql-tool'), '#!/bin/sh\nexit 1\n');
    writeFileSync(join(folder, 'password'), 'x');
    expect(run('setup-schema.sh', folder, { POSTGRES_PASSWORD_FILE: join(folder, 'password') }).status).toBe(
      1,
    );
  });
});
