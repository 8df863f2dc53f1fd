// `-F`: how a message is printed, as in mosquitto_sub. The format is read once into pieces; whatever is unknown
// is refused then, with what there is. A piece gives bytes, because payloads need not be text.

import type { Message } from '../../robust.node.ts'
import { harmless, harmlessJson, utf8Of } from '../readable.ts'
import { shown, UsageError } from '../usage-error.ts'
import { isTimeLetter, offsetOf, strftime, TIME_LETTERS } from './strftime.ts'

/** One message at the moment when it came. */
export interface Arrival {
  readonly message: Message
  readonly at: Date
}

/** Prints one message. @throws {TypeError} the payload is not what the format needs */
export type Format = (arrival: Arrival) => Uint8Array

type Piece = (arrival: Arrival) => string | Uint8Array

/** What stands between "%" and its letter. */
interface Field {
  readonly zeros: boolean
  readonly left: boolean
  readonly width: number
  /** Infinity: as long as it is. */
  readonly most: number
}

const pairs = (message: Message): string =>
  (message.properties.userProperties ?? []).map((pair) => pair.join(':')).join(' ')

/** An absent number is nothing, not 0. */
const number = (value: number | undefined): string => (value === undefined ? '' : String(value))

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Microseconds are what mosquitto_sub prints; the clock has three digits of them. */
const isoMicros = (at: Date): string =>
  `${strftime('F', at)}T${strftime('T', at)}.${String(at.getMilliseconds()).padStart(3, '0')}000${offsetOf(at)}`

/** What each letter after "%" becomes, and whether it can be cut. */
const LETTERS: Readonly<
  Record<
    string,
    { readonly piece: Piece; readonly cuts?: true; readonly digits?: true; readonly plain?: true }
  >
> = {
  '%': { piece: () => '%', plain: true },
  C: { piece: ({ message }) => message.properties.contentType ?? '', cuts: true },
  d: { piece: ({ message }) => (message.dup ? '1' : '0'), plain: true },
  D: { piece: ({ message }) => message.properties.correlationData ?? '', plain: true },
  E: { piece: ({ message }) => number(message.properties.messageExpirySeconds), digits: true },
  F: { piece: ({ message }) => number(message.properties.payloadFormatIndicator), digits: true },
  I: {
    piece: ({ at }) => `${strftime('F', at)}T${strftime('T', at)}${offsetOf(at)}`,
    cuts: true,
  },
  j: { piece: (arrival) => json(arrival, JSON.stringify), plain: true },
  J: { piece: (arrival) => json(arrival, compact), plain: true },
  l: { piece: ({ message }) => String(message.payload.length), digits: true },
  p: { piece: ({ message }) => message.payload },
  P: { piece: ({ message }) => pairs(message), plain: true },
  q: { piece: ({ message }) => String(message.qos), plain: true },
  r: { piece: ({ message }) => (message.retain ? '1' : '0'), plain: true },
  R: { piece: ({ message }) => message.properties.responseTopic ?? '', cuts: true },
  S: {
    piece: ({ message }) => (message.properties.subscriptionIds ?? []).join(' '),
    digits: true,
  },
  t: { piece: ({ message }) => message.topic, cuts: true },
  U: {
    piece: ({ at }) => `${strftime('s', at)}.${strftime('N', at)}`,
    plain: true,
  },
  x: { piece: ({ message }) => hex(message.payload), digits: true },
  X: { piece: ({ message }) => hex(message.payload).toUpperCase(), digits: true },
}

/** Letters of mosquitto_sub that mean what this client keeps to itself. */
const KEPT: Readonly<Record<string, string>> = {
  A: 'topic aliases are resolved before a message is handed out',
  m: 'packet identifiers belong to the connection, not to a message',
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  '0': '\0',
  a: '\u0007',
  e: '\u001b',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/** Something that is replaced, or text up to it. */
const TOKEN = /%([-0]*)(\d*)(?:\.(\d+))?(.?)|@(.?)|\\(.?)|[^%@\\]+/gsu

/**
 * Reads a format.
 * @param end what follows each message
 * @param isTerminal whether a terminal shows it: it obeys what is written in the format, and nothing of a message
 * @throws {UsageError} something in it is unknown
 */
export function readFormat(format: string, end: string, isTerminal: boolean = false): Format {
  const pieces = Array.from(format.matchAll(TOKEN), (match) => {
    const piece = pieceOf(match)
    const [, , , , letter] = match
    return isTerminal && letter !== undefined ? shielded(piece, letter) : piece
  })
  return (arrival) =>
    Buffer.concat([...pieces, () => end].map((piece) => Buffer.from(piece(arrival))))
}

/** What came from others, as a terminal may have it. */
function shielded(piece: Piece, letter: string): Piece {
  const shield = letter === 'j' || letter === 'J' ? harmlessJson : harmless
  return (arrival) => {
    const value = piece(arrival)
    return shield(typeof value === 'string' ? value : new TextDecoder().decode(value))
  }
}

function pieceOf([
  whole,
  flags = '',
  width = '',
  most,
  letter,
  time,
  escape,
]: RegExpMatchArray): Piece {
  if (letter !== undefined) {
    const field: Field = {
      zeros: flags.includes('0'),
      left: flags.includes('-'),
      width: Number(width),
      most: most === undefined ? Infinity : Number(most),
    }
    return parameter(whole, letter, field)
  }
  if (time !== undefined) {
    if (isTimeLetter(time)) return ({ at }) => strftime(time, at)
    throw new UsageError(`Cannot use ${shown(whole)} in -F: after "@" write one of ${TIME_LETTERS}`)
  }
  if (escape !== undefined) {
    const character = Object.hasOwn(ESCAPES, escape) ? ESCAPES[escape] : undefined
    if (character !== undefined) return () => character
    const known = Object.keys(ESCAPES).join('')
    throw new UsageError(`Cannot use ${shown(whole)} in -F: after "\\" write one of ${known}`)
  }
  return () => whole
}

function parameter(whole: string, letter: string, field: Field): Piece {
  const why = Object.hasOwn(KEPT, letter) ? KEPT[letter] : undefined
  if (why !== undefined) throw new UsageError(`Cannot use ${shown(whole)} in -F: ${why}`)
  const known = Object.hasOwn(LETTERS, letter) ? LETTERS[letter] : undefined
  if (known === undefined) {
    const letters = Object.keys(LETTERS).join('')
    throw new UsageError(`Cannot use ${shown(whole)} in -F: after "%" write one of ${letters}`)
  }
  const { piece, cuts, digits, plain } = known
  const isPlain = whole === `%${letter}`
  if (isPlain) return piece
  if (plain || (field.most !== Infinity && !cuts)) {
    throw new UsageError(
      `Cannot use ${shown(whole)} in -F: %${letter} has no ${plain ? 'width' : 'largest width'}`,
    )
  }
  return (arrival) => fitted(piece(arrival), field, digits === true)
}

/** Bytes are counted as they are, text by its characters. */
function fitted(
  value: string | Uint8Array,
  { zeros, left, width, most }: Field,
  digits: boolean,
): string | Uint8Array {
  if (typeof value !== 'string') {
    const fill = Buffer.alloc(Math.max(0, width - value.length), ' ')
    return Buffer.concat(left ? [value, fill] : [fill, value])
  }
  const text = most === Infinity ? value : Array.from(value).slice(0, most).join('')
  const fill = (zeros && digits && !left ? '0' : ' ').repeat(
    Math.max(0, width - Array.from(text).length),
  )
  return left ? text + fill : fill + text
}

/** The JSON of mosquitto_sub, whose names are not those of `--json`. */
function json({ message, at }: Arrival, payloadOf: (text: string) => string): string {
  const { topic, payload, qos, retain } = message
  const { contentType, userProperties, correlationData, payloadFormatIndicator } =
    message.properties
  const { responseTopic, messageExpirySeconds } = message.properties
  const properties = {
    'content-type': contentType,
    'user-properties': userProperties && Object.fromEntries(userProperties),
    'correlation-data': correlationData && new TextDecoder().decode(correlationData),
    'payload-format-indicator': payloadFormatIndicator,
    'response-topic': responseTopic,
    'message-expiry-interval': messageExpirySeconds,
  }
  const hasProperties = Object.values(properties).some((value) => value !== undefined)
  const head = {
    tst: isoMicros(at),
    topic,
    qos,
    retain: Number(retain),
    payloadlen: payload.length,
    ...(hasProperties && { properties }),
  }
  const text = utf8Of(payload) ?? new TextDecoder().decode(payload)
  return `${JSON.stringify(head).slice(0, -1)},"payload":${payloadOf(text)}}`
}

/** @throws {TypeError} it is no JSON */
function compact(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text))
  } catch {
    throw new TypeError('the payload is no JSON')
  }
}
