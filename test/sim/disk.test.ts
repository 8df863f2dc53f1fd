// portable
// The disk of a device: what a sync has promised survives the loss of power, the rest is lost, torn or there;
// it takes its time, is full and fails.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crc32 } from '../../src/outbox/crc32.ts'
import type { LogFile } from '../../src/outbox/log/files.ts'
import { LogStore } from '../../src/outbox/log/log-store.ts'
import { Disk } from '../../src/sim/disk.ts'
import type { DiskFaults } from '../../src/sim/faults.ts'
import { Random } from '../../src/sim/random.ts'
import type { World } from '../../src/sim/world.ts'
import { paced } from '../support/pace.ts'
import { Listener, makeWorld, microtaskTurns, TestLife } from '../support/sim-rig.ts'

const LOSES: DiskFaults = { loseUnsynced: { probability: 1 } }

interface Rig {
  readonly world: World
  readonly listener: Listener
  readonly disk: Disk
  readonly life: TestLife
  /** Waits for something while virtual time passes. */
  wait<T>(promise: Promise<T>): Promise<T>
}

function makeRig(faults: DiskFaults = {}, seed: string | number = 1): Rig {
  const listener = new Listener()
  const world = makeWorld(listener)
  const wait = async <T>(promise: Promise<T>): Promise<T> => {
    let done = false
    const over = (): void => {
      done = true
    }
    promise.then(over, over)
    await world.run(Number.MAX_SAFE_INTEGER, microtaskTurns, () => done)
    ok(done, 'It waits for ever')
    return promise
  }
  const disk = new Disk(world, new Random(seed), faults, 'd')
  return { world, listener, disk, life: new TestLife(world), wait }
}

async function read({ wait }: Rig, file: LogFile): Promise<string> {
  return (await wait(file.read(0, await wait(file.size())))).join(' ')
}

describe('disk', () => {
  test('has the files that were made and what was written to them', async () => {
    const rig = makeRig()
    const files = rig.disk.files(rig.life)
    const { wait } = rig
    const file = await wait(files.open('a', true))
    await wait(file.write(Uint8Array.of(1, 2, 3), 0))
    await wait(file.write(Uint8Array.of(9), 1))
    await wait(file.write(Uint8Array.of(5), 5))
    equal(await read(rig, file), '1 9 3 0 0 5')
    deepEqual(await wait(file.read(4, 100)), Uint8Array.of(0, 5))
    deepEqual(await wait(files.list()), ['a'])
    equal(rig.disk.usedBytes, 6)
    await rejects(wait(files.open('a', true)), /"a": it is there/)
    await rejects(wait(files.open('b', false)), /"b": it is not there/)
    equal(await read(rig, await wait(files.open('a', false))), '1 9 3 0 0 5')
    await wait(files.remove('a'))
    await rejects(wait(files.remove('a')), /"a": it is not there/)
    deepEqual(await wait(files.list()), [])
    equal(rig.world.now > 0, true)
  })

  test('keeps what was synced, whatever becomes of the rest', async () => {
    const fates = new Set<string>()
    for (let seed = 0; seed < paced(60, 20); seed += 1) {
      const rig = makeRig(LOSES, seed)
      const { wait, disk, life } = rig
      const file = await wait(disk.files(life).open('a', true))
      await wait(disk.files(life).syncFolder())
      await wait(file.write(new Uint8Array(200).fill(1), 0))
      await wait(file.sync())
      await wait(file.write(new Uint8Array(200).fill(2), 150))
      await wait(disk.files(life).open('b', true))
      disk.losePower()
      const after = disk.files(new TestLife(rig.world))
      const names = await wait(after.list())
      ok(names.includes('a'))
      const bytes = (await read(rig, await wait(after.open('a', false)))).split(' ')
      ok(bytes.length >= 200 && bytes.slice(0, 150).every((byte) => byte === '1'))
      const twos = bytes.filter((byte) => byte === '2').length
      fates.add(twos === 0 ? 'lost' : twos === 200 ? 'there' : 'torn')
      fates.add(names.includes('b') ? 'made' : 'not made')
      deepEqual(rig.listener.faults, ['disk.loseUnsynced'])
    }
    deepEqual([...fates].sort(), ['lost', 'made', 'not made', 'there', 'torn'])
  })

  test('brings back a file whose removal was not synced, or not', async () => {
    const fates = new Set<number>()
    for (let seed = 0; seed < 20; seed += 1) {
      const { wait, disk, life } = makeRig(LOSES, seed)
      const files = disk.files(life)
      await wait(files.open('a', true))
      await wait(files.syncFolder())
      await wait(files.remove('a'))
      disk.losePower()
      fates.add((await wait(files.list())).length)
    }
    deepEqual([...fates].sort(), [0, 1])
  })

  test('has all that was written after a crash of the process alone', async () => {
    const rig = makeRig(LOSES)
    const { wait, disk, life } = rig
    const file = await wait(disk.files(life).open('a', true))
    await wait(file.write(Uint8Array.of(1, 2), 0))
    life.isAlive = false
    const again = disk.files(new TestLife(rig.world))
    equal(await read(rig, await wait(again.open('a', false))), '1 2')
    equal(makeRig().disk.losePower(), undefined)
  })

  test('does nothing more for a process that is dead', async () => {
    const rig = makeRig()
    const { wait, disk, life } = rig
    const file = await wait(disk.files(life).open('a', true))
    void file.write(Uint8Array.of(1), 0)
    life.isAlive = false
    while (rig.world.agenda.step());
    equal(disk.usedBytes, 0)
  })

  test('lets the process die before or after each thing that it does', async () => {
    const rig = makeRig()
    const { wait, disk, life } = rig
    const file = await wait(disk.files(life).open('a', true))
    await wait(file.write(Uint8Array.of(1), 0))
    await wait(file.sync())
    equal(life.steps, 3)
  })

  test('writes what there is room for when it is full', async () => {
    const rig = makeRig()
    const { wait, disk, life } = rig
    const file = await wait(disk.files(life).open('a', true))
    await wait(file.write(Uint8Array.of(1, 2, 3, 4), 0))
    disk.beginFull()
    await wait(file.write(Uint8Array.of(8, 9), 1))
    await rejects(wait(file.write(Uint8Array.of(5, 6, 7), 3)), { code: 'ERR_MQTT_STORE_FULL' })
    equal(await read(rig, file), '1 8 9 5')
    disk.endFull()
    await wait(file.write(Uint8Array.of(6), 4))
    equal(disk.usedBytes, 5)
    deepEqual(rig.listener.faults, ['disk.full'])
  })

  test('lets the log drain by its reserve while it is full', async () => {
    const { wait, disk, life } = makeRig()
    const store = new LogStore(disk.files(life), {
      newId: new Uint8Array(16).fill(7),
      checksum: crc32,
      segmentBytes: 600,
      reserveBytes: 400,
    })
    await wait(store.open())
    await wait(store.commit([['put', 1, new Uint8Array(200)]], 'power'))
    disk.beginFull()
    await rejects(wait(store.commit([['put', 2, new Uint8Array(400)]], 'power')), {
      code: 'ERR_MQTT_STORE_FULL',
    })
    await wait(store.commit([['delete', 1]], 'power'))
    equal((await wait(store.scan(0, 10))).length, 0)
  })

  test('fails as often as it is told, and only when it writes', async () => {
    const { wait, disk, life, listener } = makeRig({ fail: { probability: 1 } })
    const files = disk.files(life)
    deepEqual(await wait(files.list()), [])
    await rejects(wait(files.open('a', true)), { code: 'ERR_MQTT_STORE_UNAVAILABLE' })
    await rejects(wait(files.syncFolder()), { code: 'ERR_MQTT_STORE_UNAVAILABLE' })
    deepEqual(listener.faults, ['disk.fail', 'disk.fail'])
  })

  test('is slow', async () => {
    const { world, wait, disk, life } = makeRig({ slow: { delayMs: 1000 } })
    for (let i = 0; i < 20; i += 1) await wait(disk.files(life).list())
    ok(world.now > 5000 && world.now < 20_000, `${world.now}`)
    equal(world.fired.get('disk.slow'), 20)
  })

  test('has no faults once the world is healed', async () => {
    const { world, wait, disk, life } = makeRig({ ...LOSES, fail: { probability: 1 } })
    world.healed = true
    const file = await wait(disk.files(life).open('a', true))
    await wait(file.write(Uint8Array.of(1), 0))
    disk.losePower()
    equal(disk.usedBytes, 1)
  })
})
