// What bytes are that are no MQTT: what people most often have in its place, by how it begins, and what to do.
// Rule: a row names what no packet of MQTT 3.1.1 or 5.0 begins as, or what was refused as one.

/** What begins so. */
export interface Foreign {
  /** A sentence for a person. */
  readonly what: string
  /** Whether packets follow that can be decoded. */
  readonly isMqtt: boolean
}

interface Look {
  readonly what: string
  readonly isMqtt?: boolean
  readonly looks: (bytes: Uint8Array, text: string) => boolean
}

const at = (bytes: Uint8Array, ...values: readonly number[]): boolean =>
  values.every((value, index) => bytes[index] === value)

/** TLS records: a type of 20 to 23, and version 3. RFC 8446 §5.1 */
const isTls = (bytes: Uint8Array): boolean => {
  const [type = 0, major, minor = 255] = bytes
  return type >= 20 && type <= 23 && major === 3 && minor <= 4
}

const LOOKS: readonly Look[] = [
  {
    looks: (_, text) =>
      /^(?:GET|POST|HEAD|OPTIONS|CONNECT) \S+ HTTP\/|^HTTP\/1\.[01] \d/.test(text),
    what: 'This is HTTP, and no WebSocket that MQTT could be in',
  },
  {
    looks: isTls,
    what: 'This is TLS: the packets are encrypted. Record behind it, or let Wireshark decrypt it with the keys of SSLKEYLOGFILE',
  },
  {
    looks: (bytes) => isWebSocket(bytes),
    what: 'These are WebSocket frames, and the packets are inside of them: write --websocket',
  },
  {
    looks: (bytes) => at(bytes, 0xd4, 0xc3, 0xb2, 0xa1) || at(bytes, 0xa1, 0xb2, 0xc3, 0xd4),
    what: 'This is a file of tcpdump. Print it for this command: tcpdump -nr FILE -X',
  },
  {
    looks: (bytes) => at(bytes, 0x0a, 0x0d, 0x0d, 0x0a),
    what: 'This is a file of Wireshark. Print it for this command: tcpdump -nr FILE -X',
  },
  {
    looks: (bytes) => at(bytes, 0x1f, 0x8b),
    what: 'This is compressed. Unpack it before: gzip -dc FILE',
  },
  {
    looks: (_, text) => /^.{4,7}MQIsdp/s.test(text),
    what: 'This is MQTT 3.1, of before 3.1.1. Its CONNECT is not decoded here',
    isMqtt: true,
  },
]

/** What begins so; undefined when nothing is known. @param bytes the first 256, or fewer */
export function foreignName(bytes: Uint8Array): Foreign | undefined {
  const text = String.fromCharCode(...bytes)
  const found = LOOKS.find(({ looks }) => looks(bytes, text))
  return found && { what: found.what, isMqtt: found.isMqtt ?? false }
}

/** A frame whose content begins as a packet does that fills it. RFC 6455 §5.2 */
function isWebSocket(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes
  if (first !== 0x81 && first !== 0x82) return false
  const short = second & 127
  const size = short < 126 ? short : (bytes[2] ?? 0) * 256 + (bytes[3] ?? 0)
  const isMasked = second > 127
  let start = short < 126 ? 2 : 4
  const mask = isMasked ? bytes.subarray(start, start + 4) : undefined
  if (isMasked) start += 4
  const inside = bytes
    .subarray(start)
    .map((byte, index) => byte ^ (mask === undefined ? 0 : (mask[index % 4] ?? 0)))
  const [type = 0, remaining = 0] = inside
  return type >> 4 !== 0 && (remaining > 127 || remaining + 2 === size)
}
