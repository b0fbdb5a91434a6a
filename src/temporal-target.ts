import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';

/** Which Temporal a command or a worker talks to. */
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

/** Connection options for `Connection` and `NativeConnection`, by the same rules as the `temporal` CLI (SPEC C6). */
export function temporalConnection(target: TemporalTarget): ClientConnectConfig & { namespace: string } {
  const found = target.embedded ? { connectionOptions: {} } : configured(target);
  return {
    connectionOptions: {
      ...found.connectionOptions,
      ...(target.address === undefined ? {} : { address: target.address }),
    },
    namespace: target.namespace ?? found.namespace ?? 'default',
  };
}

function configured({ env, profile }: TemporalTarget): ClientConnectConfig {
  return loadClientConnectConfig({
    overrideEnvVars: definedOnly(env),
    ...(profile === undefined ? {} : { profile }),
  });
}

function definedOnly(env: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
