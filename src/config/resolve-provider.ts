/** The worker's way to a provider (SPEC G8): the only one on which files of secrets are opened and commands run. */
import { TASK_DEFAULTS } from '../domain/task.ts';
import { findEntry } from './find-entry.ts';
import type { ProviderConfig } from './provider-entry.ts';
import type { Settings } from './settings.ts';

/**
 * What a call to this provider needs, read from disk now, so that a key changed since the last call counts.
 * `model`: the one that will be asked for.
 * @throws ProviderConfigError; its message says which file, and carries no configured value.
 */
export async function resolveProvider(
  settings: Settings,
  name: string,
  model: string = TASK_DEFAULTS.model,
): Promise<ProviderConfig> {
  const entry = findEntry(settings, name, model);
  // Loaded on first use: most commands look at no provider.
  const { planProvider, sealedSecrets, unseal } = await import('./provider-plan.ts');
  const { openSecrets } = await import('./open-secrets.ts');
  const plan = planProvider(entry);
  return unseal(plan, await openSecrets(entry, sealedSecrets(plan)));
}
