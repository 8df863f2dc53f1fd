// Lines are handed over no faster than they are stored; on a full disk they wait, and are handed over again.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Feed, type Parcel } from '../../src/cli/pub/feed.ts'
import { StoreError } from '../../src/errors.ts'
import type { Op } from '../../src/outbox/store.ts'
import type { RobustClient } from '../../src/robust/client.ts'
import { guaranteed } from '../../src/robust/policies.ts'
import { KeptStore } from '../support/kept-store.ts'
import { robustClient } from '../support/robust-rig.ts'

/** A disk that may be full, and that may take its time. */
class SlowStore extends KeptStore {
  isFull = false
  /** Whether a commit waits for `go`. */
  isSlow = false
  go: () => void = () => undefined
  started: () => void = () => undefined

  override async commit(ops: readonly Op[]): Promise<void> {
    if (this.isSlow) {
      await new Promise<void>((resolve) => {
        this.go = resolve
        this.started()
      })
    }
    if (this.isFull) throw new StoreError('ERR_MQTT_STORE_FULL', 'Cannot store: no room')
    return super.commit(ops)
  }
}

const BOUNDS = { window: 3, messages: 100, bytes: 1_000_000, roomMs: 1 }

function rig(bounds: Partial<typeof BOUNDS> = {}): {
  readonly store: SlowStore
  readonly client: RobustClient
  readonly feed: Feed
  readonly stored: number[]
  readonly full: string[]
} {
  const store = new SlowStore()
  const { client } = robustClient({ outbox: store })
  const stored: number[] = []
  const full: string[] = []
  const feed = new Feed(
    client,
    { ...BOUNDS, ...bounds },
    true,
    (number) => void stored.push(number),
    (error) => void full.push(error.message),
  )
  return { store, client, feed, stored, full }
}

const parcel = (client: RobustClient, number: number): Parcel => ({
  number,
  endsAt: number,
  mark: { name: 'line', value: `${number}` },
  sizeBytes: 10,
  publish: (mark) =>
    client.publish('a', `${number}`, { delivery: guaranteed(), ...(mark && { mark }) }),
})

const { signal } = new AbortController()

describe('a feed', () => {
  test('has at most a window of lines in the air', async () => {
    const { store, client, feed, stored } = rig()
    await client.open()
    store.isSlow = true
    const begun = new Promise<void>((resolve) => (store.started = resolve))
    for (const number of [1, 2, 3]) await feed.add(parcel(client, number), signal)
    let isIn = false
    const fourth = feed.add(parcel(client, 4), signal).then(() => (isIn = true))
    await begun
    deepEqual([isIn, client.outbox.count, stored], [false, 3, []])
    store.isSlow = false
    store.go()
    await fourth
    await feed.stored(signal)
    deepEqual(stored, [1, 2, 3, 4])
  })

  test('waits for room on a full disk, and hands over again what found none', async () => {
    const { store, client, feed, stored, full } = rig()
    await client.open()
    await feed.add(parcel(client, 1), signal)
    await feed.stored(signal)
    store.isFull = true
    for (const number of [2, 3]) await feed.add(parcel(client, number), signal)
    const left = feed.stored(signal)
    while (full.length < 4) await new Promise((resolve) => setImmediate(resolve))
    deepEqual(stored, [1])
    store.isFull = false
    await left
    equal(stored.at(-1), 3)
    equal(new TextDecoder().decode(await client.outbox.mark('line')), '3')
    const payloads: string[] = []
    for await (const { payload } of client.outbox.export()) {
      payloads.push(new TextDecoder().decode(payload))
    }
    deepEqual(payloads, ['1', '2', '3'])
  })

  test('stops at the bounds of the outbox, and when it is told', async () => {
    const { client, feed } = rig({ messages: 2 })
    await client.open()
    for (const number of [1, 2]) await feed.add(parcel(client, number), signal)
    await feed.stored(signal)
    const stop = new AbortController()
    const third = feed.add(parcel(client, 3), stop.signal)
    stop.abort(new Error('enough'))
    await rejects(third, /enough/)
    equal(client.outbox.count, 2)
    ok((await client.outbox.mark('line'))?.length === 1)
  })
})
