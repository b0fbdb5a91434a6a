/**
 * `npm start`: sets up and makes the demo batch against a scripted provider on this machine, which costs nothing.
 * `npm start -- batch.json …`: sets up and is `imgproof batch batch.json …`.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { bootstrap, ROOT, runScript } from './bootstrap.mjs';

const CLI = join(ROOT, 'bin', 'imgproof.js');
const DEMO = join(ROOT, '.demo');
const DEMO_KEY = 'demo-key';

await runScript(async () => {
  const { temporal } = await bootstrap({ binaries: ['temporal'] });
  const args = process.argv.slice(2);
  if (args.length > 0) return imgproof(['batch', ...args], { ...process.env, TEMPORAL_CLI_PATH: temporal });
  return demo(temporal);
});

async function demo(temporal) {
  const env = demoEnvironment(temporal);
  mkdirSync(DEMO, { recursive: true });
  if (isOutOfReach()) await imgproof(['down', '--now'], env);
  const provider = await startProvider();
  try {
    writeDemoConfig(provider.baseUrl);
    const batch = join('examples', 'batch.json');
    const images = join(DEMO, 'images');
    const code = await imgproof(
      ['batch', batch, '--provider', 'demo', '--again', '--output-dir', images],
      env,
    );
    process.stdout.write(
      'These images were drawn by a scripted provider on this machine: `imgproof verify` refuses them as production proof.\n' +
        'Server and worker stay up for the link; stop them: IMGPROOF_HOME=.demo/home npx imgproof down\n',
    );
    return code;
  } finally {
    provider.process.kill('SIGTERM');
  }
}

/** Nothing of this machine's own setup: the demo must never reach a real provider or somebody's Temporal server. */
function demoEnvironment(temporal) {
  const isForeign = (name) => /^(?:OPENCLAW_|TEMPORAL_|IMGPROOF_)/u.test(name);
  const own = Object.entries(process.env).filter(([name]) => !isForeign(name));
  return {
    ...Object.fromEntries(own),
    IMGPROOF_HOME: join(DEMO, 'home'),
    IMGPROOF_CONFIG: join(DEMO, 'config.json'),
    TEMPORAL_CLI_PATH: temporal,
    // It is not there: no profile of this machine counts.
    TEMPORAL_CONFIG_FILE: join(DEMO, 'no-temporal.toml'),
    OPENCLAW_STATE_DIR: join(DEMO, 'openclaw'),
    NO_PROXY: '127.0.0.1,localhost',
    no_proxy: '127.0.0.1,localhost',
  };
}

function writeDemoConfig(baseUrl) {
  const models = [{ id: 'gpt-image-2', name: 'GPT Image 2 (scripted)' }];
  const config = { providers: { demo: { baseUrl, apiKey: DEMO_KEY, models } } };
  writeFileSync(join(DEMO, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
}

/** True when the stack of an earlier demo lives in another network namespace (`unshare -n`). */
function isOutOfReach() {
  try {
    const { netns } = JSON.parse(readFileSync(join(DEMO, 'home', 'embedded.json'), 'utf8'));
    return netns !== null && netns !== readlinkSync('/proc/self/ns/net');
  } catch {
    return false;
  }
}

async function startProvider() {
  const program = join('test', 'support', 'provider-server.ts');
  const options = [
    '--port',
    '0',
    '--latency-ms',
    '1500',
    '--api-key',
    DEMO_KEY,
    '--exit-with-pid',
    String(process.pid),
  ];
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...options], {
    cwd: ROOT,
    // Ctrl-C is for the command, which only detaches then.
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await firstLine(child);
  return { process: child, baseUrl: JSON.parse(line).baseUrl };
}

function firstLine(child) {
  return new Promise((resolve, reject) => {
    let text = '';
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the scripted provider ended with exit code ${code}`)));
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      if (text.includes('\n')) resolve(text);
    });
  });
}

/** The exit code of the command, which has the terminal to itself. */
function imgproof(args, env) {
  // The command answers Ctrl-C itself; we only wait for its end.
  process.on('SIGINT', () => undefined);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...args], { stdio: 'inherit', env });
    process.once('SIGTERM', () => child.kill('SIGTERM'));
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}
