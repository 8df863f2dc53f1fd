// A WebSocket of the standard that does nothing by itself: a test opens it, sends to it, fills it and
// closes it. It has what a platform's has and no more.

/** What a listener is given. */
interface FakeEvent {
  readonly data?: unknown
  readonly error?: unknown
  readonly code?: number
  readonly reason?: string
}

/** Made by the transport, driven by the test. */
export class FakeWebSocket {
  /** The last one that was made. */
  static last: FakeWebSocket | undefined

  binaryType = 'blob'
  bufferedAmount = 0
  protocol = 'mqtt'
  readonly url: string
  readonly protocols: string[]
  readonly sent: Uint8Array[] = []
  closes = 0
  readonly #listeners = new Map<string, ((event: FakeEvent) => void)[]>()

  constructor(url: string, protocols: string[]) {
    this.url = url
    this.protocols = protocols
    FakeWebSocket.last = this
  }

  addEventListener(type: string, listener: (event: FakeEvent) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener])
  }

  send(data: Uint8Array): void {
    this.sent.push(data.slice())
    this.bufferedAmount += data.length
  }

  close(): void {
    this.closes++
  }

  /** Lets an event happen. */
  emit(type: 'open' | 'message' | 'error' | 'close', event: FakeEvent = {}): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event)
  }
}
