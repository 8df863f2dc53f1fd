// Marks: a small value of the application's own that is stored in one commit with a message. After the loss of
// power at any moment both are there, or neither.

import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LogStore } from '../../src/outbox/log/log-store.ts'
import { MemoryStore } from '../../src/outbox/memory.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import type { Op } from '../../src/outbox/store.ts'
import { StoreError } from '../../src/errors.ts'
import { EntryRecords } from '../../src/robust/entry-record.ts'
import { fleeting, guaranteed } from '../../src/robust/policies.ts'
import type { RobustPublishOptions } from '../../src/robust/types.ts'
import { KeptStore } from '../support/kept-store.ts'
import { OPTIONS } from '../support/power-loss.ts'
import { robustClient } from '../support/robust-rig.ts'
import { settle } from '../support/scripted-memory.ts'
import { dice, type Loss, SimulatedDisk } from '../support/simulated-disk.ts'

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && new TextDecoder().decode(bytes)

const marked = (value: string, name = 'place'): RobustPublishOptions => ({
  delivery: guaranteed(),
  mark: { name, value },
})

/** The store may have no room. */
class FullStore extends KeptStore {
  isFull = false

  override commit(ops: readonly Op[]): Promise<void> {
    if (!this.isFull) return super.commit(ops)
    return Promise.reject(new StoreError('ERR_MQTT_STORE_FULL', 'Cannot store: no room'))
  }
}

describe('a mark', () => {
  test('is stored with its message, and read by the next process, whatever it is called', async () => {
    const outbox = new KeptStore()
    const { client } = robustClient({ outbox })
    equal(await client.outbox.mark('place'), undefined)
    await client.publish('a', 'x', marked('1')).stored
    await client.publish('a', 'y', marked('2')).stored
    await client.publish('a', 'z', marked('other', 'another')).stored
    equal(text(await client.outbox.mark('place')), '2')
    await client[Symbol.asyncDispose]()
    const next = robustClient({ outbox, clientId: 'somebody-else' }).client
    equal(text(await next.outbox.mark('place')), '2')
    equal(text(await next.outbox.mark('another')), 'other')
    equal(next.outbox.count, 3)
    await next[Symbol.asyncDispose]()
  })

  test('is a copy, both ways', async () => {
    const { client } = robustClient({ outbox: new KeptStore() })
    const value = Uint8Array.of(1, 2)
    const { stored } = client.publish('a', 'x', {
      delivery: guaranteed(),
      mark: { name: 'n', value },
    })
    value[0] = 9
    await stored
    const found = await client.outbox.mark('n')
    deepEqual(found, Uint8Array.of(1, 2))
    found?.fill(0)
    deepEqual(await client.outbox.mark('n'), Uint8Array.of(1, 2))
  })

  test('is stored with a message that is published before the outbox is open', async () => {
    const { client } = robustClient({ outbox: new KeptStore() })
    const { stored } = client.publish('a', 'x', marked('1'))
    await stored
    equal(text(await client.outbox.mark('place')), '1')
  })

  test('stays as it was when its message cannot be stored', async () => {
    const outbox = new FullStore()
    const { client } = robustClient({ outbox })
    await client.publish('a', 'x', marked('1')).stored
    outbox.isFull = true
    await rejects(client.publish('a', 'y', marked('2')).stored, StoreError)
    equal(text(await client.outbox.mark('place')), '1')
    outbox.isFull = false
    await settle()
    equal(text((await outbox.state()).get('mplace')), '1')
  })

  test('is refused where no message is kept', () => {
    const { client } = robustClient({ outbox: new KeptStore() })
    const message = /Cannot publish to "a" with a mark: it takes a durable message/
    throws(() => client.publish('a', 'x', { ...marked('1'), delivery: fleeting() }), message)
    const { client: forgetful } = robustClient({ outbox: new MemoryStore() })
    const mark = { name: 'n', value: '1' }
    throws(() => forgetful.publish('a', 'x', { mark }), message)
    throws(() => robustClient({}).client.publish('a', 'x', { mark }), message)
  })

  test('is refused when it cannot be meant', async () => {
    const { client } = robustClient({ outbox: new KeptStore() })
    const refused: readonly unknown[] = [
      'place',
      null,
      { name: 'n' },
      { name: 5, value: 'x' },
      { name: 'n', value: 5 },
      { name: 'n', value: new Uint8Array(65_536) },
      { name: 'n', value: 'x', more: true },
    ]
    for (const mark of refused) {
      const options = { delivery: guaranteed(), mark } as RobustPublishOptions
      throws(() => client.publish('a', 'x', options), /mark/, JSON.stringify(mark))
    }
    equal(client.outbox.count, 0)
    await rejects(client.outbox.mark(5 as unknown as string), TypeError)
  })
})

describe('a mark, when the power is cut', () => {
  const MESSAGES = 12

  /** Publishes until the end, or until the power goes. @returns the last number that was said to be stored */
  async function play(disk: SimulatedDisk): Promise<number> {
    let stored = 0
    const { client } = robustClient({ outbox: new LogStore(disk, OPTIONS) })
    for (let number = 1; number <= MESSAGES; number += 1) {
      const receipt = client.publish('a', `${number}`, marked(`${number}`))
      // Some share a commit.
      if (number % 3 === 0) {
        if (
          !(await receipt.stored.then(
            () => true,
            () => false,
          ))
        )
          break
        stored = number
      }
    }
    await settle()
    return stored
  }

  /** What is on the disk: the mark, and the numbers of the messages. */
  async function found(disk: SimulatedDisk): Promise<readonly [mark: number, numbers: number[]]> {
    const outbox = new Outbox(new LogStore(disk, OPTIONS))
    const { state, lowest, quarantined } = await outbox.open()
    deepEqual(quarantined, [])
    const records = new EntryRecords()
    const bodies = await outbox.read(lowest, 1_000)
    await outbox.close()
    const numbers = bodies.map(([, body]) =>
      Number(text(records.decode(body, { now: 0, epoch: 0 }).payload as Uint8Array)),
    )
    return [Number(text(state.get('mplace')) ?? 0), numbers]
  }

  test('is that of the last message that is there, whatever was written', async () => {
    const whole = new SimulatedDisk()
    equal(await play(whole), MESSAGES)
    ok(whole.steps > MESSAGES, `${whole.steps} steps`)
    const losses: readonly Loss[] = ['nothing', 'all', 'some', 'some']
    const marks = new Set<number>()
    for (let cutAt = 1; cutAt <= whole.steps; cutAt += 1) {
      const disk = new SimulatedDisk()
      disk.cutAt = cutAt
      const stored = await play(disk)
      for (const [i, loss] of losses.entries()) {
        const what = `cut ${cutAt}, ${loss}`
        const [mark, numbers] = await found(disk.afterPowerLoss(loss, dice(cutAt * 8 + i)))
        deepEqual(
          numbers,
          Array.from({ length: mark }, (_, at) => at + 1),
          what,
        )
        ok(mark >= stored, `${what}: ${mark} of ${stored}`)
        marks.add(mark)
      }
    }
    ok(marks.size > 3, `Cuts fell between messages: ${[...marks].join(' ')}`)
  })
})
