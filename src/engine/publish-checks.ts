// What must hold before a PUBLISH may go out: the limits of the server and the lifetime of the message.
// Nothing is written before this has been asked, also for what waited or is sent again. §3.2.2.3

import { type PublishHeader, publishSize } from '../codec/encode.ts'
import { NO_PROPERTIES, type ProtocolVersion } from '../codec/packets.ts'
import { type MqttError, TimeoutError } from '../errors.ts'
import { PLAIN_HEADER_BYTES } from './constants.ts'
import { type Link, notSupported, sizeError } from './link.ts'
import type { PublishOperation } from './operations.ts'

/** The size of the whole packet with its topic in full, bytes. */
export function sizeOf(operation: PublishOperation, version: ProtocolVersion): number {
  return publishSize(version, operation, operation.topicBytes, operation.payloadLength, 0)
}

/** Whether the server reads a message without properties whose topic and payload have this size. */
export function isWithin(bodyBytes: number, link: Link): boolean {
  return bodyBytes + PLAIN_HEADER_BYTES <= link.limits.maximumPacketSizeBytes
}

/** Why this server would not take it, if so. [MQTT-3.2.2-11] [MQTT-3.2.2-14] [MQTT-3.2.2-15] */
export function refusalOf(operation: PublishOperation, link: Link): MqttError | undefined {
  const { limits, version } = link
  const { qos, retain, properties } = operation
  const plain = properties === NO_PROPERTIES && !retain && qos <= limits.maximumQoS
  if (plain && isWithin(operation.topicBytes + operation.payloadLength, link)) return undefined
  const call = `publish to "${operation.topic}"`
  if (qos > limits.maximumQoS) return notSupported(link, `${call} with QoS ${qos}`, 'maximumQoS')
  if (retain && !limits.retainAvailable) return notSupported(link, call, 'retainAvailable')
  // MQTT 3.1.1 carries no properties; the lifetime alone holds at least while the message waits here.
  if (version === 4 && Object.keys(properties).some((name) => name !== 'messageExpiryInterval')) {
    return notSupported(link, `${call} with properties`, 'protocol')
  }
  return sizeError(link, call, sizeOf(operation, version))
}

/** Whether a message has outlived itself before it was ever sent. §3.3.2.3.3 */
export function expiryOf(operation: PublishOperation, waitedMs: number): MqttError | undefined {
  const { messageExpiryInterval } = operation.properties
  if (messageExpiryInterval === undefined || operation.state !== 'waiting') return undefined
  const afterMs = messageExpiryInterval * 1000
  if (waitedMs < afterMs) return undefined
  const text = `Message to "${operation.topic}" expired after ${afterMs} ms of waiting`
  return new TimeoutError(text, { operation: 'message expiry', afterMs, sent: 'no' })
}

/** What stands before the payload, with the lifetime that is left: at least 1 s. §3.3.2.3.3 */
export function agedHeader(operation: PublishOperation, waitedMs: number): PublishHeader {
  const lifetime = operation.properties.messageExpiryInterval
  if (lifetime === undefined || waitedMs < 1000) return operation
  const { topic, qos, retain, dup, packetId } = operation
  const left = lifetime - Math.floor(waitedMs / 1000)
  const properties = { ...operation.properties, messageExpiryInterval: Math.max(1, left) }
  return { topic, qos, retain, dup, packetId, properties }
}
