/** `imgproof temporal …`: the Temporal CLI in use, with the address set (SPEC C). */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Command } from 'commander';
import type { Settings } from '../config.ts';
import { embeddedPlace, isEmbedded, settingsOf, stayInUse } from './session.ts';
import { embeddedEnvironment, needsServer } from './temporal-arguments.ts';

export function register(command: Command): void {
  command
    .argument('[args...]', 'everything after "temporal"')
    .allowUnknownOption()
    .helpOption(false)
    .passThroughOptions()
    .action(async (args: string[]) => {
      process.exitCode = await runTemporal(args);
    });
}

async function runTemporal(args: string[]): Promise<number> {
  const settings = settingsOf();
  return needsServer(args) && (await isEmbedded(settings, {}))
    ? runAtEmbedded(settings, args)
    : runBinary(settings, args, settings.env);
}

/**
 * On a stopped system the message comes first (SPEC C5): server and workflows start, paid calls only after the command
 * has ended and was acted upon. A command that waits for images would wait for itself then, and holds nothing back.
 */
async function runAtEmbedded(settings: Settings, args: string[]): Promise<number> {
  const { holdApiLane } = await import('../embedded/embedded.ts');
  const release = waitsForImages(args) ? async () => undefined : await holdApiLane(settings.home);
  try {
    const { address } = await embeddedPlace(settings, { orders: false });
    const letGo = await stayInUse(settings);
    try {
      return await runBinary(settings, args, embeddedEnvironment(settings.env, address));
    } finally {
      letGo();
    }
  } finally {
    await release();
  }
}

/** Verbs of `workflow` and `activity` that end when the work does. */
const WAITING_VERBS = new Set(['execute', 'result', 'trace']);

function waitsForImages(args: readonly string[]): boolean {
  const verb = args[args.findIndex((arg) => arg === 'workflow' || arg === 'activity') + 1] ?? '';
  return WAITING_VERBS.has(verb) || (verb === 'show' && args.some((arg) => /^(?:--follow|-f)\b/u.test(arg)));
}

async function runBinary(settings: Settings, args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { temporalBinary } = await import('../embedded/embedded.ts');
  const child = spawn(await temporalBinary(settings), args, { stdio: 'inherit', env });
  passSignalsTo(child);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}

/** Whoever ends this command means the program that runs in its place. Ctrl-C of a terminal reaches both already. */
function passSignalsTo(child: ChildProcess): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
}
