/** Part A of the catalogue: before the request is on the wire. Nothing can have been billed. */
import type { Fault, FaultEnd } from './fault-catalogue.ts';

const network: FaultEnd = { category: 'network', phase: 'connecting' };
const tls: FaultEnd = { category: 'tls', phase: 'connecting' };
const config: FaultEnd = { category: 'config', phase: 'connecting' };
const auth: FaultEnd = { category: 'auth', phase: 'connecting' };
const inputChanged: FaultEnd = { category: 'input_changed', phase: 'connecting' };

/** Errors of the handshake, by the code names of OpenSSL and Node. */
const TLS_CODES =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA$|INVALID_PURPOSE$|HOSTNAME_MISMATCH$|EPROTO$)/u;

/** Calls that undici or we refuse to make: a key or header with a line break, a URL that is none. */
const CONFIG_CODES = /^(UND_ERR_INVALID_ARG|ERR_INVALID_|ERR_UNSUPPORTED_|UND_ERR_NOT_SUPPORTED)/u;

export const UNSENT_FAULTS: readonly Fault[] = [
  {
    id: 1,
    fault: 'the name of the provider does not exist (DNS)',
    cases: [{ end: network, also: 'fails when its attempts are used up' }],
  },
  { id: 2, fault: 'the name service does not answer for now (EAI_AGAIN)', cases: [{ end: network }] },
  {
    id: 3,
    fault: 'the connection is refused',
    cases: [{ end: network, sign: { phases: ['connecting'] }, also: 'goes on when the provider is back' }],
  },
  { id: 4, fault: 'nobody answers the connection (SYN into a black hole)', cases: [{ end: network }] },
  {
    id: 5,
    fault: 'TLS: the provider cannot be trusted; this check is never switched off',
    cases: [
      {
        when: 'a certificate that signed itself',
        end: tls,
        sign: { phases: ['connecting'], codes: TLS_CODES },
      },
      { when: 'an expired certificate', end: tls },
      { when: 'a certificate of another host', end: tls },
      { when: 'no TLS at all on the other side', end: tls },
    ],
  },
  { id: 6, fault: 'the connection is reset in the TLS handshake', cases: [{ end: network }] },
  {
    id: 7,
    fault: 'the provider is not configured usably',
    cases: [
      { when: 'no key', end: auth },
      {
        when: 'a key that HTTP cannot carry',
        end: config,
        sign: { phases: ['connecting'], codes: CONFIG_CODES },
        also: 'the value is in no message',
      },
      { when: 'a baseUrl that is no URL', end: config },
      { when: 'http to another machine', end: config, also: 'the key would travel unprotected' },
      { when: 'no entry for this provider', end: config },
    ],
  },
  {
    id: 8,
    fault: 'a reference image is missing',
    cases: [
      { when: 'when it is ordered', end: 'refused', also: 'the message names the file' },
      { when: 'when it is to be sent', end: inputChanged },
    ],
  },
  {
    id: 9,
    fault: 'a reference is no plain file that may be read',
    cases: [
      { when: 'a folder', end: 'refused' },
      { when: 'a named pipe', end: 'refused', also: 'nothing waits for it' },
      { when: '/dev/zero', end: 'refused' },
      { when: '/proc/self/environ', end: 'refused', also: 'the key in it stays where it is' },
      { when: 'a link out of the allowed folders', end: 'refused' },
    ],
  },
  {
    id: 10,
    fault: 'a reference is no image that can be sent',
    cases: [
      { when: 'larger than 50 MiB', end: 'refused' },
      { when: 'empty', end: 'refused' },
      { when: 'a text under the name of an image', end: 'refused' },
      {
        when: 'an image header of 65,535 × 65,535 pixels',
        end: 'refused',
        also: 'its pixels are never unpacked',
      },
    ],
  },
  {
    id: 11,
    fault: 'a reference is replaced between order and request',
    cases: [
      { when: 'before it is read', end: inputChanged, also: 'nothing is sent (H3)' },
      {
        when: 'while the request runs',
        end: 'not acceptable',
        also: 'the bytes are read once: what was sent is what was ordered and recorded',
      },
    ],
  },
  {
    id: 12,
    fault: 'too many references, or the same one several times',
    cases: [
      { when: 'six', end: 'refused' },
      {
        when: 'a comma list and a JSON list with duplicates',
        end: 'completed',
        also: 'each is sent once (G2)',
      },
    ],
  },
];
