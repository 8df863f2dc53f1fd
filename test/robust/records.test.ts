// What is recorded ahead of the bytes, on a store that takes its time: a connection may end, and its session
// be lost, between a packet id and its record. Nothing goes out then that is not whole, nor before its record.

import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import type { Op } from '../../src/outbox/store.ts'
import { guaranteed } from '../../src/robust/policies.ts'
import { KeptStore } from '../support/kept-store.ts'
import { accepted, brief, connectedRig } from '../support/robust-rig.ts'
import { settle } from '../support/scripted-memory.ts'

/** Commits when it is let. */
class HeldStore extends KeptStore {
  isHeld = false
  #waiting: (() => void)[] = []

  override async commit(ops: readonly Op[]): Promise<void> {
    if (this.isHeld) await new Promise<void>((go) => this.#waiting.push(go))
    return super.commit(ops)
  }

  async letOne(): Promise<void> {
    this.#waiting.shift()?.()
    await settle()
  }
}

describe('a QoS 2 message whose packet id is being recorded when the session is lost', () => {
  for (const onSessionLoss of ['resend', 'report'] as const) {
    test(`is sent whole, under an id that is recorded, with ${onSessionLoss}`, async () => {
      const outbox = new HeldStore()
      const rig = await connectedRig({ outbox })
      outbox.isHeld = true
      const delivery = guaranteed({ qos: 2, onSessionLoss })
      const receipt = rig.client.publish('a', 'payload', { delivery })
      await settle()
      rig.connection.destroy()
      const second = await accepted(rig)
      await settle()
      // The record of the first id: nothing follows from it any more.
      await outbox.letOne()
      deepEqual(brief(second.received), ['CONNECT'])
      outbox.isHeld = false
      await outbox.letOne()
      await outbox.letOne()
      const published = second.received.find(({ type }) => type === PacketType.PUBLISH)
      deepEqual(
        published?.type === PacketType.PUBLISH && String.fromCharCode(...published.payload),
        'payload',
      )
      deepEqual(brief(second.received), ['CONNECT', 'PUBLISH a 2'])
      second.autoRespond()
      const { status, possiblyDuplicated, attempts } = await receipt.settled
      deepEqual([status, possiblyDuplicated, attempts], ['delivered', false, 1])
      equal(rig.client.outbox.count, 0)
    })
  }
})
