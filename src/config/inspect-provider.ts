/** The CLI's way to a provider (SPEC G8): structure and variables. Nothing here can open or run a SecretRef. */
import { TASK_DEFAULTS } from '../domain/task.ts';
import { findEntry } from './find-entry.ts';
import { ProviderConfigError } from './provider-entry.ts';
import type { Settings } from './settings.ts';

export type ProviderState = { ok: true } | { ok: false; exitCode: 3 | 4; message: string };

/**
 * SPEC H7: would a call find its provider and a key? What stands behind a file or a command the worker will see. No
 * secret leaves this function.
 */
export async function inspectProvider(
  settings: Settings,
  name: string,
  model: string = TASK_DEFAULTS.model,
): Promise<ProviderState> {
  // Loaded on first use: most commands look at no provider.
  const { planProvider } = await import('./provider-plan.ts');
  try {
    planProvider(findEntry(settings, name, model));
    return { ok: true };
  } catch (error) {
    if (!(error instanceof ProviderConfigError)) throw error;
    return { ok: false, exitCode: error.exitCode, message: error.message };
  }
}
