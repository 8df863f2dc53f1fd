// Every message of a scenario. Payloads are the application's own there, so each message of a device goes
// out with its number in front of its payload, and servers take the number off. Nobody else sees it.

import { decodeUtf8, encodeUtf8 } from '../../codec/utf8.ts'
import type { Payload } from '../../simple/types.ts'
import type { OutcomeStatus } from '../../robust/entry.ts'
import type { Outcome, Stored } from '../../robust/types.ts'
import type { Delivery, SentMessage } from '../observations.ts'
import type { Catalogue, TakenPublish } from '../server/options.ts'
import type { ReceivedByServer, ScenarioMessage } from './types.ts'

/** What a number looks like in front of a payload: `#12 `. */
const NUMBER_SIGN = 0x23
const SPACE = 0x20
const ZERO = 0x30
/** Digits of a number at the most. */
const DIGITS_MAX = 15

/** A message of a device: as the oracles know it, and as the test sees it. */
export class NotedMessage implements ScenarioMessage {
  readonly sent: SentMessage
  readonly payload: Uint8Array
  /** Whether a process that lives has it. */
  held = true
  /** Whether a process looked for it in its outbox, and it was not there. */
  absent = false

  constructor(sent: SentMessage, payload: Uint8Array) {
    this.sent = sent
    this.payload = payload
  }

  get number(): number {
    return this.sent.number
  }

  get device(): string {
    return this.sent.device
  }

  get topic(): string {
    return this.sent.topic
  }

  text(): string {
    return textOf(this.topic, this.payload)
  }

  get publishedAt(): number {
    return this.sent.publishedAt
  }

  get stored(): Stored | 'failed' | undefined {
    return this.sent.stored
  }

  get outcome(): Outcome | undefined {
    return this.sent.outcome
  }

  get status(): OutcomeStatus | 'open' | 'lost' {
    const { outcome, stored } = this.sent
    if (outcome !== undefined) return outcome.status
    return this.held || (stored === 'disk' && !this.absent) ? 'open' : 'lost'
  }

  get takenAt(): readonly number[] {
    return this.sent.takes.map(({ at }) => at)
  }
}

/** What servers look up, and what they have received. */
export class ScenarioLedger implements Catalogue {
  readonly messages: NotedMessage[] = []
  readonly #received = new Map<string, ReceivedByServer[]>()
  readonly #byNumber = new Map<number, NotedMessage>()
  #numbers = 0
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** The number of the next message. */
  nextNumber(): number {
    this.#numbers += 1
    return this.#numbers
  }

  add(message: NotedMessage): void {
    this.messages.push(message)
    this.#byNumber.set(message.number, message)
  }

  /** What a server has received, in order. */
  receivedBy(host: string): ReceivedByServer[] {
    const known = this.#received.get(host)
    if (known !== undefined) return known
    const made: ReceivedByServer[] = []
    this.#received.set(host, made)
    return made
  }

  message(number: number): SentMessage | undefined {
    return this.#byNumber.get(number)?.sent
  }

  deliver(_delivery: Delivery): void {
    // What handlers of an application do with a message is its own affair.
  }

  numberIn(payload: Uint8Array): number {
    return readNumber(payload).number
  }

  passedOn(payload: Uint8Array): Uint8Array {
    return payload.subarray(readNumber(payload).sizeBytes)
  }

  payloadTo(_delivery: Delivery, payload: Uint8Array): Uint8Array {
    return payload
  }

  take({ packet, topic, connection, number }: TakenPublish): void {
    const { qos, retain, dup } = packet
    const { clientId, session, serial, server } = connection
    const payload = this.passedOn(packet.payload).slice()
    this.receivedBy(server).push({
      topic,
      payload,
      text: () => textOf(topic, payload),
      qos,
      retain,
      dup,
      at: this.#now(),
      clientId,
      session,
      connection: serial,
      message: this.#byNumber.get(number),
    })
  }
}

/** A payload with its number in front. */
export function numbered(number: number, payload: Payload): Uint8Array {
  const bytes = typeof payload === 'string' ? encodeUtf8(payload) : payload
  const label = encodeUtf8(`#${number} `)
  const whole = new Uint8Array(label.length + bytes.length)
  whole.set(label)
  whole.set(bytes, label.length)
  return whole
}

function readNumber(payload: Uint8Array): { readonly number: number; readonly sizeBytes: number } {
  const none = { number: 0, sizeBytes: 0 }
  if (payload[0] !== NUMBER_SIGN) return none
  let number = 0
  for (let at = 1; at <= DIGITS_MAX + 1; at += 1) {
    const unit = payload[at]
    if (unit === SPACE && at > 1) return { number, sizeBytes: at + 1 }
    if (unit === undefined || unit < ZERO || unit > ZERO + 9) return none
    number = number * 10 + unit - ZERO
  }
  return none
}

export function textOf(topic: string, payload: Uint8Array): string {
  const text = decodeUtf8(payload, 0, payload.length)
  if (text === undefined) {
    throw new TypeError(`Cannot read the payload of "${topic}": it is not UTF-8`)
  }
  return text
}
