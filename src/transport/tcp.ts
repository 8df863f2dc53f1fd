// MQTT over TCP (`mqtt:`). Every attempt resolves the name again and tries the addresses of both families
// as Node does (RFC 8305); nothing here waits or retries.

import { connect } from 'node:net'
import { type SocketKind, SocketTransport } from './socket-transport.ts'
import type { TransportFactory } from './transport.ts'

const TCP: SocketKind = {
  openEvent: 'connect',
  // Keep-alive probes of TCP stay off: MQTT has its own, §3.1.2.10.
  dial: ({ host, port }, onread) => connect({ host, port, onread, noDelay: true }),
}

/** Dials a TCP connection to `address.host` and `address.port`. */
export const tcp: TransportFactory = (address, handler, options) =>
  new SocketTransport(TCP, address, handler, options)
