// The protocol state of one client, sans-IO: bytes and events in, bytes and outputs out. §4
// The contract: one mutation, then `poll` until it gives undefined, then the next. It has no clock
// (every input carries `now`, monotonic ms), no randomness, no promise and no socket. Bytes to send
// collect in `out`; whoever drives it takes them once a tick and tells when they are written.

import { Decoder, SERVER_PACKETS } from '../codec/decode.ts'
import { writePing } from '../codec/encode.ts'
import * as PacketType from '../codec/packet-type.ts'
import type { AckPacket, ConnackPacket, Packet, Properties, QoS } from '../codec/packets.ts'
import { readPlainPublish } from '../codec/plain-publish.ts'
import { MqttError } from '../errors.ts'
import { Connection } from './connection.ts'
import { CONNECTION_TRANSITIONS, type ConnectionState, RECEIVABLE } from './connection-states.ts'
import { answerError, endedError, misplacedError, unconnectedError } from './endings.ts'
import { Inbound } from './inbound.ts'
import type { InboundMessage } from './inbound-message.ts'
import { type Link, makeLink } from './link.ts'
import { explain, type Payload, type PingOperation, type PublishOperation } from './operations.ts'
import { Outbound } from './outbound.ts'
import type { OutboundBuffer } from './outbound-buffer.ts'
import { Pings } from './pings.ts'
import { handleRequestAck, type RequestOperation, sendRequest } from './requests.ts'
import type { ServerLimits } from './server-limits.ts'
import { EMPTY_SESSION, restorePublish, type Session, snapshotPublish } from './session.ts'
import * as Timer from './timer.ts'
import type { TimerReason } from './timers.ts'
import type {
  ConnectSettings,
  EngineCounters,
  EngineOptions,
  EngineRuntime,
  Output,
  ReleaseOutput,
} from './types.ts'
import { Liveness } from './liveness.ts'

/** One client's protocol state; {@link PublishOperation} has an example. */
export class Engine {
  readonly #options: EngineOptions
  readonly #link: Link
  readonly #decoder: Decoder
  readonly #inbound: Inbound
  readonly #outbound: Outbound
  readonly #liveness: Liveness
  readonly #connection: Connection
  /** Whether there is a session of ours that the server may hold too. */
  hasSession: boolean
  /** Whether the decoder may hold packets that `poll` has not read. */
  #reading = false
  /** What comes after the outputs of the moment are handled. */
  #then: (() => void) | undefined
  /** Whether acknowledgements have been read of which what follows is still to be done. */
  #acknowledged = false
  #now = 0
  #packetsReceived = 0
  #pings: Pings | undefined

  /** @param options bounds @param runtime what all share @param session where to go on. @default none */
  constructor(options: EngineOptions, runtime: EngineRuntime, session: Session = EMPTY_SESSION) {
    this.#options = options
    this.#link = makeLink(runtime.slabs)
    const { maximumPacketSizeBytes } = options
    const reading = { reads: SERVER_PACKETS, version: 5, topics: runtime.topics } as const
    this.#decoder = new Decoder({ ...reading, shortcut: readPlainPublish, maximumPacketSizeBytes })
    this.#inbound = new Inbound(this.#link, options, session.receivedIds)
    const restored = session.publishes.map(restorePublish)
    const { lastId, adopted = false } = session
    this.#outbound = new Outbound(this.#link, options, runtime.payloads, lastId, restored, adopted)
    this.#liveness = new Liveness(options, this.#outbound.inflight)
    this.#connection = new Connection(this.#link, this.#liveness, options, runtime.limits)
    this.#connection.clientId = session.clientId
    this.hasSession = session !== EMPTY_SESSION
  }

  /** Where the connection is. See ARCHITECTURE.md. */
  get state(): ConnectionState {
    return this.#connection.state
  }

  /** Whether CONNACK has accepted the connection, and nothing has ended it: cheaper to ask than `state`. */
  get connected(): boolean {
    return this.#link.connected
  }

  /** The bytes that wait to be written. */
  get out(): OutboundBuffer {
    return this.#link.out
  }

  /** What the server allows; before CONNACK what it may. */
  get limits(): ServerLimits {
    return this.#link.limits
  }

  /** The client id in use: ours, or the one that the server assigned. §3.2.2.3.7 */
  get clientId(): string {
    return this.#connection.clientId
  }

  /** What has been counted, and what there is at the moment. */
  get counters(): EngineCounters {
    return {
      inflight: this.#outbound.used,
      waitingMessages: this.#outbound.waitingMessages,
      waitingBytes: this.#outbound.waitingBytes,
      strayAcknowledgements: this.#outbound.stray,
      receiveMaximumOverruns: this.#inbound.overruns,
      packetsSent: this.#link.packetsSent,
      packetsReceived: this.#packetsReceived,
      receivedAt: this.#liveness.receivedAt,
      roundTripMs: this.#liveness.roundTripMs,
    }
  }

  /** True while the server owes an answer. */
  get owed(): boolean {
    return this.#outbound.inflight.size > 0 || this.#connection.authenticating
  }

  /** True while anybody waits for an answer or for room to send. */
  get busy(): boolean {
    return this.owed || this.#outbound.waitingMessages > 0 || this.#pings?.open === true
  }

  /** The messages in flight, in the order of sending. */
  get publishes(): readonly PublishOperation[] {
    return this.#outbound.publishes()
  }

  /** The session as data: what must be kept to go on after a restart. §4.1 */
  get session(): Session {
    return {
      clientId: this.#connection.clientId,
      lastId: this.#outbound.inflight.lastId,
      adopted: !this.hasSession || this.#outbound.adopted,
      receivedIds: this.#inbound.recordedIds,
      publishes: this.#outbound.publishes().map(snapshotPublish),
    }
  }

  /** The transport is open: CONNECT goes out. [MQTT-3.1.0-1] @param now monotonic ms */
  handleOpened(now: number): void {
    this.#now = now
    if (!this.#connection.handleOpened(now)) return
    // As CONNECT goes out: without its CONNACK a later connection took the new session for the old one. [MQTT-3.1.2-4]
    this.hasSession = false
    this.#inbound.handleSessionLost()
    this.#outbound.inflight.clear()
  }

  /** Bytes 0 to `length` came in, for `poll`. @param bytes not kept @param length 1 and up @param now monotonic ms */
  handleData(bytes: Uint8Array, length: number, now: number): void {
    this.#now = now
    if (RECEIVABLE[this.state] === 0) return
    this.#liveness.handleReceived(now)
    // A slow packet that moves is progress for whatever waits behind it.
    if (this.#decoder.partial) this.#progress()
    this.#decoder.push(bytes, length)
    this.#reading = true
  }

  /** A write of what was in `out` begins. @param now monotonic ms */
  handleWriteStarted(now: number): void {
    this.#now = now
    this.#liveness.handleWriteStarted(now, this.out.sizeBytes > 0)
  }

  /** The write is done: what waits may follow. @param now monotonic ms */
  handleWritten(now: number): void {
    this.#now = now
    this.#liveness.handleWritten(now, this.owed)
    this.#pump()
  }

  /** We stopped reading: the clocks that only reading can satisfy stand still. @param now monotonic ms */
  handlePaused(now: number): void {
    this.#now = now
    this.#liveness.handlePaused()
  }

  /** We read again. @param now monotonic ms */
  handleResumed(now: number): void {
    this.#now = now
    this.#liveness.handleResumed(now, this.owed)
  }

  /** The time of `nextTimeout` has come. An early call does nothing. @param now monotonic ms */
  handleTimeout(now: number): void {
    this.#now = now
    const timers = this.#liveness
    for (let timer = timers.due(now); timer >= 0; timer = timers.due(now)) this.#expire(timer, now)
  }

  /** The transport has ended. `closed` follows. @param error undefined for an end in order @param now monotonic ms */
  handleClosed(error: Error | undefined, now: number): void {
    this.#now = now
    if (CONNECTION_TRANSITIONS[this.state].close === undefined) return
    const { sentLarge } = this.#liveness
    const reason = this.#connection.handleClosed(error)
    this.#reading = this.#acknowledged = false
    this.#decoder.reset()
    this.#inbound.handleClosed()
    // Only an accepted connection can have ended the session that came before it.
    if (this.#connection.accepted) this.hasSession = this.limits.sessionExpirySeconds > 0
    if (!this.hasSession) this.#inbound.handleSessionLost()
    const endOf = (sent: 'no' | 'maybe'): MqttError => endedError(reason, sent)
    this.#outbound.handleClosed(this.hasSession, endOf)
    this.#pings?.settle(endOf('maybe'))
    this.#link.outputs.push({ kind: 'closed', error: reason, sentLarge })
    // A connection that is begun meanwhile takes over what waits.
    this.#then = () => this.#outbound.handBack(endOf('no'))
  }

  /** Begins a connection; the caller dials and calls `handleOpened`. @param settings of CONNECT @param now monotonic ms */
  connect(settings: ConnectSettings, now: number): void {
    this.#now = now
    this.#then = undefined
    this.#connection.dial(settings, now)
    // The deadlines of what waits already.
    if (this.#outbound.waitingMessages > 0) this.#liveness.arm(Timer.OPERATION, now)
    this.#decoder.version = settings.version
    this.#decoder.reset()
  }

  /**
   * Sends it, or lets it wait. `done` afterwards it is settled already, refused (`answer` is an error) or handed over at
   * QoS 0; no output follows. @param operation new @param owned its payload changes no more: no copy @param now monotonic ms
   */
  publish(operation: PublishOperation, owned: boolean, now: number): void {
    this.#now = now
    this.#outbound.publish(operation, owned, now)
    if (operation.state !== 'done') this.#expect(operation.deadline)
  }

  /** As {@link Outbound.publishPlain}. @param topic @param topicBytes @param payload @param size both in bytes */
  publishPlain(topic: string, topicBytes: number, payload: Payload, size: number): boolean {
    return this.#outbound.publishPlain(topic, topicBytes, payload, size)
  }

  /** Whether a publish would go out at once. @param qos of it @param staged as {@link PublishOperation.staged} */
  hasRoom(qos: QoS, staged = false): boolean {
    return this.#outbound.hasRoom(qos, staged)
  }

  /** What a `held` publish waited for is recorded. @param operation as `poll` gave it @param now monotonic ms */
  proceed(operation: PublishOperation, now: number): void {
    this.#now = now
    this.#outbound.proceed(operation, now)
  }

  /** The id of a `release` output is forgotten. @param packetId @param connection both of that output */
  release({ packetId, connection }: ReleaseOutput): void {
    this.#inbound.release(packetId, connection)
  }

  /** Takes up a session, before the first connection. @param publishes with packet ids @param receivedIds of QoS 2 */
  restore(publishes: readonly PublishOperation[], receivedIds: readonly number[]): void {
    this.hasSession = true
    this.#outbound.restore(publishes)
    this.#inbound.restore(receivedIds)
  }

  /** How many messages may be under way, beside what the server says. */
  set sendQuota(messages: number) {
    if (messages === this.#outbound.sendQuota) return
    // While it is 0 no answer can come: the bound on it begins anew.
    if (this.#outbound.sendQuota === 0 && this.connected) this.#progress()
    this.#outbound.sendQuota = messages
    if (this.#then === undefined) this.#pump()
  }

  /** Sends a message no more, in no session; between two connections. @param operation of it */
  forget(operation: PublishOperation): void {
    this.#outbound.forget(operation)
  }

  /** Nobody waits for a publish any longer; tells whether it can have been sent. @param operation of it */
  cancel(operation: PublishOperation): 'no' | 'maybe' {
    return this.#outbound.cancel(operation)
  }

  /** Sends one; with `answer` set afterwards it was refused unsent. @param operation new @param now monotonic ms */
  request(operation: RequestOperation, now: number): void {
    this.#now = now
    operation.deadline = now + this.#options.operationMs
    operation.answer = this.#link.connected
      ? sendRequest(operation, this.#link, this.#outbound.inflight)
      : unconnectedError(operation.kind)
    if (operation.answer === undefined) this.#expect(operation.deadline)
  }

  /** The application is done with it. @param message of `poll` @param reasonCode to answer @param now monotonic ms */
  acknowledge(message: InboundMessage, reasonCode: number, now: number): void {
    this.#now = now
    this.#inbound.acknowledge(message, reasonCode)
  }

  /** The application wants it again: no acknowledgement goes out. @param message as `poll` gave it */
  hold(message: InboundMessage): void {
    this.#inbound.hold(message)
  }

  /** Sends PINGREQ; `answer` set afterwards: none was. §3.12 @param operation new @param now monotonic ms */
  ping(operation: PingOperation, now: number): void {
    if (!this.#link.connected) operation.answer = unconnectedError('ping')
    if (operation.answer !== undefined) return
    this.#pings ??= new Pings(this.#link.outputs, this.#options.operationMs)
    this.#pings.add(operation, now)
    this.#liveness.arm(Timer.OPERATION, operation.deadline)
    this.#sendPing(now)
  }

  /**
   * Answers an AUTH of the server, or begins a re-authentication; gives why nothing was sent, if so. [MQTT-4.12.0-3]
   * [MQTT-4.12.1-1] @param data of AUTH @param again whether it begins one @param now monotonic ms
   */
  authenticate(data: Uint8Array | undefined, again: boolean, now: number): MqttError | undefined {
    this.#now = now
    return this.#connection.authenticate(data, again, now)
  }

  /**
   * DISCONNECT, then the end of the transport. §3.14 @param reasonCode of DISCONNECT @param closeMs the most that it takes
   * @param now monotonic ms @param properties of DISCONNECT
   */
  disconnect(reasonCode: number, closeMs: number, now: number, properties?: Properties): void {
    this.#now = now
    this.#reading = false
    this.#connection.disconnect(reasonCode, now + closeMs, properties)
    this.#outbound.handBack(endedError(undefined, 'no'))
  }

  /** Ends the connection. @param error ours @param reasonCode of DISCONNECT @param now monotonic ms */
  fail(error: MqttError, reasonCode: number, now: number): void {
    this.#now = now
    this.#end(error, reasonCode)
  }

  /** Whether `poll` may have something to give. */
  get polling(): boolean {
    return this.#reading || this.#then !== undefined || this.#link.outputs.length > 0
  }

  /** The next thing that the caller has to know, or undefined when there is nothing left. */
  poll(): Output | undefined {
    for (const { outputs } = this.#link; ;) {
      if (outputs.length > 0) return outputs.shift()
      const then = this.#then
      if (then !== undefined) {
        this.#then = undefined
        then()
        continue
      }
      if (!this.#reading) return undefined
      try {
        const output = this.#readPacket()
        if (output !== undefined) return output
      } catch (error) {
        // Bytes or packets that the specification forbids end the connection. §4.13 [MQTT-4.13.1-1]
        if (!(error instanceof MqttError)) throw error
        this.#end(error, 'reasonCode' in error ? (error.reasonCode as number) : 0x95)
      }
    }
  }

  /** When `handleTimeout` is due, as `now` counts; Infinity for never. */
  nextTimeout(): number {
    return this.#liveness.next
  }

  /** What `nextTimeout` is for. */
  get timeoutReason(): TimerReason | undefined {
    return this.#liveness.reason
  }

  /** Reads one packet, or finds that there is no more. */
  #readPacket(): Output | undefined {
    // Most of what a publisher reads: no packet is made of it.
    const ack = this.#link.connected ? this.#decoder.nextAck() : 0
    if (ack > 0) {
      this.#packetsReceived += 1
      return this.#handleAck((ack >> 16) as AckPacket['type'], ack & 0xffff, 0)
    }
    this.#follow()
    const packet = this.#decoder.next()
    if (packet !== undefined) {
      this.#packetsReceived += 1
      return this.#handlePacket(packet)
    }
    this.#reading = false
    if (this.#decoder.partial) this.#progress()
    return undefined
  }

  #handleAck(type: AckPacket['type'], packetId: number, reasonCode: number): Output | undefined {
    if (type === PacketType.PUBREL) return this.#inbound.handlePubrel(packetId)
    this.#acknowledged = true
    const moved = this.#outbound.handleAck(type, packetId, reasonCode, this.#now)
    return moved?.context === undefined && moved?.held !== true ? undefined : moved
  }

  #handlePacket(packet: Packet): Output | undefined {
    this.#connection.requireDue(packet)
    switch (packet.type) {
      case PacketType.PUBLISH:
        return this.#inbound.handlePublish(packet)
      case PacketType.PUBACK:
      case PacketType.PUBREC:
      case PacketType.PUBREL:
      case PacketType.PUBCOMP:
        return explain(this.#handleAck(packet.type, packet.packetId, packet.reasonCode), packet)
      case PacketType.SUBACK:
      case PacketType.UNSUBACK: {
        const settled = handleRequestAck(packet, this.#link, this.#outbound.inflight)
        this.#progress()
        return settled?.context === undefined ? undefined : settled
      }
      case PacketType.PINGRESP:
        this.#liveness.handlePingResponse(this.#now)
        this.#pings?.settle(this.#now)
        return undefined
      case PacketType.CONNACK:
        return this.#handleConnack(packet)
      case PacketType.DISCONNECT:
        return this.#end(answerError(packet), undefined)
      case PacketType.AUTH:
        this.#connection.handleAuth(packet)
        this.#progress()
        return { kind: 'auth', packet }
      default:
        throw misplacedError(packet, this.state)
    }
  }

  #handleConnack(packet: ConnackPacket): Output | undefined {
    const { sessionPresent, reasonCode } = packet
    if (reasonCode !== 0) return this.#end(this.#connection.handleRefused(packet), undefined)
    const mayBeNew = this.#connection.unanswered > 1
    this.#connection.handleAccepted(packet)
    if (!sessionPresent || this.#connection.settings?.cleanStart) this.#inbound.handleSessionLost()
    else if (mayBeNew) this.#inbound.handleDoubt()
    const resumed = sessionPresent && this.hasSession
    this.#outbound.handleConnected(sessionPresent, sessionPresent && !resumed)
    this.hasSession = true
    this.#progress()
    // After `connected` has been handled: what is asked for then goes before what is sent again.
    this.#then = () => this.#pump()
    return { kind: 'connected', packet, limits: this.limits, resumed, mayBeNew }
  }

  #end(error: MqttError, reasonCode: number | undefined): undefined {
    this.#reading = false
    this.#connection.end(error, reasonCode, this.#now + this.#options.closeMs)
  }

  #expire(timer: number, now: number): void {
    this.#liveness.set(timer, Infinity)
    if (timer === Timer.KEEP_ALIVE) {
      if (this.#link.connected && this.#liveness.isPingDue(now)) this.#sendPing(now)
    } else if (timer === Timer.OPERATION) {
      const next = Math.min(this.#outbound.expire(now), this.#pings?.expire(now) ?? Infinity)
      this.#liveness.arm(timer, next)
    } else if (timer !== Timer.PING_RESPONSE || this.#liveness.isPingLost()) {
      // It is dead, and no farewell would arrive.
      this.#reading = false
      this.#connection.end(this.#liveness.errorOf(timer), undefined, undefined)
    }
  }

  /** Something moved: the bound on acknowledgements begins anew. */
  #progress(): void {
    this.#liveness.progress(this.#now, this.owed)
  }

  #expect(deadline: number): void {
    this.#liveness.arm(Timer.OPERATION, deadline)
    // What an earlier connection has left in flight is answered by none before CONNACK.
    if (this.connected && this.#outbound.inflight.size > 0) this.#liveness.expect(this.#now)
  }

  /** What follows from acknowledgements, once for all that were read in a row. */
  #follow(): void {
    if (!this.#acknowledged) return
    this.#acknowledged = false
    this.#progress()
    this.#pump()
  }

  #pump(): void {
    if (!this.#outbound.pending) return
    this.#outbound.pump(this.#now)
    this.#expect(Infinity)
  }

  #sendPing(now: number): void {
    this.#link.packetsSent += 1
    writePing(this.#link.out)
    this.#liveness.handlePing(now)
  }
}
