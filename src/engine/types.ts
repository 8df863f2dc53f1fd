// What goes into an engine and what comes out of it, as data.
// Types alone: no default is chosen here, and nothing is checked.

import type { MqttError } from '../errors.ts'
import type {
  AuthPacket,
  ConnackPacket,
  ProtocolVersion,
  UserProperty,
  WillFields,
} from '../codec/packets.ts'
import type { TopicCache } from '../codec/utf8.ts'
import type { InboundMessage } from './inbound-message.ts'
import type { Operation } from './operations.ts'
import type { PayloadPool } from './payload-pool.ts'
import type { LimitsPool, ServerLimits } from './server-limits.ts'
import type { SlabPool } from './slab-pool.ts'

/** What the engines of one process share: buffers and caches, no protocol state. */
export interface EngineRuntime {
  readonly slabs: SlabPool
  readonly payloads: PayloadPool
  readonly topics: TopicCache
  readonly limits?: LimitsPool
}

/** What bounds an engine; every field is required, defaults belong to the client above. */
export interface EngineOptions {
  /** How many unacknowledged QoS 1 and 2 messages we accept at once, 1 to 65,535. §3.1.2.11.3 */
  readonly receiveMaximum: number
  /** Whether a server that sends more than that is cut off, or only counted. [MQTT-3.3.4-9] */
  readonly enforceReceiveMaximum: boolean
  /** Whether the layer above forgets a QoS 2 id before PUBCOMP says that it is forgotten. §4.3.3 */
  readonly stagedReceipts: boolean
  /** The largest packet that we read, bytes. §3.1.2.11.4 */
  readonly maximumPacketSizeBytes: number
  /** Topic aliases that the server may use towards us, 0 to 65,535. §3.1.2.11.5 */
  readonly topicAliasMaximum: number
  /** Topic aliases that we use towards the server at most, 0 to 65,535. */
  readonly outboundTopicAliases: number
  /** PUBLISH operations that may wait to be sent, and their payload and topic bytes. */
  readonly waitingMessages: number
  readonly waitingBytes: number
  /** From the dial to CONNACK, ms. */
  readonly connectMs: number
  /** Longest wait for any acknowledgement while nothing moves, ms. */
  readonly acknowledgementMs: number
  /** Longest wait for any byte after PINGREQ, ms. */
  readonly pingMs: number
  /** Longest that a write may make no progress, ms. */
  readonly writeMs: number
  /** Longest that an operation may stay open, ms. */
  readonly operationMs: number
  /** Longest that an orderly close may take, ms. */
  readonly closeMs: number
}

/** Counters since the engine was made, and gauges of the moment. */
export interface EngineCounters {
  /** QoS 1 and 2 messages under way on this connection. */
  readonly inflight: number
  readonly waitingMessages: number
  /** Topics and payloads of what waits, bytes. */
  readonly waitingBytes: number
  /** Acknowledgements that came for packet ids that nothing holds. */
  readonly strayAcknowledgements: number
  /** Messages that the server sent beyond our Receive Maximum. */
  readonly receiveMaximumOverruns: number
  readonly packetsSent: number
  readonly packetsReceived: number
  /** When the last byte came in, as `now` counts; -1 before the first. */
  readonly receivedAt: number
  /** The last round trip of PINGREQ and PINGRESP, ms; -1 before the first. */
  readonly roundTripMs: number
}

/** What one CONNECT says. §3.1 */
export interface ConnectSettings {
  readonly version: ProtocolVersion
  readonly clientId: string
  readonly cleanStart: boolean
  /** 0 ends the session with the connection; 4,294,967,295 keeps it for ever. §3.1.2.11.2 */
  readonly sessionExpirySeconds: number
  readonly keepAliveSeconds: number
  readonly will?: WillFields | undefined
  readonly userName?: string | undefined
  readonly password?: Uint8Array | undefined
  readonly userProperties?: readonly UserProperty[] | undefined
  readonly requestResponseInformation?: boolean | undefined
  readonly requestProblemInformation?: boolean | undefined
  readonly authenticationMethod?: string | undefined
  readonly authenticationData?: Uint8Array | undefined
  /**
   * How many times as long as the options say a write, PINGRESP and acknowledgements may take while a message of 64 KiB
   * or more is on its way at QoS 1 or 2. @default 1
   */
  readonly patience?: number | undefined
}

/** CONNACK has accepted the connection. */
export interface ConnectedOutput {
  readonly kind: 'connected'
  readonly packet: ConnackPacket
  readonly limits: ServerLimits
  /** Whether the server has the session that we have: what is in flight goes on. */
  readonly resumed: boolean
  /**
   * Whether a CONNECT before this one had no answer: the server may have lost our session, and have made for that
   * CONNECT the one that it says is present.
   */
  readonly mayBeNew: boolean
}

/** AUTH has come in: the answer is `authenticate`, or nothing after reason 0x00. §4.12 */
export interface AuthOutput {
  readonly kind: 'auth'
  readonly packet: AuthPacket
}

/** The transport is to be closed: after what waits has been written, or at once. */
export interface CloseOutput {
  readonly kind: 'close'
  readonly orderly: boolean
}

/** The connection is over and every operation has been handed back. */
export interface ClosedOutput {
  readonly kind: 'closed'
  /** Why; undefined after our own DISCONNECT. */
  readonly error: MqttError | undefined
  /** Whether a message of 64 KiB or more was on its way at QoS 1 or 2. */
  readonly sentLarge: boolean
}

/** PUBREL has come in: `release` follows once the id is forgotten. Only with `stagedReceipts`. */
export interface ReleaseOutput {
  readonly kind: 'release'
  readonly packetId: number
  readonly connection: number
}

/**
 * The session that these packet ids were of shows to be gone: each may come again with a new message, and the next
 * output is one. Only with `stagedReceipts`.
 */
export interface ForgottenOutput {
  readonly kind: 'forgotten'
  readonly packetIds: readonly number[]
}

/** Everything that `poll` returns; told apart by `kind`. */
export type Output =
  | InboundMessage
  | Operation
  | ConnectedOutput
  | AuthOutput
  | ReleaseOutput
  | ForgottenOutput
  | CloseOutput
  | ClosedOutput
