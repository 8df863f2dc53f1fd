// Where bytes wait: each structure against a naive model of it, and what it promises of memory: slabs go
// back to the pool, large payloads are not copied, a kept message pins little.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Batch, OutboundBuffer } from '../../src/engine/outbound-buffer.ts'
import { type PayloadCopy, PayloadPool } from '../../src/engine/payload-pool.ts'
import { type Slab, SlabPool } from '../../src/engine/slab-pool.ts'
import { paced } from '../support/pace.ts'
import { runs } from '../support/seed.ts'

const SLAB_BYTES = 65_536

/** Bytes that differ from place to place. */
function pattern(sizeBytes: number, from = 0): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, i) => (from + i * 7 + (i >> 8)) & 0xff)
}

function sizeOf({ chunks }: Batch): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0)
}

/** Writes as an encoder does. */
function write(out: OutboundBuffer, bytes: Uint8Array): void {
  out.reserve(bytes.length)
  out.bytes.set(bytes, out.length)
  out.length += bytes.length
}

/** What has a payload, or had it copied. */
interface Lent extends PayloadCopy {
  readonly payloadLength: number
}

function lentOf(payload: Uint8Array | string, payloadLength = payload.length): Lent {
  return { payload, payloadOffset: 0, payloadLength, slab: undefined }
}

function contentOf({ payload, payloadOffset, payloadLength }: Lent): Uint8Array {
  ok(typeof payload !== 'string')
  return payload.slice(payloadOffset, payloadOffset + payloadLength)
}

/** A pool that counts what it has given out. */
class CountingPool extends SlabPool {
  lent = 0

  override take(): Slab {
    this.lent += 1
    return super.take()
  }

  override give(slab: Slab): void {
    super.give(slab)
    if (slab.users === 0) this.lent -= 1
  }
}

describe('OutboundBuffer', () => {
  test('gives what was written, in order, whatever is written and taken', () => {
    const piece = fc.record({
      how: fc.constantFrom('write', 'append', 'owned', 'lend'),
      sizeBytes: fc.oneof(
        fc.nat(200),
        fc.nat(70_000),
        fc.constantFrom(0, 4_096, 4_097, 16_383, 16_384, 65_536, 65_537, 200_000),
      ),
      offset: fc.nat(3),
    })
    const take = fc.record({ how: fc.constant('take'), limitBytes: fc.nat(150_000) })
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, piece, take), { maxLength: 12 }), (steps) => {
        const pool = new CountingPool()
        const out = new OutboundBuffer(pool)
        const payloads = new PayloadPool(pool)
        const kept: { readonly holder: Lent; readonly expected: Uint8Array }[] = []
        let written: number[] = []
        let taken: number[] = []
        const collect = (limitBytes: number): void => {
          const before = out.sizeBytes
          const batch = out.take(limitBytes)
          equal(before - out.sizeBytes, sizeOf(batch))
          const first = batch.chunks[0]?.length ?? 0
          ok(sizeOf(batch) <= Math.max(limitBytes, first), 'A write is no larger than asked')
          ok(before === 0 || sizeOf(batch) > 0, 'A write takes something')
          taken = taken.concat(...batch.chunks.map((chunk) => [...chunk]))
          // Its slabs are free at once: whoever takes one next writes over it.
          out.release(batch)
          for (const { bytes, users } of batch.slabs) if (users === 0) bytes.fill(0xdd)
        }
        for (const step of steps) {
          if ('limitBytes' in step) collect(step.limitBytes)
          else {
            const { how, sizeBytes, offset } = step
            const bytes = pattern(sizeBytes + offset, written.length)
            const part = bytes.slice(offset)
            if (how === 'write') write(out, part)
            else {
              out.append(bytes, offset, sizeBytes, how === 'owned')
              const holder = lentOf(bytes, sizeBytes)
              if (how === 'lend' && out.lend(holder)) kept.push({ holder, expected: part })
              if (how !== 'owned') bytes.fill(0)
            }
            written = written.concat([...part])
          }
          equal(out.sizeBytes, written.length - taken.length)
          for (const { holder, expected } of kept) deepEqual(contentOf(holder), expected)
        }
        while (out.sizeBytes > 0) collect(50_000)
        equal(taken.length, written.length)
        ok(taken.every((byte, i) => byte === written[i]))
        for (const { holder } of kept) payloads.release(holder)
        equal(pool.lent, 0, 'Every slab is back')
      }),
      runs(100),
    )
  })

  test('lets a large payload go in writes that are no larger than asked, whoever owns it', () => {
    for (const owned of [true, false]) {
      const out = new OutboundBuffer(new SlabPool())
      const bytes = pattern(1_000_000)
      write(out, pattern(10))
      out.append(bytes, 0, bytes.length, owned)
      const batches: Batch[] = []
      while (out.sizeBytes > 0) batches.push(out.take(262_144))
      ok(
        batches.every((batch) => sizeOf(batch) <= 262_144),
        `owned: ${owned}`,
      )
      equal(
        batches.reduce((sum, batch) => sum + sizeOf(batch), 0),
        1_000_010,
      )
    }
  })

  test('holds no slab while nothing waits', () => {
    const pool = new CountingPool()
    const out = new OutboundBuffer(pool)
    equal(out.bytes.length, 0)
    for (let i = 0; i < 3; i += 1) {
      write(out, pattern(100))
      equal(pool.lent, 1)
      out.take(Infinity)
      equal(pool.lent, 0, 'A small write is copied out, and its slab is free at once')
      equal(out.bytes.length, 0)
    }
  })

  test('leaves small writes as they are, however many clients have one under way', () => {
    const pool = new CountingPool()
    const sizes = Array.from({ length: 100 }, (_, i) => (i * 997) % 4_097 || 4_096)
    const batches = sizes.map((size) => {
      const out = new OutboundBuffer(pool)
      write(out, pattern(size))
      return out.take(Infinity)
    })
    equal(pool.lent, 0)
    for (const [i, { chunks }] of batches.entries()) {
      deepEqual(chunks, [pattern(sizes[i] ?? 0)])
      // What a stalled write keeps from being freed is bounded.
      ok((chunks[0]?.buffer.byteLength ?? 0) <= 16_384)
    }
  })

  test('keeps the slab of a larger write until it is done', () => {
    const pool = new CountingPool()
    const out = new OutboundBuffer(pool)
    write(out, pattern(5_000))
    const batch = out.take(Infinity)
    equal(pool.lent, 1)
    const kept = batch.chunks.map((chunk) => chunk.slice())
    write(out, new Uint8Array(60_000).fill(1))
    deepEqual(
      batch.chunks.map((chunk) => chunk.slice()),
      kept,
      'What is being written does not change',
    )
    out.release(batch)
    equal(pool.lent, 1)
    out.clear()
    equal(pool.lent, 0)
  })

  test('lends a slab to what is needed again in it, and has it back after the last', () => {
    const pool = new CountingPool()
    const payloads = new PayloadPool(pool)
    const out = new OutboundBuffer(pool)
    const append = (i: number): Lent => {
      const holder = lentOf(pattern(64, i))
      out.append(holder.payload as Uint8Array, 0, 64, false)
      return holder
    }
    const lent = new Map<number, Lent>()
    for (let i = 0; i < 1_024; i += 1) {
      const holder = append(i)
      if (out.lend(holder)) lent.set(i, holder)
    }
    equal(lent.size, 513, 'All from the half of it on')
    out.release(out.take(Infinity))
    equal(pool.lent, 1)
    const other = new OutboundBuffer(pool)
    write(other, new Uint8Array(60_000).fill(1))
    for (const [i, holder] of lent) deepEqual(contentOf(holder), pattern(64, i))
    for (const [i, holder] of lent) {
      equal(pool.lent, 2, `Message ${i} still needs it`)
      payloads.release(holder)
    }
    equal(pool.lent, 1)
  })

  test('keeps no slab for the few messages in it that are needed again', () => {
    const out = new OutboundBuffer(new SlabPool())
    const payload = pattern(64)
    let lent = 0
    for (let i = 0; i < 10_000; i += 1) {
      out.append(payload, 0, 64, false)
      // One of three.
      if (i % 3 === 0 && out.lend(lentOf(payload))) lent += 1
    }
    equal(lent, 0)
  })

  test('keeps no more for what is written in many ticks than thrice its size', () => {
    const ticks = paced(100, 10)
    for (const [count, sizeBytes] of [
      [1, 5_000],
      [3, 16_000],
      [70, 64],
      [520, 64],
    ] as const) {
      const pool = new CountingPool()
      const payloads = new PayloadPool(pool)
      const out = new OutboundBuffer(pool)
      for (let tick = 0; tick < ticks; tick += 1) {
        for (let i = 0; i < count; i += 1) {
          const holder = lentOf(pattern(sizeBytes))
          out.append(holder.payload as Uint8Array, 0, sizeBytes, false)
          if (!out.lend(holder)) payloads.own(holder)
        }
        out.release(out.take(Infinity))
      }
      ok(
        pool.lent * SLAB_BYTES <= 3 * ticks * count * sizeBytes + SLAB_BYTES,
        `${count} ${sizeBytes}`,
      )
    }
  })

  test('lends nothing of a text, in no slab, or in one that has gone', () => {
    const out = new OutboundBuffer(new SlabPool())
    const payload = pattern(16_000)
    const lend = (holder: Lent): boolean => {
      out.append(payload, 0, payload.length, false)
      return out.lend(holder)
    }
    // A text needs no slab again.
    for (let i = 0; i < 3; i += 1) equal(lend(lentOf('t'.repeat(16_000))), false)
    equal(lend(lentOf(payload)), false)
    for (const expected of [false, false, true]) equal(lend(lentOf(payload)), expected)
    out.release(out.take(Infinity))
    equal(out.lend(lentOf(payload)), false)
    const large = new OutboundBuffer(new SlabPool())
    large.append(pattern(SLAB_BYTES + 1), 0, SLAB_BYTES + 1, false)
    equal(large.lend(lentOf(pattern(SLAB_BYTES + 1))), false)
  })

  test('fills a slab before it takes the next', () => {
    const pool = new CountingPool()
    const out = new OutboundBuffer(pool)
    for (let i = 0; i < 1_024; i += 1) write(out, pattern(64))
    equal(pool.lent, 1)
    write(out, pattern(1))
    equal(pool.lent, 2)
    equal(out.sizeBytes, SLAB_BYTES + 1)
  })

  test('passes a large payload by reference, in pieces', () => {
    const out = new OutboundBuffer(new SlabPool())
    const payload = pattern(200_000)
    write(out, pattern(10))
    out.append(payload, 0, payload.length, true)
    write(out, pattern(5))
    const { chunks } = out.take(Infinity)
    deepEqual(
      chunks.map(({ length }) => length),
      [10, 65_536, 65_536, 65_536, 3_392, 5],
    )
    ok(chunks.slice(1, 5).every(({ buffer }) => buffer === payload.buffer))
  })

  test('copies a payload that is small, or not ours', () => {
    for (const [sizeBytes, owned] of [
      [16_383, true],
      [16_384, false],
      [100_000, false],
    ] as const) {
      const out = new OutboundBuffer(new SlabPool())
      const payload = pattern(sizeBytes)
      const expected = payload.slice()
      out.append(payload, 0, sizeBytes, owned)
      payload.fill(0)
      const all = out.take(Infinity).chunks.flatMap((chunk) => [...chunk])
      ok(all.every((byte, i) => byte === expected[i]))
      equal(all.length, sizeBytes)
    }
  })

  test('gives a buffer of its own to what is larger than a slab, and keeps it out of the pool', () => {
    const pool = new CountingPool()
    const out = new OutboundBuffer(pool)
    write(out, pattern(SLAB_BYTES + 1))
    equal(pool.lent, 0)
    const batch = out.take(Infinity)
    deepEqual(batch.slabs, [])
    equal(sizeOf(batch), SLAB_BYTES + 1)
  })

  test('takes at least one piece, and else no more than asked', () => {
    const out = new OutboundBuffer(new SlabPool())
    const payload = pattern(400_000)
    out.append(payload, 0, payload.length, true)
    equal(sizeOf(out.take(1)), 65_536)
    equal(sizeOf(out.take(131_072)), 131_072)
    equal(sizeOf(out.take(131_071)), 65_536)
    equal(sizeOf(out.take(Infinity)), 400_000 - 4 * 65_536)
    deepEqual(out.take(Infinity), { chunks: [], slabs: [] })
  })

  test('forgets what waits when it is cleared', () => {
    const pool = new CountingPool()
    const out = new OutboundBuffer(pool)
    for (let i = 0; i < 5_000; i += 1) write(out, pattern(64))
    out.append(pattern(100_000), 0, 100_000, true)
    out.clear()
    equal(out.sizeBytes, 0)
    equal(pool.lent, 0)
    write(out, pattern(3))
    deepEqual([...(out.take(Infinity).chunks[0] ?? [])], [...pattern(3)])
  })
})

describe('SlabPool', () => {
  test('gives a slab that came back, keeps no more than it should, and none that is in use', () => {
    const pool = new SlabPool()
    const slabs = Array.from({ length: 100 }, () => pool.take())
    equal(new Set(slabs).size, 100)
    const [used] = slabs
    if (used !== undefined) used.users += 1
    for (const slab of slabs) pool.give(slab)
    const again = Array.from({ length: 100 }, () => pool.take())
    const kept = again.filter((slab) => slabs.includes(slab)).length
    equal(again.includes(used as Slab), false)
    ok(kept > 0 && kept <= 32, `${kept} slabs were kept`)
  })
})

describe('PayloadPool', () => {
  test('copies, and a copy stays as it is until it is released, whatever else comes and goes', () => {
    const anyStep = fc.oneof(
      { weight: 3, arbitrary: fc.nat(6_000) },
      { weight: 2, arbitrary: fc.integer({ min: -1_000, max: -1 }) },
    )
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
        const pool = new PayloadPool(new SlabPool())
        const kept: { holder: Lent; expected: Uint8Array }[] = []
        steps.forEach((step, i) => {
          if (step >= 0) {
            const payload = pattern(step, i)
            const holder = lentOf(payload)
            pool.own(holder)
            kept.push({ holder, expected: payload.slice() })
            payload.fill(0xee)
          } else {
            const [released] = kept.splice(-step % Math.max(1, kept.length), 1)
            if (released === undefined) return
            pool.release(released.holder)
            equal(released.holder.payload, '', 'It holds nothing any more')
            // A second release is no release of what came after.
            pool.release(released.holder)
          }
          for (const { holder, expected } of kept) {
            deepEqual(contentOf(holder), expected)
          }
        })
      }),
      runs(60),
    )
  })

  test('leaves a text as it is: nobody can change it', () => {
    const holder = lentOf('text')
    new PayloadPool(new SlabPool()).own(holder)
    equal(holder.payload, 'text')
  })

  test('lets small payloads share memory, and gives a large one its own', () => {
    const pool = new PayloadPool(new SlabPool())
    const [first, second, large] = [10, 10, 8_192].map((sizeBytes) => {
      const holder = lentOf(pattern(sizeBytes))
      pool.own(holder)
      return holder
    })
    ok(first && second && large)
    equal(first.payload, second.payload)
    equal(second.payloadOffset, 10)
    equal(large.payload.length, 8_192)
    equal(large.payloadOffset, 0)
    ok(first.payload.length <= 65_536, 'A kept message pins no more than this')
  })

  test('uses memory again that nothing needs any longer', () => {
    const pool = new PayloadPool(new SlabPool())
    const seen = new Set<unknown>()
    for (let i = 0; i < paced(1_000, 100); i += 1) {
      const holder = lentOf(pattern(1_000))
      pool.own(holder)
      seen.add(holder.payload)
      pool.release(holder)
    }
    equal(seen.size, 1, 'One slab for one message at a time')
  })
})
