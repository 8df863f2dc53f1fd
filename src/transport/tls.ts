// MQTT over TLS (`mqtts:`). The server's certificate and name are checked unless `rejectUnauthorized` is
// false, whatever the environment says; `opened` comes only after that. Knows no default authorities:
// those are Node's.

import { isIP } from 'node:net'
import {
  type ConnectionOptions,
  type SecureContextOptions,
  checkServerIdentity,
  connect,
} from 'node:tls'
import { type SocketKind, SocketTransport } from './socket-transport.ts'
import type { ServerAddress, TlsOptions, TransportFactory } from './transport.ts'

const TLS: SocketKind = {
  openEvent: 'secureConnect',
  dial: (address, onread, { tls = {} }) => {
    const { host, port } = address
    // @types/node leaves `onread` out, which tls.connect hands to its socket all the same.
    const settings = { host, port, onread, ...tlsConnectionOptions(address, tls) }
    return connect(settings).setNoDelay()
  },
}

/** The settings of TLS in Node's words, also for a secure WebSocket. */
export function tlsConnectionOptions(address: ServerAddress, tls: TlsOptions): ConnectionOptions {
  const name = (tls.servername ?? address.host).replace(/\.$/, '')
  // SNI carries host names only (RFC 6066 §3), while certificates may be for IP addresses too.
  const isAddress = isIP(name) !== 0
  return {
    ...(isAddress
      ? { checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate) }
      : { servername: name }),
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
    minVersion: tls.minVersion ?? 'TLSv1.2',
    ca: tls.ca as SecureContextOptions['ca'],
    cert: tls.cert as SecureContextOptions['cert'],
    key: tls.key as SecureContextOptions['key'],
    passphrase: tls.passphrase,
    ALPNProtocols: tls.alpnProtocols,
  }
}

/** Dials a TLS connection to `address.host` and `address.port`. */
export const tls: TransportFactory = (address, handler, options) =>
  new SocketTransport(TLS, address, handler, options)
