// What every transport owes its handler, kept in one place: `opened` first, `closed` last and once,
// no `received` while paused, nothing after the end. A transport extends this and says only how to send,
// to pause and to end. Knows no socket and no timer.

import { ConnectionLostError } from '../errors.ts'
import type { Transport, TransportHandler } from './transport.ts'

/**
 * Most bytes that are kept while the driver has paused and the source goes on: a platform WebSocket
 * cannot stop reading. Beyond it the connection ends, since nothing else would slow the server down.
 */
export const HELD_BYTES_MAX = 16_777_216

/**
 * - `opening`: dialling
 * - `open`
 * - `draining`: the peer has ended, and bytes that it sent before are still held
 * - `closing`: `close` was called; what comes in is thrown away
 * - `destroyed`: `destroy` was called, and `closed` is due
 * - `over`: `closed` was called
 */
type State = 'opening' | 'open' | 'draining' | 'closing' | 'destroyed' | 'over'

/** The base of the transports: keeps the contract between a source of bytes and a handler. */
export abstract class GatedTransport implements Transport {
  #handler: TransportHandler | undefined
  #state: State = 'opening'
  #paused = false
  /** What came in while paused; defined until all of it is handed on, which keeps the order. */
  #held: Uint8Array[] | undefined
  #heldBytes = 0

  constructor(handler: TransportHandler) {
    this.#handler = handler
  }

  /** Sends; `sourceSent` follows, later. */
  protected abstract sendChunks(chunks: readonly Uint8Array[]): void
  /** Stops reading, if the source can; what comes in all the same is held, within HELD_BYTES_MAX. */
  protected pauseSource(): void {}
  protected resumeSource(): void {}
  /** Ends in good order after what was sent; `sourceClosed` follows, later. */
  protected abstract endSource(): void
  /** Frees everything at once; `sourceClosed` follows, later. */
  protected abstract destroySource(): void

  /** False once `destroy` or `closed` was called: nothing need be done any more. */
  protected get alive(): boolean {
    return this.#state !== 'destroyed' && this.#state !== 'over'
  }

  /** True until the source has opened. */
  protected get opening(): boolean {
    return this.#state === 'opening'
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#state === 'open') this.sendChunks(chunks)
  }

  pause(): void {
    if (this.#paused) return
    this.#paused = true
    if (this.#state === 'open') this.pauseSource()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#held !== undefined) later(() => this.#handOn())
    else if (this.#state === 'open') this.resumeSource()
  }

  close(): void {
    if (this.#state !== 'open') {
      if (this.#state !== 'closing') this.destroy()
      return
    }
    this.#state = 'closing'
    this.#held = undefined
    // The end of the peer's stream shows only to one who reads.
    if (this.#paused) this.resumeSource()
    this.endSource()
  }

  destroy(): void {
    if (!this.alive) return
    const state = this.#state
    this.#state = 'destroyed'
    this.#held = undefined
    if (state === 'draining') later(() => this.sourceClosed(undefined))
    else this.destroySource()
  }

  /** The source can send and receive. */
  protected sourceOpened(): void {
    if (this.#state !== 'opening') return
    this.#state = 'open'
    if (this.#paused) this.pauseSource()
    this.#handler?.opened()
  }

  /** Bytes `0` to `length` came in. */
  protected sourceReceived(bytes: Uint8Array, length: number): void {
    if (this.#state !== 'open' || length === 0) return
    if (!this.#paused && this.#held === undefined) {
      this.#handler?.received(bytes, length)
      return
    }
    this.#held ??= []
    this.#held.push(bytes.slice(0, length))
    this.#heldBytes += length
    if (this.#heldBytes <= HELD_BYTES_MAX) return
    const text = `Server sent more than ${HELD_BYTES_MAX / 1_048_576} MiB while reading was paused`
    this.sourceFailed(new ConnectionLostError(text))
  }

  /** The last `sendChunks` is done. */
  protected sourceSent(): void {
    if (this.alive) this.#handler?.written()
  }

  /** The source is gone. Once this is called the others do nothing. */
  protected sourceClosed(error: Error | undefined): void {
    if (this.#state === 'open' && this.#held !== undefined && error === undefined) {
      this.#state = 'draining'
      return
    }
    const handler = this.#handler
    const asked = this.#state === 'destroyed'
    this.#state = 'over'
    this.#held = undefined
    this.#handler = undefined
    handler?.closed(asked ? undefined : error)
  }

  /** Ends because of what the peer did. */
  protected sourceFailed(error: Error): void {
    if (!this.alive) return
    this.sourceClosed(error)
    this.destroySource()
  }

  #handOn(): void {
    const held = this.#held ?? []
    let count = 0
    for (const bytes of held) {
      // Any call of the handler may pause again, close or destroy.
      if (this.#paused || this.#held !== held) break
      count++
      this.#heldBytes -= bytes.length
      this.#handler?.received(bytes, bytes.length)
    }
    if (this.#held !== held) return
    held.splice(0, count)
    if (held.length > 0) return
    this.#held = undefined
    if (this.#state === 'draining') this.sourceClosed(undefined)
    else if (!this.#paused) this.resumeSource()
  }
}

/** Promises are the only way to "later" that every platform has. */
function later(task: () => void): void {
  void Promise.resolve().then(task)
}
