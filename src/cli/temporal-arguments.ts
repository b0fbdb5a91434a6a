/** What `imgproof temporal` has to know of the Temporal CLI's command line. */

/** Commands that talk to no server, or start one of their own. */
const SERVERLESS = new Set(['completion', 'config', 'env', 'help', 'server']);

/** True when the command would go to a server that nobody has named on its command line. */
export function needsServer(args: readonly string[]): boolean {
  const command = args.find((arg) => !arg.startsWith('-'));
  if (command === undefined || SERVERLESS.has(command)) return false;
  return !args.some((arg) =>
    /^(?:--help|-h|--version|-v|--(?:address|profile|config-file|env)(?:=.*)?)$/u.test(arg),
  );
}

/**
 * Environment in which the Temporal CLI reaches the embedded server: nothing that was meant for another one, a key, TLS or
 * a profile, goes along.
 */
export function embeddedEnvironment(env: NodeJS.ProcessEnv, address: string): NodeJS.ProcessEnv {
  const others = Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return { ...Object.fromEntries(others), TEMPORAL_ADDRESS: address, TEMPORAL_CONFIG_FILE: NO_FILE };
}

/** The Temporal CLI takes a config file that is not there for none. */
const NO_FILE = '/nonexistent/imgproof-uses-no-profile.toml';
