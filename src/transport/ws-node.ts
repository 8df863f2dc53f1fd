// MQTT over WebSocket on Node: the platform's own class where there is one (Node 22), else the package
// `ws`, loaded when it is first dialled. Only `ws` takes TLS settings, and only it stops reading when
// asked to. Knows nothing that `websocket.ts` knows already.

import { ConnectionLostError } from '../errors.ts'
import { socketError } from './socket-error.ts'
import { tlsConnectionOptions } from './tls.ts'
import type {
  ServerAddress,
  TransportFactory,
  TransportHandler,
  TransportOptions,
} from './transport.ts'
import {
  SUB_PROTOCOL,
  type WebSocketClass,
  type WebSocketLike,
  WebSocketTransport,
  webSocket,
} from './websocket.ts'

/**
 * The largest message of a WebSocket, when `maxFrameBytes` names none. `ws` gathers a message whole
 * before anybody sees it, so this bounds the memory that a server can take; servers send one packet or
 * a few in a message.
 */
export const FRAME_BYTES_MAX = 16_777_216

/** What `readyState` says of a WebSocket that is neither closing nor closed. */
const OPEN = 1

/** What `ws` can do beyond the standard. */
interface WsWebSocket extends WebSocketLike {
  readonly readyState: number
  send(data: Uint8Array, sent?: (error?: Error) => void): void
  pause(): void
  resume(): void
}

/** The part of the package `ws` that is used. */
export interface WsModule {
  readonly WebSocket: new (url: string, protocols: string[], options: object) => WebSocketLike
}

/** Where the classes come from. */
export interface NodeWebSocketSources {
  /** @default the `WebSocket` of the platform, where it has one */
  readonly platform?: WebSocketClass | undefined
  /** @default imports the package `ws` */
  readonly load?: () => Promise<WsModule>
}

class WsTransport extends WebSocketTransport {
  protected override sendChunks(chunks: readonly Uint8Array[]): void {
    const socket = this.socket as WsWebSocket
    const last = chunks.length - 1
    chunks.forEach((chunk, i) => {
      if (i < last) socket.send(chunk)
      else socket.send(chunk, this.#onSent)
    })
    if (last < 0) queueMicrotask(this.#onSent)
  }

  protected override pauseSource(): void {
    ;(this.socket as WsWebSocket).pause()
  }

  protected override resumeSource(): void {
    ;(this.socket as WsWebSocket).resume()
  }

  protected override explain(cause: unknown, words?: string): Error {
    const told = super.explain(cause, words)
    if (!(cause instanceof Error) || told.cause !== cause) return told
    const [, status] = /^Unexpected server response: (\d+)$/.exec(cause.message) ?? []
    if (status === undefined) return socketError(cause, this.address, this.opening)
    const why = /40[13]/.test(status)
      ? 'a token or signature in the URL may be wrong or have expired'
      : status.startsWith('5')
        ? 'what is behind it may be down'
        : 'the path may be wrong'
    return new ConnectionLostError(
      `Cannot connect to "${this.address.href}": it answers HTTP ${status} and no WebSocket, so ${why}`,
      { cause },
    )
  }

  readonly #onSent = (error?: Error): void => {
    // A write that a broken connection has lost is told as a good one, but then it is no longer open.
    if (!error && (this.socket as WsWebSocket).readyState === OPEN) this.sourceSent()
  }
}

/**
 * Makes the transport for `ws:` and `wss:` on Node.
 *
 * With `ws`, back-pressure is that of the socket, both ways. With the platform's class it is what
 * {@link webSocket} does.
 */
export function nodeWebSocket(sources: NodeWebSocketSources = {}): TransportFactory {
  const platform =
    'platform' in sources
      ? sources.platform
      : (globalThis as { WebSocket?: WebSocketClass }).WebSocket
  const load = sources.load ?? importWs
  const standard = platform === undefined ? undefined : webSocket(platform)
  return (address, handler, options) =>
    standard === undefined || options.tls !== undefined
      ? dialWs(load, address, handler, options)
      : standard(address, handler, options)
}

/** Within `try`, by which bundlers know that a program may do without the package. */
async function importWs(): Promise<WsModule> {
  try {
    const ws: unknown = await import('ws')
    return ws as WsModule
  } catch (cause) {
    throw new Error('Cannot load the package "ws"', { cause })
  }
}

function dialWs(
  load: () => Promise<WsModule>,
  address: ServerAddress,
  handler: TransportHandler,
  options: TransportOptions,
): WsTransport {
  const transport = new WsTransport(address, handler)
  load().then(
    ({ WebSocket }) =>
      transport.dial(
        (url) =>
          new WebSocket(url, [SUB_PROTOCOL], {
            perMessageDeflate: false,
            maxPayload: options.maxFrameBytes ?? FRAME_BYTES_MAX,
            ...(address.scheme === 'wss' ? tlsConnectionOptions(address, options.tls ?? {}) : {}),
          }),
        'nodebuffer',
      ),
    (cause: unknown) => transport.dialFailed(missing(address, cause)),
  )
  return transport
}

function missing(address: ServerAddress, cause: unknown): Error {
  return new ConnectionLostError(
    `Cannot connect to "${address.href}": install the package "ws", which WebSockets need before Node 22 and with TLS settings`,
    { cause, transient: false },
  )
}
