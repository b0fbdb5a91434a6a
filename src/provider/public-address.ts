/** Which addresses a link of a provider may lead to: those of the open internet, and nothing else (issue 6, point 7). */
import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { buildConnector } from 'undici';
import { bareError } from './transport-error.ts';

/** The code of an address that is not connected to. */
export const BLOCKED = 'blocked_address';

/** In the public range, and yet a metadata service of a cloud: Azure's, "What is IP address 168.63.129.16?" in its docs. */
const CLOUD_ADDRESSES = new Set(['168.63.129.16']);

/** All that is given out so far of IPv6 (IANA, "Internet Protocol Version 6 Address Space"); the rest has odd uses, old and new. */
const GLOBAL_IPV6: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/**
 * True for a global unicast address, in whatever spelling: no private, loopback, link-local, multicast, unspecified or
 * reserved one, no address of a carrier's NAT, and none that carries another inside (NAT64, 6to4, Teredo; IPv4-mapped is
 * judged by the IPv4 address). What is no address is not public.
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.process(address);
  const isGlobal = parsed instanceof ipaddr.IPv6 ? parsed.match(GLOBAL_IPV6) : true;
  return isGlobal && parsed.range() === 'unicast' && !CLOUD_ADDRESSES.has(parsed.toString());
}

/** As `dns.lookup` with `all`; tests bring names of their own. */
export type Resolve = (
  hostname: string,
  callback: (error: Error | null, addresses: { address: string; family: number }[]) => void,
) => void;

export const resolveName: Resolve = (hostname, callback) => {
  lookup(hostname, { all: true }, callback);
};

/**
 * Opens connections to public addresses only. The address that is judged is the one connected to: a name is resolved
 * once, here, so that no second answer of a DNS server can lead elsewhere.
 */
export function publicConnector(timeoutMs: number, resolve: Resolve): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs, lookup: publicLookup(resolve) });
  return (options, callback) => {
    // Node resolves no literal address, so that a lookup never sees one.
    const host = options.hostname.replace(/^\[(.*)\]$/u, '$1');
    if (isIP(host) !== 0 && !isPublicAddress(host)) callback(blocked(host, host), null);
    else connect(options, callback);
  };
}

/** One address that is not public spoils them all: nobody serves images from both. */
function publicLookup(resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, (error, addresses) => {
      const found = addresses ?? [];
      const [first] = found;
      const bad = found.find(({ address }) => !isPublicAddress(address));
      if (error !== null) callback(error, '', 4);
      else if (first === undefined) callback(bareError('ENOTFOUND', `${hostname} has no address`), '', 4);
      else if (bad !== undefined) callback(blocked(hostname, bad.address), '', 4);
      else if (options.all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
}

function blocked(hostname: string, address: string): Error {
  const where = hostname === address ? address : `${hostname}, which is ${address},`;
  return bareError(BLOCKED, `${where} is no public address`);
}
