import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Cli, startCliAndProvider } from '../support/cli.ts';
import { upBesideDefaultPort } from '../support/default-port.ts';
import type { ProviderServer } from '../support/provider-server.ts';

let provider: ProviderServer;
let cli: Cli;
beforeAll(async () => {
  const started = await startCliAndProvider();
  ({ cli, provider } = started);
  const image = await sharp({ create: { width: 32, height: 32, channels: 3, background: '#123456' } })
    .png()
    .toBuffer();
  for (let i = 1; i <= 6; i += 1) await writeFile(join(cli.folder, `${i}.png`), image);
  await writeFile(join(cli.folder, 'text.png'), 'this is no image');
  await mkdir(join(cli.folder, 'folder.png'));
  return started.stop;
}, 120_000);

const one = (fields: object) => JSON.stringify({ tasks: [{ prompt: 'x', ...fields }] });

describe('bad input is told with its place, exit 2, and nothing is sent', () => {
  test.each<[string, string, string[]]>([
    ['an unknown field, with a suggestion', one({ promt: 'y' }), ['tasks[0].promt', 'did you mean "prompt"']],
    ['a wrong type', one({ size: 7 }), ['tasks[0].size']],
    ['an empty prompt', one({ prompt: '  ' }), ['tasks[0].prompt']],
    [
      '6 references',
      one({ images: ['1.png', '2.png', '3.png', '4.png', '5.png', '6.png'] }),
      ['6 reference images', 'at most 5'],
    ],
    ['a missing reference', one({ image: 'nowhere.png' }), ['nowhere.png']],
    ['a folder as reference', one({ image: 'folder.png' }), ['folder.png']],
    ['a reference that is no image', one({ image: 'text.png' }), ['text.png', 'PNG']],
    ['an illegal size', one({ size: '1000x1000' }), ['tasks[0].size', '16']],
    ['bad JSON, with its position', '{"tasks": [{"prompt": "x",}]}', ['command line:1:']],
    [
      'no tasks',
      '{"tasks": []}',
      ['command line:1:11', 'tasks', 'there are no tasks; at least one is needed', '1 problem'],
    ],
    ['a command as task input', one({ mock_command: 'true' }), ['mock_command']],
    ['a key that equals the batch id', one({ task_key: 'same' }), ['task_key', 'equals the batch id']],
  ])('%s', async (_name, input, parts) => {
    const before = provider.calls.length;
    const { code, stderr, stdout } = await cli.run(['batch', input, '--batch-id', 'same']);
    const { length: after } = provider.calls;
    expect({ code, stdout, sent: after - before }).toEqual({ code: 2, stdout: '', sent: 0 });
    for (const part of parts) expect(stderr).toContain(part);
    expect(stderr).toMatch(/nothing was sent/iu);
  });

  test('all problems of a file at once, with file:line:column, and the same as JSON', async () => {
    const path = join(cli.folder, 'many.json');
    const text =
      '{\n  "max_wrkers": 2,\n  "tasks": [\n    { "prompt": "" },\n    { "prompt": "x", "size": "7x7" },\n    { "prompt": "x", "image": "gone.png" }\n  ]\n}\n';
    await writeFile(path, text);
    const plain = await cli.run(['batch', path]);
    expect(plain.stderr).toMatch(/many\.json:2:\d+ +max_wrkers/u);
    expect(plain.stderr).toMatch(/many\.json:4:\d+ +tasks\[0\]\.prompt/u);
    expect(plain.stderr).toMatch(/many\.json:5:\d+ +tasks\[1\]\.size/u);
    expect(plain.stderr).toMatch(/many\.json:6:\d+ +tasks\[2\]\.input_images +.*gone\.png/u);
    const { code, stdout } = await cli.run(['batch', `@${path}`, '--json']);
    const answer = JSON.parse(stdout) as { ok: boolean; exit_code: number; problems: unknown[] };
    expect([code, answer.ok, answer.exit_code]).toEqual([2, false, 2]);
    expect(answer.problems.length).toBeGreaterThanOrEqual(3);
  });

  test.each<[string, string[], string]>([
    ['no command', [], 'Usage'],
    ['an unknown command', ['bach', 'x'], 'did you mean'.toLowerCase()],
    ['an unknown flag', ['batch', 'x.json', '--agian'], '--again'],
    ['a file that is not there', ['batch', 'nowhere.json'], 'there is no such file'],
    ['run without prompt', ['run'], '--prompt'],
    ['run --resume without key', ['run', '--prompt', 'x', '--resume'], '--task-key'],
  ])('usage: %s', async (_name, args, part) => {
    const { code, stdout, stderr } = await cli.run(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.toLowerCase()).toContain(part.toLowerCase());
  });

  test('a file in another encoding than UTF-8: its prompts would be rubbish', async () => {
    const path = join(cli.folder, 'gbk.json');
    await writeFile(path, Buffer.from('{"tasks":[{"prompt":"\u00CC\u00EC"}]}', 'latin1'));
    const { code, stdout, stderr } = await cli.run(['batch', path]);
    expect([code, stdout, stderr]).toEqual([
      2,
      '',
      expect.stringMatching(/gbk\.json is not text in UTF-8.*Nothing was sent/u),
    ]);
  });

  test('a batch on standard input is read, relative references against the current directory', async () => {
    const { code, stderr } = await cli.run(['batch', '-'], { input: one({ image: 'gone.png' }) });
    expect([code, stderr]).toEqual([2, expect.stringContaining('gone.png')]);
  });

  test('max_workers 9 is clamped and warned about, not refused', async () => {
    const { code, stderr } = await cli.run([
      'batch',
      JSON.stringify({ max_workers: 9, output_dir: cli.outputDir, tasks: [{ prompt: 'clamp' }] }),
    ]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/warning: max_workers: 9/u)]);
  }, 60_000);
});

describe('the environment: exit 3, exit 4', () => {
  const order = ['batch', one({})];

  test('no provider entry is exit 3, an entry without key exit 4; the message names what to set', async () => {
    const missing = await cli.run([...order, '--provider', 'nobody']);
    expect([missing.code, missing.stderr]).toEqual([3, expect.stringContaining('nobody')]);
    const noKey = await cli.run(order, { env: { HAPPY_API_KEY: '' } });
    expect([noKey.code, noKey.stderr]).toEqual([4, expect.stringContaining('HAPPY_API_KEY')]);
  });

  test('a server that does not answer is exit 3', async () => {
    const { code, stderr } = await cli.run([...order, '--address', '127.0.0.1:1']);
    expect([code, stderr]).toEqual([3, expect.stringContaining('127.0.0.1:1')]);
  }, 30_000);

  test('a folder that can’t be written is exit 3, with nothing sent', async () => {
    const before = provider.calls.length;
    const { code, stderr } = await cli.run([...order, '--output-dir', join(cli.folder, '1.png', 'out')]);
    expect([code, stderr]).toEqual([3, expect.stringContaining('1.png/out')]);
    expect(provider.calls.length).toBe(before);
  }, 60_000);

  test('a file system that refuses every name is exit 3 too, at once', async () => {
    const { code, stderr } = await cli.run([...order, '--output-dir', '/proc/imgproof']);
    expect([code, stderr]).toEqual([3, expect.stringContaining('/proc/imgproof')]);
  }, 60_000);

  test('port 7233 taken by somebody else: another one is used and printed', async () => {
    expect(await upBesideDefaultPort(cli)).not.toMatch(/:7233$/u);
    expect((await cli.run(['status'])).stdout).toMatch(/server +127\.0\.0\.1:(?!7233)\d+/u);
  }, 180_000);

  test('refused credentials end with exit 4', async () => {
    const input = JSON.stringify({ output_dir: cli.outputDir, tasks: [{ prompt: 'refused [fault:401]' }] });
    const { code, stdout } = await cli.run(['batch', input, '--json']);
    expect([code, JSON.parse(stdout)]).toMatchObject([
      4,
      { ok: false, exit_code: 4, paused: { by: 'provider_down' } },
    ]);
  }, 60_000);
});
