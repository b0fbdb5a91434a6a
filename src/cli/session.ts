/** Which Temporal a command works with: the embedded default, or the server somebody named (SPEC C5, C6). */
import type { Client } from '@temporalio/client';
import { loadSettings, type Settings } from '../config.ts';
import type { TemporalTarget } from '../temporal/target.ts';
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
  /** Called again and again by whoever waits: an embedded stack whose supervisor was killed gets another one. */
  keepUp: () => Promise<void>;
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
  const { namedAddress } = await import('../temporal/target.ts');
  const named = namedAddress({ ...flags, env: settings.env });
  if (named === null) return true;
  const { isOwnAddress } = await import('../embedded/embedded.ts');
  return isOwnAddress(settings.home, named);
}

const EMBEDDED_NAMESPACE = 'default';

/** `orders`: false for commands that only look; they take the embedded worker as it is (SPEC G8). */
export async function openSession(
  settings: Settings,
  flags: ServerFlags,
  { orders } = { orders: true },
): Promise<Session> {
  const embedded = await isEmbedded(settings, flags);
  if (embedded && flags.namespace !== undefined && flags.namespace !== EMBEDDED_NAMESPACE) {
    throw new CommandProblem(
      EXIT.usage,
      `--namespace ${flags.namespace}: the embedded server has "${EMBEDDED_NAMESPACE}" only; name the server that has it ` +
        'with --address, --profile or TEMPORAL_ADDRESS. Nothing was sent.',
    );
  }
  const place = embedded ? await embeddedPlace(settings, { orders }) : { webUi: null };
  const target: TemporalTarget = { ...flags, ...place, env: settings.env, embedded };
  const { connect } = await import('../client.ts');
  const { temporalConnection } = await import('../temporal/target.ts');
  const { connectionOptions, namespace } = temporalConnection(target);
  const { address } = connectionOptions;
  const client = await connect(target).catch((error: unknown) => {
    throw new CommandProblem(EXIT.environment, `${(error as Error).message} Nothing was sent.`);
  });
  let isAnswering = true;
  const revive = async () => {
    isAnswering = false;
    if (embedded) await refuseWhenStopped(settings);
    if (embedded && (await embeddedPlace(settings, { orders: false })).address !== address) {
      throw new CommandProblem(
        EXIT.environment,
        'the server came back at another address; run the same command again to go on',
      );
    }
    isAnswering = true;
  };
  const letGo = embedded ? await stayInUse(settings) : () => undefined;
  return {
    client,
    webUi: place.webUi,
    namespace,
    address,
    embedded,
    revive,
    keepUp: embedded ? keeperOf(settings) : async () => undefined,
    close: async () => {
      letGo();
      // Calls that its client repeats to a server that has gone would throw on a closed connection; the command ends anyway.
      if (isAnswering) await client.connection.close();
    },
  };
}

/** Whoever typed `imgproof down` meant it: an order that is waited for elsewhere does not start everything again. */
async function refuseWhenStopped({ home }: Settings): Promise<void> {
  const { isStoppedOnPurpose } = await import('../embedded/embedded.ts');
  if (!(await isStoppedOnPurpose(home))) return;
  throw new CommandProblem(
    EXIT.environment,
    'the embedded server was stopped by `imgproof down`. What was ordered stays recorded; the same command goes on with it.',
  );
}

/** A supervisor that makes room for another one is missing for a moment, too: what is seen twice in turn counts. */
function keeperOf(settings: Settings): () => Promise<void> {
  let wasLeftAlone = false;
  return async () => {
    const { isLeftAlone } = await import('../embedded/embedded.ts');
    const isAlone = await isLeftAlone(settings.home);
    if (isAlone && wasLeftAlone) await embeddedPlace(settings, { orders: false });
    wasLeftAlone = isAlone;
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
  const { address, webUi } = await ensureEmbedded(settings, {
    onStatus: (text) => say(text),
    ...(order && { order }),
  });
  return { address, namespace: EMBEDDED_NAMESPACE, webUi };
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
