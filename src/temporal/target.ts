/** Which Temporal a command or a worker talks to, and which setting says so (SPEC C5, C6). */
import {
  type ClientConfigProfile,
  type ClientConnectConfig,
  loadClientConfigProfile,
  toClientOptions,
} from '@temporalio/envconfig';

export interface TemporalTarget {
  /** `host:port`; wins over the environment and the profile. */
  address?: string;
  namespace?: string;
  /** Profile of the `temporal` CLI's config file. */
  profile?: string;
  /** Variables `TEMPORAL_*` to read; empty for the embedded server, which needs none of them. */
  env: Record<string, string | undefined>;
  /** True for the embedded server: no profile file either. */
  embedded: boolean;
}

export interface TemporalPlace {
  connectionOptions: ClientConnectConfig['connectionOptions'] & { address: string };
  namespace: string;
}

/** What was said about the server can't be used. The CLI exits 3 (SPEC C3). */
class TargetProblem extends Error {
  readonly exitCode = 3;
  override readonly name = 'TargetProblem';
}

const DEFAULT_ADDRESS = 'localhost:7233';

/**
 * Connection options for `Connection` and `NativeConnection`, by the rules of the `temporal` CLI: flag over environment
 * over profile. @throws TargetProblem when a profile or a file that is named can't be used.
 */
export function temporalConnection(target: TemporalTarget): TemporalPlace {
  const profile = target.embedded ? {} : profileOf(target);
  const address = target.address ?? profile.address ?? DEFAULT_ADDRESS;
  return {
    connectionOptions: { ...connectionOptions(profile, target), address },
    namespace: target.namespace ?? profile.namespace ?? 'default',
  };
}

/**
 * Address of the server that a flag, the environment or a profile names. Null when none does: then the embedded one is
 * meant. A profile that somebody asks for names one in any case. @throws TargetProblem
 */
export function namedAddress(target: Omit<TemporalTarget, 'embedded' | 'namespace'>): string | null {
  if (target.address !== undefined) return target.address;
  const isProfileNamed = (target.profile ?? variable(target, 'TEMPORAL_PROFILE')) !== undefined;
  return profileOf(target).address ?? (isProfileNamed ? DEFAULT_ADDRESS : null);
}

/** What a person can correct. */
type Setting =
  | 'address'
  | 'namespace'
  | 'apiKey'
  | 'tls'
  | 'authority'
  | 'serverName'
  | 'clientCertificate'
  | 'clientKey';

const SETTINGS: Record<
  Setting,
  { flag?: 'address' | 'namespace'; variables: [string, ...string[]]; field: string }
> = {
  address: { flag: 'address', variables: ['TEMPORAL_ADDRESS'], field: 'address' },
  namespace: { flag: 'namespace', variables: ['TEMPORAL_NAMESPACE'], field: 'namespace' },
  apiKey: { variables: ['TEMPORAL_API_KEY'], field: 'api_key' },
  tls: { variables: ['TEMPORAL_TLS'], field: 'tls' },
  serverName: { variables: ['TEMPORAL_TLS_SERVER_NAME'], field: 'tls.server_name' },
  authority: {
    variables: ['TEMPORAL_TLS_SERVER_CA_CERT_PATH', 'TEMPORAL_TLS_SERVER_CA_CERT_DATA'],
    field: 'tls.server_ca_cert_path',
  },
  clientCertificate: {
    variables: ['TEMPORAL_TLS_CLIENT_CERT_PATH', 'TEMPORAL_TLS_CLIENT_CERT_DATA'],
    field: 'tls.client_cert_path',
  },
  clientKey: {
    variables: ['TEMPORAL_TLS_CLIENT_KEY_PATH', 'TEMPORAL_TLS_CLIENT_KEY_DATA'],
    field: 'tls.client_key_path',
  },
};

/** Where a setting was made, or can be: `--address`, `TEMPORAL_ADDRESS`, or a field of the profile in use. */
export function settingName(setting: Setting, target: TemporalTarget): string {
  const { flag, variables, field } = SETTINGS[setting];
  if (flag !== undefined && target[flag] !== undefined) return `--${flag}`;
  const given = variables.find((name) => variable(target, name) !== undefined);
  if (given !== undefined) return given;
  const isProfileUsed = Object.keys(profileOf(target, { disableEnv: true })).length > 0;
  return isProfileUsed ? `${field} of the profile ${profileName(target)}, or ${variables[0]}` : variables[0];
}

/** `disableEnv`: the file alone. */
function profileOf(
  target: Pick<TemporalTarget, 'env' | 'profile'>,
  { disableEnv } = { disableEnv: false },
): ClientConfigProfile {
  const load = (options: { disableFile?: boolean }) =>
    loadClientConfigProfile({
      disableEnv,
      overrideEnvVars: givenOnly(target.env),
      ...(target.profile === undefined ? {} : { profile: target.profile }),
      ...options,
    });
  try {
    return load({});
  } catch (error) {
    // A file without any profile, an empty one for example, says nothing; the library stumbles over it.
    const isNamed = (target.profile ?? variable(target, 'TEMPORAL_PROFILE')) !== undefined;
    if (error instanceof TypeError && !isNamed) return load({ disableFile: true });
    const file = variable(target, 'TEMPORAL_CONFIG_FILE') ?? 'the config file of the temporal CLI';
    throw new TargetProblem(
      `the Temporal profile ${profileName(target)} can't be read from ${file}: ${(error as Error).message.trim()}. ` +
        'Correct the file, --profile, TEMPORAL_PROFILE or TEMPORAL_CONFIG_FILE.',
    );
  }
}

/** Certificates are files, and are read here. */
function connectionOptions(
  profile: ClientConfigProfile,
  target: TemporalTarget,
): ClientConnectConfig['connectionOptions'] {
  const { clientCert, clientKey } = profile.tls ?? {};
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    const missing = clientCert === undefined ? 'clientCertificate' : 'clientKey';
    const present = clientCert === undefined ? 'clientKey' : 'clientCertificate';
    throw new TargetProblem(
      `a client certificate for Temporal needs its key and the other way round: ${settingName(present, target)} is set, ` +
        `so set ${settingName(missing, target)} too.`,
    );
  }
  try {
    return toClientOptions(profile).connectionOptions;
  } catch (error) {
    throw new TargetProblem(
      `a certificate for Temporal can't be read: ${(error as Error).message}. ` +
        `Correct ${settingName(fileSetting(profile, error), target)}.`,
    );
  }
}

/** Which of the files it was. */
function fileSetting({ tls }: ClientConfigProfile, error: unknown): Setting {
  const { path } = error as { path?: string };
  const isOf = (source: NonNullable<typeof tls>['clientCert']) =>
    source !== undefined && 'path' in source && source.path === path;
  if (isOf(tls?.clientCert)) return 'clientCertificate';
  return isOf(tls?.clientKey) ? 'clientKey' : 'authority';
}

function profileName(target: Pick<TemporalTarget, 'env' | 'profile'>): string {
  return `"${target.profile ?? variable(target, 'TEMPORAL_PROFILE') ?? 'default'}"`;
}

function variable({ env }: Pick<TemporalTarget, 'env'>, name: string): string | undefined {
  return givenOnly(env)[name];
}

/** An empty variable says nothing, as everywhere in imgproof. */
function givenOnly(env: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
    ),
  );
}
