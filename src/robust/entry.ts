// One message from `publish` to its outcome: the operation that the engine sends, and what it is worth.
// Data alone. What happens to it is decided by the courier; who is told is known to the client.

import type { Properties, QoS } from '../codec/packets.ts'
import { PublishOperation } from '../engine/operations.ts'
import type { MqttError } from '../errors.ts'
import { NEVER_EXPIRES_SECONDS } from '../simple/defaults.ts'
import * as PLACE from './place.ts'
import { NO_SUBSCRIBERS } from './constants.ts'
import type { ResolvedPolicy } from './policies.ts'

/** How a message ended; see design and docs/delivery-policies.md. */
export type OutcomeStatus =
  | 'delivered'
  | 'sent'
  | 'maybe-delivered'
  | 'expired'
  | 'cancelled'
  | 'superseded'
  | 'dropped'
  | 'evicted'
  | 'refused'
  | 'rejected'
  | 'poisoned'

/** A mark of the application, whose value is our own. */
export interface ResolvedMark {
  readonly name: string
  readonly value: Uint8Array
}

/** In their order: a message never goes back. */
const STAGES: readonly OpenStage[] = ['accepted', 'stored', 'sent', 'received']
/** The stages before the outcome, in their order. */
export type OpenStage = 'accepted' | 'stored' | 'sent' | 'received'

export class Entry extends PublishOperation {
  /** Our own counter over all messages of an outbox; never a packet id. */
  entryId = 0
  declare readonly policy: ResolvedPolicy
  /** What its receipt is named: a prefix of the process, and a number in it; one of another process is whole. */
  readonly #idPrefix: string
  readonly #number: number | undefined
  /** Undefined: never. A number in the field would cost 16 bytes more for each message. */
  #expiresAt: number | undefined = undefined
  /** The same, or its own expiry, whatever is sooner; only where it has one. */
  #endsAt: number | undefined = undefined
  /** Six booleans in one field, one bit each, and above them `refusal`: a million messages may wait. */
  #flags = 0
  /** The moment of `publish`, ms as `now` counts. */
  acceptedAt = 0
  /** How often its PUBLISH was handed to a connection. */
  attempts = 0
  /** Connections that the server ended while it was in flight, for a reason that a packet can cause. */
  deaths = 0
  /** How many of its attempts the server answered with a refusal that time may cure. */
  turnedAway = 0
  /** A line (0 to 4 by priority), or one of PLACE. */
  place: number = PLACE.NOWHERE
  /** The neighbours of the same topic that wait too, while lines are kept by topic. */
  previous: Entry | undefined = undefined
  next: Entry | undefined = undefined
  /** Its place in the order in which the courier sent. */
  sentAs = 0
  stage: OpenStage = 'accepted'
  /** Undefined while it is open. */
  status: OutcomeStatus | undefined = undefined
  settledAt = 0
  error: MqttError | undefined = undefined
  /** The packet id under which its stage is kept; 0: none. */
  keptPacketId = 0
  /** The mark that is stored in its commit. */
  mark: ResolvedMark | undefined = undefined
  /** Why the outbox could not keep it. */
  storeError: MqttError | undefined = undefined
  /** Who looks at it; made when somebody does. */
  watcher: EntryWatcher | undefined = undefined

  constructor(
    topic: string,
    topicBytes: number,
    payload: Uint8Array | string,
    payloadLength: number,
    qos: QoS,
    retain: boolean,
    properties: Properties,
    owned: boolean,
    policy: ResolvedPolicy,
    idPrefix: string,
    number: number | undefined,
  ) {
    super(topic, topicBytes, payload, payloadLength, qos, retain, properties)
    this.followed = true
    this.deadline = Infinity
    this.owned = owned || typeof payload === 'string'
    this.policy = policy
    this.#idPrefix = idPrefix
    this.#number = number
    this.context = this
  }

  /** The key whose newest message alone is wanted, or undefined. */
  get collapseKey(): string | undefined {
    const { collapseKey } = this.policy
    return collapseKey === true ? this.topic : collapseKey
  }

  /** When it is worth nothing any more, ms as `now` counts; Infinity: never. */
  get expiresAt(): number {
    return this.#expiresAt ?? Infinity
  }

  set expiresAt(at: number) {
    this.#expiresAt = at === Infinity ? undefined : at
  }

  /** Whether it was sent afresh after it had been sent: the server may have it twice. */
  get possiblyDuplicated(): boolean {
    return (this.#flags & 1) !== 0
  }

  set possiblyDuplicated(is: boolean) {
    this.#flag(1, is)
  }

  /** Whether the connection broke while it was in flight, and its session was taken up again. */
  get resumed(): boolean {
    return (this.#flags & 2) !== 0
  }

  set resumed(is: boolean) {
    this.#flag(2, is)
  }

  /** Whether nobody but us changes the payload. */
  get owned(): boolean {
    return (this.#flags & 4) !== 0
  }

  set owned(is: boolean) {
    this.#flag(4, is)
  }

  /** Whether the outbox keeps it on disk. */
  get durable(): boolean {
    return (this.#flags & 8) !== 0
  }

  set durable(is: boolean) {
    this.#flag(8, is)
  }

  /** Whether it is there by now. */
  get onDisk(): boolean {
    return (this.#flags & 16) !== 0
  }

  set onDisk(is: boolean) {
    this.#flag(16, is)
  }

  /** Whether its last acknowledgement may be one of a session that never had it. */
  get isUnsure(): boolean {
    return (this.#flags & 32) !== 0
  }

  set isUnsure(is: boolean) {
    this.#flag(32, is)
  }

  /** The reason code of the last answer that turned it away; 0: none did. */
  get refusal(): number {
    return this.#flags >> 8
  }

  set refusal(reasonCode: number) {
    this.#flags = (this.#flags & 0xff) | (reasonCode << 8)
  }

  /** Names it for as long as its outbox knows it. */
  get id(): string {
    return this.#number === undefined ? this.#idPrefix : `${this.#idPrefix}${this.#number}`
  }

  /** What it is looked up by: of its id what is not the same for all, so that no text is made. */
  get key(): number | string {
    return this.#number ?? this.#idPrefix
  }

  /** It went out as it was published, and nothing comes back for it. */
  asSent(now: number): this {
    this.acceptedAt = this.settledAt = now
    this.attempts = 1
    this.status = 'sent'
    return this
  }

  /** Forgets that it was ever sent: the next connection carries it as a new message. */
  renew(): void {
    this.state = 'new'
    this.packetId = 0
    this.held = false
    this.dup = false
    this.resumed = false
    this.isUnsure = false
    this.answer = undefined
  }

  /** Begins its life anew, after it was read from an outbox. */
  renewed(now: number): void {
    this.acceptedAt = now
    this.expiresAt = Infinity
    this.#endsAt = undefined
    this.stage = 'accepted'
    this.onDisk = false
  }

  /** Says to the server how long the message is still worth anything. §3.3.2.3.3 */
  attachExpiry(now: number): void {
    const { endsAt } = this
    if (endsAt === Infinity) return
    this.#endsAt = endsAt
    const seconds = Math.min(NEVER_EXPIRES_SECONDS, Math.ceil((endsAt - now) / 1000))
    const messageExpiryInterval = Math.max(1, seconds)
    this.properties = { ...this.properties, messageExpiryInterval }
  }

  /** When its deadline comes, or its own expiry, counted from `publish`, whatever is sooner. */
  get endsAt(): number {
    if (this.#endsAt !== undefined) return this.#endsAt
    const { messageExpiryInterval } = this.properties
    if (messageExpiryInterval === undefined) return this.expiresAt
    // Once: what is sent carries what is left of it.
    this.#endsAt = Math.min(this.expiresAt, this.acceptedAt + messageExpiryInterval * 1000)
    return this.#endsAt
  }

  /** It has come so far, if it was not farther. */
  reach(stage: OpenStage): void {
    const isFirst = stage === 'sent' && this.stage === 'accepted'
    if (!isFirst && STAGES.indexOf(stage) <= STAGES.indexOf(this.stage)) return
    this.stage = stage
    this.watcher?.handleStage(this)
  }

  #flag(bit: number, is: boolean): void {
    this.#flags = is ? this.#flags | bit : this.#flags & ~bit
  }

  /** Whether the server certainly has it not: it was never sent, or turned away each time. */
  get isAbsent(): boolean {
    return this.attempts === this.turnedAway && !this.possiblyDuplicated
  }

  /** How it ends when its time is up. */
  get lateStatus(): OutcomeStatus {
    if (!this.isAbsent) return 'maybe-delivered'
    return this.turnedAway > 0 ? 'rejected' : 'expired'
  }

  /** Whether the server said that it has no subscriber for it. */
  get hasNoSubscribers(): boolean {
    return this.status === 'delivered' && this.answer === NO_SUBSCRIBERS
  }

  /** What it weighs in the outbox, bytes. */
  get sizeBytes(): number {
    return this.payloadLength + this.topicBytes
  }
}

/** Told of each change of an entry. */
export interface EntryWatcher {
  handleStage(entry: Entry): void
}

/** The order in which the courier sent. */
export function bySending(a: Entry, b: Entry): number {
  return a.sentAs - b.sentAs
}

/** The lowest first. */
export function byPriority(a: Entry, b: Entry): number {
  return a.policy.priority - b.policy.priority
}

/** Whether the engine never sent it: with a packet id that waited for its record it begins anew. */
export function neverLeft(entry: Entry): boolean {
  if (entry.state === 'bound') {
    entry.renew()
    entry.attempts -= 1
  }
  return entry.state === 'new'
}
