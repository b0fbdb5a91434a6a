/**
 * SPEC F9, G8: tasks whose provider repeats everything it was told, in every way it can, with a key of every form that a
 * config may have. No secret is in any file of ours afterwards, in no log, and in nothing the command said.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { http, rawServer } from '../provider/raw-server.ts';
import { type Cli, type Ended, startCli } from '../support/cli.ts';
import { place, script } from '../support/secret-tree.ts';
import { filesBelow } from '../support/system.ts';

const canary = (form: string) => `canary-${form}-6f1d20b7`;

interface Form {
  entry: object;
  /** What the provider is told of it. */
  secret: string;
}

/** An entry for each form; the files they refer to are laid out beside. */
function forms(baseUrl: string): Record<string, Form> {
  const key = (form: string, apiKey: unknown): Form => ({ entry: { baseUrl, apiKey }, secret: canary(form) });
  const ref = (source: string, provider: string, id: string) => ({ source, provider, id });
  return {
    literal: key('literal', canary('literal')),
    variable: key('variable', '${A_VARIABLE}'),
    shorthand: key('shorthand', '$A_SHORTHAND'),
    bare: key('bare', 'A_BARE'),
    dotenv: key('dotenv', '${A_DOTENV}'),
    vars: key('vars', '${A_VARS}'),
    env: key('env', ref('env', 'default', 'AN_ENV')),
    json: key('json', ref('file', 'json', '/a~1b/0')),
    single: key('single', ref('file', 'single', 'value')),
    exec: key('exec', ref('exec', 'exec', 'a/key')),
    include: { entry: { $include: './include.json' }, secret: canary('include') },
    header: {
      entry: { baseUrl, headers: { authorization: ref('exec', 'exec', 'a/header') } },
      secret: canary('header'),
    },
    url: { entry: { baseUrl: `${baseUrl}/\${A_URL}`, apiKey: canary('url-key') }, secret: canary('url') },
  };
}

function layOut(cli: Cli, baseUrl: string): void {
  const home = { home: cli.folder };
  const entries = Object.entries(forms(baseUrl)).map(([name, { entry }]) => [name, entry]);
  const values = { 'a/key': canary('exec'), 'a/header': `Bearer ${canary('header')}` };
  const answer = JSON.stringify({ protocolVersion: 1, values });
  place(home, 'openclaw.json', {
    models: { providers: { ...Object.fromEntries(entries), ...brokenForms(baseUrl) } },
    env: { vars: { A_VARS: canary('vars') } },
    secrets: {
      providers: {
        json: { source: 'file', path: '~/.openclaw/keys.json' },
        single: { source: 'file', path: '~/.openclaw/key', mode: 'singleValue' },
        exec: {
          source: 'exec',
          command: '~/.openclaw/bin/vault',
          args: [canary('args')],
          passEnv: ['A_PASSED'],
          env: { TOKEN: canary('token') },
          timeoutMs: 60_000,
        },
        broken: { source: 'exec', command: '~/.openclaw/bin/broken', timeoutMs: 60_000 },
        garbled: { source: 'file', path: '~/.openclaw/garbled.json' },
      },
    },
  });
  script(home, 'broken', `echo '${canary('broken')}'; echo '${canary('broken')}' >&2; exit 3`);
  place(home, 'garbled.json', `{"key": "${canary('garbled')}"`);
  place(home, '.env', `A_DOTENV=${canary('dotenv')}\n`);
  place(home, 'keys.json', { 'a/b': [canary('json')] });
  place(home, 'key', `${canary('single')}\n`);
  place(home, 'include.json', { baseUrl, apiKey: canary('include') });
  script(home, 'vault', `echo '${canary('stderr')}' >&2; printf '%s' '${answer}'`);
}

const ENV = {
  A_VARIABLE: canary('variable'),
  A_SHORTHAND: canary('shorthand'),
  A_BARE: canary('bare'),
  AN_ENV: canary('env'),
  A_URL: canary('url'),
  A_PASSED: canary('passed'),
};

/** Entries whose key can't be had; nothing is sent for them. */
function brokenForms(baseUrl: string): Record<string, object> {
  return {
    broken: { baseUrl, apiKey: { source: 'exec', provider: 'broken', id: 'a' } },
    garbled: { baseUrl, apiKey: { source: 'file', provider: 'garbled', id: '/key' } },
  };
}

describe('no secret is in any file, log or output (F9, G8)', () => {
  test('of tasks that fail with everything repeated by the provider, or for want of a key', async () => {
    const provider = await rawServer({
      answer: (socket, n) => void socket.write(repeated(provider.requests[n - 1])),
    });
    const cli = await startCli(provider.baseUrl, { ...ENV, OPENCLAW_STATE_DIR: '~/.openclaw' });
    try {
      layOut(cli, provider.baseUrl);
      const sent = forms(provider.baseUrl);
      const repeatedTo = await orderOf(cli, Object.keys(sent));
      expect(JSON.parse(repeatedTo.stdout)).toMatchObject({ failed: Object.keys(sent).length });
      for (const { secret } of Object.values(sent))
        expect(
          provider.requests.filter((request) => request.includes(secret)),
          secret,
        ).toHaveLength(2);

      // One after the other: a batch stops at the first (R7).
      const refused = [];
      for (const name of Object.keys(brokenForms(provider.baseUrl)))
        refused.push(await orderOf(cli, [name], { on_provider_down: 'fail' }));
      const told = refused.map(({ stdout }) => stdout).join('');
      expect(told).toMatch(/secrets\.providers\.broken: its command ended with exit code 3/u);
      expect(told).toMatch(/secrets\.providers\.garbled: its file does not hold one JSON object/u);
      expect(provider.requests).toHaveLength(2 * Object.keys(sent).length);

      const outputs = [repeatedTo, ...refused].flatMap(({ stdout, stderr }) => [stdout, stderr]);
      expect(await tellTales(cli, outputs)).toEqual([]);
    } finally {
      await cli.stop();
    }
  }, 120_000);
});

/** One task for each of these providers, twice at most. */
async function orderOf(cli: Cli, providers: string[], fields: object = {}): Promise<Ended> {
  const tasks = providers.map((provider) => ({ task_name: provider, provider, prompt: 'a lighthouse' }));
  const file = await cli.batchFile(`${providers[0]}.json`, tasks, { max_attempts: 2, ...fields });
  return cli.run(['batch', file, '--json']);
}

/** The whole request in the answer: in its body, as text and as base64, and in a header. */
function repeated(request = ''): string {
  const secrets = request.match(/canary-[\w-]+/gu) ?? [];
  const error = { message: request, code: secrets.join(' '), type: Buffer.from(request).toString('base64') };
  return http(500, JSON.stringify({ error }), { 'x-request-id': `req-${secrets.join('-')}` });
}

/** Names of the files and numbers of the outputs in which a canary can be read. */
async function tellTales(cli: Cli, outputs: string[]): Promise<string[]> {
  const folders = [cli.home, cli.outputDir];
  const paths = (
    await Promise.all(
      folders.map(async (folder) => (await filesBelow(folder)).map((name) => join(folder, name))),
    )
  ).flat();
  expect(paths.some((path) => path.endsWith('worker.log'))).toBe(true);
  expect(paths.some((path) => path.endsWith('temporal.db'))).toBe(true);
  const texts = await Promise.all(
    paths.map(async (path) => [path, (await readFile(path)).toString('latin1')] as const),
  );
  return [...texts, ...outputs.map((text, i) => [`output ${i}`, text] as const)]
    .filter(([, text]) => FORMS_OF_A_CANARY.some((form) => text.includes(form)))
    .map(([path]) => path);
}

/** As it is, and in base64 at each of the three positions it can begin at. */
const FORMS_OF_A_CANARY = ['canary-', ...[0, 1, 2].map((before) => embedded('canary-', before))];

function embedded(text: string, before: number): string {
  const encoded = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]).toString('base64');
  return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + text.length) * 8) / 6));
}
