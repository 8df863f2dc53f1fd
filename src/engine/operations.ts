// What the application has asked for and not got an answer to: one record for each request.
// A record is data; the engine moves it through its states and hands it back by `poll` when it is
// settled. It knows no promise: `context` is the caller's own, and the engine never looks at it.

import type { MqttError } from '../errors.ts'
import {
  type AckPacket,
  NO_PROPERTIES,
  type Properties,
  type QoS,
  type SubscriptionRequest,
} from '../codec/packets.ts'
import type { PublishState } from './publish-states.ts'
import type { Slab } from './slab-pool.ts'

/** The text as given, or bytes. */
export type Payload = Uint8Array | string

/** How an operation ended: the server's reason codes, or an error. */
export type Answer = number | readonly number[] | MqttError

/**
 * A PUBLISH from the call to its last acknowledgement. Fields are those of the packet. What the constructor
 * is given is declared alone: else it would be set to undefined first, for each message.
 * @example
 * ```ts
 * import { type Engine, PublishOperation } from 'umqtt/engine'
 *
 * function publishOn(engine: Engine, now = performance.now()): void {
 *   const operation = new PublishOperation('hall/light', 10, 'on', 2, 1, false)
 *   operation.context = 'whom to tell'
 *   engine.publish(operation, true, now)
 *   for (let output = engine.poll(); output !== undefined; output = engine.poll()) {
 *     if (output === operation) console.log(operation.context, operation.answer)
 *   }
 * }
 * ```
 */
export class PublishOperation {
  declare readonly topic: string
  /** Length of `topic` in UTF-8, measured once. */
  declare readonly topicBytes: number
  /** The text as given, or bytes of which the payload is a part. */
  declare payload: Uint8Array | string
  payloadOffset = 0
  /** The slab that the payload is in, if it shares one. */
  slab: Slab | undefined = undefined
  declare readonly payloadLength: number
  declare readonly qos: QoS
  declare readonly retain: boolean
  declare properties: Properties
  dup = false
  packetId = 0
  /**
   * Whether the layer above follows each of its steps: it is told of PUBREC too, and releases the
   * payload itself, as it may have to send it anew.
   */
  followed = false
  state: PublishState = 'new'
  /**
   * Whether its packet id and its PUBREC are recorded by the layer above before they are acted on:
   * it is handed out then, `held`, also when nobody waits for it, and goes on with `proceed`. QoS 2 only.
   */
  staged = false
  held = false
  /** Place in the order of sending; what is sent again keeps it. §4.6 */
  sequence = 0
  /** When the caller is told that it took too long; the flow goes on. */
  deadline = 0
  /** The reason code of the final acknowledgement or the error; undefined while it is open. */
  answer: number | MqttError | undefined = undefined
  /** What the server said with its refusal; absent, and not undefined, on all that it did not refuse. */
  declare reasonString?: string | undefined
  /** The caller's own: whom to tell. Undefined when nobody waits any longer. */
  context: unknown = undefined

  /**
   * @param topic 1 to 65,535 bytes, which are not checked
   * @param topicBytes its length in UTF-8
   * @param payload text, or bytes of which the payload is the beginning
   * @param payloadLength its length in UTF-8, or how many of the bytes
   * @param qos of the message
   * @param retain of the message
   * @param properties as the codec has them. @default none
   */
  constructor(
    topic: string,
    topicBytes: number,
    payload: Uint8Array | string,
    payloadLength: number,
    qos: QoS,
    retain: boolean,
    properties: Properties = NO_PROPERTIES,
  ) {
    this.topic = topic
    this.topicBytes = topicBytes
    this.payload = payload
    this.payloadLength = payloadLength
    this.qos = qos
    this.retain = retain
    this.properties = properties
  }

  /** What `poll` tells it apart by. */
  get kind(): 'publish' {
    return 'publish'
  }
}

/** Notes what the server said with its refusal of a message, and gives back what it was given. */
export function explain<T>(settled: T, { reasonCode, properties }: AckPacket): T {
  if (reasonCode >= 0x80 && settled instanceof PublishOperation) {
    settled.reasonString = properties.reasonString
  }
  return settled
}

/**
 * A SUBSCRIBE and its SUBACK.
 * @example
 * ```js
 * import { SubscribeOperation } from 'umqtt/engine'
 *
 * const operation = new SubscribeOperation([{ filter: 'hall/#', qos: 1 }])
 * console.log(operation.kind)
 * ```
 */
export class SubscribeOperation {
  readonly subscriptions: readonly SubscriptionRequest[]
  readonly properties: Properties
  packetId = 0
  deadline = 0
  answer: readonly number[] | MqttError | undefined = undefined
  /** What the server said with its answer. */
  declare reasonString?: string | undefined
  context: unknown = undefined

  /**
   * @param subscriptions at least one filter, with what is asked for
   * @param properties as the codec has them. @default none
   */
  constructor(
    subscriptions: readonly SubscriptionRequest[],
    properties: Properties = NO_PROPERTIES,
  ) {
    this.subscriptions = subscriptions
    this.properties = properties
  }

  /** What `poll` tells it apart by. */
  get kind(): 'subscribe' {
    return 'subscribe'
  }
}

/**
 * An UNSUBSCRIBE and its UNSUBACK.
 * @example
 * ```js
 * import { UnsubscribeOperation } from 'umqtt/engine'
 *
 * const operation = new UnsubscribeOperation(['hall/#'])
 * console.log(operation.kind)
 * ```
 */
export class UnsubscribeOperation {
  readonly filters: readonly string[]
  readonly properties: Properties
  packetId = 0
  deadline = 0
  answer: readonly number[] | MqttError | undefined = undefined
  /** What the server said with its answer. */
  declare reasonString?: string | undefined
  context: unknown = undefined

  /**
   * @param filters at least one
   * @param properties as the codec has them. @default none
   */
  constructor(filters: readonly string[], properties: Properties = NO_PROPERTIES) {
    this.filters = filters
    this.properties = properties
  }

  /** What `poll` tells it apart by. */
  get kind(): 'unsubscribe' {
    return 'unsubscribe'
  }
}

/**
 * A PINGREQ that somebody waits for. `answer` is the round trip in ms.
 * @example
 * ```js
 * import { PingOperation } from 'umqtt/engine'
 *
 * const operation = new PingOperation()
 * operation.context = 'whom to tell'
 * ```
 */
export class PingOperation {
  sentAt = 0
  deadline = 0
  answer: number | MqttError | undefined = undefined
  context: unknown = undefined

  /** What `poll` tells it apart by. */
  get kind(): 'ping' {
    return 'ping'
  }
}

/** What holds a packet id. */
export type IdentifiedOperation = PublishOperation | SubscribeOperation | UnsubscribeOperation
/** Whatever `poll` hands back as settled. */
export type Operation = IdentifiedOperation | PingOperation
