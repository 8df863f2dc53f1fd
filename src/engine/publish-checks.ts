// What must hold before a PUBLISH may go out: the limits of the server and the lifetime of the message.
// Nothing is written before this has been asked, also for what waited or is sent again. §3.2.2.3

import { publishSize } from '../codec/encode.ts'
import { NO_PROPERTIES, type Properties, type ProtocolVersion } from '../codec/packets.ts'
import { type MqttError, NotSupportedError, PacketTooLargeError, TimeoutError } from '../errors.ts'
import type { Link } from './link.ts'
import type { PublishOperation } from './operations.ts'

/** The most that a PUBLISH without properties has beside topic and payload, bytes. §3.3 */
const PLAIN_HEADER_BYTES = 1 + 4 + 2 + 2 + 1

/** The size of the whole packet with its topic in full, bytes. */
export function sizeOf(operation: PublishOperation, version: ProtocolVersion): number {
  return publishSize(version, operation, operation.topicBytes, operation.payloadLength, 0)
}

/** Why this server would not take it, if so. [MQTT-3.2.2-11] [MQTT-3.2.2-14] [MQTT-3.2.2-15] */
export function refusalOf(operation: PublishOperation, link: Link): MqttError | undefined {
  const { limits, version } = link
  const { topic, qos, properties } = operation
  const bodyBytes = operation.topicBytes + operation.payloadLength
  const plain = properties === NO_PROPERTIES && !operation.retain && qos <= limits.maximumQoS
  if (plain && bodyBytes + PLAIN_HEADER_BYTES <= limits.maximumPacketSizeBytes) return undefined
  if (qos > limits.maximumQoS) {
    const text = `with QoS ${qos}: the server's maximum is ${limits.maximumQoS}`
    return notSupported(topic, text, 'maximumQoS')
  }
  if (operation.retain && !limits.retainAvailable) {
    return notSupported(topic, 'with retain: the server keeps no messages', 'retainAvailable')
  }
  if (version === 4 && properties !== NO_PROPERTIES && needsProperties(properties)) {
    const text = 'with properties: they need MQTT 5.0, and the server speaks 3.1.1'
    return notSupported(topic, text, 'protocol')
  }
  const sizeBytes = sizeOf(operation, version)
  const limitBytes = limits.maximumPacketSizeBytes
  if (sizeBytes <= limitBytes) return undefined
  return new PacketTooLargeError(
    `Cannot publish to "${topic}": ${sizeBytes} bytes are above the server's limit of ${limitBytes}`,
    { sizeBytes, limitBytes, limitedBy: 'server' },
  )
}

/** Whether a message has outlived itself before it was ever sent. §3.3.2.3.3 */
export function expiryOf(operation: PublishOperation, waitedMs: number): MqttError | undefined {
  const lifetime = operation.properties.messageExpiryInterval
  if (lifetime === undefined || operation.state !== 'waiting') return undefined
  if (waitedMs < lifetime * 1000) return undefined
  const text = `Message to "${operation.topic}" expired after ${lifetime} s of waiting`
  const details = { operation: 'message expiry', afterMs: lifetime * 1000, sent: 'no' } as const
  return new TimeoutError(text, details)
}

/** The properties with the lifetime that is left: at least 1 s. §3.3.2.3.3 */
export function remainingProperties(operation: PublishOperation, waitedMs: number): Properties {
  const { properties } = operation
  const lifetime = properties.messageExpiryInterval
  if (lifetime === undefined || waitedMs < 1000) return properties
  const left = lifetime - Math.floor(waitedMs / 1000)
  return { ...properties, messageExpiryInterval: Math.max(1, left) }
}

/** MQTT 3.1.1 carries no properties; the lifetime alone holds at least while the message waits here. */
function needsProperties(properties: Properties): boolean {
  return Object.keys(properties).some((name) => name !== 'messageExpiryInterval')
}

function notSupported(topic: string, text: string, limit: string): NotSupportedError {
  return new NotSupportedError(`Cannot publish to "${topic}" ${text}`, { limit })
}
