// Frames to packets: which version, which side, what is wrong, and whether what follows can still be read.
// Rule: a fault is an item like any other; no bytes cause anything else. What nobody said is found out from the
// packets themselves, and then said.

import {
  CLIENT_PACKETS,
  Decoder,
  type Packet,
  PacketType,
  type ProtocolVersion,
  type Role,
  SERVER_PACKETS,
} from '../../codec/index.ts'
import { expectedBy } from './clauses.ts'
import type { Asked, Conversation, Side } from './conversation.ts'
import type { Frame } from './frames.ts'

/** Where in the input something is. */
interface Placed {
  readonly offset: number
  /** The name of the packet type, such as `PUBLISH`. */
  readonly type: string
  readonly sizeBytes: number
}

/** A packet that could be read. */
export interface PacketItem extends Placed {
  readonly kind: 'packet'
  readonly from: Side | undefined
  readonly version: ProtocolVersion
  readonly packet: Packet
  /** The lower half of the first byte. */
  readonly flags: number
  /** The packet that it answers, or that it goes on with. */
  readonly answers: Asked | undefined
  /** The topic behind an alias. */
  readonly aliasedTopic: string | undefined
}

/** A packet that could not. */
export interface FaultItem extends Placed {
  readonly kind: 'fault'
  readonly error: 'malformed' | 'protocol-error' | 'cut'
  readonly from: Side | undefined
  readonly version: ProtocolVersion
  readonly message: string
  readonly clause: string | undefined
  readonly expected: string | undefined
  /** Where in the packet, in bytes from its first. */
  readonly at: number
  readonly reasonCode: number | undefined
  /** The packet, as far as it is there. */
  readonly bytes: Uint8Array
  /** Of a packet that is cut, how much is not there. */
  readonly missingBytes: number | undefined
  /** Whether a secret may be in its bytes: it may hold one, or the end of a packet that does. */
  readonly isSecret: boolean
  /** Whether the packets after it are read. */
  readonly goesOn: boolean
}

/** A packet that is too large to be held. */
export interface LargeItem extends Placed {
  readonly kind: 'large'
}

/** Something that has to be said once. */
export interface NoteItem {
  readonly kind: 'note'
  readonly offset: number
  readonly text: string
}

/** What is read, in its order. */
export type Item = PacketItem | FaultItem | LargeItem | NoteItem

/** What several inputs of one connection share. */
export interface Dialect {
  /** Undefined while neither a person nor a packet has said it. */
  version: ProtocolVersion | undefined
}

/** What is known before the first byte. */
export interface ReaderOptions {
  readonly from: Side | undefined
  readonly dialect: Dialect
  readonly conversation: Conversation
  /** The number of the input, from 0. */
  readonly input: number
}

/** A packet of this many bytes fits into no header: the codec's own limit is not wanted here. */
const ANY_SIZE = Infinity

/** Faults in a row after which nothing more can be made of it. */
const FAULTS_MAX = 3

/** The same where not even type and flags are those of a packet: then its length is none either. */
const HEADERLESS_MAX = 2

const TYPE_NAMES: readonly string[] = Object.keys(PacketType)
const SIDES: Readonly<Record<Side, Role>> = { client: CLIENT_PACKETS, server: SERVER_PACKETS }
/** Passwords, and the data of authentications. */
const HOLDS_SECRET: ReadonlySet<number> = new Set([
  PacketType.CONNECT,
  PacketType.CONNACK,
  PacketType.AUTH,
])
const FROM_CLIENT: ReadonlySet<number> = new Set([
  PacketType.CONNECT,
  PacketType.SUBSCRIBE,
  PacketType.UNSUBSCRIBE,
  PacketType.PINGREQ,
])
const FROM_SERVER: ReadonlySet<number> = new Set([
  PacketType.CONNACK,
  PacketType.SUBACK,
  PacketType.UNSUBACK,
  PacketType.PINGRESP,
])

/** What the codec says of bytes that it refuses. */
interface Refusal {
  readonly code: string
  readonly message: string
  readonly offset: number
  readonly clause: string
  readonly reasonCode: number
}

type Attempt =
  | { readonly packet: Packet; readonly version: ProtocolVersion }
  | { readonly refusal: Refusal; readonly version: ProtocolVersion }

/** The name of a packet type, by the first byte. */
export function typeName(first: number): string {
  return TYPE_NAMES[(first >> 4) - 1] ?? 'type 0'
}

/** Reads one input. */
export class Reader {
  readonly #options: ReaderOptions
  readonly #seen = new Set<Side>()
  #faultsInRow = 0
  #faults = 0
  #packets = 0
  /** Whether a packet was broken that may hold a secret, and none was whole since. */
  #isSecret = false
  #saidVersion = false
  #stopped = false

  constructor(options: ReaderOptions) {
    this.#options = options
  }

  /** Whether nothing more can be read. */
  get stopped(): boolean {
    return this.#stopped
  }

  get packets(): number {
    return this.#packets
  }

  get faults(): number {
    return this.#faults
  }

  *read(frame: Frame): Generator<Item, void> {
    const { kind, offset } = frame
    if (kind === 'large') {
      this.#packets++
      yield { kind, offset, type: typeName(frame.first), sizeBytes: frame.sizeBytes }
      return
    }
    const { bytes } = frame
    const first = bytes[0] as number
    const from = this.#sideOf(first)
    const attempt = kind === 'cut' ? undefined : this.#attempt(bytes, this.#rolesOf(from))
    if (attempt !== undefined && 'packet' in attempt) {
      yield* this.#enter(frame.offset, bytes, attempt, from)
      return
    }
    this.#faults++
    this.#faultsInRow++
    this.#isSecret ||= HOLDS_SECRET.has(first >> 4)
    const isSecret = this.#isSecret
    const goesOn =
      kind === 'whole' && this.#faultsInRow < (isHeader(first) ? FAULTS_MAX : HEADERLESS_MAX)
    this.#stopped ||= !goesOn
    const version = attempt?.version ?? this.#options.dialect.version ?? 5
    const placed = {
      kind: 'fault',
      offset,
      type: typeName(first),
      from,
      version,
      bytes,
      isSecret,
    } as const
    yield kind === 'cut'
      ? { ...placed, ...cutOff(frame), goesOn: false }
      : {
          ...placed,
          ...refused((attempt as Extract<Attempt, { readonly refusal: Refusal }>).refusal),
          sizeBytes: bytes.length,
          goesOn,
        }
  }

  *#enter(
    offset: number,
    bytes: Uint8Array,
    { packet, version }: Extract<Attempt, { readonly packet: Packet }>,
    from: Side | undefined,
  ): Generator<Item, void> {
    const { conversation, input, dialect } = this.#options
    const first = bytes[0] as number
    this.#packets++
    this.#faultsInRow = 0
    this.#isSecret = false
    if (from !== undefined && !this.#seen.has(from)) {
      this.#seen.add(from)
      if (this.#seen.size > 1) {
        const text = 'Both directions are in these bytes, in the order in which they were recorded'
        yield { kind: 'note', offset, text }
      }
    }
    if (packet.type === PacketType.CONNECT && this.#packets > 1) {
      const text =
        'CONNECT again: another connection begins here, or [MQTT-3.1.0-2] is broken, which allows one'
      yield { kind: 'note', offset, text }
    }
    if (dialect.version === undefined && !this.#saidVersion && differs(packet.type)) {
      this.#saidVersion = true
      const text = 'No packet tells the version: read as MQTT 5.0. For 3.1.1 write -V 311'
      yield { kind: 'note', offset, text }
    }
    const alias = 'properties' in packet ? packet.properties?.topicAlias : undefined
    yield {
      kind: 'packet',
      offset,
      type: typeName(first),
      sizeBytes: bytes.length,
      from,
      version,
      packet,
      flags: first & 15,
      answers: conversation.enter(packet, { input, offset, from }),
      aliasedTopic:
        packet.type === PacketType.PUBLISH && alias !== undefined
          ? conversation.topicOf(packet.topic, alias, from)
          : undefined,
    }
  }

  /** Who sent it, as far as that is known. */
  #sideOf(first: number): Side | undefined {
    const { from } = this.#options
    if (from !== undefined) return from
    const type = first >> 4
    if (FROM_CLIENT.has(type)) return 'client'
    if (FROM_SERVER.has(type)) return 'server'
    const [only, other] = this.#seen
    return other === undefined ? only : undefined
  }

  #rolesOf(from: Side | undefined): Role {
    return from === undefined ? CLIENT_PACKETS | SERVER_PACKETS : SIDES[from]
  }

  /** Reads it as the version that is known, or finds out which one it is. */
  #attempt(bytes: Uint8Array, reads: Role): Attempt {
    const { dialect } = this.#options
    const type = (bytes[0] as number) >> 4
    if (type === PacketType.CONNECT) {
      const attempt = readPacket(bytes, reads, dialect.version ?? 5)
      if ('packet' in attempt) dialect.version = attempt.version
      return attempt
    }
    const { version } = dialect
    if (version !== undefined) {
      const attempt = readPacket(bytes, reads, version)
      // A server of MQTT 3.1.1 refuses 5.0 in its own words.
      if (type === PacketType.CONNACK && 'packet' in attempt) dialect.version = attempt.version
      return attempt
    }
    const as5 = readPacket(bytes, reads, 5)
    const as4 = readPacket(bytes, reads, 4)
    const is5 = 'packet' in as5 && !('packet' in as4)
    const is4 = 'packet' in as4 && !('packet' in as5)
    if (is5 || is4) dialect.version = is5 ? 5 : 4
    return is4 ? as4 : as5
  }
}

/** Whether a packet type looks different in the two versions, beyond a part that can be left out. */
function differs(type: number): boolean {
  return type !== PacketType.PINGREQ && type !== PacketType.PINGRESP
}

/** Whether a packet can begin with a byte. Table 2-2 */
function isHeader(first: number): boolean {
  const type = first >> 4
  const flags = first & 15
  if (type === PacketType.PUBLISH) return true
  const has2 =
    type === PacketType.PUBREL || type === PacketType.SUBSCRIBE || type === PacketType.UNSUBSCRIBE
  return type !== 0 && flags === (has2 ? 2 : 0)
}

function readPacket(bytes: Uint8Array, reads: Role, version: ProtocolVersion): Attempt {
  const decoder = new Decoder({ reads, version, maximumPacketSizeBytes: ANY_SIZE })
  decoder.push(bytes, bytes.length)
  try {
    const packet = decoder.next()
    // The codec wants more only where its header says so, and the frame has all of it.
    if (packet !== undefined) return { packet, version: decoder.version }
    throw new Error('Cannot decode: the frame is no packet')
  } catch (error) {
    if (!isRefusal(error)) throw error
    return { refusal: error, version: decoder.version }
  }
}

function isRefusal(error: unknown): error is Error & Refusal {
  const { code, clause } = error as Partial<Refusal>
  return clause !== undefined && (code?.startsWith('ERR_MQTT_') ?? false)
}

function refused({
  code,
  message,
  offset,
  clause,
  reasonCode,
}: Refusal): Pick<
  FaultItem,
  'error' | 'message' | 'clause' | 'expected' | 'at' | 'reasonCode' | 'missingBytes'
> {
  return {
    error: code === 'ERR_MQTT_MALFORMED_PACKET' ? 'malformed' : 'protocol-error',
    message,
    clause,
    expected: expectedBy(clause),
    at: offset,
    reasonCode,
    missingBytes: undefined,
  }
}

function cutOff({
  arrivedBytes,
  sizeBytes,
}: Extract<Frame, { readonly kind: 'cut' }>): Omit<
  FaultItem,
  'kind' | 'offset' | 'type' | 'from' | 'version' | 'bytes' | 'isSecret' | 'goesOn'
> {
  return {
    error: 'cut',
    sizeBytes: sizeBytes ?? arrivedBytes,
    message:
      sizeBytes === undefined
        ? 'The bytes end in the header of a packet'
        : `The bytes end after ${arrivedBytes} of ${sizeBytes} bytes`,
    clause: undefined,
    expected: undefined,
    at: arrivedBytes,
    reasonCode: undefined,
    missingBytes: sizeBytes === undefined ? undefined : sizeBytes - arrivedBytes,
  }
}
