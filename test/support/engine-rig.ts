// One engine held in the hand: inputs go in one by one, each followed by `poll` until nothing is left,
// as its contract says, and what it writes is read back as packets. Checks on the way that nothing is
// written after DISCONNECT and nothing before the transport is open. Runs on every engine.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { CLIENT_PACKETS, Decoder } from '../../src/codec/decode.ts'
import { encode } from '../../src/codec/encode.ts'
import {
  type AckPacket,
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
  PingOperation,
  PublishOperation,
  SubscribeOperation,
  UnsubscribeOperation,
} from '../../src/engine/operations.ts'
import { makeRuntime } from '../../src/engine/runtime.ts'
import type { Session } from '../../src/engine/session.ts'
import type {
  ClosedOutput,
  ConnectSettings,
  EngineOptions,
  Output,
} from '../../src/engine/types.ts'
import { MqttError } from '../../src/errors.ts'

/** Round numbers that are easy to reason about in tests. */
export const OPTIONS: EngineOptions = {
  receiveMaximum: 20,
  enforceReceiveMaximum: true,
  stagedReceipts: false,
  maximumPacketSizeBytes: 1_000_000,
  topicAliasMaximum: 4,
  outboundTopicAliases: 0,
  waitingMessages: 1_000_000,
  waitingBytes: 100_000_000,
  connectMs: 30_000,
  acknowledgementMs: 20_000,
  pingMs: 10_000,
  writeMs: 20_000,
  operationMs: 60_000,
  closeMs: 2_000,
}

/** A session that lasts, and no pings. */
export const SETTINGS: ConnectSettings = {
  version: 5,
  clientId: 'client',
  cleanStart: false,
  sessionExpirySeconds: 1_000,
  keepAliveSeconds: 0,
}

// What a server sends.

export function connack(properties: Properties = NO_PROPERTIES, sessionPresent = false): Packet {
  return { type: PacketType.CONNACK, sessionPresent, reasonCode: 0, properties }
}

export function refusal(reasonCode: number, properties: Properties = NO_PROPERTIES): Packet {
  return { type: PacketType.CONNACK, sessionPresent: false, reasonCode, properties }
}

function ack(type: AckPacket['type'], packetId: number, reasonCode: number): Packet {
  return { type, packetId, reasonCode, properties: NO_PROPERTIES }
}

export const puback = (packetId: number, reasonCode = 0): Packet => ack(4, packetId, reasonCode)
export const pubrec = (packetId: number, reasonCode = 0): Packet => ack(5, packetId, reasonCode)
export const pubrel = (packetId: number, reasonCode = 0): Packet => ack(6, packetId, reasonCode)
export const pubcomp = (packetId: number, reasonCode = 0): Packet => ack(7, packetId, reasonCode)

export function suback(packetId: number, ...reasonCodes: number[]): Packet {
  return { type: PacketType.SUBACK, packetId, reasonCodes, properties: NO_PROPERTIES }
}

export function unsuback(packetId: number, ...reasonCodes: number[]): Packet {
  return { type: PacketType.UNSUBACK, packetId, reasonCodes, properties: NO_PROPERTIES }
}

export const PINGRESP: Packet = { type: PacketType.PINGRESP }

export function disconnect(reasonCode = 0, properties: Properties = NO_PROPERTIES): Packet {
  return { type: PacketType.DISCONNECT, reasonCode, properties }
}

export function auth(reasonCode: number, properties: Properties = NO_PROPERTIES): Packet {
  return { type: PacketType.AUTH, reasonCode, properties }
}

/** What a PUBLISH of the server says beside its topic. */
export type PublishFields = Partial<Omit<PublishPacket, 'type' | 'topic' | 'payload'>> & {
  readonly payload?: string
}

export function published(topic: string, fields: PublishFields = {}): Packet {
  const { payload = '', qos = 0, retain = false, dup = false, packetId = 0 } = fields
  const { properties = NO_PROPERTIES } = fields
  const bytes = encodeUtf8(payload)
  return { type: PacketType.PUBLISH, topic, payload: bytes, qos, retain, dup, packetId, properties }
}

/** What a publish of ours says beside its topic. */
export interface PublishOptions {
  readonly payload?: string | Uint8Array
  readonly retain?: boolean
  readonly properties?: Properties
  readonly owned?: boolean
}

/** An engine's options, as far as a test cares. */
export type RigOptions = Partial<EngineOptions>

/** An engine, its time, and what came of it. */
export class Rig {
  readonly engine: Engine
  now = 0
  /** Every packet of the connection of the moment that was written, in order. */
  sent: Packet[] = []
  /** What `poll` gave and no test has taken yet. */
  outputs: Output[] = []
  #decoder: Decoder
  #version: ProtocolVersion = 5
  #mayWrite = false

  constructor(options: RigOptions = {}, session?: Session, runtime = makeRuntime()) {
    this.engine = new Engine({ ...OPTIONS, ...options }, runtime, session)
    this.#decoder = this.#newDecoder()
  }

  /** Does one thing to the engine, then polls as the contract says. */
  do<T>(mutation: (engine: Engine, now: number) => T): T {
    const result = mutation(this.engine, this.now)
    this.poll()
    return result
  }

  poll(): void {
    for (let output = this.engine.poll(); output; output = this.engine.poll()) {
      this.outputs.push(output)
      // Whoever waited is told: nobody waits any longer.
      if ('context' in output) output.context = undefined
    }
    equal(this.engine.poll(), undefined, 'Nothing comes after undefined')
  }

  /** Dials. */
  dial(settings: Partial<ConnectSettings> = {}): void {
    this.#version = settings.version ?? 5
    this.#decoder = this.#newDecoder()
    this.sent = []
    this.#mayWrite = true
    this.do((engine, now) => engine.connect({ ...SETTINGS, ...settings }, now))
  }

  /** Dials and opens: CONNECT is out. */
  open(settings: Partial<ConnectSettings> = {}): void {
    this.dial(settings)
    this.do((engine, now) => engine.handleOpened(now))
    this.flush()
  }

  /** Opens and is accepted. Gives what was sent after CONNACK. */
  connect(
    properties: Properties = NO_PROPERTIES,
    settings: Partial<ConnectSettings> = {},
    sessionPresent = false,
  ): Packet[] {
    this.open(settings)
    const sent = this.receive(connack(properties, sessionPresent))
    equal(this.engine.state, 'connected')
    this.take('connected')
    return sent
  }

  /** Connects to a server that still has the session. */
  resume(
    properties: Properties = NO_PROPERTIES,
    settings: Partial<ConnectSettings> = {},
  ): Packet[] {
    return this.connect(properties, settings, true)
  }

  /** Hands packets in as one piece of bytes, and gives what they caused to be written. */
  receive(...packets: Packet[]): Packet[] {
    const parts = packets.map((packet) => encode(packet, this.#version))
    return this.receiveBytes(Uint8Array.from(parts.flatMap((part) => [...part])))
  }

  receiveBytes(bytes: Uint8Array): Packet[] {
    this.do((engine, now) => engine.handleData(bytes, bytes.length, now))
    // They are valid only during the call.
    bytes.fill(0xff)
    return this.flush()
  }

  /** Writes everything that waits, and gives it. */
  flush(): Packet[] {
    const found: Packet[] = []
    // One by one: an engine may not take as many arguments as there are packet ids.
    while (this.engine.out.sizeBytes > 0) for (const packet of this.flushOnce()) found.push(packet)
    return found
  }

  /** One write, taken and finished. */
  flushOnce(limitBytes = Infinity): Packet[] {
    const found: Packet[] = []
    const batch = this.engine.out.take(limitBytes)
    ok(this.#mayWrite, 'Bytes were written without a connection')
    this.do((engine, now) => engine.handleWriteStarted(now))
    for (const chunk of batch.chunks) {
      this.#decoder.push(chunk, chunk.length)
      for (let packet = this.#decoder.next(); packet; packet = this.#decoder.next()) {
        const last = this.sent.at(-1)
        ok(last?.type !== PacketType.DISCONNECT, 'Nothing follows DISCONNECT [MQTT-3.14.4-2]')
        found.push(packet)
        this.sent.push(packet)
      }
    }
    this.engine.out.release(batch)
    this.do((engine, now) => engine.handleWritten(now))
    return found
  }

  /** The transport ends. */
  close(error?: Error): void {
    this.do((engine, now) => engine.handleClosed(error, now))
    this.#mayWrite = false
    equal(this.engine.out.sizeBytes, 0, 'Nothing waits for a connection that is gone')
  }

  /** Lets time pass, stopping at each deadline; gives what was written meanwhile. */
  elapse(ms: number): Packet[] {
    const end = this.now + ms
    const found: Packet[] = []
    for (let at = this.engine.nextTimeout(); at <= end; at = this.engine.nextTimeout()) {
      this.now = Math.max(this.now, at)
      this.do((engine, now) => engine.handleTimeout(now))
      ok(this.engine.nextTimeout() > this.now, 'A deadline that has passed does not stand')
      found.push(...this.flush())
    }
    this.now = end
    return found
  }

  /** Publishes; the operation's context is set, so that its end comes out. */
  publish(topic: string, qos: QoS, options: PublishOptions = {}): PublishOperation {
    const { payload = topic, retain = false, properties = NO_PROPERTIES, owned = false } = options
    const length = typeof payload === 'string' ? utf8Length(payload) : payload.length
    const operation = new PublishOperation(
      topic,
      utf8Length(topic),
      payload,
      length,
      qos,
      retain,
      properties,
    )
    operation.context = topic
    this.do((engine, now) => engine.publish(operation, owned, now))
    return operation
  }

  subscribe(
    subscriptions: readonly SubscriptionRequest[] | string,
    properties: Properties = NO_PROPERTIES,
  ): SubscribeOperation {
    const list: readonly SubscriptionRequest[] =
      typeof subscriptions === 'string' ? [{ filter: subscriptions, qos: 0 }] : subscriptions
    const operation = new SubscribeOperation(list, properties)
    operation.context = 'subscribe'
    this.do((engine, now) => engine.request(operation, now))
    return operation
  }

  unsubscribe(...filters: string[]): UnsubscribeOperation {
    const operation = new UnsubscribeOperation(filters)
    operation.context = 'unsubscribe'
    this.do((engine, now) => engine.request(operation, now))
    return operation
  }

  ping(): PingOperation {
    const operation = new PingOperation()
    operation.context = 'ping'
    this.do((engine, now) => engine.ping(operation, now))
    return operation
  }

  acknowledge(message: InboundMessage, reasonCode = 0): Packet[] {
    this.do((engine, now) => engine.acknowledge(message, reasonCode, now))
    return this.flush()
  }

  /** Everything of one kind that came out and was not taken yet. */
  take<K extends Output['kind']>(kind: K): Extract<Output, { readonly kind: K }>[] {
    const isOf = (output: Output): output is Extract<Output, { readonly kind: K }> =>
      output.kind === kind
    const found = this.outputs.filter(isOf)
    this.outputs = this.outputs.filter((output) => !isOf(output))
    return found
  }

  /** The messages that came out, of which there must be so many. */
  messages(count: number): InboundMessage[] {
    const found = this.take('message')
    equal(found.length, count, `Messages: ${found.map(({ topic }) => topic).join(', ')}`)
    return found
  }

  /** The one message that came out. */
  message(): InboundMessage {
    return this.messages(1)[0] as InboundMessage
  }

  /** Ends the transport, if it is not, and gives why the connection ended. */
  end(): MqttError | undefined {
    if (this.engine.state !== 'closed') this.close()
    const [closed, ...more] = this.take('closed')
    equal(more.length, 0, 'A connection ends once')
    return (closed as ClosedOutput).error
  }

  #newDecoder(): Decoder {
    return new Decoder({
      reads: CLIENT_PACKETS,
      version: this.#version,
      maximumPacketSizeBytes: 268_435_460,
      topics: new TopicCache(),
    })
  }
}

/** A packet in few words, such as `PUBLISH 3 a dup` or `PUBREL 3 0x92`. */
export function brief(packet: Packet): string {
  const name = Object.keys(PacketType)[packet.type - 1] ?? '?'
  const words: (string | number)[] = [name]
  if ('packetId' in packet && packet.packetId !== 0) words.push(packet.packetId)
  if (packet.type === PacketType.PUBLISH) {
    words.push(packet.topic)
    if (packet.dup) words.push('dup')
  }
  if ('reasonCode' in packet && packet.reasonCode !== 0) {
    words.push(`0x${packet.reasonCode.toString(16).padStart(2, '0')}`)
  }
  return words.join(' ')
}

/** Checks packets by their short forms. */
export function sentAre(packets: readonly Packet[], expected: readonly string[]): void {
  deepEqual(packets.map(brief), expected)
}

/** Checks the class, and such fields as are given, of an answer that is an error. */
export function errorIs<E extends MqttError>(
  error: unknown,
  type: new (...args: never[]) => E,
  fields: { readonly [K in keyof E]?: E[K] } = {},
): void {
  ok(error instanceof type, `Expected ${type.name}, got ${String(error)}`)
  ok(MqttError.is(error))
  for (const key of Object.keys(fields) as (keyof E)[]) equal(error[key], fields[key], String(key))
}
