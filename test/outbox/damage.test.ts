// portable
// The log with damage that no tear explains, of versions and outboxes that are not its own, and on a disk
// that is full. Goal: what is undamaged is there, what is damaged is reported, and nothing that is refused
// was touched.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crc32 } from '../../src/outbox/crc32.ts'
import { writeSegmentHeader } from '../../src/outbox/log/format.ts'
import { LogStore } from '../../src/outbox/log/log-store.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import type { OpenResult } from '../../src/outbox/store.ts'
import { paced } from '../support/pace.ts'
import { FAST_CHECK } from '../support/seed.ts'
import { dice, SimulatedDisk } from '../support/simulated-disk.ts'

const OPTIONS = {
  newId: new Uint8Array(16).fill(7),
  checksum: (bytes: Uint8Array, seed?: number): number => crc32(bytes, seed),
  segmentBytes: 1000,
  reserveBytes: 2000,
}
const COUNT = 40

const bodyOf = (seq: number): Uint8Array => new Uint8Array(40).fill(seq)

/** A disk with 40 records in several segments, some of them in one batch. */
async function filled(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk()
  const outbox = new Outbox(new LogStore(disk, OPTIONS), { batchOps: 3 })
  await outbox.open()
  const all = Array.from({ length: COUNT }, (_, i) =>
    outbox.write([['put', i + 1, bodyOf(i + 1)]], 'power'),
  )
  await Promise.all(all)
  await outbox.close()
  return disk
}

async function openOn(disk: SimulatedDisk): Promise<OpenResult> {
  const store = new LogStore(disk, OPTIONS)
  const result = await store.open()
  await store.close()
  return result
}

function segmentsOf(disk: SimulatedDisk): string[] {
  return [...disk.contents.keys()].filter((name) => name.endsWith('.log')).sort()
}

describe('a damaged log', () => {
  test('loses one record at most for a byte that turned, and says so', async () => {
    const { seed } = FAST_CHECK
    const roll = dice(seed)
    const clean = await filled()
    const names = segmentsOf(clean)
    ok(names.length > 2)
    for (let round = 0; round < paced(150, 20); round++) {
      const disk = clean.afterPowerLoss('nothing', roll)
      const name = names[roll(names.length - 1)]!
      const offset = roll(disk.contents.get(name)!.length)
      disk.damage(name, offset, (byte) => byte ^ (1 + roll(255)))
      const what = `SEED=${seed}, "${name}" ${offset}`
      const outbox = new Outbox(new LogStore(disk, OPTIONS))
      await outbox.open()
      const found = await outbox.read(0, 1000)
      for (const [seq, body] of found) deepEqual(body, bodyOf(seq), what)
      ok(outbox.quarantined.length > 0, `${what}: it is reported`)
      // A length that turned takes the rest of its batch along: three records are in one.
      ok(found.length >= COUNT - 3, `${what}: ${found.length} are left`)
      await outbox.write([['put', 1000, bodyOf(1)]], 'power')
      await outbox.close()
    }
  })

  test('reports a segment that is gone from the middle, and has all others', async () => {
    const disk = await filled()
    const [, second = ''] = segmentsOf(disk)
    await disk.remove(second)
    const { damaged, count } = await openOn(disk)
    equal(damaged.length, 1)
    ok(damaged[0]!.reason.startsWith('Batches '))
    ok(count > 20)
  })

  test('opens without its marker, and writes it again', async () => {
    const disk = await filled()
    await disk.remove('outbox')
    const { count, damaged } = await openOn(disk)
    deepEqual([count, damaged], [COUNT, []])
    ok(disk.contents.has('outbox'))
    equal((await openOn(disk)).count, COUNT)
  })

  test('takes no payload for a batch, even a copy of one', async () => {
    const disk = await filled()
    const [first = ''] = segmentsOf(disk)
    const copy = disk.contents.get(first)!
    const other = new SimulatedDisk()
    const newId = new Uint8Array(16).fill(9)
    const store = new LogStore(other, { ...OPTIONS, newId })
    await store.open()
    await store.commit([['put', 1, copy]], 'power')
    await store.close()
    const [name = ''] = segmentsOf(other)
    // The head of the batch around it is damaged: what follows is searched for batches.
    other.damage(name, 45, (byte) => byte ^ 1)
    equal((await openOn(other)).count, 0)
  })
})

describe('a log that is not for us', () => {
  const refused = async (disk: SimulatedDisk, code: string, words: RegExp): Promise<void> => {
    const before = disk.contents
    await rejects(openOn(disk), (error: Error & { code: string }) => {
      equal(error.code, code)
      ok(words.test(error.message), error.message)
      return true
    })
    deepEqual(disk.contents, before, 'Nothing was touched')
  }
  const rewrite = async (disk: SimulatedDisk, name: string, bytes: Uint8Array): Promise<void> => {
    const file = await disk.open(name, false)
    await file.write(bytes, 0)
    await file.close()
  }
  const line = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0))

  test('is refused when its marker names another engine', async () => {
    const disk = await filled()
    await rewrite(disk, 'outbox', line(`umqtt outbox abc 1 ${'07'.repeat(16)}\n`))
    await refused(disk, 'ERR_MQTT_STORE_UNAVAILABLE', /the engine "abc"/)
  })
  test('is refused when it is of a newer version', async () => {
    const disk = await filled()
    await rewrite(disk, 'outbox', line(`umqtt outbox log 2 ${'07'.repeat(16)}\n`))
    await refused(disk, 'ERR_MQTT_STORE_UNAVAILABLE', /format version 2, this program knows 1/)
  })
  test('is refused when one segment is of a newer version', async () => {
    const disk = await filled()
    const header = { version: 2, id: OPTIONS.newId, first: 1 }
    await rewrite(disk, segmentsOf(disk)[0]!, writeSegmentHeader(header, OPTIONS.checksum))
    await refused(disk, 'ERR_MQTT_STORE_UNAVAILABLE', /format version 2/)
  })
  test('is refused when one segment is of another outbox', async () => {
    const disk = await filled()
    const header = { version: 1, id: new Uint8Array(16).fill(1), first: 1 }
    await rewrite(disk, segmentsOf(disk)[1]!, writeSegmentHeader(header, OPTIONS.checksum))
    await refused(disk, 'ERR_MQTT_STORE_CORRUPT', /belongs to another outbox/)
  })
})

describe('a full disk', () => {
  test('drains by its reserve, one by one, and goes on when there is room', async () => {
    const disk = new SimulatedDisk()
    disk.capacityBytes = 12_000
    let outbox = new Outbox(new LogStore(disk, OPTIONS))
    await outbox.open()
    const stored: number[] = []
    const store = async (seq: number): Promise<boolean> => {
      try {
        await outbox.write([['put', seq, bodyOf(seq)]], 'power')
        stored.push(seq)
        return true
      } catch (error) {
        equal((error as { code?: string }).code, 'ERR_MQTT_STORE_FULL')
        return false
      }
    }
    let seq = 1
    while (await store(seq)) seq++
    ok(stored.length > 40, `${stored.length} fit`)
    equal(await store(seq + 1), false, 'It is still full')
    // As after a restart on the full disk.
    await outbox.close()
    outbox = new Outbox(new LogStore(disk, OPTIONS))
    equal((await outbox.open()).count, stored.length)
    for (const gone of stored.splice(0, stored.length - 2)) {
      await outbox.write([['delete', gone]], 'power')
    }
    ok(await store(seq + 2), 'There is room again')
    deepEqual(
      (await outbox.read(0, 100)).map(([found]) => found),
      stored,
    )
    await outbox.close()
    const { count, damaged } = await openOn(disk)
    deepEqual([count, damaged], [3, []])
  })

  test('refuses to open where nothing has room', async () => {
    const disk = new SimulatedDisk()
    disk.capacityBytes = 1000
    await rejects(openOn(disk), { code: 'ERR_MQTT_STORE_FULL' })
  })
})

describe('syncs', () => {
  test('there is one for each commit at power, and none for a lazy one', async () => {
    const disk = new SimulatedDisk()
    const store = new LogStore(disk, OPTIONS)
    await store.open()
    await store.commit([['put', 1, bodyOf(1)]], 'power')
    const before = disk.syncs
    for (let i = 2; i < 7; i++) await store.commit([['put', i, bodyOf(i)]], 'power')
    equal(disk.syncs - before, 5)
    await store.commit([['delete', 1]], 'lazy')
    await store.commit([['delete', 2]], 'process')
    equal(disk.syncs - before, 5)
    await store.close()
  })
})
