// What was read as JSON for a program, one object for each line: the names of the codec, and bytes as text where
// they are one, else as base64.

import { type Packet, PacketType, type Properties } from '../../codec/index.ts'
import { bytesJson } from '../readable.ts'
import { codeName } from './names.ts'
import type { FaultItem, Item, PacketItem } from './reader.ts'

/** How an item is written. */
export interface JsonOptions {
  readonly secrets: boolean
  /** The name of the input; undefined when there is one alone. */
  readonly input: string | undefined
}

/** An item as an object that JSON takes. */
export function jsonOf(item: Item, { secrets, input }: JsonOptions): object {
  const file = input === undefined ? {} : { file: input }
  if (item.kind === 'packet') return { ...file, ...packetJson(item, secrets) }
  if (item.kind === 'fault') return { ...file, ...faultJson(item) }
  return { ...file, ...item }
}

function packetJson(item: PacketItem, secrets: boolean): object {
  const { kind, offset, sizeBytes, from, version, type, packet, answers, aliasedTopic } = item
  return {
    kind,
    offset,
    sizeBytes,
    from,
    type,
    flags: item.flags,
    version: version === 5 ? '5.0' : '3.1.1',
    ...fields(packet, secrets),
    ...names(item),
    ...(aliasedTopic !== undefined && { aliasedTopic }),
    ...(answers !== undefined && { answers: answers.offset }),
  }
}

function fields(packet: Packet, secrets: boolean): object {
  const { type: _type, ...rest } = packet
  if (packet.type === PacketType.CONNECT) {
    const { type: _, version: __, will, password, properties = {}, ...plain } = packet
    return {
      ...plain,
      ...(properties !== undefined && { properties: propertiesJson(properties, secrets) }),
      ...(will !== undefined && {
        will: {
          topic: will.topic,
          qos: will.qos,
          retain: will.retain,
          properties: propertiesJson(will.properties ?? {}, secrets),
          ...bytesJson('payload', will.payload),
        },
      }),
      ...(password !== undefined && secretJson('password', password, secrets)),
    }
  }
  if (packet.type === PacketType.PUBLISH) {
    const { type: _, payload, properties, ...plain } = packet
    return {
      ...plain,
      properties: propertiesJson(properties, secrets),
      ...bytesJson('payload', payload),
    }
  }
  return 'properties' in packet
    ? { ...rest, properties: propertiesJson(packet.properties ?? {}, secrets) }
    : rest
}

function names({ packet, version }: PacketItem): object {
  const { type } = packet
  if ('reasonCodes' in packet) {
    return { reasonNames: packet.reasonCodes.map((code) => codeName(code, type, version)) }
  }
  return 'reasonCode' in packet ? { reasonName: codeName(packet.reasonCode, type, version) } : {}
}

function propertiesJson(properties: Properties, secrets: boolean): object {
  const { correlationData, authenticationData, ...rest } = properties
  return {
    ...rest,
    ...(correlationData !== undefined && bytesJson('correlationData', correlationData)),
    ...(authenticationData !== undefined &&
      secretJson('authenticationData', authenticationData, secrets)),
  }
}

function faultJson(item: FaultItem): object {
  const { bytes: _bytes, kind: _kind, isSecret: _isSecret, version, ...rest } = item
  return { kind: 'fault', ...rest, version: version === 5 ? '5.0' : '3.1.1' }
}

function secretJson(name: string, bytes: Uint8Array, secrets: boolean): object {
  return secrets ? bytesJson(name, bytes) : { [`${name}SizeBytes`]: bytes.length }
}
