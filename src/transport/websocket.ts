// MQTT over WebSocket (`ws:`, `wss:`, §6) on any class that follows the standard: a browser's, Node's,
// Deno's, Bun's. The standard can neither stop reading nor tell when bytes have left; what stands in for
// both is here and bounded. Knows no TLS settings: the platform checks certificates by its own.

import { ConnectionLostError, ProtocolError } from '../errors.ts'
import { GatedTransport } from './gated-transport.ts'
import type { ServerAddress, TransportFactory, TransportHandler } from './transport.ts'

/** While more than this waits inside the WebSocket, a write is not reported as done. */
export const BUFFERED_BYTES_MAX = 262_144

/** How often to look whether it has sunk below: the standard has no event for it. In ms. */
const POLL_MS = 20

/** The name that client and server agree on. [MQTT-6.0.0-3] */
export const SUB_PROTOCOL = 'mqtt'

/** Closing codes of RFC 6455 §7.4.1 that tell of no mishap: done, going away, none given. */
const ORDERLY_CODES: readonly unknown[] = [1000, 1001, 1005]

/**
 * What a WebSocket needs to have here; those of the platforms and of the package `ws` do. The parameters
 * are left open, since every platform's types spell them in another way.
 */
export interface WebSocketLike {
  binaryType: string
  readonly bufferedAmount: number
  readonly protocol: string
  addEventListener(type: never, listener: never): void
  send(data: never): void
  close(): void
}

/** A class of WebSockets, such as `globalThis.WebSocket`. */
export type WebSocketClass = new (url: string, protocols: string[]) => WebSocketLike

/** The same, as the standard defines it. */
interface StandardWebSocket extends WebSocketLike {
  addEventListener(type: 'open', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'error', listener: (event: { error?: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void
  send(data: Uint8Array): void
  /** Beyond the standard: Bun and `ws` can end at once. */
  terminate?(): void
}

/** The transport over one WebSocket, which may come later than the transport itself. */
export class WebSocketTransport extends GatedTransport {
  protected readonly address: ServerAddress
  protected socket: StandardWebSocket | undefined
  #poll: ReturnType<typeof setTimeout> | undefined

  constructor(address: ServerAddress, handler: TransportHandler) {
    super(handler)
    this.address = address
  }

  /** Makes the WebSocket; what `make` throws becomes the reason of `closed`. */
  dial(make: (url: string) => WebSocketLike, binaryType = 'arraybuffer'): void {
    if (!this.alive) return
    const { scheme, host, port, path } = this.address
    const authority = host.includes(':') ? `[${host}]` : host
    try {
      const socket = make(`${scheme}://${authority}:${port}${path}`) as StandardWebSocket
      this.socket = socket
      socket.binaryType = binaryType
      socket.addEventListener('open', () => {
        if (socket.protocol === SUB_PROTOCOL) this.sourceOpened()
        else this.sourceFailed(subProtocolError(this.address))
      })
      socket.addEventListener('message', ({ data }) => this.#onMessage(data))
      // The standard has a `close` follow, Node 22 does not always.
      socket.addEventListener('error', ({ error }) => this.sourceFailed(this.explain(error)))
      socket.addEventListener('close', ({ code, reason }) => this.#onClose(code, reason))
    } catch (error) {
      this.dialFailed(this.explain(error))
    }
  }

  /** There will be no WebSocket. */
  dialFailed(error: Error): void {
    queueMicrotask(() => this.sourceClosed(error))
  }

  /** The error to close with, from what the platform said; a browser says nothing. */
  protected explain(cause: unknown, words = 'the platform does not say why'): Error {
    const { message = '' } = (cause ?? {}) as Partial<Error>
    if (/subprotocol/i.test(message)) return subProtocolError(this.address)
    const [what, told] = this.opening
      ? [
          'Cannot connect to',
          'host, port or path may be wrong, its certificate not trusted, or the server refuses',
        ]
      : ['Lost the connection to', words]
    // Bun shows the whole URL, in whose query there may be a token.
    const [query] = /\?.*/.exec(this.address.path) ?? []
    const isSafe = query === undefined || !message.includes(query)
    return new ConnectionLostError(
      `${what} "${this.address.href}": ${(isSafe && message) || told}`,
      isSafe ? { cause } : {},
    )
  }

  protected override sendChunks(chunks: readonly Uint8Array[]): void {
    // Packets need not be aligned to frames. [MQTT-6.0.0-2]
    for (const chunk of chunks) this.socket?.send(chunk)
    queueMicrotask(this.#onSent)
  }

  protected override endSource(): void {
    this.socket?.close()
  }

  protected override destroySource(): void {
    clearTimeout(this.#poll)
    // Without `terminate` the platform may keep a dead one until its own time limit.
    if (this.socket?.terminate === undefined) this.socket?.close()
    else this.socket.terminate()
    queueMicrotask(() => this.sourceClosed(undefined))
  }

  #onMessage(data: unknown): void {
    if (typeof data !== 'string') {
      const bytes = data instanceof Uint8Array ? data : new Uint8Array(data as ArrayBuffer)
      this.sourceReceived(bytes, bytes.length)
      return
    }
    this.sourceFailed(brokenRule(this.address, 'sent a text frame where MQTT is binary', '6.0.0-1'))
  }

  #onClose(code: number, reason: string): void {
    clearTimeout(this.#poll)
    // Node calls this during `close`; what `destroySource` has put off comes then.
    if (!this.alive) return
    const orderly = !this.opening && ORDERLY_CODES.includes(code)
    const words = `closed with code ${code} and the words ${JSON.stringify(reason)}`
    this.sourceClosed(orderly ? undefined : this.explain(undefined, words))
  }

  readonly #onSent = (): void => {
    if ((this.socket?.bufferedAmount ?? 0) <= BUFFERED_BYTES_MAX) this.sourceSent()
    else if (this.alive) this.#poll = setTimeout(this.#onSent, POLL_MS)
  }
}

function brokenRule({ href }: ServerAddress, what: string, statement: string): ProtocolError {
  const clause = `MQTT-${statement}`
  return new ProtocolError(`Server at "${href}" ${what}`, { clause, reasonCode: 0x82 })
}

/** The server has not chosen what we offered. [MQTT-6.0.0-4] */
export function subProtocolError(address: ServerAddress): ProtocolError {
  const what = `did not choose the sub-protocol "${SUB_PROTOCOL}": it may speak no MQTT there`
  return brokenRule(address, what, '6.0.0-4')
}

/**
 * Makes a transport of a WebSocket class.
 *
 * While the driver pauses, frames that come in are held, up to 16 MiB; more than that ends the
 * connection, since a standard WebSocket cannot be slowed down.
 *
 * @param WebSocketClass the platform's, or one that follows the standard
 */
export function webSocket(WebSocketClass: WebSocketClass): TransportFactory {
  return (address, handler) => {
    const transport = new WebSocketTransport(address, handler)
    transport.dial((url) => new WebSocketClass(url, [SUB_PROTOCOL]))
    return transport
  }
}
