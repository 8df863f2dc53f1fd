// MQTT over a Unix socket, or a named pipe on Windows (`unix:`): a server on the same machine, where the
// file's permissions say who may connect.

import { connect } from 'node:net'
import { type SocketKind, SocketTransport } from './socket-transport.ts'
import type { TransportFactory } from './transport.ts'

/** What the `sun_path` of the system holds beside its closing zero; Node 20 cuts off what is longer. */
const PATH_BYTES_MAX = process.platform === 'darwin' ? 103 : 107

const UNIX: SocketKind = {
  openEvent: 'connect',
  dial: ({ path }, onread) => {
    const sizeBytes = Buffer.byteLength(path)
    if (sizeBytes > PATH_BYTES_MAX && process.platform !== 'win32') {
      throw new RangeError(`its path has ${sizeBytes} bytes, more than ${PATH_BYTES_MAX}`)
    }
    return connect({ path, onread })
  },
}

/** Dials the socket in the file `address.path`. */
export const unix: TransportFactory = (address, handler, options) =>
  new SocketTransport(UNIX, address, handler, options)
