// The life of one connection, from the dial to the end of its transport: its state, why it ends, and
// the bounds on that. Which packets may come it knows, and not what they say. §3.1, §3.14, §4.13

import { writeConnect, writeDisconnect } from '../codec/encode.ts'
import * as PacketType from '../codec/packet-type.ts'
import {
  type AuthPacket,
  type ConnackPacket,
  NO_PROPERTIES,
  type Packet,
  type Properties,
} from '../codec/packets.ts'
import type { MqttError } from '../errors.ts'
import {
  CONNECTION_TRANSITIONS,
  type ConnectionEvent,
  type ConnectionState,
  RECEIVABLE,
} from './connection-states.ts'
import {
  answerError,
  lostError,
  misplacedError,
  required,
  requireCleanStart,
  requireMethod,
  requireNoProblem,
} from './endings.ts'
import { connectPacket, sendAuth } from './handshake.ts'
import { type Link, sendSized } from './link.ts'
import type { Liveness } from './liveness.ts'
import { type LimitsPool, limitsOf } from './server-limits.ts'
import * as Timer from './timer.ts'
import type { ConnectSettings, EngineOptions } from './types.ts'

export class Connection {
  state: ConnectionState = 'idle'
  settings: ConnectSettings | undefined
  /** The client id in use: ours, or the one that the server assigned. §3.2.2.3.7 */
  clientId = ''
  /** Whether CONNACK has accepted it. */
  accepted = false
  /** CONNECTs since the last that was accepted; one that is refused makes no session, and does not count. */
  unanswered = 0
  /** Whether AUTH of ours waits for an answer of the server. */
  authenticating = false
  readonly #link: Link
  readonly #liveness: Liveness
  readonly #options: EngineOptions
  readonly #limits: LimitsPool | undefined
  /** Why it ends; the first reason stands. */
  #reason: MqttError | undefined
  /** Whether it ends because we want it to. */
  #disconnecting = false
  /** Whether CONNECT asks for a session beyond it. */
  #asksForSession = false

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
    this.#asksForSession = settings.sessionExpirySeconds > 0
    if (settings.clientId !== '') this.clientId = settings.clientId
    const link = this.#link
    link.version = settings.version
    link.limits = limitsOf(settings.version, settings)
    link.connection += 1
    this.#liveness.patience = settings.patience ?? 1
    this.#liveness.set(Timer.CONNECT, now + this.#options.connectMs)
  }

  /** The transport is open: CONNECT goes out. [MQTT-3.1.0-1] @returns whether it ends the session before it */
  handleOpened(now: number): boolean {
    if (this.state !== 'dialling') return false
    this.#move('open')
    this.unanswered += 1
    this.#liveness.handleOpened(now)
    const settings = this.settings as ConnectSettings
    this.#link.packetsSent += 1
    writeConnect(this.#link.out, connectPacket(settings, this.clientId, this.#options))
    return settings.cleanStart
  }

  /** Throws unless the packet may come now, and says no more than we wanted. [MQTT-3.1.2-29] */
  requireDue(packet: Packet): void {
    const { state, settings } = this
    if ((RECEIVABLE[state] & (1 << packet.type)) === 0) throw misplacedError(packet, state)
    if (settings?.requestProblemInformation === false) requireNoProblem(packet)
  }

  /** CONNACK has accepted it. */
  handleAccepted(packet: ConnackPacket): void {
    const link = this.#link
    const settings = this.settings as ConnectSettings
    requireCleanStart(packet, settings)
    const limits = limitsOf(link.version, settings, packet)
    link.limits = this.#limits?.intern(limits) ?? limits
    this.clientId = packet.properties.assignedClientIdentifier ?? this.clientId
    this.#move('accept')
    this.accepted = true
    this.authenticating = false
    this.unanswered = 0
    this.#link.connected = true
    this.settings = stillNeeded(this.settings)
    this.#liveness.handleConnected(this.#link.limits.keepAliveSeconds)
  }

  /** AUTH has come in. §4.12 */
  handleAuth(packet: AuthPacket): void {
    requireMethod(packet, this.settings?.authenticationMethod)
    this.authenticating = false
  }

  /** Goes on with an authentication, or begins one again. @returns why nothing was sent, if so */
  authenticate(data: Uint8Array | undefined, again: boolean, now: number): MqttError | undefined {
    const method = this.settings?.authenticationMethod
    if (RECEIVABLE[this.state] === 0 || method === undefined) return undefined
    const error = sendAuth(this.#link, method, data, again)
    if (error !== undefined) return error
    this.authenticating = true
    this.#liveness.expect(now)
    return undefined
  }

  /** CONNACK has refused it. @returns why */
  handleRefused(packet: ConnackPacket): MqttError {
    this.unanswered -= 1
    return answerError(packet)
  }

  /** We want it to end in order, by `deadline`. */
  disconnect(reasonCode: number, deadline: number, properties?: Properties): void {
    // It may end already, and now in more of a hurry.
    if (this.state === 'closing') this.#liveness.arm(Timer.CLOSE, deadline)
    else if (this.open) this.#disconnecting = true
    this.end(undefined, reasonCode, deadline, properties)
  }

  /**
   * Ends it: DISCONNECT if we may, then the transport. [MQTT-3.14.4-1] [MQTT-3.14.4-2]
   * @param deadline When an orderly end gives way to one at once; without it, it is at once.
   */
  end(
    error: MqttError | undefined,
    reasonCode: number | undefined,
    deadline: number | undefined,
    properties: Properties = NO_PROPERTIES,
  ): void {
    const { open, state } = this
    if (!open && deadline !== undefined) return
    const link = this.#link
    // MQTT 3.1.1 can only say that all is well; anything else is said by closing. §3.14 of 3.1.1
    const sayable = reasonCode === 0 || (reasonCode !== undefined && link.version === 5)
    if (state === 'connected' && sayable) {
      const { sessionExpiryInterval, ...others } = properties
      // Who has no session cannot ask for one now; who asked for none may end what was granted. §3.14.2.2.2
      const { limits } = link
      const asksFor =
        limits.sessionExpirySeconds > 0 &&
        sessionExpiryInterval !== undefined &&
        (this.#asksForSession || sessionExpiryInterval === 0)
      const least = asksFor ? { sessionExpiryInterval } : NO_PROPERTIES
      const all = asksFor ? properties : others
      const say = (said: Properties): MqttError | undefined =>
        sendSized(link, 'disconnect', (sink) =>
          writeDisconnect(
            sink,
            { type: PacketType.DISCONNECT, reasonCode, properties: said },
            link.version,
          ),
        )
      // What the server has no room for is left out. [MQTT-3.14.2-3] [MQTT-3.14.2-4]
      if (say(all) !== undefined && say(least) !== undefined) say(NO_PROPERTIES)
      // It holds instead of what was agreed on. §3.14.2.2.2
      else if (asksFor && link.version === 5)
        link.limits = { ...limits, sessionExpirySeconds: sessionExpiryInterval }
    }
    this.#reason ??= error
    link.connected = false
    if (open) this.#move('end')
    const orderly = deadline !== undefined && state !== 'dialling'
    this.#liveness.clear()
    if (orderly) this.#liveness.set(Timer.CLOSE, deadline)
    link.outputs.push({ kind: 'close', orderly })
  }

  /**
   * The transport has ended.
   * @returns why; undefined after our own DISCONNECT
   */
  handleClosed(error: Error | undefined): MqttError | undefined {
    const reason = this.#disconnecting ? undefined : (this.#reason ?? lostError(this.state, error))
    this.#move('close')
    this.authenticating = false
    this.#link.connected = false
    this.#link.out.clear()
    this.#liveness.handleClosed()
    return reason
  }

  #move(event: ConnectionEvent): void {
    const { state } = this
    this.state = required(CONNECTION_TRANSITIONS[state][event], event, state)
  }
}

/** What a connection asks of its CONNECT later; mostly nothing, and ten thousand clients keep that. */
function stillNeeded(settings: ConnectSettings | undefined): ConnectSettings | undefined {
  const { authenticationMethod, requestProblemInformation } = settings ?? {}
  const needed = authenticationMethod !== undefined || requestProblemInformation === false
  return needed ? settings : undefined
}
