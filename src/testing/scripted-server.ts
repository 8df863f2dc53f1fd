// A server on loopback whose connections are scripted, for a client that needs a real socket.
// It listens, and hands out the server's side of each connection; what is said there, the test says. It keeps no
// sessions and passes no messages on.

import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { checkKeys, integer } from '../simple/checks.ts'
import { ScriptedConnection } from './scripted-connection.ts'

const LOOPBACK = '127.0.0.1'

/** Settings of a {@link ScriptedServer}. */
export interface ScriptedServerOptions {
  /** Where to listen, 1 to 65,535; 0 for any port that is free. @default 0 */
  readonly port?: number
}

const checkPort = integer(0, 65_535)

interface Taker {
  readonly resolve: (connection: ScriptedConnection) => void
  readonly reject: (error: Error) => void
}

/**
 * A server over TCP on 127.0.0.1 that says what the test tells it to, connection by connection.
 *
 * Iterating gives connections as they come, and ends when it is closed.
 *
 * @example
 * ```js
 * import { MQTTClient } from 'umqtt/simple'
 * import { ScriptedServer } from 'umqtt/testing'
 *
 * const server = await ScriptedServer.start()
 * const client = new MQTTClient('hall-1', server.url)
 * const connecting = client.connect()
 * const connection = await server.connection()
 * await connection.accept()
 * await connecting
 * connection.autoRespond()
 * await client.publish('hall/light', 'on', { qos: 1 })
 * await Promise.all([client.disconnect(), server.close()])
 * ```
 */
export class ScriptedServer {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #waiting: ScriptedConnection[] = []
  readonly #takers: Taker[] = []
  #port = 0
  #closing: Promise<void> | undefined

  private constructor() {
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      this.#accept(socket)
    })
  }

  /**
   * Listens on 127.0.0.1.
   * @param options as {@link ScriptedServerOptions} says. @default any port that is free
   * @returns the server, which listens; to be closed
   * @throws {TypeError} @throws {RangeError} an option cannot be used
   * @throws what the system says, such as `EADDRINUSE` for a port that is taken
   */
  static async start(options: ScriptedServerOptions = {}): Promise<ScriptedServer> {
    checkKeys('options', options, { port: true })
    const port = checkPort('options.port', options.port ?? 0)
    const server = new ScriptedServer()
    await server.#listen(port)
    return server
  }

  /** Where it listens. */
  get port(): number {
    return this.#port
  }

  /** `mqtt://127.0.0.1:` and the port: what a client is given. */
  get url(): string {
    return `mqtt://${LOOPBACK}:${this.#port}`
  }

  /**
   * The next connection that was not taken yet; waits for one as long as it takes.
   * @throws {Error} the server is closed, or is while this waits
   */
  connection(): Promise<ScriptedConnection> {
    const connection = this.#waiting.shift()
    if (connection !== undefined) return Promise.resolve(connection)
    return new Promise((resolve, reject) => {
      if (this.#closing === undefined) this.#takers.push({ resolve, reject })
      else reject(closedError())
    })
  }

  /** Each connection that was not taken yet; ends when the server is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ScriptedConnection, void, undefined> {
    for (;;) {
      const connection = await this.#next()
      if (connection === undefined) return
      yield connection
    }
  }

  /** Cuts every connection and stops listening. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  #next(): Promise<ScriptedConnection | undefined> {
    return new Promise((resolve) => {
      this.connection().then(resolve, () => resolve(undefined))
    })
  }

  async #end(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const { reject } of this.#takers.splice(0)) reject(closedError())
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #listen(port: number): Promise<void> {
    this.#server.listen({ host: LOOPBACK, port })
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (typeof address === 'object' && address !== null) this.#port = address.port
  }

  #accept(socket: Socket): void {
    const connection = new ScriptedConnection({
      write: (bytes) => void socket.write(bytes),
      close: () => void socket.end(),
      // Node leaves a socket open for ever when it is reset while it is ending.
      destroy: () => void (socket.writableEnded ? socket.destroy() : socket.resetAndDestroy()),
    })
    this.#sockets.add(socket)
    socket.on('data', (bytes: Uint8Array) => connection.handleData(bytes))
    socket.on('end', () => {
      socket.end()
      connection.handleClosed()
    })
    // A client may break the connection: `close` follows, and that is an end like another.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#sockets.delete(socket)
      connection.handleClosed()
    })
    const taker = this.#takers.shift()
    if (taker === undefined) this.#waiting.push(connection)
    else taker.resolve(connection)
  }
}

function closedError(): Error {
  return new Error('Cannot give a connection: the scripted server is closed')
}
