// The server's end of one connection as the contract of transports needs it: it notes what arrives, does what it
// is told, and lets others wait for either. Knows no sockets, so that it runs on every engine: whoever extends
// it brings the connection.

interface Waiter {
  readonly condition: () => boolean
  readonly resolve: () => void
}

/**
 * The server's end of one connection. Extend it for the kind of connection that your transport makes: call
 * `arrived` for what comes in and `finished` when the client has ended, and say how to do the rest.
 *
 * @example
 * ```ts
 * import { Socket } from 'node:net'
 * import { TransportPeer } from 'umqtt/testing'
 *
 * // What is still abstract: unsentBytes, pause, resume, end, reset.
 * abstract class SocketPeer extends TransportPeer {
 *   readonly #socket = new Socket()
 *     .on('data', (bytes) => this.arrived(bytes))
 *     .on('close', () => this.finished())
 *   write(bytes: Uint8Array): void {
 *     this.#socket.write(bytes)
 *   }
 * }
 * ```
 */
export abstract class TransportPeer {
  readonly #pieces: Uint8Array[] = []
  #receivedBytes = 0
  #ended = false
  #waiters: Waiter[] = []

  /** Bytes that arrived. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** Whether the client has ended, in order or not. */
  get ended(): boolean {
    return this.#ended
  }

  /** Bytes of `write` that have not left this end yet. */
  abstract readonly unsentBytes: number

  /** Everything that arrived, as one copy. */
  all(): Uint8Array {
    const all = new Uint8Array(this.#receivedBytes)
    let offset = 0
    for (const piece of this.#pieces) {
      all.set(piece, offset)
      offset += piece.length
    }
    return all
  }

  /**
   * Waits until something that happens here makes it true.
   * @param condition asked after each thing that happens
   */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ condition, resolve })
      this.#settle()
    })
  }

  /**
   * Sends; what the connection does not take is kept until it does.
   * @param bytes which do not change later
   */
  abstract write(bytes: Uint8Array): void

  /** Takes nothing more of what the client sends, which holds the client back in the end. */
  abstract pause(): void

  /** Takes what arrives again. */
  abstract resume(): void

  /** Ends in good order after what was written, and goes on taking what arrives, where that can be. */
  abstract end(): void

  /** Breaks the connection, as a crash of the server does. */
  abstract reset(): void

  /**
   * For who extends it: bytes came in.
   * @param bytes which are kept, and must not change
   */
  protected arrived(bytes: Uint8Array): void {
    this.#pieces.push(bytes)
    this.#receivedBytes += bytes.length
    this.#settle()
  }

  /** For who extends it: the client has ended. May be called twice. */
  protected finished(): void {
    this.#ended = true
    this.#settle()
  }

  /** Lets those go whose condition has become true. */
  #settle(): void {
    this.#waiters = this.#waiters.filter(({ condition, resolve }) => {
      const met = condition()
      if (met) resolve()
      return !met
    })
  }
}
