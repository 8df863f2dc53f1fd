// What a check works with: connections to the server, names that nobody else has, time. The lab remembers
// every session and every retained message that it may have made, before they are made, so that all of
// them can be removed, whatever happened. Does not know what is checked.

import {
  type ConnectPacket,
  NO_PROPERTIES,
  PacketType,
  type Properties,
  type ProtocolVersion,
  type QoS,
  type WillFields,
} from '../codec/index.ts'
import type { TransportFactory } from '../simple.node.ts'
import type { ResolvedOptions } from './options.ts'
import type { CheckPlatform } from './platform.ts'
import { bounded, pause } from './stopwatch.ts'
import { type Route, tooLate, Wire } from './wire.ts'

/** How long a session is asked to outlive its connection, in seconds: longer than any check, so that even one that cannot be removed is soon gone. */
export const SESSION_SECONDS = 300
/** Connections at once that remove what was left. */
const CLEANERS = 4
/** Between two attempts to reach a server that does not answer, in ms. */
const RETRY_MS = 200
const RANDOM_LETTERS = 6

/** How a check connects. */
export interface ConnectSettings {
  /** @default a new one */
  readonly clientId?: string
  /** @default that of the whole check */
  readonly version?: ProtocolVersion
  /** @default the opposite of `keep` */
  readonly cleanStart?: boolean
  /** Whether the session outlives the connection. @default false */
  readonly keep?: boolean
  /** @default SESSION_SECONDS when it is kept */
  readonly sessionSeconds?: number
  /** @default 0: off */
  readonly keepAlive?: number
  readonly will?: WillFields
  readonly properties?: Properties
}

/** What all checks of one run share. */
export class Lab {
  readonly platform: CheckPlatform
  readonly options: ResolvedOptions
  /** What all client ids begin with. */
  readonly clientPrefix: string
  /** What all topics begin with. */
  readonly topicPrefix: string
  /** The version that checks use; set when the server has been reached. */
  version: ProtocolVersion = 5
  readonly #dial: TransportFactory
  readonly #wires = new Set<Wire>()
  readonly #sessions = new Map<string, ProtocolVersion>()
  readonly #retained = new Set<string>()
  #count = 0

  constructor(options: ResolvedOptions, platform: CheckPlatform) {
    this.options = options
    this.platform = platform
    const dial = options.transport ?? platform.transports[options.address.scheme]
    if (dial === undefined) {
      throw new TypeError(`Cannot reach "${options.address.href}": there is no such transport here`)
    }
    this.#dial = dial
    const letters = Array.from({ length: RANDOM_LETTERS }, () =>
      Math.floor(platform.random() * 36).toString(36),
    ).join('')
    this.clientPrefix = `umqtt-check-${letters}-`
    this.topicPrefix = `${options.topicPrefix}umqtt-check-${letters}/`
  }

  /** A client id that was not used before: at most 23 characters, which every server takes. [MQTT-3.1.3-5] */
  newClientId(): string {
    return this.clientPrefix + (this.#count++).toString(36)
  }

  /** A topic of our own. */
  topic(name: string): string {
    return `${this.topicPrefix}${(this.#count++).toString(36)}/${name}`
  }

  /** Connects. @throws {MqttError} the server refuses, ends the connection, or does not answer */
  connect(settings: ConnectSettings, signal: AbortSignal): Promise<Wire> {
    const { user, password } = this.options
    const { version = this.version, keepAlive = 0, will } = settings
    const { keep = false, cleanStart = !keep, clientId = this.newClientId() } = settings
    const seconds = keep ? (settings.sessionSeconds ?? SESSION_SECONDS) : 0
    if (keep && clientId !== '') this.#sessions.set(clientId, version)
    const connect: ConnectPacket = {
      type: PacketType.CONNECT,
      version,
      clientId,
      // MQTT 3.1.1 keeps a session exactly when it does not start clean. §3.1.2.4
      cleanStart: version === 5 ? cleanStart : !keep,
      keepAlive,
      ...(will !== undefined && { will }),
      ...(user !== undefined && { userName: user }),
      ...(password !== undefined && {
        password: typeof password === 'string' ? new TextEncoder().encode(password) : password,
      }),
      properties:
        version === 5
          ? { ...settings.properties, ...(seconds > 0 && { sessionExpiryInterval: seconds }) }
          : NO_PROPERTIES,
    }
    const wire = new Wire(this.#route(), connect, signal)
    this.#wires.add(wire)
    return wire.open()
  }

  /** Connects as soon as the server lets us, within a bound. @throws what the last attempt met */
  async connectAgain(settings: ConnectSettings, ms: number, signal: AbortSignal): Promise<Wire> {
    const end = this.platform.now() + ms
    for (;;) {
      try {
        return await this.connect(settings, signal)
      } catch (error) {
        if (signal.aborted || this.platform.now() + RETRY_MS > end) throw error
      }
      await pause(this.platform, RETRY_MS, signal)
    }
  }

  /**
   * Removes every session and retained message that was made, and ends every connection. Never rejects.
   * @returns what may still be there
   */
  async cleanUp(): Promise<string[]> {
    const { cleanUpMs } = this.options.timeouts
    const late = (): Error => new Error('The time to clean up is over')
    const limit = bounded(this.platform, undefined, cleanUpMs, late)
    const { signal } = limit
    try {
      // What was sent arrives before DISCONNECT does: nothing is retained after this.
      await Promise.all([...this.#wires].map((wire) => this.#end(wire)))
      const left = await this.#clearRetained(signal)
      const sessions = [...this.#sessions]
      const cleaner = async (): Promise<void> => {
        for (let next = sessions.shift(); next !== undefined; next = sessions.shift()) {
          const [clientId, version] = next
          if (!(await this.#forget(clientId, version, signal))) left.push(`session ${clientId}`)
        }
      }
      await Promise.all(Array.from({ length: CLEANERS }, cleaner))
      return left
    } finally {
      limit.release()
    }
  }

  /** Waits for the answer to a CONNECT that is under way: ended before it, its session might come after us. */
  async #end(wire: Wire): Promise<void> {
    const waiting = !wire.ended && wire.connack === undefined
    if (waiting) await wire.answered()
    await wire.leave(true)
  }

  async #clearRetained(signal: AbortSignal): Promise<string[]> {
    if (this.#retained.size === 0) return []
    const left = new Set(this.#retained)
    try {
      const wire = await this.connectAgain({}, this.options.timeouts.cleanUpMs, signal)
      const qos = wire.properties.maximumQoS === 0 ? 0 : 1
      for (const topic of this.#retained) {
        await wire.publish(topic, '', { retain: true, qos })
        left.delete(topic)
      }
      await wire.leave()
    } catch {
      // What could not be removed is told below.
    }
    return [...left].map((topic) => `retained message ${topic}`)
  }

  /** A clean start that is left at once ends a session, in whichever version. */
  async #forget(clientId: string, version: ProtocolVersion, signal: AbortSignal): Promise<boolean> {
    const { cleanUpMs } = this.options.timeouts
    const end = this.platform.now() + cleanUpMs
    while (!signal.aborted && this.platform.now() < end) {
      // A server that does not speak the version that was tried knows its sessions by the other.
      for (const tried of new Set([version, this.version])) {
        try {
          const settings = { clientId, version: tried }
          await (await this.connect(settings, signal)).leave()
          return true
        } catch {
          // The next attempt may do; what stays is told by cleanUp.
        }
      }
      await pause(this.platform, RETRY_MS, signal).catch(() => undefined)
    }
    return false
  }

  #route(): Route {
    const { address, tls, timeouts } = this.options
    const { connectMs, answerMs } = timeouts
    const { platform } = this
    const onRetain = (topic: string): void => void this.#retained.add(topic)
    return { platform, address, dial: this.#dial, tls, connectMs, answerMs, onRetain }
  }
}

/** What one check is given: the lab, and the signal that ends this check. */
export class Bench {
  readonly lab: Lab
  readonly signal: AbortSignal
  /** The last connection that could not be made. */
  notConnected: unknown
  readonly #wires: Promise<Wire>[] = []

  constructor(lab: Lab, signal: AbortSignal) {
    this.lab = lab
    this.signal = signal
  }

  get version(): ProtocolVersion {
    return this.lab.version
  }

  get answerMs(): number {
    return this.lab.options.timeouts.answerMs
  }

  now(): number {
    return this.lab.platform.now()
  }

  topic(name: string): string {
    return this.lab.topic(name)
  }

  connect(settings: ConnectSettings = {}): Promise<Wire> {
    const opening = this.lab.connect(settings, this.signal)
    this.#wires.push(opening)
    opening.catch((error: unknown) => {
      this.notConnected = error
    })
    return opening
  }

  /** Ends the connections of this check. */
  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#wires)
    const wires = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    await Promise.all(wires.map((wire) => wire.leave(true)))
  }

  pass(ms: number): Promise<void> {
    return pause(this.lab.platform, ms, this.signal)
  }

  /** A session that is kept, with a subscription, and nobody there. */
  async absent(filter: string, qos: QoS, settings: ConnectSettings = {}): Promise<Absent> {
    const clientId = this.lab.newClientId()
    const wire = await this.connect({ clientId, keep: true, ...settings })
    const [granted = 0x80] = await wire.subscribe([filter], qos)
    await wire.leave()
    return { clientId, granted }
  }

  /** The same client comes back for its session. */
  back(clientId: string, settings: ConnectSettings = {}): Promise<Wire> {
    return this.connect({ clientId, keep: true, ...settings })
  }

  /**
   * Waits until nothing more comes: a message that is published last has arrived, and then nothing for a
   * moment. It is sent again as long as others still come, since a full queue may have dropped it.
   *
   * @throws {TimeoutError} the server answers nothing any more
   */
  async drain(to: Wire, from: Wire, topic: string, qos: QoS = 1): Promise<void> {
    const marked = (): boolean => to.messages.some(({ text }) => text === MARK)
    let seen: number
    do {
      seen = to.messages.length
      await from.publish(topic, MARK, { qos })
      await to.becomes(() => marked(), this.answerMs / 4)
      await this.quiet(to)
    } while (!marked() && seen !== to.messages.length)
  }

  /**
   * Waits until nothing more comes on any of these connections. A server that stands still, as for a slow
   * disk, has not said so: it answers a PINGREQ first.
   *
   * @throws {TimeoutError} it does not
   */
  async quiet(...wires: readonly Wire[]): Promise<void> {
    const count = (): number => wires.reduce((sum, { messages }) => sum + messages.length, 0)
    for (let seen = -1; seen !== count();) {
      seen = count()
      for (const wire of wires) {
        if (!(await wire.ping(this.answerMs)) && !wire.ended)
          throw tooLate('PINGRESP', this.answerMs)
      }
      await this.pass(QUIET_MS)
    }
  }

  /** What came on a topic, without the mark of `drain`. */
  texts(wire: Wire, topic: string): string[] {
    return wire.messages
      .filter((message) => message.topic === topic && message.text !== MARK)
      .map(({ text }) => text)
  }
}

/** What {@link Bench.drain} publishes last. */
const MARK = 'the end'
/** How long nothing comes before we believe that nothing more will: many times what a server takes from one message to the next. */
const QUIET_MS = 300

/** A client that is not there. */
export interface Absent {
  readonly clientId: string
  /** What SUBACK said: a QoS, or a reason code from 0x80. */
  readonly granted: number
}
