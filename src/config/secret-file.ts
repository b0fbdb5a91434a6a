/** Secret providers of source `file` (`reference/api.md` 3): `{path, mode, timeoutMs, maxBytes}`. */
import { isObject, type JsonObject } from '../host/config-file.ts';
import { readPointer } from './json-pointer.ts';
import { readPrivateFile } from './private-file.ts';
import type { FileProvider } from './secret-providers.ts';
import { type SecretAnswers, SecretRefused, secretText } from './secret-refused.ts';

/** @throws SecretRefused when the file can't be used at all */
export async function openSecretFile(provider: FileProvider, ids: readonly string[]): Promise<SecretAnswers> {
  const text = await readPrivateFile(provider.path, provider);
  switch (provider.mode) {
    case 'singleValue':
      return new Map(ids.map((id) => [id, secretText(text.replace(/\r?\n$/u, ''))]));
    case 'json': {
      const document = parsed(text);
      const found = ids.map((id) => [id, readPointer(document, id)] as const);
      return new Map(
        found.flatMap(([id, value]) => (value === undefined ? [] : [[id, secretText(value)] as const])),
      );
    }
  }
}

/** The parser's own message would quote the file. */
function parsed(text: string): JsonObject {
  try {
    const document: unknown = JSON.parse(text);
    if (isObject(document)) return document;
  } catch {
    // Told below.
  }
  throw new SecretRefused(
    'invalid',
    'its file does not hold one JSON object; correct it, or set mode "singleValue"',
  );
}
