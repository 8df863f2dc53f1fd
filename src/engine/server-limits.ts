// What the server allows on this connection, as CONNACK says it, with the specification's defaults
// for what it leaves out. On MQTT 3.1.1 nothing is said, so everything is allowed. §3.2.2.3

import type { ConnackPacket, ProtocolVersion, QoS } from '../codec/packets.ts'

/** The largest packet that a remaining length can describe. §2.1.4 */
export const LARGEST_PACKET_BYTES = 268_435_460

/** The limits in force on one connection. */
export interface ServerLimits {
  readonly [name: string]: number | boolean | undefined
  /** Unacknowledged QoS 1 and 2 messages that we may have under way. §3.2.2.3.3 */
  readonly receiveMaximum: number
  /** The largest packet that the server reads, bytes. §3.2.2.3.6 */
  readonly maximumPacketSizeBytes: number
  readonly maximumQoS: QoS
  readonly retainAvailable: boolean
  /** Keep Alive in force, seconds; 0 is off. §3.2.2.3.14 */
  readonly keepAliveSeconds: number
  /** Topic aliases that we may use. §3.2.2.3.8 */
  readonly topicAliasMaximum: number
  readonly sessionExpirySeconds: number
  readonly wildcardSubscriptionAvailable: boolean
  readonly subscriptionIdsAvailable: boolean
  readonly sharedSubscriptionAvailable: boolean
}

/**
 * Messages under way on MQTT 3.1.1, where the server cannot say how many it takes: the default of
 * Mosquitto's `max_inflight_messages`, which cuts off a client that goes above it (seen with 2.0.11).
 */
export const UNSAID_RECEIVE_MAXIMUM = 20

/** Clients of one process mostly have one server: equal limits are one object. */
export class LimitsPool {
  #last: ServerLimits | undefined

  intern(limits: ServerLimits): ServerLimits {
    const last = this.#last
    const same = last !== undefined && Object.keys(limits).every((key) => last[key] === limits[key])
    if (same) return last
    this.#last = limits
    return limits
  }
}

/** The limits before CONNACK, and those of MQTT 3.1.1. */
export function limitsOf(
  version: ProtocolVersion,
  requested: { readonly keepAliveSeconds: number; readonly sessionExpirySeconds: number },
  packet?: ConnackPacket,
): ServerLimits {
  const said = packet?.properties ?? {}
  return {
    receiveMaximum: said.receiveMaximum ?? (version === 5 ? 65_535 : UNSAID_RECEIVE_MAXIMUM),
    maximumPacketSizeBytes: said.maximumPacketSize ?? LARGEST_PACKET_BYTES,
    maximumQoS: said.maximumQoS ?? 2,
    retainAvailable: said.retainAvailable ?? true,
    keepAliveSeconds: said.serverKeepAlive ?? requested.keepAliveSeconds,
    topicAliasMaximum: said.topicAliasMaximum ?? 0,
    sessionExpirySeconds: said.sessionExpiryInterval ?? requested.sessionExpirySeconds,
    wildcardSubscriptionAvailable: said.wildcardSubscriptionAvailable ?? true,
    subscriptionIdsAvailable: version === 5 && (said.subscriptionIdentifiersAvailable ?? true),
    sharedSubscriptionAvailable: said.sharedSubscriptionAvailable ?? true,
  }
}
