// The fields of a packet in the order of the specification, as names and words. Rule: what is secret is not in
// them unless that was asked for: the password, and the data of an authentication.

import {
  type ConnectPacket,
  PacketType,
  type Properties,
  type PublishPacket,
  type SubscriptionRequest,
} from '../../codec/index.ts'
import { count, type Cut, quoted, shownBytes } from '../readable.ts'
import { propertyName, shownCode, unitOf, versionName } from './names.ts'
import type { PacketItem } from './reader.ts'

/** A name, and what it is; deeper ones belong to the one above. */
export interface Field {
  readonly name: string
  readonly value: string
  readonly depth: number
}

/** How much is shown. */
export interface Showing {
  readonly cut: Cut
  readonly secrets: boolean
}

const RETAIN_HANDLING = [
  'retained messages when it is made',
  'retained messages when it is new',
  'no retained messages',
]

const yes = (is: boolean): string => (is ? 'yes' : 'no')

/** What a packet consists of. */
export function fieldsOf(item: PacketItem, showing: Showing): readonly Field[] {
  const fields: Field[] = []
  const add = (name: string, value: string, depth = 0): void =>
    void fields.push({ name, value, depth })
  const { packet } = item
  const { type } = packet
  switch (type) {
    case PacketType.CONNECT:
      addConnect(packet, showing, add)
      break
    case PacketType.CONNACK:
      add('Session Present', yes(packet.sessionPresent))
      break
    case PacketType.PUBLISH:
      addPublish(packet, item, showing, add)
      break
    case PacketType.SUBSCRIBE:
      for (const request of packet.subscriptions) addSubscription(request, item, showing, add)
      break
    case PacketType.UNSUBSCRIBE:
      for (const filter of packet.filters) add('Topic Filter', quoted(filter, showing.cut))
      break
    default:
      break
  }
  addCodes(item, showing, add)
  if (type !== PacketType.CONNECT && 'properties' in packet) {
    addProperties(packet.properties ?? {}, showing, add, 0)
  }
  if (type === PacketType.PUBLISH) add('Payload', shownBytes(packet.payload, showing.cut))
  return fields
}

type Add = (name: string, value: string, depth?: number) => void

function addConnect(packet: ConnectPacket, showing: Showing, add: Add): void {
  const { cut } = showing
  const { version, cleanStart, keepAlive, clientId, will, userName, password, properties } = packet
  add('Protocol Version', `${version} (MQTT ${versionName(version)})`)
  add(version === 5 ? 'Clean Start' : 'Clean Session', yes(cleanStart))
  add('Keep Alive', keepAlive === 0 ? 'off' : `${keepAlive} s`)
  addProperties(properties ?? {}, showing, add, 0)
  add('Client Identifier', quoted(clientId, cut))
  if (will !== undefined) {
    add('Will Topic', quoted(will.topic, cut))
    add('Will QoS', String(will.qos))
    add('Will Retain', yes(will.retain))
    addProperties(will.properties ?? {}, showing, add, 0)
    add('Will Payload', shownBytes(will.payload, cut))
  }
  if (userName !== undefined) add('User Name', quoted(userName, cut))
  if (password !== undefined) add('Password', secret(password, showing))
}

function addPublish(packet: PublishPacket, item: PacketItem, showing: Showing, add: Add): void {
  const { topic, qos, packetId, properties } = packet
  const alias = properties.topicAlias
  if (topic !== '' || alias === undefined) add('Topic Name', quoted(topic, showing.cut))
  else if (item.aliasedTopic === undefined) add('Topic Name', 'that of an alias set before')
  else add('Topic Name', `${quoted(item.aliasedTopic, showing.cut)} by its alias`)
  if (qos > 0) add('Packet Identifier', String(packetId))
}

function addSubscription(
  request: SubscriptionRequest,
  { version }: PacketItem,
  { cut }: Showing,
  add: Add,
): void {
  const { filter, qos, noLocal, retainAsPublished, retainHandling = 0 } = request
  add('Topic Filter', quoted(filter, cut))
  add('Maximum QoS', String(qos), 1)
  if (version === 4) return
  if (noLocal === true) add('No Local', 'yes', 1)
  if (retainAsPublished === true) add('Retain As Published', 'yes', 1)
  if (retainHandling > 0) {
    add('Retain Handling', `${retainHandling} (${RETAIN_HANDLING[retainHandling]})`, 1)
  }
}

/** The packet id, where it stands alone, and what the packet says to what was asked. */
function addCodes({ packet, version, answers }: PacketItem, { cut }: Showing, add: Add): void {
  const { type } = packet
  if ('packetId' in packet && type !== PacketType.PUBLISH) {
    add('Packet Identifier', String(packet.packetId))
  }
  const name = version === 4 && type === PacketType.CONNACK ? 'Return Code' : 'Reason Code'
  if ('reasonCode' in packet && (version === 5 || type === PacketType.CONNACK)) {
    add(name, shownCode(packet.reasonCode, type, version))
  }
  if (!('reasonCodes' in packet)) return
  packet.reasonCodes.forEach((code, index) => {
    const filter = answers?.filters[index]
    const of = filter === undefined ? '' : ` for ${quoted(filter, cut)}`
    add(name, `${shownCode(code, type, version)}${of}`)
  })
}

function addProperties(properties: Properties, showing: Showing, add: Add, depth: number): void {
  for (const [key, value] of Object.entries(properties) as [string, unknown][]) {
    const name = propertyName(key)
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) {
      add(name, propertyValue(key, one, showing), depth + 1)
    }
  }
}

function propertyValue(key: string, value: unknown, showing: Showing): string {
  const { cut } = showing
  if (typeof value === 'boolean') return yes(value)
  if (typeof value === 'string') return quoted(value, cut)
  if (Array.isArray(value)) return value.map((part) => quoted(String(part), cut)).join(' ')
  if (!(value instanceof Uint8Array)) return `${String(value)}${unitOf(key)}`
  return key === 'authenticationData' ? secret(value, showing) : shownBytes(value, cut)
}

function secret(bytes: Uint8Array, { cut, secrets }: Showing): string {
  return secrets
    ? shownBytes(bytes, cut)
    : `${count(bytes.length, 'byte')}, shown with --show-secrets`
}

/** The type and the flags of the fixed header. */
export function headline({ packet, type }: PacketItem): string {
  if (packet.type !== PacketType.PUBLISH) return type
  const { qos, dup, retain } = packet
  return `${type} QoS ${qos}${dup ? ' DUP' : ''}${retain ? ' RETAIN' : ''}`
}
