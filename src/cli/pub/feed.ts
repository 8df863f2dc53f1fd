// Hands lines to the client, no faster than its outbox stores them, and knows which is the last that is stored.
// Rule: at most a window of lines is in the air, between what was read and what a kill -9 or the loss of power
// cannot take any more. What the outbox has no room for waits here and is handed over again.

import { type Mark, type MQTTClient, type Receipt, StoreError } from '../../robust.node.ts'

/** A message that is ready to be published. */
export interface Parcel {
  /** The number of its line. */
  readonly number: number
  /** What its mark stands for: a later one has more. */
  readonly endsAt: number
  readonly mark: Mark | undefined
  readonly sizeBytes: number
  publish(mark: Mark | undefined): Receipt
}

/** How much may be in the air, and wait. */
export interface Bounds {
  /** Lines that were handed over and are not stored; without an outbox, that have no outcome. */
  readonly window: number
  readonly messages: number
  readonly bytes: number
  /** How long to wait for room on a disk on which nothing changes, ms: somebody may make some. */
  readonly roomMs: number
}

/** One that was handed over. */
interface Handed {
  readonly parcel: Parcel
  isStored: boolean
}

export class Feed {
  readonly #client: MQTTClient
  readonly #bounds: Bounds
  readonly #isDurable: boolean
  readonly #handleStored: (number: number) => void
  readonly #handleFull: (error: StoreError) => void
  /** Handed over, in their order, from the first that is not stored. */
  readonly #air: Handed[] = []
  /** What the outbox had no room for, in its order. */
  #failed: Parcel[] = []
  #unstored = 0
  /** The furthest mark that was handed over again. */
  #furthest: Parcel | undefined
  #wake: () => void = () => undefined

  /**
   * @param handleStored told the number of the last line before which all are stored
   * @param handleFull told that the outbox has no room
   */
  constructor(
    client: MQTTClient,
    bounds: Bounds,
    isDurable: boolean,
    handleStored: (number: number) => void,
    handleFull: (error: StoreError) => void,
  ) {
    this.#client = client
    this.#bounds = bounds
    this.#isDurable = isDurable
    this.#handleStored = handleStored
    this.#handleFull = handleFull
    client.on('settled', () => this.#wake())
  }

  /** Hands a line over when there is room for it. @throws the reason of the signal */
  async add(parcel: Parcel, signal: AbortSignal): Promise<void> {
    await this.#room(parcel.sizeBytes, signal)
    this.#hand(parcel)
  }

  /** Waits until all is stored. @throws the reason of the signal */
  async stored(signal: AbortSignal): Promise<void> {
    while (this.#unstored + this.#failed.length > 0) {
      if (this.#failed.length > 0) await this.#again(signal)
      else await this.#change(signal)
    }
  }

  async #room(sizeBytes: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      if (this.#failed.length > 0) await this.#again(signal)
      else if (this.#hasRoom(sizeBytes)) return
      else await this.#change(signal)
    }
  }

  #hasRoom(sizeBytes: number): boolean {
    const { window, messages, bytes } = this.#bounds
    const { outbox } = this.#client
    const { count } = outbox
    // What is larger than everything is refused, and said to be.
    if (count === 0) return true
    const inAir = this.#isDurable ? this.#unstored : count
    return inAir < window && count < messages && outbox.sizeBytes + sizeBytes <= bytes
  }

  #hand(parcel: Parcel): void {
    const furthest = this.#furthest
    // Handed over again, a line must not take the mark back.
    const isBehind = furthest !== undefined && furthest.endsAt > parcel.endsAt
    const receipt = parcel.publish(isBehind ? furthest.mark : parcel.mark)
    if (!this.#isDurable) return
    const handed: Handed = { parcel, isStored: false }
    this.#air.push(handed)
    this.#unstored += 1
    receipt.stored.then(
      () => this.#store(handed),
      (error: unknown) => this.#fail(handed, error),
    )
  }

  #store(handed: Handed): void {
    this.#unstored -= 1
    handed.isStored = true
    let last: Parcel | undefined
    while (this.#air[0]?.isStored) last = this.#air.shift()?.parcel
    if (last !== undefined && this.#failed.length === 0) this.#handleStored(last.number)
    const { parcel } = handed
    if (parcel.endsAt > (this.#furthest?.endsAt ?? -1)) this.#furthest = parcel
    this.#wake()
  }

  #fail(handed: Handed, error: unknown): void {
    this.#unstored -= 1
    this.#air.splice(this.#air.indexOf(handed), 1)
    this.#failed.push(handed.parcel)
    if (error instanceof StoreError) this.#handleFull(error)
    this.#wake()
  }

  /** Hands over again what found no room, when nothing else is in the air. */
  async #again(signal: AbortSignal): Promise<void> {
    while (this.#unstored > 0) await this.#change(signal)
    await this.#change(signal, this.#bounds.roomMs)
    const failed = this.#failed.sort((a, b) => a.number - b.number)
    this.#failed = []
    for (const parcel of failed) this.#hand(parcel)
  }

  /** Waits until something is stored or settled, or for so long. */
  #change(signal: AbortSignal, timeoutMs?: number): Promise<void> {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#wake(), timeoutMs)
      const stop = (): void => {
        clearTimeout(timer)
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', stop)
      this.#wake = () => {
        this.#wake = () => undefined
        clearTimeout(timer)
        signal.removeEventListener('abort', stop)
        resolve()
      }
    })
  }
}
