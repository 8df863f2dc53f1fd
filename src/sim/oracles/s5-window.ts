// S5: packet ids are unique while they are in use, and never more of them than the server's Receive Maximum;
// what is sent again under its id says so, also by a process that has found it. Whatever else a server had to
// complain of is a fault of the client.

import { PacketType } from '../../codec/packets.ts'
import { deviceOf } from '../names.ts'
import type { Observation } from '../observations.ts'
import { numberIn } from '../payload.ts'
import { FailedDisks } from './failed-disks.ts'
import type { Oracle } from './oracle.ts'

const { PUBLISH, PUBACK, PUBREC, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK } = PacketType

/** Ids in use on one connection. */
interface Window {
  readonly publishes: Set<number>
  readonly requests: Set<number>
}

export class WindowOracle implements Oracle {
  readonly name = 'S5'
  readonly hears: readonly Observation['kind'][] = [
    'fault',
    'warning',
    'breach',
    'boot',
    'closed',
    'packet',
  ]
  readonly #failed = new FailedDisks()
  readonly #windows = new Map<number, Window>()
  /** Messages that a device has sent and that no server has acknowledged, by session and id. */
  readonly #sent = new Map<string, Map<string, number>>()

  observe(seen: Observation): string | undefined {
    this.#failed.observe(seen)
    if (seen.kind === 'breach') {
      const { connection, text } = seen
      // What has left a packet id and could not be recorded comes back under it, where another may be by now.
      const isStale = this.#failed.has(deviceOf(connection.clientId)) && text.includes(' carries ')
      return isStale ? undefined : `${connection.clientId}: ${text}`
    }
    if (seen.kind === 'boot' && (!this.#sent.has(seen.device) || this.#failed.has(seen.device))) {
      // At QoS 2 a process knows by its disk alone what the one before it had sent.
      this.#sent.set(seen.device, new Map())
    }
    if (seen.kind === 'closed') {
      this.#windows.delete(seen.connection.serial)
      return undefined
    }
    if (seen.kind !== 'packet' || !('packetId' in seen.packet)) return undefined
    const { packet, connection, from } = seen
    const { packetId, type } = packet
    const { publishes, requests } = this.#windowOf(connection.serial)
    const sent = this.#sent.get(deviceOf(connection.clientId))
    const key = `${connection.session} ${packetId}`
    if (from === 'server') {
      const isRefused = type === PUBREC && packet.reasonCode >= 0x80
      if (type === PUBACK || type === PUBREC || type === PUBCOMP) sent?.delete(key)
      if (type === PUBACK || type === PUBCOMP || isRefused) publishes.delete(packetId)
      if (type === SUBACK || type === UNSUBACK) requests.delete(packetId)
      return undefined
    }
    const isRequest = type === SUBSCRIBE || type === UNSUBSCRIBE
    if (!isRequest && !(type === PUBLISH && packet.qos > 0)) return undefined
    if (publishes.has(packetId) || requests.has(packetId)) {
      return `${connection.clientId} used packet id ${packetId} again while it was in use`
    }
    if (isRequest) {
      requests.add(packetId)
      return undefined
    }
    publishes.add(packetId)
    const number = type === PUBLISH ? numberIn(packet.payload) : 0
    if (type === PUBLISH && !packet.dup && sent?.get(key) === number) {
      return `${connection.clientId} sent #${number} again under packet id ${packetId} without DUP`
    }
    sent?.set(key, number)
    if (publishes.size <= connection.receiveMaximum) return undefined
    return `${connection.clientId} has ${publishes.size} in flight: Receive Maximum is ${connection.receiveMaximum}`
  }

  #windowOf(serial: number): Window {
    const known = this.#windows.get(serial)
    if (known !== undefined) return known
    const made: Window = { publishes: new Set(), requests: new Set() }
    this.#windows.set(serial, made)
    return made
  }
}
