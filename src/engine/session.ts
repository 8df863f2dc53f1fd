// The session as data: what both sides keep between connections, so that it can be stored and taken
// up again after a restart. Taking and restoring it at any instant gives the same session. §4.1

import type { Properties, QoS } from '../codec/packets.ts'
import { PublishOperation } from './operations.ts'

/** A publish in flight, as it is stored. */
export interface StoredPublish {
  readonly packetId: number
  /** `released` once PUBREC is known. */
  readonly state: 'bound' | 'clearing' | 'sent' | 'released'
  readonly topic: string
  readonly topicBytes: number
  readonly payload: Uint8Array | string
  readonly payloadLength: number
  readonly qos: QoS
  readonly retain: boolean
  readonly properties: Properties
}

/** Everything of a session that must survive a restart. */
export interface Session {
  readonly clientId: string
  /** The packet id given out last. */
  readonly lastId: number
  /** Whether the server may hold QoS 2 ids that are not known here; each is cleared before its use. */
  readonly adopted?: boolean
  /** Inbound QoS 2 ids from the application's acknowledgement to PUBREL. */
  readonly receivedIds: readonly number[]
  /** Outbound publishes in flight, in the order of sending. */
  readonly publishes: readonly StoredPublish[]
}

/** A session that has not begun. */
export const EMPTY_SESSION: Session = Object.freeze({
  clientId: '',
  lastId: 0,
  adopted: true,
  receivedIds: [],
  publishes: [],
})

export function snapshotPublish(operation: PublishOperation): StoredPublish {
  const { packetId, state, topic, topicBytes, payload, payloadOffset: from } = operation
  const { payloadLength, qos, retain, properties } = operation
  return {
    packetId,
    state: (state === 'received' ? 'released' : state) as StoredPublish['state'],
    topic,
    topicBytes,
    payload: typeof payload === 'string' ? payload : payload.slice(from, from + payloadLength),
    payloadLength,
    qos,
    retain,
    properties,
  }
}

export function restorePublish(stored: StoredPublish): PublishOperation {
  const { packetId, state, topic, topicBytes, payload, payloadLength, qos, retain, properties } =
    stored
  return Object.assign(
    new PublishOperation(topic, topicBytes, payload, payloadLength, qos, retain, properties),
    { packetId, state },
  )
}
