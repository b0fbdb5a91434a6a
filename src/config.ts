/** The only reader of the environment and of config files (SPEC G3, G8, H1, H2; `reference/api.md` 3). */
export { ConfigError } from './host/config-file.ts';
export { inspectProvider } from './config/inspect-provider.ts';
export { namedVariables } from './config/named-variables.ts';
export { resolveProvider } from './config/resolve-provider.ts';
export { allowedRoots, outputRoots, rememberRoot } from './config/roots.ts';
export { loadSettings, type Settings } from './config/settings.ts';
