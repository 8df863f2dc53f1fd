// SUBSCRIBE and UNSUBSCRIBE: checked against the server's limits, sent at once whatever the window,
// and matched to their answers by packet id and position. §3.8 to §3.11 [MQTT-3.3.4-8]
// AUTH, which has no packet id, is checked and sent here too. §3.15

import { writeAuth, writeSubscribe, writeUnsubscribe } from '../codec/encode.ts'
import {
  type AuthPacket,
  PacketType,
  type SubackPacket,
  type UnsubackPacket,
} from '../codec/packets.ts'
import { countingSink, type Sink } from '../codec/sink.ts'
import { parseSharedFilter } from '../codec/topics.ts'
import {
  type MqttError,
  NotSupportedError,
  PacketTooLargeError,
  ProtocolError,
  QueueFullError,
} from '../errors.ts'
import type { Inflight } from './inflight.ts'
import type { Link } from './link.ts'
import type { IdentifiedOperation, SubscribeOperation, UnsubscribeOperation } from './operations.ts'

/** A request that is answered once. */
export type RequestOperation = SubscribeOperation | UnsubscribeOperation

/** Sends a request; gives the error when it must not be sent. */
export function sendRequest(
  operation: RequestOperation,
  link: Link,
  inflight: Inflight<IdentifiedOperation>,
): MqttError | undefined {
  const refusal = operation.kind === 'subscribe' ? refusalOf(operation, link) : undefined
  if (refusal !== undefined) return refusal
  if (inflight.full) {
    const limitValue = inflight.size
    return new QueueFullError(`Cannot ${operation.kind}: all packet ids are in use`, {
      limit: 'packet ids',
      limitValue,
    })
  }
  inflight.add(operation)
  const counter = countingSink()
  write(counter, operation, link)
  const tooLarge = sizeError(operation.kind, counter.length, link)
  if (tooLarge !== undefined) {
    inflight.remove(operation)
    return tooLarge
  }
  write(link.out, operation, link)
  link.packetsSent += 1
  return undefined
}

/** Sends AUTH; gives the error when it must not be sent. [MQTT-3.2.2-15] */
export function sendAuth(packet: AuthPacket, link: Link): MqttError | undefined {
  const counter = countingSink()
  writeAuth(counter, packet)
  const tooLarge = sizeError('authenticate', counter.length, link)
  if (tooLarge !== undefined) return tooLarge
  writeAuth(link.out, packet)
  link.packetsSent += 1
  return undefined
}

/** SUBACK or UNSUBACK has come in. Gives the operation that it settles, if there is one. */
export function handleRequestAck(
  packet: SubackPacket | UnsubackPacket,
  link: Link,
  inflight: Inflight<IdentifiedOperation>,
): RequestOperation | undefined {
  const operation = inflight.get(packet.packetId)
  if (operation === undefined) return undefined
  const wanted = packet.type === PacketType.SUBACK ? 'subscribe' : 'unsubscribe'
  if (operation.kind === 'publish' || operation.kind !== wanted) {
    throw mismatch(`Packet id ${packet.packetId} is not that of an ${wanted}`, 'MQTT-2.2.1-6')
  }
  const asked =
    operation.kind === 'subscribe' ? operation.subscriptions.length : operation.filters.length
  const answered = packet.reasonCodes.length
  // UNSUBACK of MQTT 3.1.1 has no codes. §3.11 of 3.1.1
  const silent = operation.kind === 'unsubscribe' && link.version === 4
  if (answered !== asked && !silent) {
    throw mismatch(`${answered} reason codes answer ${asked} filters`, 'MQTT-3.8.4-6')
  }
  inflight.remove(operation)
  operation.answer = silent ? new Array<number>(asked).fill(0) : packet.reasonCodes
  return operation
}

function sizeError(call: string, sizeBytes: number, link: Link): MqttError | undefined {
  const limitBytes = link.limits.maximumPacketSizeBytes
  if (sizeBytes <= limitBytes) return undefined
  const text = `Cannot ${call}: ${sizeBytes} bytes are above the server's limit of ${limitBytes}`
  return new PacketTooLargeError(text, { sizeBytes, limitBytes, limitedBy: 'server' })
}

function write(sink: Sink, operation: RequestOperation, link: Link): void {
  const { packetId, properties } = operation
  if (operation.kind === 'subscribe') {
    const { subscriptions } = operation
    const packet = { type: PacketType.SUBSCRIBE, packetId, subscriptions, properties }
    writeSubscribe(sink, packet, link.version)
  } else {
    const packet = {
      type: PacketType.UNSUBSCRIBE,
      packetId,
      filters: operation.filters,
      properties,
    }
    writeUnsubscribe(sink, packet, link.version)
  }
}

/** What the server said it does not offer. §3.2.2.3.11 to 3.2.2.3.13 */
function refusalOf(operation: SubscribeOperation, link: Link): MqttError | undefined {
  const { limits } = link
  if (operation.properties.subscriptionIdentifiers && !limits.subscriptionIdsAvailable) {
    return unavailable('a subscription identifier', 'subscriptionIdsAvailable')
  }
  for (const { filter, noLocal, retainAsPublished, retainHandling } of operation.subscriptions) {
    if (link.version === 4 && (noLocal || retainAsPublished || retainHandling)) {
      return unavailable(`"${filter}": the options of MQTT 5.0`, 'protocol')
    }
    if (parseSharedFilter(filter) !== undefined) {
      if (!limits.sharedSubscriptionAvailable) {
        return unavailable(`"${filter}": shared subscriptions`, 'sharedSubscriptionAvailable')
      }
    }
    if (!limits.wildcardSubscriptionAvailable && /[#+]/.test(filter)) {
      return unavailable(`"${filter}": wildcards`, 'wildcardSubscriptionAvailable')
    }
  }
  return undefined
}

function unavailable(what: string, limit: string): NotSupportedError {
  return new NotSupportedError(`Cannot subscribe to ${what} are not available at this server`, {
    limit,
  })
}

function mismatch(message: string, clause: string): ProtocolError {
  return new ProtocolError(message, { clause, reasonCode: 0x82 })
}
