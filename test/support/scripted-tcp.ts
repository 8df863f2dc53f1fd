// Scripted servers over real TCP on loopback, for tests that need a real socket.

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { ScriptedConnection } from '../../src/testing/scripted-connection.ts'

/** A server on 127.0.0.1 whose connections are scripted. */
export interface ScriptedListener {
  readonly port: number
  /** `mqtt://127.0.0.1:` and the port. */
  readonly url: string
  /** The next connection that was not taken yet. */
  connection(): Promise<ScriptedConnection>
  /** Cuts every connection and stops listening. */
  close(): Promise<void>
}

/** Listens on a free port of loopback. */
export async function listen(): Promise<ScriptedListener> {
  const sockets = new Set<Socket>()
  const waiting: ScriptedConnection[] = []
  const takers: ((connection: ScriptedConnection) => void)[] = []
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const connection = new ScriptedConnection({
      write: (bytes) => void socket.write(bytes),
      close: () => void socket.end(),
      // Node leaves a socket open for ever when it is reset while it is ending.
      destroy: () => void (socket.writableEnded ? socket.destroy() : socket.resetAndDestroy()),
    })
    sockets.add(socket)
    socket.on('data', (bytes: Buffer) => connection.handleData(bytes))
    socket.on('end', () => {
      socket.end()
      connection.handleClosed()
    })
    // A client may break the connection: `close` follows, and that is an end like another.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      sockets.delete(socket)
      connection.handleClosed()
    })
    const taker = takers.shift()
    if (taker === undefined) waiting.push(connection)
    else taker(connection)
  })
  server.listen({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    connection: () => {
      const connection = waiting.shift()
      if (connection !== undefined) return Promise.resolve(connection)
      return new Promise((resolve) => takers.push(resolve))
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
