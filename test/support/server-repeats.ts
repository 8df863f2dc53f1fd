// Which messages of QoS 2 a server sends again after their PUBREL, seen on its link to a receiver. Nobody
// may [MQTT-4.3.3-6] (3.1.1: [MQTT-4.3.3-1]), and no receiver can tell: PUBREL has made it forget the id.
// Mosquitto 2.0.11 does, when a connection ends between its CONNECT and its CONNACK: it notes "PUBREL is
// to be sent again" for the first, and takes that note for "PUBLISH is to be sent again" at the next one.

import { PacketType } from '../../src/codec/packets.ts'
import type { PassedPacket } from '../../src/testing/fault-types.ts'

/** What is looked at of a link: `proxy.watch((passed) => repeats.add(passed))`. */
type Seen = Pick<PassedPacket, 'direction' | 'packet'>

export class ServerRepeats {
  /** The payloads that were sent again. */
  readonly payloads = new Set<string>()
  /**
   * Those that were sent under the packet id of another whose exchange was not finished: a receiver that has
   * answered the other with PUBREC takes them for it. The server may not [MQTT-2.2.1-4] (3.1.1: [MQTT-2.3.1-4]).
   */
  readonly hidden = new Set<string>()
  /** What was sent under each packet id, and whether PUBREL has gone out for it. */
  readonly #sent = new Map<number, { readonly payload: string; released: boolean }>()

  add({ direction, packet }: Seen): void {
    if (direction !== 'to-client') return
    if (packet.type === PacketType.PUBREL) {
      const known = this.#sent.get(packet.packetId)
      if (known !== undefined) known.released = true
    } else if (packet.type === PacketType.PUBLISH && packet.qos === 2) {
      const { packetId, dup } = packet
      const payload = Buffer.from(packet.payload).toString()
      const known = this.#sent.get(packetId)
      // Under an id that is free again a new message is no repetition.
      if (dup && known?.released && known.payload === payload) this.payloads.add(payload)
      else if (known?.payload !== payload) {
        if (known?.released === false) this.hidden.add(payload)
        this.#sent.set(packetId, { payload, released: false })
      }
    }
  }
}
