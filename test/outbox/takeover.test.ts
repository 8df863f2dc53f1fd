// A change of engine with messages in the folder, on a disk that loses and tears what was not synced, cut at
// every step: the log, and a log under other names in the place of SQLite. Goal: whatever was there is there
// afterwards, once, whichever engine opens it next. sqlite-takeover.test.ts does it with SQLite itself.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crc32 } from '../../src/outbox/crc32.ts'
import type { Files } from '../../src/outbox/log/files.ts'
import { LogStore } from '../../src/outbox/log/log-store.ts'
import { formatMarker, MARKER_NAME } from '../../src/outbox/log/marker.ts'
import { type Engine, logEngine, NEXT_NAME, takeOver } from '../../src/outbox/log/takeover.ts'
import type { Damage, Op } from '../../src/outbox/store.ts'
import { FAST_CHECK } from '../support/seed.ts'
import { dice, type Loss, SimulatedDisk } from '../support/simulated-disk.ts'

const checksum = (bytes: Uint8Array, seed?: number): number => crc32(bytes, seed)
const newId = (): Uint8Array => new Uint8Array(16).fill(7)
const SEGMENT_BYTES = 400
const LOSSES: readonly Loss[] = ['nothing', 'all', 'some', 'some']
const ENGINES = ['log', 'sqlite'] as const
type Name = (typeof ENGINES)[number]
const OTHER: Readonly<Record<Name, Name>> = { log: 'sqlite', sqlite: 'log' }

const PREFIX = 'outbox.sqlite-'
const inner = (name: string): string => (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : '')
const outer = (name: string): string => `${PREFIX}${name}`

/** The same folder for a log whose files have the names of SQLite's. */
function renamed(files: Files): Files {
  return {
    list: async () => (await files.list()).map(inner).filter((name) => name !== ''),
    open: (name, create) => files.open(outer(name), create),
    remove: (name) => files.remove(outer(name)),
    syncFolder: () => files.syncFolder(),
  }
}

function engineOf(name: Name, files: Files): Engine {
  if (name === 'log') return logEngine(files, checksum, newId, SEGMENT_BYTES)
  const options = { newId: newId(), id: newId(), checksum, reserveBytes: 0 }
  const make = (): LogStore =>
    new LogStore(renamed(files), { ...options, segmentBytes: SEGMENT_BYTES })
  return { kind: { engine: 'sqlite', formatVersion: 1 }, make, newId }
}

/** Records of several segments, and a session table; some of both changed and gone. */
const CONTENT: readonly (readonly Op[])[] = [
  [
    ['set', 'client', Uint8Array.of(100)],
    ['set', 'o7', Uint8Array.of(1, 2)],
    ['set', 'i9', new Uint8Array()],
    ['set', '#outbox', new Uint8Array(24)],
  ],
  ...Array.from({ length: 12 }, (_, i): Op[] => [['put', 2 ** 40 + i, new Uint8Array(90).fill(i)]]),
  [
    ['delete', 2 ** 40 + 3],
    ['unset', 'i9'],
    ['set', 'q4', Uint8Array.of(3)],
    ['put', 2 ** 40 + 5, Uint8Array.of(5)],
  ],
]

interface Opened {
  readonly content: unknown
  readonly damaged: readonly Damage[]
}

/** Opens the folder with an engine, as its store does, and reads everything. */
async function openWith(name: Name, files: Files): Promise<Opened> {
  const engine = engineOf(name, files)
  const taken = await takeOver(files, engine, (other) => engineOf(other as Name, files))
  const store = engine.make()
  const { damaged, count } = await store.open()
  const records = await store.scan(0, 1000)
  equal(records.length, count)
  const state = [...(await store.state())].sort(([a], [b]) => (a < b ? -1 : 1))
  await store.close()
  const content = [
    records.map(([seq, body]) => [seq, [...body]]),
    state.map(([k, v]) => [k, [...v]]),
  ]
  return { content, damaged: [...taken, ...damaged] }
}

/** A folder that an engine has filled. */
async function filled(name: Name): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk()
  const store = engineOf(name, disk).make()
  await store.open()
  for (const ops of CONTENT) await store.commit(ops, 'power')
  await store.close()
  if (name === 'log') return disk
  const file = await disk.open(MARKER_NAME, true)
  await file.write(formatMarker({ engine: 'sqlite', formatVersion: 1, id: newId() }), 0)
  await file.sync()
  await disk.syncFolder()
  return disk
}

const names = (disk: SimulatedDisk): readonly string[] => [...disk.contents.keys()].sort()
const isOf = (name: Name, file: string): boolean =>
  name === 'log' ? /^\d+\.log$/.test(file) : file.startsWith(PREFIX)

for (const from of ENGINES) {
  const to = OTHER[from]
  describe(`a change of engine, from ${from} to ${to}`, () => {
    test('has everything, leaves nothing of the old one, and may be done back', async () => {
      const disk = await filled(from)
      const { content } = await openWith(from, disk)
      deepEqual((await openWith(to, disk)).content, content)
      ok(names(disk).some((file) => isOf(to, file)))
      ok(!names(disk).some((file) => isOf(from, file)), names(disk).join(' '))
      ok(!names(disk).includes(NEXT_NAME))
      const { steps } = disk
      deepEqual((await openWith(to, disk)).content, content)
      ok(disk.steps - steps < 12, `${disk.steps - steps} steps to open what is its own`)
      deepEqual((await openWith(from, disk)).content, content)
    })

    test('loses and doubles nothing, wherever the power goes, whoever opens it next', async () => {
      const { seed } = FAST_CHECK
      const { content } = await openWith(from, await filled(from))
      const whole = await filled(from)
      const before = whole.steps
      await openWith(to, whole)
      const steps = whole.steps - before
      ok(steps > 20, `${steps} steps`)
      for (let cut = 1; cut <= steps; cut++) {
        const disk = await filled(from)
        disk.cutAt = disk.steps + cut
        await rejects(openWith(to, disk), /power is gone/, `It ends before step ${cut}`)
        for (const [i, loss] of LOSSES.entries()) {
          for (const next of ENGINES) {
            const what = `SEED=${seed}, cut ${cut}, ${loss}, then ${next}`
            const roll = dice(seed + cut * 16 + i * 2)
            const left = disk.afterPowerLoss(loss, roll)
            const found = await openWith(next, left)
            deepEqual(found.content, content, what)
            deepEqual(found.damaged, [], what)
            deepEqual((await openWith(OTHER[next], left)).content, content, `${what}, and back`)
          }
        }
      }
    })

    test('loses nothing when the power goes again while it is taken up', async () => {
      const { seed } = FAST_CHECK
      const roll = dice(seed + 5)
      const { content } = await openWith(from, await filled(from))
      for (let round = 0; round < 80; round++) {
        let disk = await filled(from)
        for (let life = 0; life < 4; life++) {
          disk.cutAt = disk.steps + 1 + roll(60)
          const next = ENGINES[roll(2)]!
          await openWith(next, disk).catch((error: Error) => {
            if (!/power is gone/.test(error.message)) throw error
          })
          disk = disk.afterPowerLoss(LOSSES[roll(LOSSES.length)]!, roll)
        }
        const found = await openWith(to, disk)
        deepEqual(found.content, content, `SEED=${seed}, round ${round}`)
      }
    })

    test('on a disk without room for both says so, and leaves the old one whole', async () => {
      const disk = await filled(from)
      const { content } = await openWith(from, disk)
      let used = 0
      for (const bytes of disk.contents.values()) used += bytes.length
      disk.capacityBytes = used + 300
      await rejects(openWith(to, disk), (error: Error & { code?: string }) => {
        equal(error.code, 'ERR_MQTT_STORE_FULL')
        ok(/Cannot take over what the engine ".*" keeps: the disk has no room/.test(error.message))
        return true
      })
      ok(!names(disk).some((file) => isOf(to, file)))
      deepEqual((await openWith(from, disk)).content, content)
    })
  })
}

describe('a change of engine', () => {
  test('tells what was damaged in the old one, and takes over the rest', async () => {
    const disk = await filled('log')
    const [, second = ''] = names(disk).filter((file) => isOf('log', file))
    disk.damage(second, 120, (byte) => byte ^ 255)
    const { damaged, content } = await openWith('sqlite', disk)
    ok(damaged.length > 0)
    ok((content as unknown[][])[0]!.length >= 8)
    deepEqual((await openWith('sqlite', disk)).damaged, [])
  })

  test('finds whose the folder is when its marker is lost', async () => {
    const disk = await filled('log')
    const { content } = await openWith('log', disk)
    await disk.remove(MARKER_NAME)
    deepEqual((await openWith('sqlite', disk)).content, content)
  })

  test('is refused when the marker is lost and both have files, and both stay', async () => {
    const disk = await filled('log')
    await disk.remove(MARKER_NAME)
    await disk.open(outer('00000001.log'), true)
    const before = names(disk)
    for (const name of ENGINES) {
      await rejects(
        openWith(name, disk),
        /"outbox" is lost, and it holds files of "log" and "sqlite"/,
      )
    }
    deepEqual(names(disk), before)
  })

  test('is refused when the marker names an engine without files, and the other has some', async () => {
    const disk = await filled('log')
    await disk.remove(MARKER_NAME)
    const file = await disk.open(MARKER_NAME, true)
    await file.write(formatMarker({ engine: 'sqlite', formatVersion: 1, id: newId() }), 0)
    const before = names(disk)
    await rejects(openWith('log', disk), /names the engine "sqlite", and it holds files of "log"/)
    deepEqual(names(disk), before)
  })

  test('is refused for an engine that is not known, or newer, and leaves it as it was', async () => {
    for (const [engine, formatVersion, words] of [
      ['tape', 1, /made by the engine "tape"; open it with that one/],
      ['sqlite', 9, /has format version 9, this program knows 1/],
    ] as const) {
      const disk = new SimulatedDisk()
      const file = await disk.open(MARKER_NAME, true)
      await file.write(formatMarker({ engine, formatVersion, id: newId() }), 0)
      const { steps } = disk
      const find = (name: string): Engine | undefined =>
        name === 'tape' ? undefined : engineOf(name as Name, disk)
      await rejects(takeOver(disk, engineOf('log', disk), find), words)
      equal(disk.steps, steps)
    }
  })

  test('takes nothing for a copy that is not whole', async () => {
    const disk = await filled('sqlite')
    const { content } = await openWith('sqlite', disk)
    const engine = engineOf('sqlite', disk)
    const short: Engine = {
      ...engine,
      make: () => {
        const store = engine.make()
        const scan = store.scan.bind(store)
        store.scan = async (from) => (from > 1 ? [] : scan(from, 3))
        return store
      },
    }
    await rejects(
      takeOver(disk, logEngine(disk, checksum, newId), () => short),
      /says that it holds 11 records, and gives 3/,
    )
    deepEqual((await openWith('sqlite', disk)).content, content)
  })
})
