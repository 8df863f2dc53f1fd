// The driver's side of a transport under test: a handler that remembers what it was told, and what it should not
// have been told. Waits for events and never for time; knows no platform and no test runner.

import type {
  ServerAddress,
  Transport,
  TransportFactory,
  TransportHandler,
  TransportOptions,
} from '../transport/transport.ts'
import { equal } from './assertions.ts'

/** What is dialled, and how. */
export interface Dialling {
  readonly dial: TransportFactory
  readonly address: ServerAddress
  readonly options: TransportOptions
}

interface Waiter {
  readonly condition: () => boolean
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** A handler that remembers what it was told, and what it should not have been told. */
export class Recorder implements TransportHandler {
  readonly transport: Transport
  /** What was called, in order; each kind of call in a row once. */
  readonly events: string[] = []
  writes = 0
  pieces = 0
  receivedBytes = 0
  /** What the last `received` was given. */
  lastBuffer: Uint8Array | undefined
  error: Error | undefined
  onReceived: () => void = () => undefined
  readonly #wrongs: string[] = []
  readonly #pieces: Uint8Array[] = []
  readonly #dialling: boolean = true
  #paused = false
  #waiters: Waiter[] = []

  constructor({ dial, address, options }: Dialling) {
    this.transport = dial(address, this, options)
    this.#dialling = false
  }

  get isOpen(): boolean {
    return this.events.includes('opened')
  }

  get isClosed(): boolean {
    return this.events.includes('closed')
  }

  pause(): void {
    this.#paused = true
    this.transport.pause()
  }

  resume(): void {
    this.#paused = false
    this.transport.resume()
  }

  /** Everything that came in. */
  all(): Uint8Array {
    return join(...this.#pieces)
  }

  received(bytes: Uint8Array, length: number): void {
    if (this.#paused) this.#wrongs.push('received while paused')
    if (!(length > 0 && length <= bytes.length)) this.#wrongs.push(`received ${length} bytes`)
    this.lastBuffer = bytes
    this.#pieces.push(bytes.slice(0, length))
    this.pieces++
    this.receivedBytes += length
    this.onReceived()
    this.#happened('received')
  }

  opened(): void {
    this.#happened('opened')
  }

  written(): void {
    this.writes++
    this.#happened('written')
  }

  closed(error: Error | undefined): void {
    this.error = error
    this.#happened('closed')
  }

  /** Waits for a condition; rejects when the end comes and it is still not true. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ condition, resolve, reject })
      this.#settle()
    })
  }

  /** @throws {Error} something was called that should not have been */
  verify(): void {
    equal(this.#wrongs, [], 'What should not have been called')
  }

  #happened(event: string): void {
    if (this.#dialling) this.#wrongs.push(`${event} before the factory had returned`)
    if (this.isClosed) this.#wrongs.push(`${event} after closed`)
    if (event === 'opened' && this.isOpen) this.#wrongs.push('opened twice')
    if ((event === 'received' || event === 'written') && !this.isOpen) {
      this.#wrongs.push(`${event} before opened`)
    }
    if (this.events.at(-1) !== event) this.events.push(event)
    this.#settle()
  }

  #settle(): void {
    this.#waiters = this.#waiters.filter(({ condition, resolve, reject }) => {
      const met = condition()
      if (met) resolve()
      else if (this.isClosed) reject(new Error('It was closed', { cause: this.error }))
      return !met && !this.isClosed
    })
  }
}

/** Pieces as one. */
export function join(...pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let offset = 0
  for (const piece of pieces) {
    all.set(piece, offset)
    offset += piece.length
  }
  return all
}
