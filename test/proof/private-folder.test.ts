/** What is unpacked or put together in a folder of our own does not outlive the process, however it is told to stop. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';

const MODULE = new URL('../../src/proof/private-folder.ts', import.meta.url).href;
const PROGRAM = `
  const { privateFolder } = await import(${JSON.stringify(MODULE)});
  const { path } = await privateFolder('imgproof-test-');
  console.log(path);
  setInterval(() => {}, 1000);
`;

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s removes it and ends the process', async (signal) => {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', PROGRAM]);
  const exit = once(child, 'exit');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const path = line.toString().trim();
  expect(existsSync(path)).toBe(true);
  child.kill(signal);
  expect(await exit).toEqual([null, signal]);
  expect(existsSync(path)).toBe(false);
});
