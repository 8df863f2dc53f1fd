// The link between the devices and the server: a listener on loopback that passes bytes on to the server,
// until it is told to go silent or to be cut. Knows nothing of MQTT.

import { once } from 'node:events'
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net'
import { parseServer } from '../src/transport/address.ts'
import type { LinkState } from './timeline.ts'

/** One connection through the link; without a far end while the link is silent. */
interface Pair {
  readonly near: Socket
  readonly far: Socket | undefined
}

export class Link {
  readonly #listener: Server
  readonly #dial: () => Socket
  readonly #pairs = new Set<Pair>()
  /** The server as seen through the link. */
  readonly url: string
  /** The name in the server's certificate, for TLS. */
  readonly servername: string | undefined
  #state: LinkState = 'up'

  private constructor(server: string, listener: Server) {
    const { scheme, host, port, path } = parseServer(server)
    const through = `127.0.0.1:${(listener.address() as AddressInfo).port}`
    this.url = scheme === 'unix' ? `mqtt://${through}` : `${scheme}://${through}${path}`
    this.servername = scheme === 'mqtts' || scheme === 'wss' ? host : undefined
    this.#dial = () => (scheme === 'unix' ? connect(path) : connect(port, host))
    this.#listener = listener
    listener.on('connection', (near) => this.#handleConnection(near))
  }

  /** Lays a link to a server. @throws {TypeError} `server` is none */
  static async open(server: string): Promise<Link> {
    parseServer(server)
    const listener = createServer({ noDelay: true })
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    return new Link(server, listener)
  }

  get state(): LinkState {
    return this.#state
  }

  /** From now on; what is on the way in a silent link is lost when it is cut, and late when it is healed. */
  set(state: LinkState): void {
    this.#state = state
    for (const pair of this.#pairs) {
      const { near, far } = pair
      if (state === 'silent') {
        near.pause()
        far?.pause()
      } else if (state === 'cut' || far === undefined) this.#cut(pair)
      else {
        near.resume()
        far.resume()
      }
    }
  }

  async close(): Promise<void> {
    this.set('cut')
    this.#listener.close()
    await once(this.#listener, 'close')
  }

  #handleConnection(near: Socket): void {
    if (this.#state === 'cut') return void near.resetAndDestroy()
    const far = this.#state === 'silent' ? undefined : this.#dial()
    const pair = { near, far }
    this.#pairs.add(pair)
    near.on('error', () => this.#cut(pair))
    near.on('close', () => this.#cut(pair))
    if (far === undefined) return void near.pause()
    far.on('error', () => this.#cut(pair))
    far.on('close', () => this.#cut(pair))
    far.setNoDelay(true)
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => near.write(bytes))
    near.on('end', () => far.end())
    far.on('end', () => near.end())
  }

  /** Both ends, without a farewell: as when somebody pulls the plug. */
  #cut(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return
    for (const end of [pair.near, pair.far]) {
      if (end === undefined || end.destroyed) continue
      // A Unix socket knows no reset; its plain end comes without DISCONNECT too.
      const isUnix = end === pair.far && this.servername === undefined && !end.remoteAddress
      // Node refuses to reset a socket that is ending (EINVAL), never closes it, and spins at its own exit.
      if (isUnix || end.writableEnded) end.destroy()
      else end.resetAndDestroy()
    }
  }
}
