/** What keeps us from a Temporal server, in words that name the setting to correct (SPEC C3, C6). */
import { sdk } from './sdk.ts';
import type { Obstacle } from './socket-probe.ts';
import { settingName, type TemporalPlace, type TemporalTarget } from './target.ts';

/** The CLI exits 3 (SPEC C3). */
export class ServerProblem extends Error {
  readonly exitCode = 3;
  override readonly name = 'ServerProblem';
  /** False: it may pass by itself, as with a server that is just starting. */
  readonly isLasting: boolean;

  constructor(message: string, { isLasting } = { isLasting: true }) {
    super(message);
    this.isLasting = isLasting;
  }
}

/** gRPC status codes. */
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const UNAUTHENTICATED = 16;

/** An address of another form, a certificate that is none. */
export function optionsProblem(error: unknown, target: TemporalTarget): ServerProblem {
  const settings = `${settingName('address', target)} and ${settingName('clientCertificate', target)}`;
  return new ServerProblem(`${(error as Error).message}. Check ${settings}.`);
}

/** Settings of ours that don't fit the server. */
export function obstacleProblem(
  obstacle: Exclude<Obstacle, { kind: 'no answer' }>,
  place: TemporalPlace,
  target: TemporalTarget,
): ServerProblem {
  const server = serverText(place, target);
  const name = (setting: Parameters<typeof settingName>[0]) => settingName(setting, target);
  switch (obstacle.kind) {
    case 'it speaks TLS':
      return new ServerProblem(`${server} speaks TLS, and we don’t. Set ${name('tls')} to true.`);
    case 'it speaks no TLS': {
      const cause = place.connectionOptions.apiKey === undefined ? name('tls') : name('apiKey');
      return new ServerProblem(
        `${server} speaks no TLS, which ${cause} asks for. Set TEMPORAL_TLS to false, or correct the address.`,
      );
    }
    case 'certificate':
      return new ServerProblem(
        `the certificate of ${server} is not trusted: ${obstacle.reason}. Name the authority that signed it in ` +
          `${name('authority')}, and another host name that it is made out to in ${name('serverName')}.`,
      );
    case 'client certificate':
      return new ServerProblem(
        `${server} wants a client certificate, or another one: ${obstacle.reason}. ` +
          `Check ${name('clientCertificate')} and ${name('clientKey')}.`,
      );
  }
}

/** A first call that failed; `obstacle` says why no connection came about, when that is known. */
export function callProblem(
  error: unknown,
  obstacle: Extract<Obstacle, { kind: 'no answer' }> | null,
  place: TemporalPlace,
  target: TemporalTarget,
): ServerProblem {
  const refusal = refusedCall(error, settingName('apiKey', target));
  if (refusal !== null) return refusal;
  const server = serverText(place, target);
  const { code, details } = grpcErrorIn(error) ?? {};
  if (code === NOT_FOUND) {
    return new ServerProblem(
      `there is no namespace "${place.namespace}" at ${server}. Correct ${settingName('namespace', target)}, ` +
        `or create it with \`temporal operator namespace create --namespace ${place.namespace}\`.`,
    );
  }
  const reason = obstacle?.reason ?? details ?? (error as Error).message;
  return new ServerProblem(
    `no Temporal server answers at ${server}: ${reason}. Start it, or correct the address; ` +
      'a command that names no server uses the embedded one.',
    { isLasting: false },
  );
}

/** A call that the server refused for who we are; null for any other error. */
export function refusedCall(error: unknown, key = 'TEMPORAL_API_KEY'): ServerProblem | null {
  const { code, details } = grpcErrorIn(error) ?? {};
  if (code === UNAUTHENTICATED)
    return new ServerProblem(
      `the Temporal server does not accept our credentials: ${details}. Check ${key}.`,
    );
  if (code === PERMISSION_DENIED)
    return new ServerProblem(
      `the Temporal server does not allow us to do this: ${details}. Check ${key} and what it may do in the namespace.`,
    );
  return null;
}

export function isForbidden(error: unknown): boolean {
  return grpcErrorIn(error)?.code === PERMISSION_DENIED;
}

/** gRPC's own error, also when a client has wrapped it. */
export function grpcErrorIn(error: unknown): { code: number; details: string } | undefined {
  return [error, (error as { cause?: unknown } | null)?.cause].find(sdk.isGrpcServiceError);
}

function serverText({ connectionOptions }: TemporalPlace, target: TemporalTarget): string {
  return `${connectionOptions.address} (${settingName('address', target)})`;
}
