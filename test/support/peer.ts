// The base of the peers that tests of transports talk to: what arrived, and who waits for what.
// Knows no sockets, so that it runs on every engine.

/** What every peer has in common: what arrived, and who waits for what. */
export abstract class Peer {
  /** Bytes that arrived. */
  receivedBytes = 0
  /** True when the client has ended. */
  ended = false
  readonly #pieces: Uint8Array[] = []
  #waiters: { condition: () => boolean; resolve: () => void }[] = []

  /** Everything that arrived. */
  all(): Uint8Array {
    const all = new Uint8Array(this.receivedBytes)
    let offset = 0
    for (const piece of this.#pieces) {
      all.set(piece, offset)
      offset += piece.length
    }
    return all
  }

  /** Waits until something that happens here makes it true. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ condition, resolve })
      this.settle()
    })
  }

  protected arrived(bytes: Uint8Array): void {
    this.#pieces.push(bytes)
    this.receivedBytes += bytes.length
    this.settle()
  }

  protected finished(): void {
    this.ended = true
    this.settle()
  }

  /** Lets those go whose condition has become true. */
  protected settle(): void {
    this.#waiters = this.#waiters.filter(({ condition, resolve }) => {
      const met = condition()
      if (met) resolve()
      return !met
    })
  }
}
