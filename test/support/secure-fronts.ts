/** One dev server behind TLS, behind a client certificate, behind a key: as servers elsewhere stand. */
import { type Authority, type Certificate, createAuthority } from './certificates.ts';
import { type DevServer, startDevServer } from './dev-server.ts';
import { type Front, type KeyFront, startKeyFront, startTlsFront } from './temporal-front.ts';

export interface SecureFronts {
  server: DevServer;
  /** Signed every certificate but that of `foreign`. */
  authority: Authority;
  /** Client certificates: one that `mutual` knows, and one that nobody does. */
  own: Certificate;
  foreign: Certificate;
  tls: Front;
  /** Its certificate is made out to example.com. */
  otherName: Front;
  mutual: Front;
  /** Lets pass who brings `API_KEY`. */
  keyed: KeyFront;
  stop: () => Promise<void>;
}

export const API_KEY = 'temporal-key-4711';

export async function startSecureFronts(folder: string): Promise<SecureFronts> {
  const server = await startDevServer();
  const authority = createAuthority(folder, 'authority');
  const certificate = authority.issue('server', ['DNS:localhost', 'IP:127.0.0.1']);
  const tls = await startTlsFront(server.port, certificate);
  const otherName = await startTlsFront(server.port, authority.issue('other-name', ['DNS:example.com']));
  const mutual = await startTlsFront(server.port, certificate, authority);
  const keyed = await startKeyFront(server.port, certificate, API_KEY);
  return {
    server,
    authority,
    tls,
    otherName,
    mutual,
    keyed,
    own: authority.issue('own'),
    foreign: createAuthority(folder, 'stranger').issue('foreign'),
    stop: async () => {
      for (const front of [tls, otherName, mutual, keyed]) await front.close();
      await server.stop();
    },
  };
}

/** Variables of somebody who trusts the authority. */
export function trusting(
  { authority }: SecureFronts,
  { address }: Front,
  more: Record<string, string> = {},
): Record<string, string> {
  return { TEMPORAL_ADDRESS: address, TEMPORAL_TLS_SERVER_CA_CERT_PATH: authority.cert, ...more };
}

/** And who shows this certificate. */
export function showing({ cert, key }: Pick<Certificate, 'cert' | 'key'>): Record<string, string> {
  return { TEMPORAL_TLS_CLIENT_CERT_PATH: cert, TEMPORAL_TLS_CLIENT_KEY_PATH: key };
}
