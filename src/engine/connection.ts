// The life of one connection, from the dial to the end of its transport: its state, why it ends, and
// the bounds on that. What travels over it is not known here. §3.1, §3.14, §4.13

import { writeConnect, writeDisconnect } from '../codec/encode.ts'
import { type ConnackPacket, NO_PROPERTIES, PacketType } from '../codec/packets.ts'
import type { MqttError } from '../errors.ts'
import {
  CONNECTION_TRANSITIONS,
  type ConnectionEvent,
  type ConnectionState,
} from './connection-states.ts'
import { lostError, silenceError } from './endings.ts'
import { connectPacket } from './handshake.ts'
import type { Link } from './link.ts'
import type { Liveness } from './liveness.ts'
import { type LimitsPool, limitsOf } from './server-limits.ts'
import { Timer } from './timers.ts'
import type { ConnectSettings, EngineOptions } from './types.ts'

export class Connection {
  state: ConnectionState = 'idle'
  settings: ConnectSettings | undefined
  /** The client id in use: ours, or the one that the server assigned. §3.2.2.3.7 */
  clientId = ''
  /** Whether CONNACK has accepted it. */
  accepted = false
  readonly #link: Link
  readonly #liveness: Liveness
  readonly #options: EngineOptions
  readonly #limits: LimitsPool | undefined
  /** Why it ends; the first reason stands. */
  #reason: MqttError | undefined
  /** Whether it ends because we want it to. */
  #disconnecting = false

  constructor(
    link: Link,
    liveness: Liveness,
    options: EngineOptions,
    limits: LimitsPool | undefined,
  ) {
    this.#link = link
    this.#liveness = liveness
    this.#options = options
    this.#limits = limits
  }

  /** Whether it can still be ended. */
  get open(): boolean {
    return CONNECTION_TRANSITIONS[this.state].end !== undefined
  }

  dial(settings: ConnectSettings, now: number): void {
    this.#move('dial')
    this.settings = settings
    this.accepted = false
    this.#reason = undefined
    this.#disconnecting = false
    if (settings.clientId !== '') this.clientId = settings.clientId
    const link = this.#link
    link.version = settings.version
    link.limits = limitsOf(settings.version, settings)
    link.connection += 1
    this.#liveness.handleDial(now)
  }

  /** The transport is open: CONNECT goes out. [MQTT-3.1.0-1] */
  handleOpened(now: number): void {
    if (this.state !== 'dialling') return
    this.#move('open')
    this.#liveness.handleOpened(now)
    const packet = connectPacket(this.settings as ConnectSettings, this.clientId, this.#options)
    this.#link.packetsSent += 1
    writeConnect(this.#link.out, packet)
  }

  /** CONNACK has accepted it. */
  handleAccepted(packet: ConnackPacket): void {
    const link = this.#link
    const limits = limitsOf(link.version, this.settings as ConnectSettings, packet)
    link.limits = this.#limits?.intern(limits) ?? limits
    this.clientId = packet.properties.assignedClientIdentifier ?? this.clientId
    this.#move('accept')
    this.accepted = true
    this.#link.connected = true
    this.settings = stillNeeded(this.settings)
    this.#liveness.handleConnected(this.#link.limits.keepAliveSeconds)
  }

  /** We want it to end in order, within `closeMs`. */
  disconnect(reasonCode: number, closeMs: number, now: number): void {
    if (!this.open) {
      // It ends already, and now in more of a hurry.
      if (this.state === 'closing') this.#liveness.timers.arm(Timer.CLOSE, now + closeMs)
      return
    }
    this.#disconnecting = true
    this.end(undefined, reasonCode, closeMs, now)
  }

  /** Ends it: DISCONNECT if we may, then the transport. [MQTT-3.14.4-1] [MQTT-3.14.4-2] */
  end(
    error: MqttError | undefined,
    reasonCode: number | undefined,
    closeMs: number,
    now: number,
  ): void {
    if (!this.open) return
    const link = this.#link
    // MQTT 3.1.1 can only say that all is well; anything else is said by closing. §3.14 of 3.1.1
    const sayable = reasonCode === 0 || (reasonCode !== undefined && link.version === 5)
    if (this.state === 'connected' && sayable) {
      const packet = { type: PacketType.DISCONNECT, reasonCode, properties: NO_PROPERTIES }
      link.packetsSent += 1
      writeDisconnect(link.out, packet, link.version)
    }
    const opened = this.state !== 'dialling'
    this.#reason ??= error
    link.connected = false
    this.#move('end')
    this.#closeTransport(opened ? now + closeMs : undefined)
  }

  /** A deadline has passed: it is dead, and no farewell would arrive. */
  giveUp(timer: number): void {
    const { connectMs, pingMs, acknowledgementMs, writeMs } = this.#options
    if (timer !== Timer.CLOSE) {
      const bounds: Readonly<Record<number, number>> = {
        [Timer.CONNECT]: connectMs,
        [Timer.PING_RESPONSE]: pingMs,
        [Timer.ACKNOWLEDGEMENT]: acknowledgementMs,
        [Timer.WRITE]: writeMs,
      }
      this.#reason ??= silenceError(timer, bounds[timer] as number)
    }
    this.#link.connected = false
    if (this.open) this.#move('end')
    this.#closeTransport(undefined)
  }

  /**
   * The transport has ended.
   * @returns why; undefined after our own DISCONNECT
   */
  handleClosed(error: Error | undefined): MqttError | undefined {
    const reason = this.#disconnecting ? undefined : (this.#reason ?? lostError(this.state, error))
    this.#move('close')
    this.#link.connected = false
    this.#link.out.clear()
    this.#liveness.handleClosed()
    return reason
  }

  /** Asks for the end of the transport: in order until `deadline`, or else at once. */
  #closeTransport(deadline: number | undefined): void {
    const { timers } = this.#liveness
    timers.clear()
    if (deadline !== undefined) timers.set(Timer.CLOSE, deadline)
    this.#link.outputs.push({ kind: 'close', orderly: deadline !== undefined })
  }

  #move(event: ConnectionEvent): void {
    const next = CONNECTION_TRANSITIONS[this.state][event]
    if (next === undefined) {
      throw new Error(`Illegal "${event}" while the connection is "${this.state}"`)
    }
    this.state = next
  }
}

/** What a connection asks of its CONNECT later; mostly nothing, and ten thousand clients keep that. */
function stillNeeded(settings: ConnectSettings | undefined): ConnectSettings | undefined {
  const { authenticationMethod, requestProblemInformation } = settings ?? {}
  const needed = authenticationMethod !== undefined || requestProblemInformation === false
  return needed ? settings : undefined
}
