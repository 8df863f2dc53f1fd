// A decoder that takes the shortcut reads of any bytes what one reads that takes none: the same packets, and
// the same error at the end, however the bytes are cut. And it does take it where it says so.

import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Shortcut } from '../../src/codec/cursor.ts'
import { CLIENT_PACKETS, Decoder, type Role, SERVER_PACKETS } from '../../src/codec/decode.ts'
import { encode } from '../../src/codec/encode.ts'
import { NO_PROPERTIES } from '../../src/codec/packets.ts'
import type { Packet, ProtocolVersion, PublishPacket, QoS } from '../../src/codec/packets.ts'
import { readPlainPublish } from '../../src/codec/plain-publish.ts'
import { TopicCache } from '../../src/codec/utf8.ts'
import { traffic } from '../support/arbitraries.ts'
import { runs } from '../support/seed.ts'

const LIMIT_BYTES = 20_000

interface Stream {
  readonly version: ProtocolVersion
  readonly reads: Role
  readonly bytes: Uint8Array
}

/** What comes out of bytes in pieces of a size, the buffer of which is used again for each. */
function outcome(
  { version, reads, bytes }: Stream,
  pieceBytes: number,
  shortcut?: Shortcut,
): object {
  const topics = new TopicCache()
  const settings = { reads, version, topics, maximumPacketSizeBytes: LIMIT_BYTES }
  const decoder = new Decoder(shortcut === undefined ? settings : { ...settings, shortcut })
  const buffer = new Uint8Array(pieceBytes)
  const packets: Packet[] = []
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes)
      buffer.set(piece)
      decoder.push(buffer, piece.length)
      for (let packet = decoder.next(); packet; packet = decoder.next()) packets.push(packet)
      buffer.fill(0xee)
    }
  } catch (error) {
    return { packets, error: (error as Error).message }
  }
  return { packets, partial: decoder.partial }
}

function publish(topic: string, payloadBytes: number, qos: QoS, flags: object = {}): PublishPacket {
  const payload = new Uint8Array(payloadBytes).fill(payloadBytes)
  const plain = { type: 3, topic, payload, qos, retain: false, dup: false } as const
  return { ...plain, packetId: qos > 0 ? 258 : 0, properties: NO_PROPERTIES, ...flags }
}

describe('the shortcut', () => {
  /** Bytes that begin as a PUBLISH does, of right and of wrong lengths. */
  const nearly = fc
    .tuple(
      fc.integer({ min: 0x30, max: 0x3f }),
      fc.oneof(
        fc.constantFrom([0x80, 0], [0xff, 0x80, 1], [0x85, 1]),
        fc.array(fc.nat(40), { minLength: 1, maxLength: 1 }),
      ),
      fc.array(fc.oneof(fc.nat(3), fc.nat(255)), { maxLength: 40 }),
    )
    .map(([first, length, rest]) => [first, ...length, ...rest])
  const written = traffic.map(({ version, side, packets }) => ({
    version,
    reads: side === 'client' ? CLIENT_PACKETS : SERVER_PACKETS,
    bytes: packets.flatMap((packet) => [...encode(packet, version)]),
  }))

  test('changes nothing of what is read', () => {
    fc.assert(
      fc.property(
        written,
        fc.array(nearly, { maxLength: 2 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
        fc.constantFrom(1, 3, 50, 100_000),
        ({ version, reads, bytes: packets }, more, changes, pieceBytes) => {
          const bytes = Uint8Array.from([...packets, ...more.flat()])
          for (const [at, value] of changes) bytes[at % (bytes.length + 1)] = value
          const stream = { version, reads, bytes }
          const careful = outcome(stream, pieceBytes)
          deepEqual(outcome(stream, pieceBytes, readPlainPublish), careful)
        },
      ),
      runs(1500),
    )
  })

  const plain: readonly (readonly [
    title: string,
    version: ProtocolVersion,
    packet: PublishPacket,
  ])[] = [
    ['of QoS 0', 5, publish('a/b', 3, 0)],
    ['of QoS 1', 5, publish('a/b', 64, 1)],
    ['of QoS 2 sent again', 5, publish('a/b', 65, 2, { dup: true })],
    ['that is retained', 4, publish('a/b', 20, 1, { retain: true })],
    ['without a payload', 4, publish('a', 0, 1)],
    ['with a length of two bytes', 5, publish('a/b', 16_000, 1)],
  ]
  for (const [title, version, packet] of plain) {
    test(`reads a message ${title}`, () => {
      const bytes = encode(packet, version)
      let taken = 0
      const counted: Shortcut = (place, from) => {
        const read = readPlainPublish(place, from)
        if (read !== undefined) taken += 1
        return read
      }
      const stream = {
        version,
        reads: SERVER_PACKETS,
        bytes: Uint8Array.from([...bytes, ...bytes]),
      }
      deepEqual(outcome(stream, 100_000, counted), { packets: [packet, packet], partial: false })
      equal(taken, 2)
    })
  }

  const careful: readonly (readonly [
    title: string,
    version: ProtocolVersion,
    packet: PublishPacket,
  ])[] = [
    ['with properties', 5, publish('a', 3, 1, { properties: { messageExpiryInterval: 9 } })],
    ['with a length of three bytes', 5, publish('a', 16_390, 0)],
    ['with an alias for a topic', 5, publish('', 3, 0, { properties: { topicAlias: 1 } })],
  ]
  for (const [title, version, packet] of careful) {
    test(`leaves a message ${title} to the layout`, () => {
      const place = {
        at: 0,
        end: 0,
        version,
        partial: false,
        maximumPacketSizeBytes: LIMIT_BYTES,
        topics: new TopicCache(),
        rest: (bytes: Uint8Array) => bytes,
      }
      equal(readPlainPublish(place, encode(packet, version)), undefined)
      deepEqual([place.at, place.end], [0, 0])
    })
  }
})
