// The PUBLISH that a subscriber reads most, in few steps: it is here as a whole, has no properties, its
// length takes up to two bytes, and its topic is known.
// Rule: of any other packet, faults among them, nothing is taken and nothing said. The decoder reads it
// by its layout then, so that every rule of MQTT stands there alone.

import { SMALL_BYTES } from './constants.ts'
import type { Shortcut } from './cursor.ts'
import { NO_PROPERTIES } from './packets.ts'
import type { QoS } from './packets.ts'
import { NO_BYTES } from './utf8.ts'
import { varintLength } from './writer.ts'

/** To look it up at the array costs a quarter as much as a short copy. */
const { slice } = Uint8Array.prototype

/** Reads such a PUBLISH, and no other packet. §3.3 */
export const readPlainPublish: Shortcut = (place, bytes) => {
  const start = place.at
  const first = bytes[start]!
  if (first >> 4 !== 3 || place.partial) return undefined
  const qos = ((first >> 1) & 3) as QoS
  const dup = (first & 8) > 0
  let at = start + 2
  let length = bytes[start + 1]!
  if (length > 127) length += (bytes[at++]! << 7) - 128
  const end = at + length
  const topicAt = at + 2
  const topicEnd = topicAt + ((bytes[at]! << 8) | bytes[at + 1]!)
  const propertiesAt = topicEnd + (qos > 0 ? 2 : 0)
  const payloadAt = propertiesAt + place.version - 4
  const packetId = qos > 0 ? (bytes[topicEnd]! << 8) | bytes[topicEnd + 1]! : 0
  // Where the end has arrived, all that is before it has.
  const isPlain =
    end <= bytes.length &&
    payloadAt <= end &&
    at - start === 1 + varintLength(length) &&
    end - start <= place.maximumPacketSizeBytes &&
    (qos > 0 ? qos < 3 && packetId > 0 : !dup) &&
    (payloadAt === propertiesAt || bytes[propertiesAt] === 0)
  const topic = isPlain && place.topics?.get(bytes, topicAt, topicEnd)
  if (!topic) return undefined
  const isShort = end - payloadAt <= SMALL_BYTES
  place.at = isShort ? end : payloadAt
  place.end = end
  const payload = isShort ? slice.call(bytes, payloadAt, end) : place.rest(NO_BYTES)
  const retain = (first & 1) > 0
  return { type: 3, topic, payload, qos, retain, dup, packetId, properties: NO_PROPERTIES }
}
