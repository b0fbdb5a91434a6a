/** `imgproof temporal …`: the Temporal CLI in use, with the address set (SPEC C). */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Command } from 'commander';
import { isEmbedded, settingsOf } from './session.ts';
import { say } from './output.ts';
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
  const { ensureEmbedded, temporalBinary } = await import('../embedded/embedded.ts');
  let env = settings.env;
  if (needsServer(args) && (await isEmbedded(settings, {}))) {
    const { address } = await ensureEmbedded(settings, { onStatus: (text) => say(text) });
    env = embeddedEnvironment(env, address);
  }
  const child = spawn(await temporalBinary(settings), args, { stdio: 'inherit', env });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}
