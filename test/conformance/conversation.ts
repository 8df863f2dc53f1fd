// One client engine in conversation with a server that a test plays: bytes in, bytes out, time by hand.
// What it sends is read as a server would read it; what it tells its caller is noted.

import { equal, ok } from 'node:assert/strict'
import { CLIENT_PACKETS, Decoder } from '../../src/codec/decode.ts'
import { encode } from '../../src/codec/encode.ts'
import {
  NO_PROPERTIES,
  type Packet,
  PacketType,
  type Properties,
  type ProtocolVersion,
  type PublishPacket,
  type QoS,
  type SubscriptionRequest,
} from '../../src/codec/packets.ts'
import { encodeUtf8, TopicCache, utf8Length } from '../../src/codec/utf8.ts'
import { Engine } from '../../src/engine/engine.ts'
import type { InboundMessage } from '../../src/engine/inbound-message.ts'
import {
  type Operation,
  PingOperation,
  PublishOperation,
  SubscribeOperation,
  UnsubscribeOperation,
} from '../../src/engine/operations.ts'
import { makeRuntime } from '../../src/engine/runtime.ts'
import type { Session } from '../../src/engine/session.ts'
import type {
  ClosedOutput,
  CloseOutput,
  ConnectedOutput,
  ConnectSettings,
  EngineOptions,
} from '../../src/engine/types.ts'
import type { AnyMqttError, MqttError } from '../../src/errors.ts'
import { join } from '../../src/testing/transport-recorder.ts'
import { paced } from '../support/pace.ts'

const OPTIONS: EngineOptions = {
  receiveMaximum: 100,
  enforceReceiveMaximum: true,
  stagedReceipts: false,
  maximumPacketSizeBytes: 65_536,
  topicAliasMaximum: 10,
  outboundTopicAliases: 10,
  waitingMessages: 1000,
  waitingBytes: 1_000_000,
  connectMs: 30_000,
  acknowledgementMs: 20_000,
  pingMs: 10_000,
  writeMs: 20_000,
  operationMs: 60_000,
  closeMs: 2_000,
}

const SETTINGS = { clientId: 'sensor', cleanStart: true, sessionExpirySeconds: 0 } as const

/** A session that outlives its connection. */
export const KEPT: Partial<ConnectSettings> = { cleanStart: false, sessionExpirySeconds: 600 }

/** Every byte that may stand for a reason; on an interpreter all that mean something, and some of the others. */
export const CODES: readonly number[] = Array.from({ length: 256 }, (_, code) => code).filter(
  (code) => code < 6 || (code >= 0x80 && code <= 0xa3) || code % paced(1, 8) < 2,
)

/** A message as the application gets it. */
export interface Received extends PublishPacket {
  readonly message: InboundMessage
}

/** What a conversation begins with. */
export interface Start {
  readonly options?: Partial<EngineOptions>
  readonly settings?: Partial<ConnectSettings>
  /** CONNACK. */
  readonly properties?: Properties
  readonly sessionPresent?: boolean
  /** What was stored before a restart. */
  readonly session?: Session
}

/** Bytes from hexadecimal digits; blanks are for the reader. */
export function hex(digits: string): Uint8Array {
  const pairs = digits.replace(/\s/g, '').match(/../g) ?? []
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16))
}

/** Hexadecimal digits of bytes, with blanks. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
}

/** One client engine and its server. */
export class Conversation {
  readonly version: ProtocolVersion
  readonly engine: Engine
  now = 0
  /** Messages handed to the application. */
  readonly messages: Received[] = []
  /** Operations handed back. */
  readonly settled: Operation[] = []
  connected: ConnectedOutput | undefined
  /** AUTH packets handed to the application. */
  readonly auths: Packet[] = []
  /** What the transport was told. */
  closing: CloseOutput | undefined
  closed: ClosedOutput | undefined
  #settings: Partial<ConnectSettings>
  #decoder: Decoder

  constructor(version: ProtocolVersion, { options, settings = {}, session }: Start = {}) {
    this.version = version
    this.engine = new Engine({ ...OPTIONS, ...options }, makeRuntime(), session)
    this.#settings = settings
    this.#decoder = this.#newDecoder()
  }

  /** Dials, and the transport opens: CONNECT is on its way. */
  open(settings: Partial<ConnectSettings> = {}): this {
    const { version } = this
    this.closing = undefined
    this.closed = undefined
    this.connected = undefined
    this.#decoder = this.#newDecoder()
    this.#settings = { ...this.#settings, ...settings }
    const keepAliveSeconds = 0
    this.engine.connect({ version, ...SETTINGS, keepAliveSeconds, ...this.#settings }, this.now)
    this.engine.handleOpened(this.now)
    this.#poll()
    return this
  }

  /** The server accepts. */
  accept(properties: Properties = NO_PROPERTIES, sessionPresent = false): this {
    const said = this.version === 5 ? properties : NO_PROPERTIES
    return this.receive({ type: 2, sessionPresent, reasonCode: 0, properties: said })
  }

  /** Bytes come in. */
  receiveBytes(bytes: Uint8Array): this {
    this.engine.handleData(bytes, bytes.length, this.now)
    this.#poll()
    return this
  }

  /** Packets come in, in one piece. */
  receive(...packets: Packet[]): this {
    for (const packet of packets) this.receiveBytes(encode(packet, this.version))
    return this
  }

  /** PUBACK, PUBREC, PUBREL or PUBCOMP comes in. */
  receiveAck(type: 4 | 5 | 6 | 7, packetId: number, reasonCode = 0): this {
    return this.receive({ type, packetId, reasonCode, properties: NO_PROPERTIES })
  }

  /** PUBLISH comes in. */
  receivePublish(fields: Partial<PublishPacket> = {}): this {
    return this.receive(publishPacket(fields))
  }

  /** Everything that the client has written since the last call, as bytes. */
  sentBytes(): Uint8Array {
    const chunks: Uint8Array[] = []
    while (this.engine.out.sizeBytes > 0) {
      const batch = this.engine.out.take(Infinity)
      this.engine.handleWriteStarted(this.now)
      // What is released is written over.
      for (const chunk of batch.chunks) chunks.push(chunk.slice())
      this.engine.out.release(batch)
      this.engine.handleWritten(this.now)
      this.#poll()
    }
    return join(...chunks)
  }

  /** The same as packets, read as a server reads them. */
  sent(): Packet[] {
    const bytes = this.sentBytes()
    this.#decoder.push(bytes, bytes.length)
    const packets: Packet[] = []
    for (let p = this.#decoder.next(); p !== undefined; p = this.#decoder.next()) packets.push(p)
    return packets
  }

  /** The same, each in a few characters. */
  sentBriefly(): string[] {
    return this.sent().map(brief)
  }

  /** The application publishes. */
  publish(
    topic: string,
    qos: QoS = 0,
    more: { payload?: string; retain?: boolean; properties?: Properties } = {},
  ): PublishOperation {
    const { payload = 'x', retain = false, properties } = more
    const operation = new PublishOperation(
      topic,
      utf8Length(topic),
      encodeUtf8(payload),
      utf8Length(payload),
      qos,
      retain,
      properties,
    )
    operation.context = this
    this.engine.publish(operation, true, this.now)
    this.#poll()
    return operation
  }

  /** The application subscribes. */
  subscribe(...filters: (string | SubscriptionRequest)[]): SubscribeOperation {
    const requests = filters.map((filter) =>
      typeof filter === 'string' ? { filter, qos: 1 as const } : filter,
    )
    return this.request(new SubscribeOperation(requests))
  }

  unsubscribe(...filters: string[]): UnsubscribeOperation {
    return this.request(new UnsubscribeOperation(filters))
  }

  request<T extends SubscribeOperation | UnsubscribeOperation>(operation: T): T {
    operation.context = this
    this.engine.request(operation, this.now)
    this.#poll()
    return operation
  }

  ping(): PingOperation {
    const operation = new PingOperation()
    operation.context = this
    this.engine.ping(operation, this.now)
    this.#poll()
    return operation
  }

  /** The application is done with a message. */
  acknowledge(received: Received | undefined, reasonCode = 0): this {
    if (received === undefined) throw new Error('There is no such message')
    this.engine.acknowledge(received.message, reasonCode, this.now)
    this.#poll()
    return this
  }

  disconnect(reasonCode = 0, properties?: Properties): this {
    this.engine.disconnect(reasonCode, 2000, this.now, properties)
    this.#poll()
    return this
  }

  /** The transport has ended. */
  drop(error?: Error): this {
    this.engine.handleClosed(error, this.now)
    this.#poll()
    return this
  }

  /** Time passes, with every deadline at its time. */
  elapse(ms: number): this {
    const end = this.now + ms
    for (let at = this.engine.nextTimeout(); at <= end; at = this.engine.nextTimeout()) {
      this.now = Math.max(this.now, at)
      this.engine.handleTimeout(this.now)
      this.#poll()
    }
    this.now = end
    return this
  }

  #receive(message: InboundMessage): void {
    const { packet, topic } = message
    this.messages.push({ ...packet, topic, message })
  }

  #newDecoder(): Decoder {
    const { version } = this
    const topics = new TopicCache()
    const reads = CLIENT_PACKETS
    return new Decoder({ reads, version, maximumPacketSizeBytes: 268_435_460, topics })
  }

  #poll(): void {
    for (let output = this.engine.poll(); output; output = this.engine.poll()) {
      if (output.kind === 'message') this.#receive(output)
      else if (output.kind === 'connected') this.connected = output
      else if (output.kind === 'auth') this.auths.push(output.packet)
      else if (output.kind === 'close') this.closing = output
      else if (output.kind === 'closed') this.closed = output
      else if (output.kind !== 'release' && output.kind !== 'forgotten') this.settled.push(output)
    }
  }
}

/** A conversation whose CONNECT was accepted; the packets so far are taken. */
export function connected(version: ProtocolVersion, start: Start = {}): Conversation {
  const talk = new Conversation(version, start)
  talk.open().accept(start.properties, start.sessionPresent)
  talk.sent()
  return talk
}

/** The connection is lost and made again, the server says whether it has the session. */
export function reconnect(
  talk: Conversation,
  sessionPresent: boolean,
  settings: Partial<ConnectSettings> = {},
  properties?: Properties,
): Conversation {
  talk.drop(new Error('The link broke'))
  talk.open(settings)
  equal(talk.sent()[0]?.type, PacketType.CONNECT)
  return talk.accept(properties, sessionPresent)
}

/** A PUBLISH of the server: QoS 0, topic `t`, payload `x`, unless said otherwise. */
export function publishPacket(fields: Partial<PublishPacket> = {}): PublishPacket {
  return {
    type: PacketType.PUBLISH,
    topic: 't',
    payload: encodeUtf8('x'),
    qos: 0,
    retain: false,
    dup: false,
    packetId: (fields.qos ?? 0) > 0 ? 1 : 0,
    properties: NO_PROPERTIES,
    ...fields,
  }
}

const NAMES = Object.keys(PacketType)

/** A packet as `PUBLISH a 1`: its type, then topic, id, DUP and reason where it has them. */
export function brief(packet: Packet): string {
  const words: (string | number)[] = [NAMES[packet.type - 1] ?? packet.type]
  if ('topic' in packet) words.push(packet.topic)
  if ('packetId' in packet && packet.packetId > 0) words.push(packet.packetId)
  if ('dup' in packet && packet.dup) words.push('dup')
  if ('reasonCode' in packet && packet.reasonCode > 0) {
    words.push(`0x${packet.reasonCode.toString(16)}`)
  }
  return words.join(' ')
}

/** The first packet sent, which has to be of a type. */
export function only<T extends Packet['type']>(
  talk: Conversation,
  type: T,
): Packet & { readonly type: T } {
  const packets = talk.sent()
  equal(packets.length, 1, `Sent ${packets.map(brief).join(', ')}`)
  equal(packets[0]?.type, type)
  return packets[0] as Packet & { readonly type: T }
}

/**
 * Shows that the client ends the connection by itself, for a breach of the server.
 * @param reasonCode of the error and, on MQTT 5.0 after CONNACK, of the DISCONNECT
 * @returns the error that the application sees
 */
export function endedFor(talk: Conversation, reasonCode: number): AnyMqttError {
  const wasConnected = talk.connected !== undefined
  ok(talk.closing !== undefined, 'The connection goes on')
  const farewell =
    wasConnected && talk.version === 5 ? [`DISCONNECT 0x${reasonCode.toString(16)}`] : []
  // What was sent before the breach may stand before it.
  const sent = talk.sentBriefly()
  const last = sent.filter((text) => text.startsWith('DISCONNECT'))
  equal(last.join(), farewell.join())
  if (farewell.length > 0) equal(sent.at(-1), farewell[0], 'Something follows DISCONNECT')
  equal(talk.engine.state, 'closing')
  const error = endOf(talk)
  if ('reasonCode' in error) equal(error.reasonCode, reasonCode, error.message)
  else equal(error.code, 'ERR_MQTT_PACKET_TOO_LARGE')
  return error
}

/** Shows that the connection goes on. */
export function goesOn(talk: Conversation): void {
  equal(talk.closing, undefined, 'The connection ends')
  equal(talk.engine.state, 'connected')
}

/** Ends the transport and gives the error that the application sees. */
export function endOf(talk: Conversation): AnyMqttError {
  talk.drop()
  const error: MqttError | undefined = talk.closed?.error
  ok(error !== undefined, 'The connection ended without an error')
  return error as AnyMqttError
}
