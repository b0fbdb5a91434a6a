/** Which Temporal a command works with: the embedded default, or the server somebody named (SPEC C5, C6). */
import { resolve } from 'node:path';
import type { Client } from '@temporalio/client';
import { loadSettings, type Settings } from '../config.ts';
import type { TemporalTarget } from '../temporal-target.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import type { ServerFlags } from './flags.ts';
import { say } from './output.ts';

export interface Session {
  client: Client;
  /** Base of links into the Web UI; null when this server's is not known. */
  webUi: string | null;
  namespace: string;
  address: string;
  embedded: boolean;
  /** After the server went away: start the embedded one again when that is what it was. */
  revive: () => Promise<void>;
  close: () => Promise<void>;
}

export function settingsOf(overrides: NodeJS.ProcessEnv = {}): Settings {
  return loadSettings({ ...process.env, ...overrides });
}

/**
 * True when no Temporal server was named, or the one that was is this machine's own: then that is used, and started when
 * needed (SPEC C5).
 */
export async function isEmbedded(settings: Settings, flags: ServerFlags): Promise<boolean> {
  if (flags.address === undefined && flags.profile === undefined && !settings.temporal.isNamed) return true;
  const named = flags.address ?? (flags.profile === undefined ? settings.temporal.address : undefined);
  if (named === undefined) return false;
  const { isOwnAddress } = await import('../embedded/embedded.ts');
  return isOwnAddress(settings.home, named);
}

/** `orders`: false for commands that only look; they take the embedded worker as it is (SPEC G8). */
export async function openSession(
  settings: Settings,
  flags: ServerFlags,
  { orders } = { orders: true },
): Promise<Session> {
  const embedded = await isEmbedded(settings, flags);
  const place = embedded ? await embeddedPlace(settings, { orders }) : { webUi: null };
  const target: TemporalTarget = { ...flags, ...place, env: settings.env, embedded };
  const { connect } = await import('../client.ts');
  const { temporalConnection } = await import('../temporal-target.ts');
  const { connectionOptions, namespace } = temporalConnection(target);
  const address = connectionOptions.address ?? 'localhost:7233';
  const client = await connect(target).catch((error: unknown) => {
    throw new CommandProblem(
      EXIT.environment,
      `no Temporal server answers at ${address} (${(error as Error).message}). Nothing was sent. ` +
        'Start it, or correct --address / TEMPORAL_ADDRESS, or leave both out to use the embedded server.',
    );
  });
  const revive = async () => {
    if (embedded && (await embeddedPlace(settings, { orders: false })).address !== address) {
      throw new CommandProblem(
        EXIT.environment,
        'the server came back at another address; run the same command again to go on',
      );
    }
  };
  const letGo = embedded ? await stayInUse(settings) : () => undefined;
  return {
    client,
    webUi: place.webUi,
    namespace,
    address,
    embedded,
    revive,
    close: () => {
      letGo();
      return client.connection.close();
    },
  };
}

/** Address of the embedded stack, which runs then. */
export async function embeddedPlace(
  settings: Settings,
  { orders }: { orders: boolean },
): Promise<{ address: string; namespace: string; webUi: string }> {
  const { ensureEmbedded, workerFacts } = await import('../embedded/embedded.ts');
  const { callsInFlight } = await import('./calls-in-flight.ts');
  const order = orders ? { facts: workerFacts(settings), askCalls: callsInFlight } : undefined;
  const { home, temporalCliPath, packageRoot, idleStopMs } = settings;
  const { address, webUi } = await ensureEmbedded(
    { home, temporalCliPath, packageRoot, idleStopMs, env: backgroundEnv(settings) },
    { onStatus: (text) => say(text), ...(order && { order }) },
  );
  return { address, namespace: 'default', webUi };
}

/** A background process has a current directory of its own: what it reads must not depend on ours. */
function backgroundEnv({ env, ownConfig, openclawConfig, openclawStateDir }: Settings): NodeJS.ProcessEnv {
  const workspace = env['OPENCLAW_WORKSPACE'];
  return {
    ...env,
    OPENCLAW_STATE_DIR: openclawStateDir,
    ...(ownConfig.isNamed && { IMGPROOF_CONFIG: ownConfig.path }),
    ...(openclawConfig.isNamed && { OPENCLAW_CONFIG_PATH: openclawConfig.path }),
    ...(workspace && { OPENCLAW_WORKSPACE: resolve(workspace) }),
  };
}

/** The embedded stack does not take itself for idle until the returned function is called (SPEC C5). */
export async function stayInUse({ home, idleStopMs }: Settings): Promise<() => void> {
  const { keepInUse } = await import('../embedded/embedded.ts');
  return keepInUse(home, idleStopMs);
}

export function webUiLink(session: Pick<Session, 'webUi' | 'namespace'>, workflowId: string): string | null {
  if (session.webUi === null) return null;
  return `${session.webUi}/namespaces/${session.namespace}/workflows/${encodeURIComponent(workflowId)}`;
}
