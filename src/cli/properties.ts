// `-D PACKET PROPERTY VALUE`: the properties of MQTT 5.0 as a person writes them, as in mosquitto_pub.
// A table says which there are and where each goes; a property that the client sets by itself is refused with
// the reason.

import type {
  DisconnectProperties,
  PublishProperties,
  SubscribeProperties,
  UnsubscribeProperties,
  UserProperty,
} from '../robust.node.ts'
import { listed, readInteger } from './options.ts'
import { shown, UsageError } from './usage-error.ts'

/** The largest number of four bytes. */
const UINT32 = { min: 0, max: 4_294_967_295 }
const UINT16 = { min: 0, max: 65_535 }
const BIT = { min: 0, max: 1 }

/** Properties by their names in the client. */
type Found = Record<string, unknown>

/** Reads the value of one property into what is found. */
type Read = (into: Found, name: string, values: readonly string[]) => void

/** The longest text that a packet can carry, bytes. §1.5.4 */
const TEXT_BYTES_MAX = 65_535

function checkLength(name: string, text: string): string {
  const { length } = new TextEncoder().encode(text)
  if (length <= TEXT_BYTES_MAX) return text
  throw new UsageError(
    `Cannot set ${name}: it has ${length} bytes; write at most ${TEXT_BYTES_MAX}`,
  )
}

const text =
  (key: string): Read =>
  (into, name, [value = '']) => {
    into[key] = checkLength(name, value)
  }

const bytes =
  (key: string): Read =>
  (into, _name, [value = '']) => {
    into[key] = new TextEncoder().encode(value)
  }

const number =
  (key: string, range: { readonly min: number; readonly max: number }): Read =>
  (into, name, [value = '']) => {
    into[key] = readInteger(value, name, range)
  }

const flag =
  (key: string): Read =>
  (into, name, [value = '']) => {
    into[key] = readInteger(value, name, BIT) === 1
  }

const pair: Read = (into, what, [name = '', value = '']) => {
  into['userProperties'] = [
    ...((into['userProperties'] as UserProperty[] | undefined) ?? []),
    [checkLength(what, name), checkLength(what, value)],
  ]
}

const not =
  (why: string): Read =>
  (_into, name) => {
    throw new UsageError(`Cannot set ${name}: ${why}`)
  }

const MESSAGE: Readonly<Record<string, Read>> = {
  'content-type': text('contentType'),
  'correlation-data': bytes('correlationData'),
  'message-expiry-interval': number('messageExpirySeconds', UINT32),
  'payload-format-indicator': number('payloadFormatIndicator', BIT),
  'response-topic': text('responseTopic'),
  'user-property': pair,
}

/** What it has when nothing is given. */
const NOTHING = {
  connect: {},
  disconnect: {},
  publish: {},
  subscribe: {},
  unsubscribe: {},
  will: {},
} as const

type PacketName = keyof typeof NOTHING

/** What each packet may have. */
const PACKETS: Readonly<Record<PacketName, Readonly<Record<string, Read>>>> = {
  connect: {
    'authentication-data': bytes('authenticationData'),
    'authentication-method': text('authenticationMethod'),
    'maximum-packet-size': number('maximumPacketSizeBytes', { min: 64, max: 268_435_460 }),
    'receive-maximum': number('receiveMaximum', { min: 1, max: 65_535 }),
    'request-problem-information': flag('requestProblemInformation'),
    'request-response-information': flag('requestResponseInformation'),
    'session-expiry-interval': number('sessionExpirySeconds', UINT32),
    'topic-alias-maximum': number('topicAliasMaximum', UINT16),
    'user-property': pair,
  },
  disconnect: {
    'reason-string': text('reasonString'),
    'session-expiry-interval': number('sessionExpirySeconds', UINT32),
    'user-property': pair,
  },
  publish: {
    ...MESSAGE,
    'topic-alias': not('the client chooses topic aliases by itself'),
  },
  subscribe: {
    'subscription-identifier': number('subscriptionId', { min: 1, max: 268_435_455 }),
    'user-property': pair,
  },
  unsubscribe: { 'user-property': pair },
  will: { ...MESSAGE, 'will-delay-interval': number('delaySeconds', UINT32) },
}

/** The properties of each packet. */
export interface GivenProperties {
  readonly connect: ConnectFields
  readonly disconnect: DisconnectProperties
  readonly publish: PublishProperties
  readonly subscribe: SubscribeProperties
  readonly unsubscribe: UnsubscribeProperties
  readonly will: PublishProperties & { readonly delaySeconds?: number }
}

/** What CONNECT may carry, beside what other options say. */
export interface ConnectFields {
  readonly authenticationData?: Uint8Array
  readonly authenticationMethod?: string
  readonly maximumPacketSizeBytes?: number
  readonly receiveMaximum?: number
  readonly requestProblemInformation?: boolean
  readonly requestResponseInformation?: boolean
  readonly sessionExpirySeconds?: number
  readonly topicAliasMaximum?: number
  readonly userProperties?: readonly UserProperty[]
}

/**
 * Reads all of them.
 * @param packets those that the command sends
 * @throws {UsageError} a packet, a property or a value that there is not
 */
export function readProperties(
  given: readonly (readonly string[])[],
  packets: readonly PacketName[],
): GivenProperties {
  const found = structuredClone(NOTHING) satisfies Record<PacketName, Found>
  for (const [packet = '', property = '', ...values] of given) {
    if (!isOf(packet, packets)) {
      const why = packet === 'auth' ? 'a command proves who it is in CONNECT alone; ' : ''
      throw new UsageError(`Cannot use -D ${shown(packet)}: ${why}write ${listed(packets)}`)
    }
    const known = PACKETS[packet]
    const read = Object.hasOwn(known, property) ? known[property] : undefined
    if (read === undefined) {
      const names = listed(Object.keys(known))
      throw new UsageError(`Cannot use -D ${packet} ${shown(property)}: write ${names}`)
    }
    read(found[packet], `-D ${packet} ${property}`, values)
  }
  return found
}

function isOf(packet: string, packets: readonly PacketName[]): packet is PacketName {
  return (packets as readonly string[]).includes(packet)
}
