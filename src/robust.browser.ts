// `umqtt/robust` in a browser: over WebSocket, with an outbox in IndexedDB.
// Wiring alone: it gives the client its platform, and tells it when the network may be back.

/// <reference lib="esnext.disposable" preserve="true" />

import { browserPlatform } from './browser.ts'
import { RobustClient } from './robust/client.ts'
import { IndexedDbStore } from './outbox/indexeddb.ts'
import type { RobustPlatform } from './robust/platform.ts'
import type { RobustOptions } from './robust/types.ts'

const platform: RobustPlatform = {
  ...browserPlatform,
  random: Math.random,
  epochNow: Date.now,
  makeAborter: () => new AbortController(),
  openFolder: (name) => new IndexedDbStore(name),
}

/** What tells of events: a window, a worker or a document. */
interface Target {
  addEventListener(type: string, listener: (event: { readonly type: string }) => void): void
  removeEventListener(type: string, listener: (event: { readonly type: string }) => void): void
}

/** A bundle for pages may run where there is no window, such as on a server. */
const globals = globalThis as unknown as Partial<Target> & {
  readonly document?: Target & { readonly visibilityState: string }
}

/**
 * A client that reconnects, and keeps what was published. {@link RobustClient} says what it does.
 *
 * The option `outbox` names a database of this origin. While the client is not disposed of, it tries at once
 * when the browser is online again or the page becomes visible.
 */
export class MQTTClient extends RobustClient {
  readonly #wake = ({ type }: { readonly type: string }): void => {
    if (type === 'online' || globals.document?.visibilityState === 'visible') this.retryNow()
  }

  /**
   * Makes a client. Nothing is dialled and nothing is read before the first use; the page is listened to at once.
   * @param clientId 0 to 65,535 bytes; empty asks the server for one (§3.1.3.1), with MQTT 5.0 or without a session
   * @param server a `ws:` or `wss:` URL; another scheme only with the option `transport`
   * @param options as {@link RobustOptions} says; `outbox` names a database of this origin
   * @throws {TypeError} @throws {RangeError} for an argument that cannot be meant
   * @example
   * ```js types
   * import { MQTTClient } from 'umqtt/robust'
   *
   * const client = new MQTTClient('page-1', 'wss://example.org/mqtt', { outbox: 'orders' })
   * const receipt = client.publish('orders/new', JSON.stringify({ item: 7 }), { qos: 1 })
   * console.log(await receipt.stored, (await receipt.settled).status)
   * ```
   */
  constructor(clientId: string, server: string, options: RobustOptions = {}) {
    super(clientId, server, options, platform)
    globals.addEventListener?.('online', this.#wake)
    globals.document?.addEventListener('visibilitychange', this.#wake)
  }

  /** Disconnects, closes the outbox, and listens to the page no longer. Never rejects. */
  override async [Symbol.asyncDispose](): Promise<void> {
    globals.removeEventListener?.('online', this.#wake)
    globals.document?.removeEventListener('visibilitychange', this.#wake)
    await super[Symbol.asyncDispose]()
  }
}

export * from './robust/public.ts'
