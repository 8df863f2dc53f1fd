// What we publish: the waiting queue, the sendQuota, packet ids, re-sending, and the limits of the server, which are
// checked before a byte is written. One order holds for one client: what waits goes out in the order of the calls, what
// is sent again goes first. §4.3, §4.4, §4.6, §4.9

import type { PublishHeader } from '../codec/encode.ts'
import * as PacketType from '../codec/packet-type.ts'
import { NO_PROPERTIES, type QoS } from '../codec/packets.ts'
import type { MqttError, Sent } from '../errors.ts'
import { ENCODED_AHEAD_BYTES } from './constants.ts'
import { Deque } from './deque.ts'
import { misfitError, required, timeoutError } from './endings.ts'
import { Inflight } from './inflight.ts'
import { type Link, queueFull, sendAck } from './link.ts'
import { type IdentifiedOperation, type Payload, PublishOperation } from './operations.ts'
import { REFERENCE_FROM_BYTES } from './outbound-buffer.ts'
import type { PayloadPool } from './payload-pool.ts'
import { PublishWriter } from './publish-writer.ts'
import { agedHeader, expiryOf, isWithin, refusalOf } from './publish-checks.ts'
import { nextState, type PublishEvent } from './publish-states.ts'
import { ReleaseLine } from './release-line.ts'
import type { EngineOptions } from './types.ts'

const EVENT_OF = {
  [PacketType.PUBACK]: 'puback',
  [PacketType.PUBREC]: 'pubrec',
  [PacketType.PUBCOMP]: 'pubcomp',
} as const

/** The error that a publish ends with, by whether it can have been sent. */
export type EndOf = (sent: Sent) => MqttError

type PlainHeader = { -readonly [K in keyof PublishHeader]: PublishHeader[K] }

/** The queue of a client that has none: nothing is ever put into it. */
const NOBODY = new Deque<PublishOperation>()

export class Outbound {
  readonly inflight: Inflight<IdentifiedOperation>
  /** Acknowledgements for packet ids that we know nothing of. */
  stray = 0
  /** The most messages under way that the layer above wants, beside the server's Receive Maximum. */
  sendQuota: number = Infinity
  readonly #link: Link
  readonly #options: EngineOptions
  readonly #pool: PayloadPool
  /** What stands for all the messages that no record is made of. */
  #plain: PlainHeader | undefined
  #waiting = NOBODY
  #waitingBytes = 0
  /** Waiting operations that were cancelled and are still in the queue. */
  #cancelled = 0
  /** What a resumed session has to send again, in its order. */
  #resend = NOBODY
  /** QoS 1 and 2 messages between PUBLISH and their last acknowledgement on this connection. */
  #used = 0
  /** Messages whose packet id is being cleared, in their order; what follows them waits. */
  #clearing = NOBODY
  /** Messages whose packet id is being recorded. */
  #binding = 0
  #sequence = 0
  readonly #releases: ReleaseLine
  /** Made by the first message: many clients only listen. */
  #writer: PublishWriter | undefined
  /** Ids known to be free at the server, of a session that is not ours; undefined when all are. */
  #cleared: Set<number> | undefined

  constructor(
    link: Link,
    options: EngineOptions,
    pool: PayloadPool,
    lastId: number,
    restored: readonly PublishOperation[],
    adopted: boolean,
  ) {
    this.#link = link
    this.#releases = new ReleaseLine(link)
    this.#options = options
    this.#pool = pool
    this.inflight = new Inflight(lastId)
    if (adopted) this.#cleared = new Set()
    this.restore(restored)
  }

  /** Whether the server may hold QoS 2 ids that are not ours. */
  get adopted(): boolean {
    return this.#cleared !== undefined
  }

  get waitingMessages(): number {
    return this.#waiting.length - this.#cancelled
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** QoS 1 and 2 messages under way. */
  get used(): number {
    return this.#used
  }

  /** True while anything is in a queue. */
  get pending(): boolean {
    return this.#waiting.length > 0 || this.#resend.length > 0
  }

  /**
   * Sends a message, or lets it wait. When its state is `done` afterwards it is settled already:
   * refused (`answer` is an error), or handed over at QoS 0.
   * @param owned True when nobody changes the payload any more, so that it need not be copied.
   */
  publish(operation: PublishOperation, owned: boolean, now: number): void {
    const { qos } = operation
    const link = this.#link
    // Endless when the layer above keeps the time.
    if (operation.deadline !== Infinity) operation.deadline = now + this.#options.operationMs
    const refusal = link.connected ? refusalOf(operation, link) : undefined
    if (refusal !== undefined) return this.#settle(operation, 'fail', refusal)
    const sendable = this.hasRoom(qos, operation.staged)
    if (!sendable && this.#isFull(operation)) return
    // A large one is copied first, and passed on by reference.
    const large = qos !== 0 && operation.payloadLength >= REFERENCE_FROM_BYTES
    if (!owned && (!sendable || large)) {
      this.#pool.own(operation)
      owned = true
    }
    if (sendable) {
      this.#send(operation, owned, now)
      if (owned || qos === 0) return
      if (operation.state !== 'sent' || !link.out.lend(operation)) this.#pool.own(operation)
      return
    }
    this.#move(operation, 'wait')
    if (this.#waiting === NOBODY) this.#waiting = new Deque()
    this.#waiting.push(operation)
    this.#waitingBytes += bytesOf(operation)
  }

  /**
   * Sends a message at QoS 0 of which nothing is left to say: no properties, not retained, nobody to
   * settle. No record is made of it. False, and nothing has happened, when it cannot go out at once.
   */
  publishPlain(
    topic: string,
    topicBytes: number,
    payload: Payload,
    payloadLength: number,
  ): boolean {
    const isSmall = isWithin(topicBytes + payloadLength, this.#link)
    if (!isSmall || !this.hasRoom(0, false)) return false
    const header: PlainHeader = (this.#plain ??= new PublishOperation('', 0, '', 0, 0, false))
    header.topic = topic
    this.#publishWriter.write(header, topicBytes, payload, 0, payloadLength, false)
    return true
  }

  /** Whether a message would go out at once; behind a packet id that is being recorded none does. */
  hasRoom(qos: QoS, staged: boolean): boolean {
    const { connected, out } = this.#link
    const isNext = !this.pending && out.sizeBytes < ENCODED_AHEAD_BYTES
    return connected && isNext && this.#mayFollow(qos, staged)
  }

  /** What a held message waited for is recorded. */
  proceed(operation: PublishOperation, now: number): void {
    // A session that was lost meanwhile has taken its packet id along.
    if (!operation.held || this.inflight.get(operation.packetId) !== operation) return
    operation.held = false
    if (operation.state === 'received') {
      this.#move(operation, 'release')
      this.#releases.proceed()
    } else if (operation.state === 'bound' && this.#link.connected) {
      this.#binding -= 1
      this.#used -= 1
      // It may have got its id in an earlier connection, with another window and other limits.
      this.#sendInTurn(operation)
      this.pump(now)
      this.#sendCleared(now)
    }
  }

  /**
   * Takes up what was in flight when the process before this one ended, in the order of sending. A message of
   * QoS 1 whose packet id nobody knows gets another; one for which there is none left begins anew.
   */
  restore(operations: readonly PublishOperation[]): void {
    const { inflight } = this
    for (const operation of operations) if (operation.packetId !== 0) inflight.restore(operation)
    for (const operation of operations) {
      if (operation.packetId !== 0) this.#cleared?.add(operation.packetId)
      else if (inflight.full) operation.state = 'new'
      else inflight.add(operation)
      operation.sequence = this.#sequence += 1
    }
  }

  /** Sends a message no more, in no session: its packet ends connections. */
  forget(operation: PublishOperation): void {
    this.inflight.remove(operation)
    operation.state = 'done'
    // The server may hold its id, which is cleared before it is used again.
    if (operation.qos === 2) this.#cleared = new Set()
  }

  /** Nobody waits for it any longer: what was not sent never will be. */
  cancel(operation: PublishOperation): 'no' | 'maybe' {
    operation.context = undefined
    if (operation.state !== 'waiting') return operation.state === 'new' ? 'no' : 'maybe'
    this.#drop(operation, undefined)
    if (this.#cancelled * 2 > this.#waiting.length + 16) {
      const queue = this.#waiting
      this.#waiting = new Deque()
      this.#cancelled = 0
      for (const waiting of queue) if (waiting.state !== 'done') this.#waiting.push(waiting)
    }
    return 'no'
  }

  /** Sends what waits, as far as the sendQuota and the buffer allow. */
  pump(now: number): void {
    const link = this.#link
    while (link.connected && link.out.sizeBytes < ENCODED_AHEAD_BYTES) {
      const queue = this.#resend.length > 0 ? this.#resend : this.#waiting
      const operation = queue.peek()
      if (operation === undefined) return
      const { state } = operation
      if (state === 'done') {
        queue.shift()
        if (queue === this.#waiting) this.#cancelled -= 1
        continue
      }
      if (!this.#mayFollow(operation.qos, operation.staged, operation.packetId)) return
      queue.shift()
      if (queue === this.#waiting) this.#waitingBytes -= bytesOf(operation)
      const refusal =
        refusalOf(operation, link) ?? expiryOf(operation, this.#waitedMs(operation, now))
      if (refusal === undefined) this.#send(operation, true, now)
      else this.#settle(operation, 'fail', refusal)
      if (operation.state === 'done') link.outputs.push(operation)
    }
  }

  /** PUBACK, PUBREC or PUBCOMP has come in. Gives the operation when it is settled by that. */
  handleAck(
    type: 4 | 5 | 7,
    packetId: number,
    reasonCode: number,
    now: number,
  ): PublishOperation | undefined {
    const operation = this.inflight.get(packetId)
    if (operation === undefined) return this.#answerStray(type, packetId)
    const refused = type !== PacketType.PUBCOMP && reasonCode >= 0x80
    const isPublish = operation instanceof PublishOperation
    const recorded = isPublish && operation.staged && operation.state !== 'released'
    const event = recorded && type === PacketType.PUBREC ? 'receive' : EVENT_OF[type]
    let next = isPublish ? nextState(operation.qos, operation.state, event) : undefined
    // Who may answer may refuse, apart from PUBCOMP.
    if (refused && isPublish && next !== undefined)
      next = nextState(operation.qos, operation.state, 'refuse')
    if (!isPublish || next === undefined) throw misfitError(operation, type)
    const isClearing = operation.state === 'clearing'
    if (isClearing || (next === 'done' && operation.qos === 2)) this.#cleared?.add(packetId)
    if (isClearing) {
      operation.held = true
      return this.#sendCleared(now)
    }
    operation.state = next
    if (next === 'done') {
      this.inflight.remove(operation)
      if (!operation.followed) this.#pool.release(operation)
      // What PUBREC has said of subscribers holds for the whole exchange. §3.5.2.1
      operation.answer = reasonCode === 0 && operation.answer === 0x10 ? 0x10 : reasonCode
      if (this.#used > 0) this.#used -= 1
      return operation
    }
    // The order of the PUBRELs is that of the PUBRECs. [MQTT-4.6.0-4]
    operation.sequence = this.#sequence += 1
    operation.answer = reasonCode
    operation.held = next === 'received'
    this.#releases.add(operation)
    return operation.followed ? operation : undefined
  }

  /** A PUBREC for nothing is answered, so that the server can end it too. §3.6.2.1 */
  #answerStray(type: number, packetId: number): undefined {
    this.stray += 1
    if (type === PacketType.PUBREC) sendAck(this.#link, PacketType.PUBREL, packetId, 0x92)
  }

  /** Messages whose ids are clear go out in their order, whichever answer comes first. */
  #sendCleared(now: number): undefined {
    for (let first = this.#clearing.peek(); first?.held; first = this.#clearing.peek()) {
      // Behind an id that is being recorded.
      if (!first.staged && this.#binding > 0) return
      this.#clearing.shift()
      first.held = false
      if (first.staged) this.#bind(first)
      else {
        this.#move(first, 'pubcomp')
        this.#write(first, true, now)
      }
    }
  }

  /** The server has accepted the connection; `resumed` when it still has our session. */
  handleConnected(resumed: boolean, adopted: boolean): void {
    // Topic aliases begin anew with each connection. [MQTT-3.3.2-7]
    this.#writer = undefined
    this.#used = 0
    this.#clearing.clear()
    this.#releases.clear()
    this.#binding = 0
    if (adopted) this.#cleared = new Set()
    else if (!resumed) this.#cleared = undefined
    if (!resumed) return this.inflight.clear()
    for (const operation of this.publishes()) {
      const { state, held } = operation
      if (held || state === 'released') {
        this.#used += 1
        if (state === 'bound') this.#binding += 1
        else this.#releases.add(operation)
      } else this.#sendInTurn(operation)
    }
  }

  #sendInTurn(operation: PublishOperation): void {
    if (this.#resend === NOBODY) this.#resend = new Deque()
    this.#resend.push(operation)
  }

  /** The connection has ended: everything is handed back; what a session can resume is kept. */
  handleClosed(sessionKept: boolean, endOf: EndOf): void {
    const { outputs } = this.#link
    this.#resend = NOBODY
    for (const operation of this.#clearing) operation.held = false
    for (const operation of [...this.inflight.values()]) {
      const waitedFor = operation.context !== undefined
      if (waitedFor) outputs.push(operation)
      if (waitedFor && operation.kind === 'publish' && operation.state === 'clearing') {
        // Only PUBREL has gone out for it: its caller is told so, thus it must not go out later.
        this.#settle(operation, 'fail', endOf('no'))
        continue
      }
      if (operation.kind !== 'publish' || !sessionKept) this.inflight.remove(operation)
      if (waitedFor) operation.answer = endOf('maybe')
    }
  }

  /** Hands back what waits: it will not be sent. */
  handBack(error: MqttError): void {
    for (const operation of this.#waiting) {
      if (operation.state === 'done') continue
      this.#settle(operation, 'fail', error)
      this.#link.outputs.push(operation)
    }
    this.#waiting = NOBODY
    this.#waitingBytes = this.#cancelled = 0
  }

  /** Hands back what has passed its deadline; gives the earliest deadline that is left. */
  expire(now: number): number {
    let next = Infinity
    for (const operation of this.#waiting) {
      if (operation.state === 'done') continue
      if (operation.deadline > now) {
        next = operation.deadline
        break
      }
      this.#drop(operation, timeoutError('publish', this.#options.operationMs, 'no'))
      this.#link.outputs.push(operation)
    }
    for (const operation of [...this.inflight.values()]) {
      if (operation.context === undefined) continue
      if (operation.deadline > now) {
        next = Math.min(next, operation.deadline)
        continue
      }
      operation.answer = timeoutError(operation.kind, this.#options.operationMs, 'maybe')
      this.#link.outputs.push(operation)
    }
    return next
  }

  /** The publishes in flight, in the order of sending. */
  publishes(): PublishOperation[] {
    const found = [...this.inflight.values()].filter((each) => each.kind === 'publish')
    return found.sort((a, b) => a.sequence - b.sequence)
  }

  /** Whether a message may go out now: the sendQuota is open, and it overtakes none. */
  #mayFollow(qos: QoS, staged: boolean, packetId = 0): boolean {
    if (qos !== 2 && this.#clearing.length > 0) return false
    if (this.#binding > 0 && !staged && packetId === 0) return false
    if (qos === 0) return true
    const hasId = packetId > 0 || !this.inflight.full
    return hasId && this.#used < Math.min(this.sendQuota, this.#link.limits.receiveMaximum)
  }

  /** Binds a packet id and writes the packet; the limits have been checked. */
  #send(operation: PublishOperation, owned: boolean, now: number): void {
    if (operation.qos === 0) {
      this.#write(operation, owned, now)
      return this.#settle(operation, 'send', 0)
    }
    if (operation.packetId === 0) {
      this.inflight.add(operation)
      operation.sequence = this.#sequence += 1
    } else if (operation.state === 'sent') {
      operation.dup = true
    }
    this.#used += 1
    if (this.#isUnclear(operation)) return this.#clear(operation)
    const { state } = operation
    // An id is recorded when it is clear: whoever takes the record up sends the message under it at once.
    if (operation.staged && (state === 'new' || state === 'waiting')) return this.#bind(operation)
    this.#move(operation, 'send')
    this.#write(operation, owned, now)
  }

  /** Whether PUBREL goes first; behind a message whose id is being cleared too, which keeps their order. */
  #isUnclear({ qos, state, packetId }: PublishOperation): boolean {
    if (qos !== 2 || state === 'sent' || state === 'bound') return false
    const follows = state === 'clearing' || this.#clearing.length > 0
    return follows || this.#cleared?.has(packetId) === false
  }

  #clear(operation: PublishOperation): void {
    this.#move(operation, 'clear')
    if (this.#clearing === NOBODY) this.#clearing = new Deque()
    this.#clearing.push(operation)
    sendAck(this.#link, PacketType.PUBREL, operation.packetId, 0)
  }

  /** Its packet id is recorded before it goes out. */
  #bind(operation: PublishOperation): void {
    this.#move(operation, 'bind')
    operation.held = true
    this.#binding += 1
    this.#link.outputs.push(operation)
  }

  #write(operation: PublishOperation, owned: boolean, now: number): void {
    const { payload, payloadOffset, payloadLength, topicBytes, properties } = operation
    const header =
      properties === NO_PROPERTIES
        ? operation
        : agedHeader(operation, this.#waitedMs(operation, now))
    this.#publishWriter.write(header, topicBytes, payload, payloadOffset, payloadLength, owned)
  }

  get #publishWriter(): PublishWriter {
    return (this.#writer ??= new PublishWriter(this.#link, this.#options.outboundTopicAliases))
  }

  #isFull(operation: PublishOperation): boolean {
    const { waitingMessages, waitingBytes } = this.#options
    const enough = this.waitingMessages < waitingMessages
    if (enough && this.#waitingBytes + bytesOf(operation) <= waitingBytes) return false
    const limit = enough ? 'waitingBytes' : 'waitingMessages'
    const error = queueFull(`publish to "${operation.topic}"`, limit, this.#options[limit])
    this.#settle(operation, 'fail', error)
    return true
  }

  /** How long ago the call was; 0 for what was restored, whose call nobody here has seen. */
  #waitedMs(operation: PublishOperation, now: number): number {
    const { deadline } = operation
    return deadline === 0 || deadline === Infinity ? 0 : now - deadline + this.#options.operationMs
  }

  #move(operation: PublishOperation, event: PublishEvent): void {
    const { qos, state } = operation
    operation.state = required(nextState(qos, state, event), event, state)
  }

  #settle(
    operation: PublishOperation,
    event: 'send' | 'fail',
    answer: number | MqttError | undefined,
  ): void {
    // One that had been sent and is not sent again: the server may hold its id, as in `forget`.
    if (operation.qos === 2 && operation.state === 'sent') this.#cleared = new Set()
    this.#move(operation, event)
    operation.answer = answer
    if (!operation.followed) this.#pool.release(operation)
    if (operation.packetId !== 0) this.inflight.remove(operation)
  }

  /** What waits will not be sent; it stays in the queue. */
  #drop(operation: PublishOperation, error: MqttError | undefined): void {
    this.#waitingBytes -= bytesOf(operation)
    this.#settle(operation, 'fail', error)
    this.#cancelled += 1
  }
}

/** What a message counts for while it waits. */
function bytesOf(operation: PublishOperation): number {
  return operation.payloadLength + operation.topicBytes
}
