/** Certificates for one test, made by openssl: an authority, and what it signs. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  /** Paths of PEM files. */
  cert: string;
  key: string;
  /** Their contents. */
  pem: { cert: Buffer; key: Buffer };
}

export interface Authority extends Certificate {
  /** `names`: what a server may be called, as `DNS:localhost` or `IP:127.0.0.1`. `days`: valid for; -1: expired. */
  issue: (file: string, names?: readonly string[], days?: number) => Certificate;
}

const KEY_KIND = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export function createAuthority(folder: string, file: string): Authority {
  const authority = { cert: join(folder, `${file}.pem`), key: join(folder, `${file}-key.pem`) };
  const subject = ['-subj', `/CN=${file}`, '-days', '2'];
  openssl('req', '-x509', ...KEY_KIND, ...subject, '-keyout', authority.key, '-out', authority.cert);
  return {
    ...loaded(authority),
    issue: (name, names = [], days = 2) => {
      const [cert, key, request, extensions] = ['.pem', '-key.pem', '.csr', '.ext'].map((end) =>
        join(folder, `${name}${end}`),
      ) as [string, string, string, string];
      // Some clients take certificates of version 3 only, which is what has extensions.
      const alternatives = names.length === 0 ? '' : `subjectAltName=${names.join(',')}\n`;
      writeFileSync(extensions, `basicConstraints=CA:FALSE\n${alternatives}`);
      openssl('req', ...KEY_KIND, '-subj', `/CN=${name}`, '-keyout', key, '-out', request);
      const signing = ['-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial', '-days', `${days}`];
      openssl('x509', '-req', '-in', request, ...signing, '-extfile', extensions, '-out', cert);
      return loaded({ cert, key });
    },
  };
}

function loaded({ cert, key }: Pick<Certificate, 'cert' | 'key'>): Certificate {
  return { cert, key, pem: { cert: readFileSync(cert), key: readFileSync(key) } };
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' });
}
