// Turns what Node says about a socket into an error that a person can act on: the address, what is wrong
// and how to mend it. One table from code to words. Knows nothing of the sockets themselves.

import { ConnectionLostError } from '../errors.ts'
import type { ServerAddress } from './transport.ts'

const UNTRUSTED =
  'its certificate comes from an authority that is not trusted here: give that in "tls.ca"'
const NO_TLS = 'it does not speak TLS there: use its TLS port, or a scheme without TLS'
const CLIENT_CERTIFICATE_WANTED =
  'it asks for a client certificate: give one in "tls.cert" and "tls.key"'
const CLIENT_CERTIFICATE_REFUSED = 'it does not accept the client certificate in "tls.cert"'
const NO_COMMON_VERSION = 'it offers no TLS version that "tls.minVersion" allows'

/** What the codes of the system and of Node mean for one who connects to a server. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'it was reset by the other side',
  EPIPE: 'the other side has closed it',
  ETIMEDOUT: 'the host does not answer',
  EHOSTUNREACH: 'no route leads to the host',
  ENETUNREACH: 'no route leads to the host',
  EADDRNOTAVAIL: 'this machine has no free port or no fitting address for it',
  EMFILE: 'this process has too many files open',
  ENOTFOUND: 'no host has this name',
  EAI_AGAIN: 'the name server does not answer',
  ENOENT: 'no such socket exists',
  EACCES: 'permission is denied',
  CERT_NOT_YET_VALID: "its certificate is not valid yet: correct this machine's clock, or wait",
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'it sent a larger WebSocket message than is allowed',
}

/** The same of what time alone does not cure: certificates and settings, here or there. */
const LASTING_WORDS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  CERT_SIGNATURE_FAILURE: UNTRUSTED,
  CERT_HAS_EXPIRED: "its certificate has expired: renew it there, or correct this machine's clock",
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another name: connect by a name in it, or give one as "tls.servername"',

  EPROTO: NO_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_UNSUPPORTED_PROTOCOL: NO_COMMON_VERSION,
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: 'it does not know the name in "tls.servername"',
  ALERT_PROTOCOL_VERSION: NO_COMMON_VERSION,
  ALERT_NO_APPLICATION_PROTOCOL: 'it speaks none of "tls.alpnProtocols"',
  ALERT_CERTIFICATE_REQUIRED: CLIENT_CERTIFICATE_WANTED,
  ALERT_HANDSHAKE_FAILURE: `its TLS settings do not fit ours, or ${CLIENT_CERTIFICATE_WANTED}`,
  ALERT_BAD_CERTIFICATE: CLIENT_CERTIFICATE_REFUSED,
  ALERT_CERTIFICATE_EXPIRED: CLIENT_CERTIFICATE_REFUSED,
  ALERT_CERTIFICATE_UNKNOWN: CLIENT_CERTIFICATE_REFUSED,
  ALERT_UNKNOWN_CA: CLIENT_CERTIFICATE_REFUSED,
}

/** What the server told by an alert of TLS; the name before it changes with the version of OpenSSL. */
const ALERT = /^ERR_SSL_(?:SSLV3|SSL\/TLS|TLSV1|TLSV13)_(?=ALERT_)/

/** The prefix of what OpenSSL says when it cannot read what it was given. */
const UNREADABLE = 'ERR_OSSL_'

/**
 * The error to close a connection with. It is `transient`, but where a certificate or a setting is at fault.
 *
 * @param error what the platform threw or reported; it becomes the `cause`
 * @param opening whether the connection has never been open
 */
export function socketError(
  error: unknown,
  address: ServerAddress,
  opening: boolean,
): ConnectionLostError {
  const { code, message, reason } = error as Error & { code?: unknown; reason?: unknown }
  const what = opening ? 'Cannot connect to' : 'Lost the connection to'
  const known = typeof code === 'string' ? code.replace(ALERT, '') : ''
  // With TLS 1.3 a client certificate is refused after the connection is open.
  const isLasting = Object.hasOwn(LASTING_WORDS, known) || known.startsWith(UNREADABLE)
  // What dialling itself throws, it throws of the settings; later the package ws says so what is wrong with a frame.
  const isMistake = opening && (error instanceof TypeError || error instanceof RangeError)
  const why = typeof code === 'string' ? explain(code, known, message, reason) : message
  return new ConnectionLostError(`${what} "${address.href}": ${why}`, {
    cause: error,
    transient: !isLasting && !isMistake,
  })
}

function explain(code: string, known: string, message: string, reason: unknown): string {
  // Node puts OpenSSL's short words, or which names a certificate has, into `reason`.
  const short = typeof reason === 'string' ? reason : message
  const table = Object.hasOwn(LASTING_WORDS, known) ? LASTING_WORDS : WORDS
  const words = Object.hasOwn(table, known) ? table[known] : undefined
  if (known === 'ERR_TLS_CERT_ALTNAME_INVALID') return `${words} (${code}): ${short}`
  if (words !== undefined) return `${words} (${code})`
  if (!code.startsWith(UNREADABLE)) return `${short} (${code})`
  return `"tls.ca", "tls.cert", "tls.key" or "tls.passphrase" cannot be read (${code})`
}
