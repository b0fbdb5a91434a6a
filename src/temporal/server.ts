/** The way to a Temporal server (SPEC C6). */
import type { Connection } from '@temporalio/client';
import { sdk } from './sdk.ts';
import { callProblem, isForbidden, obstacleProblem, optionsProblem } from './server-problem.ts';
import { type Endpoint, findObstacle } from './socket-probe.ts';
import { temporalConnection, type TemporalPlace, type TemporalTarget } from './target.ts';

/** A wrong setting is told early; whoever is only slow gets the whole patience. */
const LOOK_AFTER_MS = 1_000;
const CALL_DEADLINE_MS = 5_000;

/**
 * Connection to the server of a target, in which its namespace is known to exist.
 * @throws ServerProblem when there is none within `patienceMs`, or as soon as it is clear that there can't be
 */
export async function reachServer(target: TemporalTarget, patienceMs = 10_000): Promise<Connection> {
  const place = temporalConnection(target);
  const connection = connectionTo(place, target, patienceMs);
  try {
    await untilConnected(connection, place, target);
    if (!target.embedded) await checkNamespace(connection, place, target);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function connectionTo(
  { connectionOptions }: TemporalPlace,
  target: TemporalTarget,
  connectTimeout: number,
): Connection {
  try {
    return sdk.Connection.lazy({ ...connectionOptions, connectTimeout });
  } catch (error) {
    throw optionsProblem(error, target);
  }
}

async function untilConnected(
  connection: Connection,
  place: TemporalPlace,
  target: TemporalTarget,
): Promise<void> {
  const failure = connection.ensureConnected().then(
    () => null,
    (error: unknown) => ({ error }),
  );
  const slow = new Promise<'slow'>((resolve) => setTimeout(resolve, LOOK_AFTER_MS, 'slow'));
  if ((await Promise.race([failure, slow])) === null) return;
  const obstacle = target.embedded ? null : await findObstacle(endpointOf(place));
  if (obstacle !== null && obstacle.kind !== 'no answer') throw obstacleProblem(obstacle, place, target);
  const failed = await failure;
  if (failed !== null) throw callProblem(failed.error, obstacle, place, target);
}

/** What a key may not look at may be there all the same. */
async function checkNamespace(
  connection: Connection,
  place: TemporalPlace,
  target: TemporalTarget,
): Promise<void> {
  const look = () => connection.workflowService.describeNamespace({ namespace: place.namespace });
  try {
    await connection.withDeadline(Date.now() + CALL_DEADLINE_MS, look);
  } catch (error) {
    if (!isForbidden(error)) throw callProblem(error, null, place, target);
  }
}

function endpointOf({ connectionOptions: { address, tls } }: TemporalPlace): Endpoint {
  const place = hostAndPort(address);
  if (tls === undefined || tls === null || tls === false) return { ...place, tls: null };
  const { serverRootCACertificate: ca, clientCertPair: own, serverNameOverride } = tls === true ? {} : tls;
  return {
    ...place,
    tls: {
      ...(ca && { ca: Buffer.from(ca) }),
      ...(own && { cert: Buffer.from(own.crt), key: Buffer.from(own.key) }),
      ...(serverNameOverride && { serverName: serverNameOverride }),
    },
  };
}

/** As the SDK reads it: 7233 when no port is given. */
function hostAndPort(address: string): { host: string; port: number } {
  const form = /^\[?(?<host>.*?)\]?(?::(?<port>\d+))?$/u;
  const { host = address, port = '7233' } = form.exec(address)?.groups ?? {};
  return { host, port: Number(port) };
}
