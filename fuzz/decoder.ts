// Fuzzes the decoder: packets of every kind, in pieces of every size, whole and damaged. Whole ones come
// out as they went in; damaged ones end in nothing but coded errors; memory stays bounded by what came in.

import { deepEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { CLIENT_PACKETS, Decoder, SERVER_PACKETS } from '../src/codec/decode.ts'
import { encode } from '../src/codec/encode.ts'
import type { Packet } from '../src/codec/packets.ts'
import { TopicCache } from '../src/codec/utf8.ts'
import { MqttError } from '../src/errors.ts'
import { type Traffic, traffic } from '../test/support/arbitraries.ts'
import type { Random } from './random.ts'
import { Violation } from './violation.ts'

const LIMIT_BYTES = 4_096
/** A packet costs at least two bytes, so no stream has more than half as many. */
const BYTES_PER_PACKET = 2

/** Streams of one seed; making arbitraries is slower than reading them, so each is damaged often. */
export function decoderStreams(seed: number, count: number): Traffic[] {
  return fc.sample(traffic, { seed: seed | 0, numRuns: count })
}

/** Reads one stream whole and some damaged copies of it. @throws {Violation} */
export function fuzzDecoder(random: Random, stream: Traffic, copies: number): void {
  const { version, packets } = stream
  const parts = packets.map((packet) => encode(packet, version))
  const whole = join(parts)
  const read = decode(random, stream, whole)
  if (read.error !== undefined) {
    throw new Violation('valid packets', `refused what was encoded: ${read.error.message}`)
  }
  try {
    deepEqual(read.packets, packets)
  } catch (error) {
    throw new Violation('valid packets', 'what came out is not what went in', error)
  }
  for (let copy = 0; copy < copies; copy += 1) {
    const damaged = damage(random, whole)
    const { packets: found } = decode(random, stream, damaged)
    if (found.length * BYTES_PER_PACKET > damaged.length) {
      throw new Violation('bounded memory', `${found.length} packets of ${damaged.length} bytes`)
    }
  }
}

interface Read {
  readonly packets: Packet[]
  readonly error: MqttError | undefined
}

function decode(random: Random, { version, side }: Traffic, bytes: Uint8Array): Read {
  const decoder = new Decoder({
    reads: side === 'client' ? CLIENT_PACKETS : SERVER_PACKETS,
    version,
    maximumPacketSizeBytes: LIMIT_BYTES,
    topics: new TopicCache(),
  })
  const packets: Packet[] = []
  // The same buffer again and again, as a transport reads into it.
  const buffer = new Uint8Array(64)
  try {
    for (let at = 0; at < bytes.length;) {
      const length = Math.min(random.integer(1, buffer.length), bytes.length - at)
      buffer.set(bytes.subarray(at, at + length))
      decoder.push(buffer, length)
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
        packets.push(packet)
      }
      buffer.fill(random.integer(0, 255))
      at += length
    }
  } catch (error) {
    if (!MqttError.is(error)) throw new Violation('coded errors', String(error), error)
    checkDead(decoder, error)
    return { packets, error }
  }
  return { packets, error: undefined }
}

/** After an error the decoder gives the same one again. */
function checkDead(decoder: Decoder, first: MqttError): void {
  try {
    decoder.next()
  } catch (error) {
    if (error === first) return
  }
  throw new Violation('coded errors', 'the decoder goes on after an error')
}

/** Flips bits, changes bytes, takes some out and puts some in. */
export function damage(random: Random, bytes: Uint8Array): Uint8Array {
  let damaged: Uint8Array = bytes.slice()
  for (let times = random.integer(1, 4); times > 0; times -= 1) {
    const at = random.integer(0, Math.max(0, damaged.length - 1))
    switch (random.integer(0, 4)) {
      case 0:
        damaged[at] = (damaged[at] ?? 0) ^ (1 << random.integer(0, 7))
        break
      case 1:
        damaged[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.integer(0, 255)])
        break
      case 2:
        damaged = join([damaged.subarray(0, at), damaged.subarray(at + random.integer(1, 8))])
        break
      case 3:
        damaged = join([damaged.subarray(0, at), random.bytes(3), damaged.subarray(at)])
        break
      default:
        damaged = damaged.slice(0, at)
    }
  }
  return damaged
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    all.set(part, offset)
    offset += part.length
  }
  return all
}
