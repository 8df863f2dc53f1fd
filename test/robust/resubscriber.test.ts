// Subscriptions that are made again after a lost session, thousands of them: what that costs, and what is said of it.

import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deferred } from '../../src/driver/deferred.ts'
import { SubscribeOperation } from '../../src/engine/operations.ts'
import type { RequestOperation } from '../../src/engine/requests.ts'
import { ConnectionLostError } from '../../src/errors.ts'
import { Resubscriber } from '../../src/robust/resubscriber.ts'
import type { ClientCore } from '../../src/simple/client-core.ts'
import type { Inbox } from '../../src/simple/inbox.ts'
import { Subscriptions, type SubscriptionsOwner } from '../../src/simple/subscriptions.ts'
import type { Grant } from '../../src/simple/types.ts'
import { checkLinearWork } from '../support/cpu-time.ts'

/** Answers each SUBSCRIBE as `answer` says. */
class Rig {
  readonly warnings: string[] = []
  packets = 0
  answer = (filter: string): Grant => ({ filter, qos: 1, reasonCode: 1 })
  answerAfter = (_filters: readonly string[]): Promise<void> | undefined => undefined
  readonly subscriptions: Subscriptions
  readonly resubscriber: Resubscriber

  constructor() {
    const ask = async (operation: RequestOperation): Promise<readonly Grant[]> => {
      this.packets += 1
      if (!(operation instanceof SubscribeOperation)) return []
      const filters = operation.subscriptions.map(({ filter }) => filter)
      const wait = this.answerAfter(filters)
      if (wait !== undefined) await wait
      return filters.map((filter) => this.answer(filter))
    }
    const inbox = { keeps: false, addRoute: () => {}, removeRoutes: () => {} } as unknown as Inbox
    const owner = { inbox, ask, whenConnected: (request: () => unknown) => request() }
    this.subscriptions = new Subscriptions(owner as SubscriptionsOwner)
    const core = {
      subscriptions: this.subscriptions,
      ask,
      warn: (_code: string, text: string) => this.warnings.push(text),
    }
    this.resubscriber = new Resubscriber(core as unknown as ClientCore)
  }

  subscribe(...filters: string[]): Promise<{ readonly granted: readonly Grant[] }> {
    const requests = filters.map((filter) => ({ filter, qos: 1 }) as const)
    return this.subscriptions.subscribe(requests, undefined, undefined)
  }

  /** The session is lost: all is asked for again, and answered. */
  async lose(): Promise<void> {
    this.packets = 0
    this.resubscriber.handleLost()
    this.resubscriber.ask()
    await turns()
    equal(this.resubscriber.open, 0)
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

describe('subscriptions that are made again', () => {
  test('cost what there are of them, however few go in one packet', async () => {
    await checkLinearWork(async (count) => {
      const rig = new Rig()
      for (let i = 0; i < count; i += 1) await rig.subscribe(`a/${i}`)
      await rig.lose()
      equal(rig.packets, count / 8)
    }, 20_000)
    await checkLinearWork(async (count) => {
      const rig = new Rig()
      await rig.subscribe(...Array.from({ length: count }, (_, i) => `a/${i}`))
      await rig.lose()
      equal(rig.packets, count / 8)
    }, 40_000)
  })

  test('are told of in one warning where several packets are refused', async () => {
    const rig = new Rig()
    const names = Array.from({ length: 20 }, (_, i) => `a/${i}`)
    const subscription = await rig.subscribe(...names)
    rig.answer = (filter) =>
      filter === 'a/1' || filter === 'a/19'
        ? { filter, qos: undefined, reasonCode: 0x87 }
        : { filter, qos: 0, reasonCode: 0 }
    await rig.lose()
    equal(rig.warnings.length, 1)
    match(rig.warnings[0] ?? '', /"a\/1", "a\/19"/)
    deepEqual(
      subscription.granted.map(({ reasonCode }) => reasonCode),
      names.map((filter) => rig.answer(filter).reasonCode),
    )
    await rig.lose()
    equal(rig.packets, 3, '18 are left')
  })

  test('that are refused and subscribed to anew before all is answered stay as they are then', async () => {
    const rig = new Rig()
    const old = await rig.subscribe(...Array.from({ length: 9 }, (_, i) => `a/${i}`))
    const { answer } = rig
    const later = deferred<void>()
    rig.answer = (filter) =>
      filter === 'a/1' ? { filter, qos: undefined, reasonCode: 0x87 } : answer(filter)
    rig.answerAfter = (filters) => (filters.includes('a/8') ? later.promise : undefined)
    rig.resubscriber.handleLost()
    rig.resubscriber.ask()
    await turns()
    rig.answer = (filter) => ({ filter, qos: 0, reasonCode: 0 })
    const anew = await rig.subscribe('a/1')
    later.resolve()
    await turns()
    equal(rig.resubscriber.open, 0)
    deepEqual(anew.granted, [{ filter: 'a/1', qos: 0, reasonCode: 0 }])
    deepEqual([...rig.subscriptions.live].at(-1)?.filters, ['a/1'])
    equal(old.granted[1]?.reasonCode, 0x87)
    equal(rig.warnings.length, 1)
  })

  test('are asked for once more where a connection has ended before the answer', async () => {
    const rig = new Rig()
    await rig.subscribe(...Array.from({ length: 9 }, (_, i) => `a/${i}`))
    const { answer } = rig
    rig.answer = (filter) => {
      if (filter === 'a/8') throw new ConnectionLostError('away')
      return answer(filter)
    }
    await rig.lose()
    rig.answer = answer
    rig.packets = 0
    rig.resubscriber.ask()
    equal(rig.packets, 1)
    equal(rig.resubscriber.open, 1)
  })
})
