// Every vector through the decoder, whole and byte by byte, and every packet back into its bytes.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CLIENT_PACKETS, Decoder, SERVER_PACKETS } from '../../src/codec/decode.ts'
import { encode, encodedSize, write } from '../../src/codec/encode.ts'
import type { Packet, ProtocolVersion } from '../../src/codec/packets.ts'
import { TopicCache } from '../../src/codec/utf8.ts'
import { MalformedPacketError, ProtocolError } from '../../src/errors.ts'
import { toHex } from '../support/hex.ts'
import { FAULTY } from '../vectors/faulty.ts'
import { VALID } from '../vectors/valid.ts'

interface Wire {
  readonly version: ProtocolVersion
  readonly from: 'client' | 'server'
  readonly bytes: Uint8Array
}

function decoderOf({ version, from }: Wire): Decoder {
  return new Decoder({
    reads: from === 'client' ? CLIENT_PACKETS : SERVER_PACKETS,
    version,
    maximumPacketSizeBytes: 268_435_460,
    topics: new TopicCache(),
  })
}

/** All packets of the bytes, given in pieces of some size. */
function decode(wire: Wire, pieceBytes: number): Packet[] {
  const decoder = decoderOf(wire)
  const packets: Packet[] = []
  for (let at = 0; at < wire.bytes.length; at += pieceBytes) {
    const piece = wire.bytes.slice(at, at + pieceBytes)
    decoder.push(piece, piece.length)
    for (let packet = decoder.next(); packet; packet = decoder.next()) packets.push(packet)
    piece.fill(0xee)
  }
  equal(decoder.partial, false, 'Nothing is left over')
  return packets
}

const versionName = { 4: '3.1.1', 5: '5.0' } as const

describe('valid packets', () => {
  for (const vector of VALID) {
    const { name, version, from, bytes, packet } = vector
    const title = `${name}, ${versionName[version]}, from a ${from}`
    test(`${title}, is read`, () => {
      deepEqual(decode(vector, bytes.length), [packet])
      deepEqual(decode(vector, 1), [packet])
    })
    test(`${title}, is written`, () => {
      const written = encode(packet, version)
      if (vector.canonical) equal(toHex(written), toHex(bytes))
      else ok(written.length < bytes.length)
      equal(encodedSize(packet, version), written.length)
      const sink = {
        bytes: new Uint8Array(200),
        length: 7,
        reserve(sizeBytes: number): void {
          ok(this.length + sizeBytes <= 200)
        },
      }
      write(sink, packet, version)
      equal(toHex(sink.bytes.subarray(7, sink.length)), toHex(written))
    })
  }
})

describe('faulty packets', () => {
  test('are at least 150', () => {
    ok(FAULTY.length >= 150, `There are ${FAULTY.length}`)
  })

  for (const vector of FAULTY) {
    const { name, version, from, bytes } = vector
    test(`${name}, ${versionName[version]}, from a ${from}, is refused [${vector.clause}]`, () => {
      for (const pieceBytes of [bytes.length, 1]) {
        let error: unknown
        try {
          decode(vector, pieceBytes)
        } catch (thrown) {
          error = thrown
        }
        ok(error instanceof MalformedPacketError || error instanceof ProtocolError, String(error))
        const offset = /^Cannot read \w+ at byte (\d+): /.exec(error.message)?.[1]
        deepEqual(
          [error.name, error.clause, error.reasonCode, Number(offset)],
          [vector.error, vector.clause, vector.reasonCode, vector.offset],
          error.message,
        )
        ok(error.message.endsWith(` [${error.clause}]`))
        if (error instanceof MalformedPacketError) {
          equal(error.offset, vector.offset)
          equal(error.packetType, (bytes[0] as number) >> 4)
        }
      }
    })
  }
})
