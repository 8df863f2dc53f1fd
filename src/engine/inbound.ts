// What the server publishes to us: aliases resolved, QoS 2 ids remembered, acknowledgements held
// until the application is done and then sent in the order of arrival. §4.3, §4.6 [MQTT-4.6.0-2]
// A message belongs to the connection it came on; a late acknowledgement never goes to another's.

import * as PacketType from '../codec/packet-type.ts'
import type { PublishPacket } from '../codec/packets.ts'
import { InboundAliases } from './aliases.ts'
import { HELD } from './constants.ts'
import { Deque } from './deque.ts'
import { violation } from './endings.ts'
import { InboundMessage } from './inbound-message.ts'
import { type Link, sendAck } from './link.ts'
import type { EngineOptions } from './types.ts'

/**
 * Where the receiver of a QoS 2 message stands: the application has it, or is done with it and PUBREC
 * waits for its turn, or PUBREC is out.
 */
type Received = 'open' | 'handled' | 'recorded'

type InboundOptions = Pick<
  EngineOptions,
  'receiveMaximum' | 'enforceReceiveMaximum' | 'topicAliasMaximum' | 'stagedReceipts'
>

export class Inbound {
  /** Messages that the server sent beyond our Receive Maximum. */
  overruns = 0
  readonly #link: Link
  readonly #options: InboundOptions
  #aliases: InboundAliases | undefined
  /** QoS 2 ids between PUBLISH and PUBREL. §4.3.3 */
  #received: Map<number, Received> | undefined
  /** Messages whose acknowledgement is owed on this connection, in the order of arrival. */
  #owed: Deque<InboundMessage> | undefined
  /** Messages of earlier connections that the application still has, by packet id. */
  #unfinished: Map<number, InboundMessage> | undefined
  /** Of both, the ids that may be those of a session which the server has lost. */
  #doubtful: Set<number> | undefined
  /** QoS 1 and 2 messages that count against our Receive Maximum. §4.9 */
  #open = 0

  constructor(link: Link, options: InboundOptions, received?: readonly number[]) {
    this.#link = link
    this.#options = options
    this.restore(received ?? [])
  }

  /** Messages that wait for the application and count against our Receive Maximum. */
  get open(): number {
    return this.#open
  }

  /** The QoS 2 ids of messages that must not be handed out again: what must survive a restart. */
  get recordedIds(): number[] {
    const ids: number[] = []
    for (const [packetId, state] of this.#received ?? []) if (state !== 'open') ids.push(packetId)
    return ids
  }

  /** A PUBLISH has come in. Gives the message to hand to the application, if it is a new one. */
  handlePublish(packet: PublishPacket): InboundMessage | undefined {
    const alias = packet.properties.topicAlias
    let topic = packet.topic
    if (alias !== undefined) {
      this.#aliases ??= new InboundAliases(this.#options.topicAliasMaximum)
      topic = this.#aliases.resolve(alias, topic)
    }
    const connection = this.#link.connection
    if (packet.qos === 0) return new InboundMessage(packet, topic, connection)
    if (packet.qos === 2) {
      // What is sent again says so [MQTT-3.3.1-1]: this is a message of another session.
      const { packetId } = packet
      if (!packet.dup && this.#received?.has(packetId) && this.#doubtful?.has(packetId)) {
        if (this.#options.stagedReceipts) {
          this.#link.outputs.push({ kind: 'forgotten', packetIds: [...this.#doubtful] })
        }
        this.#forgetDoubtful()
      }
      const state = this.#received?.get(packetId)
      // Sent again: the answer is repeated, in its turn, the message is not. [MQTT-4.3.3-10]
      if (state === 'recorded') {
        const copy = new InboundMessage(packet, topic, connection)
        copy.handled = 0
        this.#owe(copy)
        this.#acknowledgeInOrder()
        return undefined
      }
      if (state === undefined) {
        this.#record(packetId, 'open')
        this.#doubtful?.delete(packetId)
      } else if (this.#unfinished?.has(packetId) !== true) return undefined
    }
    this.#count()
    const earlier = this.#unfinished?.get(packet.packetId)
    if (earlier && isAgain(packet, topic, earlier)) {
      this.#unfinished?.delete(packet.packetId)
      earlier.connection = connection
      this.#owe(earlier)
      if (earlier.handled !== undefined) this.#acknowledgeInOrder()
      return undefined
    }
    const message = new InboundMessage(packet, topic, connection)
    this.#owe(message)
    return message
  }

  /** PUBREL ends the exchange: the id is free for a new message. [MQTT-4.3.3-11] */
  handlePubrel(packetId: number): undefined {
    const known = this.#received?.get(packetId) === 'recorded'
    if (known && this.#options.stagedReceipts) {
      const { outputs, connection } = this.#link
      outputs.push({ kind: 'release', packetId, connection })
    } else this.release(packetId, this.#link.connection)
  }

  /** Forgets a QoS 2 id, and says so on the connection that asked for it. */
  release(packetId: number, connection: number): void {
    const known = this.#received?.get(packetId) === 'recorded'
    if (known) {
      this.#received?.delete(packetId)
      if (this.#open > 0) this.#open -= 1
    }
    if (connection !== this.#link.connection || !this.#link.connected) return
    // 0x92 Packet Identifier not found. §3.7.2.1
    sendAck(this.#link, PacketType.PUBCOMP, packetId, known ? 0 : 0x92)
  }

  /** Takes up the ids that the process before this one had recorded. */
  restore(packetIds: readonly number[]): void {
    for (const packetId of packetIds) this.#record(packetId, 'recorded')
    // That process may have heard of the loss of its session, or have had no answer to its last CONNECT.
    this.handleDoubt()
  }

  /** The application is done with a message. The acknowledgement goes out in its turn. */
  acknowledge(message: InboundMessage, reasonCode: number): void {
    if (message.packet.qos === 0 || message.handled !== undefined) return
    message.handled = reasonCode
    const { packetId, qos } = message.packet
    const current =
      message.connection === this.#link.connection || this.#unfinished?.get(packetId) === message
    if (qos === 2 && current && reasonCode >= 0 && reasonCode < 0x80) {
      if (this.#received?.has(packetId)) this.#record(packetId, 'handled')
    }
    if (message.connection === this.#link.connection && this.#link.connected) {
      this.#acknowledgeInOrder()
    }
  }

  /** The application wants the message again: no acknowledgement, and the next copy is a new one. */
  hold(message: InboundMessage): void {
    const { packetId } = message.packet
    this.acknowledge(message, HELD)
    if (this.#unfinished?.get(packetId) === message) this.#forget(message)
  }

  /** The connection has ended: nothing is owed on it any longer. */
  handleClosed(): void {
    for (const message of this.#owed ?? []) {
      if (message.handled === HELD) this.#forget(message)
      const { packetId, qos } = message.packet
      const recorded = qos === 2 && this.#received?.get(packetId) === 'recorded'
      if (message.handled === HELD || recorded) continue
      this.#unfinished ??= new Map()
      this.#unfinished.set(packetId, message)
    }
    this.#owed = undefined
    this.#aliases = undefined
    this.#open = 0
  }

  /** The server holds no session: whatever it sends is new. */
  handleSessionLost(): void {
    this.handleDoubt()
    this.#forgetDoubtful()
  }

  /** The server may hold another session than the one that it held: so far nothing tells. */
  handleDoubt(): void {
    const packetIds = [...(this.#received?.keys() ?? []), ...(this.#unfinished?.keys() ?? [])]
    this.#doubtful = packetIds.length > 0 ? new Set(packetIds) : undefined
  }

  /** What was in doubt is gone, and what came since then stays: that is of the session of today. */
  #forgetDoubtful(): void {
    for (const packetId of this.#doubtful ?? []) {
      const message = this.#unfinished?.get(packetId)
      if (message) message.connection = 0
      this.#unfinished?.delete(packetId)
      this.#received?.delete(packetId)
    }
    this.#doubtful = undefined
  }

  #acknowledgeInOrder(): void {
    for (;;) {
      const message = this.#owed?.peek()
      if (message === undefined || message.handled === undefined) return
      this.#owed?.shift()
      const reasonCode = message.handled
      if (reasonCode === HELD) {
        this.#forget(message)
        continue
      }
      const { packetId, qos } = message.packet
      const refused = reasonCode >= 0x80 && this.#link.version === 5
      if (qos === 1 || refused) this.#open -= 1
      if (qos === 2) {
        if (refused) this.#forget(message)
        else if (this.#received?.has(packetId)) this.#record(packetId, 'recorded')
      }
      sendAck(this.#link, qos === 1 ? PacketType.PUBACK : PacketType.PUBREC, packetId, reasonCode)
    }
  }

  /** The next message with its id is a new one. */
  #forget({ packet }: InboundMessage): void {
    this.#unfinished?.delete(packet.packetId)
    if (packet.qos === 2) this.#received?.delete(packet.packetId)
  }

  #owe(message: InboundMessage): void {
    this.#owed ??= new Deque()
    this.#owed.push(message)
  }

  #count(): void {
    this.#open += 1
    if (this.#open <= this.#options.receiveMaximum || this.#link.version === 4) return
    this.overruns += 1
    if (!this.#options.enforceReceiveMaximum) return
    const text = `Server has more than ${this.#options.receiveMaximum} messages under way`
    throw violation(text, 'MQTT-3.3.4-9', 0x93)
  }

  #record(packetId: number, state: Received): void {
    this.#received ??= new Map()
    this.#received.set(packetId, state)
  }
}

/**
 * Whether the application has this message already. At QoS 1 the id alone does not tell: some servers
 * number what they send again anew, and then it may be that of another.
 */
function isAgain(packet: PublishPacket, topic: string, earlier: InboundMessage): boolean {
  const { qos, payload } = earlier.packet
  if (qos !== packet.qos) return false
  if (qos === 2) return true
  const isSame = topic === earlier.topic && payload.length === packet.payload.length
  return isSame && packet.dup && packet.payload.every((byte, i) => byte === payload[i])
}
