/** Prompt safety as people meet it (SPEC G6, H7): refused with its place, announced, recorded. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import type { ResultRecord } from '../../src/domain/records.ts';
import type { CliAndProvider } from '../support/cli.ts';
import { shareStack } from '../support/shared-stack.ts';

const GLAMOUR = 'Glamour portrait of a woman';
const REFUSED = 'nude child';

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started));

describe('a refused prompt is exit 2, nothing sent, and never repeated', () => {
  test('in a batch file: with file, line, column and task; raw does not help', async () => {
    const path = join(cli.folder, 'mixed.json');
    const text = `{\n  "tasks": [\n    { "prompt": "a door" },\n    { "raw": true, "prompt": "${REFUSED}" }\n  ]\n}\n`;
    await writeFile(path, text);
    const { code, stdout, stderr } = await cli.run(['batch', path]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/mixed\.json:4:\d+ +tasks\[1\]\.prompt +policy_refused: /u);
    expect(stderr).toContain('1 problem in 2 tasks. Nothing was sent');
    expect(stderr).not.toContain(REFUSED);
  });

  test('of run: as problem of the prompt, also as JSON', async () => {
    const { code, stdout, stderr } = await cli.run(['run', '--prompt', REFUSED, '--raw', '--json']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('policy_refused')]);
    const { problems } = JSON.parse(stdout) as { problems: unknown };
    expect(problems).toEqual([
      expect.objectContaining({
        path: ['prompt'],
        message: expect.stringContaining('policy_refused') as unknown,
      }),
    ]);
    expect(stdout + stderr).not.toContain(REFUSED);
  });

  test('from the Temporal CLI, past every client: BadInput', async () => {
    await cli.run(['up']);
    const input = JSON.stringify({ prompt: REFUSED, raw: true, output_dir: cli.outputDir });
    const order = ['--type', 'imageTask', '--task-queue', 'imgproof', '--workflow-id', 'refused'];
    const { code, stdout, stderr } = await cli.run([
      'temporal',
      'workflow',
      'execute',
      ...order,
      '--input',
      input,
      '-o',
      'json',
    ]);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain('policy_refused');
    const described = await cli.run(['temporal', 'workflow', 'describe', '--workflow-id', 'refused']);
    expect(described.stdout).toMatch(/FAILED/iu);
    expect(provider.calls).toEqual([]);
  }, 60_000);
});

describe('a prompt that needs constraints', () => {
  test('is announced once with its task and rule, sent with them, and recorded', async () => {
    const file = await cli.batchFile('covers.json', [
      { prompt: GLAMOUR, task_name: 'cover' },
      { prompt: 'a door', task_name: 'door' },
    ]);
    const { code, stdout, stderr } = await cli.run(['batch', file, '--json']);
    expect([code, stderr.match(/warning: prompt safety: [^\n]*/gu)]).toEqual([
      0,
      ['warning: prompt safety: constraints are appended to cover (glamour); raw sends a prompt as written'],
    ]);
    const [row] = (JSON.parse(stdout) as BatchResultRecord).results;
    const result = JSON.parse(await readFile(String(row?.result_json), 'utf8')) as ResultRecord;
    expect(result).toMatchObject({ prompt: GLAMOUR, raw: false, safety_rules: ['glamour'] });
    expect(new Set(provider.calls.map(({ prompt }) => prompt))).toEqual(
      new Set([result.prompt_sent, 'a door']),
    );
    expect(result.prompt_sent).not.toBe(GLAMOUR);
  }, 60_000);

  test('with --raw it goes out as written, and nothing is announced', async () => {
    const args = ['run', '--prompt', GLAMOUR, '--raw', '--output-dir', cli.outputDir, '--json'];
    const { code, stdout, stderr } = await cli.run(args);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('prompt safety')]);
    expect(JSON.parse(stdout)).toMatchObject({ prompt_sent: GLAMOUR, raw: true, safety_rules: [] });
    expect(provider.calls.at(-1)?.prompt).toBe(GLAMOUR);
  }, 60_000);
});
