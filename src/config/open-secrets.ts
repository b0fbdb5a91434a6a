/**
 * Opens the files and runs the commands that SecretRefs name (SPEC G8): in the worker only, anew for each call. Each
 * secret provider is asked once, for all fields that want something of it.
 */
import { problem, type ProviderConfigError, type ProviderEntry } from './provider-entry.ts';
import { askSecretCommand } from './secret-command.ts';
import { openSecretFile } from './secret-file.ts';
import type { SealedSecret } from './secret-refs.ts';
import { type SecretAnswers, SecretRefused } from './secret-refused.ts';

/** The secrets, none of them empty. @throws ProviderConfigError that tells of each one that can't be had */
export async function openSecrets(
  entry: ProviderEntry,
  sealed: readonly SealedSecret[],
): Promise<Map<SealedSecret, string>> {
  const aliases = [...new Set(sealed.map(({ alias }) => alias))];
  const groups = aliases.map((alias) => sealed.filter((secret) => secret.alias === alias));
  const answers = (await Promise.all(groups.map(answersTo))).flat();
  const refused = answers.flatMap(([secret, answer]) =>
    typeof answer === 'string' ? [] : [{ secret, why: answer }],
  );
  if (refused.length > 0) throw refusal(entry, refused);
  return new Map(answers as [SealedSecret, string][]);
}

type Answer = [SealedSecret, string | SecretRefused];

async function answersTo(group: SealedSecret[]): Promise<Answer[]> {
  const answers = await ask(group).catch((error: unknown) => {
    if (error instanceof SecretRefused) return error;
    throw error;
  });
  return group.map((secret) => [
    secret,
    answers instanceof SecretRefused ? answers : (answers.get(secret.id) ?? NOT_THERE),
  ]);
}

const NOT_THERE = new SecretRefused('no_key', 'it holds no such secret; add it there');

async function ask(group: SealedSecret[]): Promise<SecretAnswers> {
  const [first] = group;
  if (first === undefined) return new Map();
  const ids = [...new Set(group.map(({ id }) => id))];
  switch (first.from.source) {
    case 'file':
      return openSecretFile(first.from, ids);
    case 'exec':
      return askSecretCommand(first.from, first.alias, ids);
  }
}

function refusal(
  entry: ProviderEntry,
  refused: { secret: SealedSecret; why: SecretRefused }[],
): ProviderConfigError {
  const fieldsByReason = new Map<string, string[]>();
  for (const { secret, why } of refused) {
    const reason = `from secrets.providers.${secret.alias}: ${why.message}`;
    fieldsByReason.set(reason, [...(fieldsByReason.get(reason) ?? []), secret.field]);
  }
  const reasons = [...fieldsByReason].map(([reason, fields]) => `takes ${fields.join(' and ')} ${reason}`);
  const kind = refused.some(({ why }) => why.kind === 'invalid') ? 'invalid' : 'no_key';
  return problem(entry, kind, reasons.join('; and '));
}
