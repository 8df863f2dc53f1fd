// What an interop test is given: a server that runs, a route to it, a version of MQTT, and clients that
// are gone when the test ends. Taps on a client's connection let a test break it, deafen it, and see
// which packets have passed.

import { ok } from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { MqttError } from '../../src/errors.ts'
import { nodePlatform } from '../../src/node.ts'
import { MQTTClient } from '../../src/simple.node.ts'
import type { ClientOptions, Message, QoS, SubscribeOptions } from '../../src/simple/types.ts'
import type {
  Transport,
  TransportFactory,
  TransportHandler,
} from '../../src/transport/transport.ts'
import { PASSWORD, type Route, type TestServer, USER } from '../support/servers.ts'
import { TRAITS, type Traits } from './traits.ts'

/** The first bytes of PINGREQ and PINGRESP, which have two. */
const PINGREQ = 0xc0
const PINGRESP = 0xd0

/** One row of the matrix. */
export class Setting {
  readonly server: TestServer
  readonly route: Route
  readonly protocol: 4 | 5
  #count = 0

  constructor(server: TestServer, route: Route, protocol: 4 | 5) {
    this.server = server
    this.route = route
    this.protocol = protocol
  }

  get traits(): Traits {
    return TRAITS[this.server.name]
  }

  /** The qualities that the server keeps its word at. */
  get qualities(): readonly QoS[] {
    return this.traits.qosTwo === 'exactly once' ? [0, 1, 2] : [0, 1]
  }

  /** The highest of them. */
  get topQos(): 1 | 2 {
    return this.qualities.length === 3 ? 2 : 1
  }

  /** A name that no other test of this server uses. */
  name(): string {
    this.#count += 1
    return `${this.route}-${this.protocol}-${this.#count}`
  }

  /** A client that is not connected, and the tap on its connections. */
  client(t: TestContext, options: ClientOptions = {}, clientId = this.name()): TappedClient {
    const url = this.server.urls[this.route]
    ok(url !== undefined, `${this.server.name} has no route "${this.route}"`)
    const scheme = url.slice(0, url.indexOf(':')) as keyof typeof nodePlatform.transports
    const tap = new Tap(nodePlatform.transports[scheme] as TransportFactory)
    const { tls, clientTls } = this.server
    const mutual = this.route === 'mutual-tls'
    const client = new TappedClient(clientId, url, tap, {
      protocol: this.protocol,
      ...(mutual ? {} : { user: USER, password: PASSWORD }),
      ...(mutual ? { tls: clientTls } : ['tls', 'wss'].includes(this.route) ? { tls } : {}),
      ...options,
    })
    t.after(() => client.disconnect())
    return client
  }

  /** A client that is connected. */
  async connected(t: TestContext, options: ClientOptions = {}): Promise<TappedClient> {
    const client = this.client(t, options)
    await client.connect()
    return client
  }
}

/** A client whose connection can be tampered with. */
export class TappedClient extends MQTTClient {
  readonly tap: Tap

  constructor(clientId: string, server: string, tap: Tap, options: ClientOptions) {
    super(clientId, server, { ...options, transport: tap.dial })
    this.tap = tap
  }

  /** Subscribes and collects. */
  async collect(filter: string, options: SubscribeOptions = {}): Promise<Collected> {
    const collected = new Collected()
    const { granted } = await this.subscribe(filter, options, (_topic, _payload, message) =>
      collected.add(message),
    )
    collected.granted = granted[0]?.qos
    return collected
  }

  /** Breaks the connection, without a word to the server. */
  async cut(): Promise<void> {
    const lost = new Promise<void>((resolve) => {
      const stop = this.on('connection-lost', () => {
        stop()
        resolve()
      })
    })
    this.tap.cut()
    await lost
  }
}

/** Sits between a client and its transport. */
export class Tap {
  readonly dial: TransportFactory
  /** While true, what the server sends does not arrive; a new connection hears again. */
  deaf = false
  pingRequests = 0
  pingResponses = 0
  readonly #watchers = new Watchers()
  #inner: Transport | undefined
  #isCut = false

  constructor(dial: TransportFactory) {
    this.dial = (address, handler, options) => {
      this.deaf = false
      this.#isCut = false
      this.#inner = dial(address, this.#listening(handler), options)
      return this.#counting(this.#inner)
    }
  }

  /** Breaks the connection; the client is told so, the server is told nothing. */
  cut(): void {
    this.#isCut = true
    this.#inner?.destroy()
  }

  /** Waits until something that passes makes it true. */
  until(condition: () => boolean): Promise<void> {
    return this.#watchers.until(condition)
  }

  #listening(handler: TransportHandler): TransportHandler {
    return {
      opened: () => handler.opened(),
      written: () => handler.written(),
      closed: (error) =>
        handler.closed(this.#isCut ? new Error('The test cut the connection') : error),
      received: (bytes, length) => {
        if (this.deaf) return
        if (length === 2 && bytes[0] === PINGRESP) this.pingResponses += 1
        handler.received(bytes, length)
        this.#watchers.look()
      },
    }
  }

  #counting(inner: Transport): Transport {
    return {
      write: (chunks) => {
        const [first] = chunks
        if (chunks.length === 1 && first?.length === 2 && first[0] === PINGREQ) {
          this.pingRequests += 1
        }
        inner.write(chunks)
        this.#watchers.look()
      },
      pause: () => inner.pause(),
      resume: () => inner.resume(),
      close: () => inner.close(),
      destroy: () => inner.destroy(),
    }
  }
}

/** Messages in the order of their arrival. */
export class Collected {
  readonly messages: Message[] = []
  /** What the server has granted to the subscription. */
  granted: QoS | undefined
  readonly #watchers = new Watchers()

  add(message: Message): void {
    this.messages.push(message)
    this.#watchers.look()
  }

  get texts(): string[] {
    return this.messages.map((message) => message.text())
  }

  /** Waits for that many messages. */
  async until(count: number): Promise<readonly Message[]> {
    await this.#watchers.until(() => this.messages.length >= count)
    return this.messages
  }

  /** Waits until what has come makes it true. */
  when(condition: () => boolean): Promise<void> {
    return this.#watchers.until(condition)
  }

  /** Waits for a message that has this text. */
  untilText(text: string): Promise<void> {
    return this.#watchers.until(() => this.texts.includes(text))
  }
}

/** Those who wait for a condition. */
export class Watchers {
  #waiting: { condition: () => boolean; resolve: () => void }[] = []

  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ condition, resolve }))
  }

  look(): void {
    this.#waiting = this.#waiting.filter(({ condition, resolve }) => {
      const met = condition()
      if (met) resolve()
      return !met
    })
  }
}

/** What a promise came to: a value, or an error that must be one of ours. */
export async function outcome<T>(promise: Promise<T>): Promise<T | MqttError> {
  try {
    return await promise
  } catch (error) {
    ok(MqttError.is(error), `It has no code: ${String(error)}`)
    return error
  }
}
