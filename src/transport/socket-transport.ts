// A transport over a socket of Node: what TCP, TLS and Unix sockets have in common once they are dialled.
// Ten thousand of them must stay small: listeners are shared functions, reading goes into one given
// buffer, and what a write needs goes with it. Knows no address families and no certificates.

import type { OnReadOpts, Socket } from 'node:net'
import { GatedTransport } from './gated-transport.ts'
import { socketError } from './socket-error.ts'
import type { ServerAddress, TransportHandler, TransportOptions } from './transport.ts'

/** Leads from a socket to its transport, so that listeners need no closure. */
const OWNER: unique symbol = Symbol('umqtt.owner')

interface OwnedSocket extends Socket {
  [OWNER]?: SocketTransport
}

/** How one kind of socket is dialled. */
export interface SocketKind {
  /** The event that says that bytes may be sent. */
  readonly openEvent: 'connect' | 'secureConnect'
  /** Dials; what it throws becomes the reason of `closed`. */
  dial(address: ServerAddress, onread: OnReadOpts, options: TransportOptions): Socket
}

/** The transport over any socket of `node:net` or `node:tls`. */
export class SocketTransport extends GatedTransport {
  readonly #address: ServerAddress
  /** Undefined when dialling threw. */
  readonly #socket: OwnedSocket | undefined
  #error: Error | undefined

  constructor(
    kind: SocketKind,
    address: ServerAddress,
    handler: TransportHandler,
    options: TransportOptions,
  ) {
    super(handler)
    this.#address = address
    try {
      // Bound, which weighs half of a closure and its context.
      const onread = { buffer: options.readBuffer, callback: this.#onRead.bind(this) }
      const socket: OwnedSocket = kind.dial(address, onread, options)
      socket[OWNER] = this
      socket.on(kind.openEvent, SocketTransport.#onOpen)
      socket.on('error', SocketTransport.#onError)
      socket.on('close', SocketTransport.#onClose)
      this.#socket = socket
    } catch (error) {
      process.nextTick(() => this.sourceClosed(socketError(error, address, true)))
    }
  }

  protected override sendChunks(chunks: readonly Uint8Array[]): void {
    const socket = this.#socket as OwnedSocket
    // Made for each write: to keep it would cost a socket that rests more than a write pays for it.
    const onSent = (error?: Error | null): void => {
      // Node tells a write that a broken connection has lost as it tells a good one, but for this.
      if (!error && !socket.destroyed) this.sourceSent()
    }
    const last = chunks.length - 1
    if (last < 0) {
      process.nextTick(onSent)
      return
    }
    if (last === 0) {
      socket.write(chunks[0] as Uint8Array, onSent)
      return
    }
    // Corked, all chunks leave with one call of the system.
    socket.cork()
    for (let i = 0; i < last; i++) socket.write(chunks[i] as Uint8Array)
    socket.write(chunks[last] as Uint8Array, onSent)
    socket.uncork()
  }

  protected override pauseSource(): void {
    this.#socket?.pause()
  }

  protected override resumeSource(): void {
    this.#socket?.resume()
  }

  protected override endSource(): void {
    this.#socket?.end()
  }

  protected override destroySource(): void {
    this.#socket?.destroy()
  }

  #onRead(length: number, bytes: Uint8Array): boolean {
    this.sourceReceived(bytes, length)
    return true
  }

  static #onOpen(this: OwnedSocket): void {
    const transport = this[OWNER] as SocketTransport
    transport.sourceOpened()
  }

  static #onError(this: OwnedSocket, error: Error): void {
    const transport = this[OWNER] as SocketTransport
    transport.#error ??= error
  }

  static #onClose(this: OwnedSocket): void {
    const transport = this[OWNER] as SocketTransport
    const error = transport.#error
    transport.sourceClosed(
      error === undefined ? undefined : socketError(error, transport.#address, transport.opening),
    )
  }
}
