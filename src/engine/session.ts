// The session as data: what both sides keep between connections, so that it can be stored and taken
// up again after a restart. Taking and restoring it at any instant gives the same session. §4.1

import type { Properties, QoS } from '../codec/packets.ts'
import { PublishOperation } from './operations.ts'

/** A publish in flight, as it is stored. */
export interface StoredPublish {
  readonly packetId: number
  /** `released` once PUBREL has gone out. */
  readonly state: 'clearing' | 'sent' | 'released'
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
  const { payload, payloadOffset, payloadLength } = operation
  return {
    packetId: operation.packetId,
    state: operation.state as StoredPublish['state'],
    topic: operation.topic,
    topicBytes: operation.topicBytes,
    payload:
      typeof payload === 'string'
        ? payload
        : payload.slice(payloadOffset, payloadOffset + payloadLength),
    payloadLength,
    qos: operation.qos,
    retain: operation.retain,
    properties: operation.properties,
  }
}

export function restorePublish(stored: StoredPublish): PublishOperation {
  const operation = new PublishOperation(
    stored.topic,
    stored.topicBytes,
    stored.payload,
    stored.payloadLength,
    stored.qos,
    stored.retain,
    stored.properties,
  )
  operation.packetId = stored.packetId
  operation.state = stored.state
  return operation
}
