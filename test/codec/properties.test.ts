// What holds of every packet: it comes back as it was, however the stream is cut; and of all bytes: they
// are packets, or an error with a code, and nothing else.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CLIENT_PACKETS, Decoder, SERVER_PACKETS } from '../../src/codec/decode.ts'
import { encode, encodedSize } from '../../src/codec/encode.ts'
import type { Packet, ProtocolVersion } from '../../src/codec/packets.ts'
import { TopicCache } from '../../src/codec/utf8.ts'
import { MalformedPacketError, PacketTooLargeError, ProtocolError } from '../../src/errors.ts'
import { join } from '../../src/testing/transport-recorder.ts'
import { type Side, type Traffic, packetOf, traffic } from '../support/arbitraries.ts'
import { toHex } from '../support/hex.ts'
import { paced } from '../support/pace.ts'
import { runs } from '../support/seed.ts'

/** One for all, as a process has: what it remembers of one stream is found by another. */
const TOPICS = new TopicCache()

function decoderOf(version: ProtocolVersion, side: Side): Decoder {
  return new Decoder({
    reads: side === 'client' ? CLIENT_PACKETS : SERVER_PACKETS,
    version,
    maximumPacketSizeBytes: 100_000,
    topics: TOPICS,
  })
}

/** Pushes a copy that is overwritten as soon as that is allowed. */
function feed(decoder: Decoder, bytes: Uint8Array): Packet[] {
  const chunk = bytes.slice()
  const packets: Packet[] = []
  decoder.push(chunk, chunk.length)
  for (let packet = decoder.next(); packet; packet = decoder.next()) packets.push(packet)
  chunk.fill(0xee)
  return packets
}

/** What comes out of bytes: packets, and the error that ends them, if any. */
function outcome(
  { version, side }: Traffic,
  pieces: readonly Uint8Array[],
): { packets: Packet[]; error: string | undefined } {
  const decoder = decoderOf(version, side)
  const packets: Packet[] = []
  for (const piece of pieces) {
    const chunk = piece.slice()
    decoder.push(chunk, chunk.length)
    for (;;) {
      let packet: Packet | undefined
      try {
        packet = decoder.next()
      } catch (error) {
        ok(
          error instanceof MalformedPacketError ||
            error instanceof ProtocolError ||
            error instanceof PacketTooLargeError,
          String(error),
        )
        return { packets, error: error.message }
      }
      if (packet === undefined) break
      packets.push(packet)
    }
    chunk.fill(0xee)
  }
  return { packets, error: undefined }
}

function written({ version, packets }: Traffic): Uint8Array {
  return join(...packets.map((packet) => encode(packet, version)))
}

describe('packets', () => {
  for (const version of [4, 5] as const) {
    for (const side of ['client', 'server'] as const) {
      test(`of a ${side} come back as they were in version ${version}`, () => {
        fc.assert(
          fc.property(packetOf(version, side), (packet) => {
            const bytes = encode(packet, version)
            equal(encodedSize(packet, version), bytes.length)
            const [read, ...more] = feed(decoderOf(version, side), bytes)
            deepEqual(read, packet)
            equal(more.length, 0)
            equal(toHex(encode(read as Packet, version)), toHex(bytes))
          }),
          runs(500),
        )
      })
    }
  }

  test('are the same wherever the stream is cut in two', () => {
    fc.assert(
      fc.property(traffic, (all) => {
        const bytes = written(all)
        for (let cut = 0; cut <= bytes.length; cut++) {
          const { packets } = outcome(all, [bytes.subarray(0, cut), bytes.subarray(cut)])
          deepEqual(packets, all.packets)
        }
      }),
      runs(paced(40, 1)),
    )
  })

  test('are the same when the stream comes in pieces of any sizes', () => {
    fc.assert(
      fc.property(traffic, fc.array(fc.integer({ min: 1, max: 70 })), (all, sizes) => {
        const bytes = written(all)
        const pieces: Uint8Array[] = []
        let at = 0
        for (const size of [...sizes, bytes.length]) {
          pieces.push(bytes.subarray(at, at + size))
          at += size
        }
        deepEqual(outcome(all, pieces), { packets: [...all.packets], error: undefined })
      }),
      runs(300),
    )
  })
})

describe('bytes of any kind', () => {
  interface Mutation {
    readonly kind: 'flip' | 'insert' | 'remove' | 'replace'
    readonly at: number
    readonly value: number
  }
  const mutation: fc.Arbitrary<Mutation> = fc.record({
    kind: fc.constantFrom('flip', 'insert', 'remove', 'replace'),
    at: fc.nat(),
    value: fc.integer({ min: 0, max: 255 }),
  })

  function mutate(bytes: Uint8Array, changes: readonly Mutation[]): Uint8Array {
    const list = [...bytes]
    for (const { kind, at, value } of changes) {
      const i = at % (list.length + 1)
      if (kind === 'flip') list[i] = (list[i] ?? 0) ^ (1 << (value & 7))
      else if (kind === 'replace') list[i] = value
      else if (kind === 'insert') list.splice(i, 0, value)
      else list.splice(i, 1)
    }
    return Uint8Array.from(list)
  }

  test('are packets or an error with a code, the same however they are cut', () => {
    fc.assert(
      fc.property(traffic, fc.array(mutation, { minLength: 1, maxLength: 4 }), (all, changes) => {
        const bytes = mutate(written(all), changes)
        const whole = outcome(all, [bytes])
        const single = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
        deepEqual(outcome(all, single), whole)
        // What was read can be written again: the reader's rules are the writer's.
        for (const packet of whole.packets) encode(packet, all.version)
      }),
      runs(1000),
    )
  })

  test('that are a beginning of packets are fewer packets and no error', () => {
    fc.assert(
      fc.property(traffic, fc.nat(), (all, at) => {
        const bytes = written(all)
        const { packets, error } = outcome(all, [bytes.subarray(0, at % (bytes.length + 1))])
        equal(error, undefined)
        deepEqual(packets, all.packets.slice(0, packets.length))
      }),
      runs(500),
    )
  })

  test('that are random are packets or an error with a code', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<ProtocolVersion>(4, 5),
        fc.constantFrom<Side>('client', 'server'),
        fc.uint8Array({ maxLength: 60 }),
        (version, side, bytes) => {
          outcome({ version, side, packets: [] }, [bytes])
        },
      ),
      runs(2000),
    )
  })
})
