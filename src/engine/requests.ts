// SUBSCRIBE and UNSUBSCRIBE: checked against the server's limits, sent at once whatever the window,
// and matched to their answers by packet id and position. §3.8 to §3.11 [MQTT-3.3.4-8]

import { writeSubscribe, writeUnsubscribe } from '../codec/encode.ts'
import * as PacketType from '../codec/packet-type.ts'
import type { SubackPacket, UnsubackPacket } from '../codec/packets.ts'
import { parseSharedFilter } from '../codec/topics.ts'
import type { MqttError } from '../errors.ts'
import { violation } from './endings.ts'
import type { Inflight } from './inflight.ts'
import { type Link, notSupported, queueFull, sendSized } from './link.ts'
import type { IdentifiedOperation, SubscribeOperation, UnsubscribeOperation } from './operations.ts'

/** A request that is answered once. */
export type RequestOperation = SubscribeOperation | UnsubscribeOperation

/** Sends a request; gives the error when it must not be sent. */
export function sendRequest(
  operation: RequestOperation,
  link: Link,
  inflight: Inflight<IdentifiedOperation>,
): MqttError | undefined {
  const { kind } = operation
  const refusal = kind === 'subscribe' ? refusalOf(operation, link) : undefined
  if (refusal !== undefined) return refusal
  if (inflight.full) return queueFull(kind, 'packet ids', inflight.size)
  inflight.add(operation)
  const { packetId, properties } = operation
  const error = sendSized(link, kind, (sink) =>
    operation.kind === 'subscribe'
      ? writeSubscribe(
          sink,
          {
            type: PacketType.SUBSCRIBE,
            packetId,
            subscriptions: operation.subscriptions,
            properties,
          },
          link.version,
        )
      : writeUnsubscribe(
          sink,
          { type: PacketType.UNSUBSCRIBE, packetId, filters: operation.filters, properties },
          link.version,
        ),
  )
  if (error !== undefined) inflight.remove(operation)
  return error
}

/** SUBACK or UNSUBACK has come in. Gives the operation that it settles, if there is one. */
export function handleRequestAck(
  packet: SubackPacket | UnsubackPacket,
  link: Link,
  inflight: Inflight<IdentifiedOperation>,
): RequestOperation | undefined {
  const { type, packetId, reasonCodes } = packet
  const operation = inflight.get(packetId)
  if (operation === undefined) return undefined
  const wanted = type === PacketType.SUBACK ? 'subscribe' : 'unsubscribe'
  if (operation.kind === 'publish' || operation.kind !== wanted) {
    const text = `Packet id ${packetId} belongs to no ${wanted}`
    const wrongId = operation.kind === 'publish' ? packetId : undefined
    throw violation(text, 'MQTT-2.2.1-6', 0x82, wrongId)
  }
  const asked = 'filters' in operation ? operation.filters : operation.subscriptions
  // UNSUBACK of MQTT 3.1.1 has no codes. §3.11 of 3.1.1
  const answer = wanted === 'subscribe' || link.version === 5 ? reasonCodes : asked.map(() => 0)
  if (answer.length !== asked.length) {
    const text = `${answer.length} reason codes answer ${asked.length} filters`
    throw violation(text, 'MQTT-3.8.4-6')
  }
  inflight.remove(operation)
  operation.answer = answer
  operation.reasonString = packet.properties.reasonString
  return operation
}

/** What the server said it does not offer. §3.2.2.3.11 to 3.2.2.3.13 */
function refusalOf(operation: SubscribeOperation, link: Link): MqttError | undefined {
  const { limits, version } = link
  if (operation.properties.subscriptionIdentifiers && !limits.subscriptionIdsAvailable) {
    return notSupported(link, 'subscribe with an identifier', 'subscriptionIdsAvailable')
  }
  for (const { filter, noLocal, retainAsPublished, retainHandling } of operation.subscriptions) {
    const limit =
      version === 4 && (noLocal || retainAsPublished || retainHandling)
        ? 'protocol'
        : !limits.sharedSubscriptionAvailable && parseSharedFilter(filter)
          ? 'sharedSubscriptionAvailable'
          : !limits.wildcardSubscriptionAvailable && /[#+]/.test(filter)
            ? 'wildcardSubscriptionAvailable'
            : undefined
    if (limit !== undefined) return notSupported(link, `subscribe to "${filter}"`, limit)
  }
  return undefined
}
