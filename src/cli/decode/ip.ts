// What TCP carries in one packet of IP, as tcpdump -X prints it. Rule: it takes the heads off and does no more:
// what came twice or out of order is not put right.

const TCP = 6
/** How IP begins behind a head of Ethernet, as tcpdump -XX prints it. */
const ETHERNET_BYTES = 14
const ETHERNET_TYPES: ReadonlySet<number> = new Set([0x0800, 0x86dd])
const IPV6_BYTES = 40

/** The payload, which may be empty; undefined when it is no TCP over IP. RFC 791, RFC 8200, RFC 9293 */
export function parseIp(packet: Uint8Array): Uint8Array | undefined {
  const at = (offset: number): number => packet[offset] ?? 0
  const pair = (offset: number): number => at(offset) * 256 + at(offset + 1)
  const version = at(0) >> 4
  if (version === 4 && at(9) === TCP) {
    const head = (at(0) & 15) * 4
    return tcpPayload(packet.subarray(head, Math.max(head, pair(2))))
  }
  if (version === 6 && at(6) === TCP) {
    return tcpPayload(packet.subarray(IPV6_BYTES, IPV6_BYTES + pair(4)))
  }
  return ETHERNET_TYPES.has(pair(12)) ? parseIp(packet.subarray(ETHERNET_BYTES)) : undefined
}

function tcpPayload(segment: Uint8Array): Uint8Array {
  return segment.subarray(((segment[12] ?? 0) >> 4) * 4)
}
