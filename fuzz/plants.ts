// Bugs planted on purpose: what a broken client would do, put between the client and the eyes of the
// fuzzer. Each must be found by the oracle that it names, or the fuzzer proves nothing.

import { type Packet, PacketType } from '../src/codec/packets.ts'
import type { MqttError } from '../src/errors.ts'
import type { Oracle } from './violation.ts'

/** One way to be wrong. */
export interface PlantedBug {
  readonly oracle: Oracle
  /** Changes what the client sends on one connection. */
  readonly packets?: () => (packet: Packet) => Packet[]
  /** Changes what a publish tells the application. */
  readonly answer?: (error: MqttError) => MqttError | 'resolved'
  /** Whether promises of subscribe are forgotten. */
  readonly forgets?: boolean
  /** Whether a timer is left behind. */
  readonly leaks?: boolean
  /** Whether every fifth message is acknowledged and not given to the application. */
  readonly swallows?: boolean
  /** Whether a message of QoS 2 is given to the application twice. */
  readonly repeats?: boolean
}

const isAck = ({ type }: Packet): boolean =>
  type === PacketType.PUBACK || type === PacketType.PUBREC

export const PLANTED_BUGS: Readonly<Record<string, PlantedBug>> = {
  'acknowledgements swapped': {
    oracle: 'acknowledgements in order',
    packets: () => {
      let held: Packet | undefined
      return (packet) => {
        if (!isAck(packet)) return [packet]
        if (held === undefined) {
          held = packet
          return []
        }
        const both = [packet, held]
        held = undefined
        return both
      }
    },
  },
  'packet id used twice': {
    oracle: 'packet ids',
    packets: () => {
      let last = 0
      return (packet) => {
        if (packet.type !== PacketType.PUBLISH || packet.qos === 0) return [packet]
        const packetId = last === 0 || packet.packetId % 5 !== 0 ? packet.packetId : last
        last = packet.packetId
        return [{ ...packet, packetId }]
      }
    },
  },
  'receive maximum ignored': {
    oracle: 'receive maximum',
    packets: () => {
      let acknowledged = 0
      // It answers for the server, so that the client sends more than it may.
      return (packet) => {
        if (packet.type !== PacketType.PUBLISH || packet.qos !== 1) return [packet]
        acknowledged += 1
        const extra = { ...packet, packetId: 60_000 + (acknowledged % 1_000) }
        return [packet, extra]
      }
    },
  },
  'message swallowed': { oracle: 'nothing lost', swallows: true },
  'success without cause': {
    oracle: 'nothing lost',
    answer: (error) => (error.sent === 'no' ? 'resolved' : error),
  },
  'sent, and denied': {
    oracle: 'honest about sending',
    answer: (error) =>
      error.sent === 'maybe'
        ? Object.assign(Object.create(error) as MqttError, { sent: 'no' })
        : error,
  },
  'promise forgotten': { oracle: 'settles in time', forgets: true },
  'timer left behind': { oracle: 'nothing left over', leaks: true },
  'message repeated': { oracle: 'exactly once', repeats: true },
  'payload overwritten': {
    oracle: 'content',
    packets: () => (packet) => {
      if (packet.type !== PacketType.PUBLISH || packet.payload.length < 40) return [packet]
      const payload = packet.payload.slice()
      payload[39] = (payload[39] as number) ^ 1
      return [{ ...packet, payload }]
    },
  },
}
