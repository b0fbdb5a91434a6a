import { problem, type ProviderEntry } from './provider-entry.ts';
import { substitute } from './variables.ts';

/** Shorter values of variables are host names and versions, not secrets. */
const SECRET_CHARACTERS = 8;

/** `urlSecrets`: values of variables that stand in its path or query. @throws ProviderConfigError */
export function readBaseUrl(entry: ProviderEntry, raw: unknown): { baseUrl: string; urlSecrets: string[] } {
  if (typeof raw !== 'string' || raw.trim() === '')
    throw problem(entry, 'invalid', 'has no baseUrl; add one such as "https://host/v1"');
  const { text, missing, values } = substitute(entry, 'baseUrl', raw.trim());
  if (missing !== undefined)
    throw problem(entry, 'invalid', `has a baseUrl whose variable ${missing} is not set or empty`);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null)
    throw problem(entry, 'invalid', 'has a baseUrl that is not a URL; write it like "https://host/v1"');
  if (url.username !== '' || url.password !== '')
    throw problem(entry, 'invalid', 'has a baseUrl with user name or password in it; use apiKey or headers');
  if (url.hash !== '')
    throw problem(entry, 'invalid', 'has a baseUrl with a # part, which is never sent; remove it');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    throw problem(
      entry,
      'invalid',
      'has a baseUrl that is neither https nor http on this machine (127.0.0.1, ::1, localhost): the key would travel unprotected',
    );
  }
  const beyondHost = `${url.pathname}${url.search}`;
  const isSecret = (value: string) =>
    value.length >= SECRET_CHARACTERS && !value.includes('://') && beyondHost.includes(value);
  return { baseUrl: text.replace(/\/+$/u, ''), urlSecrets: values.filter(isSecret) };
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/u.test(hostname);
}
