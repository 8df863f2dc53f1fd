// What an application may override: delay, delayMs, reconnect and log. Whatever they do, the floor, the
// budget and a server's hint hold, nothing becomes a hot loop, and disconnect is in time.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ClosedError, ConnectionLostError, ConnectRefusedError } from '../../src/errors.ts'
import { RobustClient } from '../../src/robust/client.ts'
import { sleepFor } from '../../src/robust/connector.ts'
import { within } from '../../src/robust/policies.ts'
import type { ConnectResult } from '../../src/simple/types.ts'
import { failure, watch } from '../simple/conversation.ts'
import {
  accepted,
  connectedRig,
  refused,
  robustClient,
  type RobustRigOptions,
} from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

const REFUSED = new Error('connect ECONNREFUSED')

interface Context {
  readonly suggestedMs: number
  readonly signal: AbortSignal
}

/** A class with a `delay` of its own. */
const withDelay = (
  delay: (attempt: number, error: Error, context: Context) => unknown,
): NonNullable<RobustRigOptions['Client']> =>
  class extends RobustClient {
    protected override delay(attempt: number, error: Error, context: Context): Promise<void> {
      return delay(attempt, error, context) as Promise<void>
    }
  }

const withDelayMs = (
  delayMs: (attempt: number, error: Error, suggestedMs: number) => unknown,
): NonNullable<RobustRigOptions['Client']> =>
  class extends RobustClient {
    protected override delayMs(attempt: number, error: Error, suggestedMs: number): number {
      return delayMs(attempt, error, suggestedMs) as number
    }
  }

const withReconnect = (
  reconnect: (inherited: () => Promise<ConnectResult>) => unknown,
): NonNullable<RobustRigOptions['Client']> =>
  class extends RobustClient {
    protected override reconnect(): Promise<ConnectResult> {
      return reconnect(() => super.reconnect()) as Promise<ConnectResult>
    }
  }

/** The waits between the attempts of ten minutes at a server that refuses. */
async function waitsOf(options: RobustRigOptions): Promise<number[]> {
  const rig = robustClient(options)
  const times: number[] = []
  rig.client.on('attempt', () => times.push(rig.clock.now()))
  rig.server.refuse = REFUSED
  void rig.client.connect()
  await elapse(rig.clock, 600_000)
  return times.slice(1).map((at, index) => at - (times[index] as number))
}

describe('a delay of the application', () => {
  test('takes the place of the wait', async () => {
    const asked: [number, string, number][] = []
    const Client = withDelay((attempt, error, { suggestedMs, signal }) => {
      asked.push([attempt, error.message, suggestedMs])
      ok(!signal.aborted)
      return new Promise<void>((resolve) => void rig.clock.setTimer(resolve, 5_000))
    })
    const rig = robustClient({ Client })
    const times: number[] = []
    rig.client.on('attempt', () => times.push(rig.clock.now()))
    rig.server.refuse = REFUSED
    void rig.client.connect()
    await elapse(rig.clock, 60_000)
    deepEqual(
      times,
      times.map((_, index) => 1_000 + index * 5_000),
    )
    equal(times.length, 13)
    deepEqual(
      asked.map(([attempt]) => attempt),
      asked.map((_, index) => index + 1),
    )
    match(asked[0]?.[1] ?? '', /ECONNREFUSED/)
    equal(rig.client.nextWake(), undefined)
  })

  test('may be longer than what is suggested', async () => {
    const Client = withDelay(
      () => new Promise<void>((resolve) => void rig.clock.setTimer(resolve, 3_600_000)),
    )
    const rig = robustClient({ Client })
    rig.server.refuse = REFUSED
    void rig.client.connect()
    rig.client.publish('a', 'b')
    await elapse(rig.clock, 3_599_999)
    equal(rig.server.dials, 1)
    await elapse(rig.clock, 1)
    equal(rig.server.dials, 2)
  })

  for (const [what, delay] of [
    ['returns at once', () => Promise.resolve()],
    ['returns no promise', () => undefined],
  ] as const) {
    test(`that ${what} keeps the floor`, async () => {
      const waits = await waitsOf({ Client: withDelay(delay) })
      ok(waits.length > 500)
      ok(waits.every((ms) => ms === 1_000))
    })
    test(`that ${what} keeps the budget`, async () => {
      const reconnect = { budget: { attempts: 10, perMs: 600_000 } }
      const waits = await waitsOf({ Client: withDelay(delay), reconnect })
      ok(waits.length <= 10, `${waits.length}`)
    })
    test(`that ${what} keeps the hint of a server`, async () => {
      const rig = robustClient({ Client: withDelay(delay) })
      void rig.client.connect()
      await refused(rig, 0x89)
      await elapse(rig.clock, 44_000)
      equal(rig.server.dials, 1)
      await accepted(rig)
    })
  }

  for (const [what, delay] of [
    ['throws', () => fail()],
    ['rejects', () => Promise.reject(new Error('my own'))],
  ] as const) {
    test(`that ${what} has the usual wait, and is told to log`, async () => {
      const logged: string[] = []
      class Client extends RobustClient {
        protected override delay(): Promise<void> {
          return delay()
        }
        protected override log(inReconnect: boolean, error: Error): void {
          logged.push(`${inReconnect} ${error.message}`)
        }
      }
      const usual = await waitsOf({})
      deepEqual(await waitsOf({ Client }), usual)
      ok(logged.includes('true my own'))
    })
  }

  test('that never settles waits until something brings the attempt forward', async () => {
    const signals: AbortSignal[] = []
    const Client = withDelay((_attempt, _error, { signal }) => {
      signals.push(signal)
      return new Promise(() => undefined)
    })
    const rig = robustClient({ Client })
    const { client, server, clock } = rig
    server.refuse = REFUSED
    watch(client.connect())
    await elapse(clock, 3_600_000)
    equal(server.dials, 1)
    client.retryNow()
    await elapse(clock, 0)
    equal(server.dials, 2)
    client.publish('a', 'b', { delivery: within('15s') })
    await elapse(clock, 1_000)
    ok(server.dials >= 3)
    deepEqual(
      signals.slice(0, 2).map(({ aborted }) => aborted),
      [true, true],
    )
    await client.disconnect()
    await settle()
    ok(signals.every(({ aborted }) => aborted))
    // That of the message.
    await elapse(clock, 15_000)
    equal(clock.pending, 0)
  })

  test('that calls the inherited one waits as long as it says', async () => {
    class Client extends RobustClient {
      protected override delay(attempt: number, error: Error, context: Context): Promise<void> {
        return super.delay(attempt, error, { ...context, suggestedMs: 2_000 })
      }
    }
    const waits = await waitsOf({ Client })
    ok(waits.every((ms) => ms === 2_000) && waits.length > 200)
  })
})

describe('a delayMs of the application', () => {
  test('takes the place of the wait, and nextWake knows it', async () => {
    const rig = robustClient({ Client: withDelayMs(() => 7_000) })
    rig.server.refuse = REFUSED
    void rig.client.connect()
    await elapse(rig.clock, 0)
    equal(rig.client.nextWake(), 7_000)
    await elapse(rig.clock, 3_000)
    equal(rig.client.nextWake(), 4_000)
    await elapse(rig.clock, 4_000)
    equal(rig.server.dials, 2)
    ok(rig.told.includes('waiting 7000'))
  })

  for (const value of [0, -5, NaN, -Infinity, '5', undefined, null, {}]) {
    test(`that gives ${typeof value} ${JSON.stringify(value)} keeps the floor`, async () => {
      const waits = await waitsOf({ Client: withDelayMs(() => value) })
      ok(waits.length > 500 && waits.every((ms) => ms === 1_000))
    })
  }

  test('that is an async function keeps the floor, and one that rejects ends no process', async () => {
    for (const promised of [() => Promise.resolve(5), () => Promise.reject(new Error('sleepy'))]) {
      const waits = await waitsOf({ Client: withDelayMs(promised) })
      ok(waits.length > 500 && waits.every((ms) => ms === 1_000))
    }
  })

  test('that gives Infinity never tries by itself, and sets no timer', async () => {
    const rig = robustClient({ Client: withDelayMs(() => Infinity) })
    rig.server.refuse = REFUSED
    void rig.client.connect()
    await elapse(rig.clock, 3_600_000)
    deepEqual([rig.server.dials, rig.clock.pending, rig.client.nextWake()], [1, 0, Infinity])
    rig.client.retryNow()
    await elapse(rig.clock, 0)
    equal(rig.server.dials, 2)
  })

  test('that gives more than timers take is kept', async () => {
    const rig = robustClient({ Client: withDelayMs(() => 30 * 86_400_000) })
    rig.server.refuse = REFUSED
    void rig.client.connect()
    await elapse(rig.clock, 30 * 86_400_000 - 1)
    equal(rig.server.dials, 1)
    await elapse(rig.clock, 1)
    equal(rig.server.dials, 2)
  })

  test('that throws has the usual wait', async () => {
    deepEqual(await waitsOf({ Client: withDelayMs(() => fail()) }), await waitsOf({}))
  })

  test('that disconnects is in time', async () => {
    const rig = robustClient({ Client: withDelayMs(() => (void rig.client.disconnect(), 1)) })
    rig.server.refuse = REFUSED
    await failure(rig.client.connect(), ClosedError)
    await elapse(rig.clock, 600_000)
    deepEqual([rig.server.dials, rig.clock.pending, rig.client.state], [1, 0, 'closed'])
  })
})

describe('a reconnect of the application', () => {
  test('may do its own around the inherited one', async () => {
    const steps: string[] = []
    const Client = withReconnect(async (inherited) => {
      steps.push('radio on')
      const result = await inherited()
      steps.push(`connected ${result.protocol}`)
      return result
    })
    const rig = await connectedRig({ Client })
    rig.connection.destroy()
    await elapse(rig.clock, 0)
    await accepted(rig, { sessionPresent: true })
    deepEqual(steps, ['radio on', 'connected 5', 'radio on', 'connected 5'])
  })

  for (const [what, reconnect] of [
    ['throws', () => fail()],
    ['rejects', () => Promise.reject(new Error('no radio'))],
    ['returns without a connection', () => Promise.resolve()],
    ['returns no promise', () => undefined],
  ] as const) {
    test(`that ${what} is asked again after a wait, never in a hot loop`, async () => {
      const calls: number[] = []
      const Client = withReconnect(() => {
        calls.push(rig.clock.now())
        return reconnect()
      })
      const rig = robustClient({ Client })
      const connecting = watch(rig.client.connect())
      await elapse(rig.clock, 600_000)
      ok(calls.length > 3 && calls.length < 40, `${calls.length}`)
      const waits = calls.slice(1).map((at, index) => at - (calls[index] as number))
      ok(waits.every((ms) => ms >= 1_000))
      equal(connecting.status, 'open')
      await rig.client.disconnect()
      await settle()
      equal(connecting.status, 'rejected')
      equal(rig.clock.pending, 0)
    })
  }

  for (const [what, patienceMs] of [
    ['at once', 0],
    ['after a while', 1_000],
  ] as const) {
    test(`that returns ${what} leaves what it has begun on its schedule`, async () => {
      class Client extends RobustClient {
        protected override async reconnect(): Promise<ConnectResult> {
          watch(super.reconnect())
          if (patienceMs > 0) await sleepFor(rig.clock, patienceMs, undefined)
          return undefined as never
        }
        /** So that the floor alone is waited for. */
        protected override delay(): Promise<void> {
          return Promise.resolve()
        }
      }
      const rig = robustClient({ Client, reconnect: { floorMs: 5_000 } })
      const times: number[] = []
      rig.client.on('attempt', () => times.push(rig.clock.now()))
      rig.server.refuse = REFUSED
      const connecting = watch(rig.client.connect())
      await elapse(rig.clock, 60_000)
      const waits = times.slice(1).map((at, index) => at - (times[index] as number))
      deepEqual([...new Set(waits)], [5_000])
      rig.server.refuse = undefined
      await accepted(rig)
      equal(connecting.status, 'fulfilled')
      await rig.client.disconnect()
      await elapse(rig.clock, 5_000)
      equal(rig.clock.pending, 0)
    })
  }

  test('that never settles holds up nobody who disconnects, nor the next connect', async () => {
    let hangs = true
    const Client = withReconnect((inherited) =>
      hangs ? new Promise(() => undefined) : inherited(),
    )
    const rig = robustClient({ Client })
    const first = failure(rig.client.connect(), ClosedError)
    await elapse(rig.clock, 3_600_000)
    equal(rig.server.dials, 0)
    await rig.client.disconnect()
    await first
    hangs = false
    const second = watch(rig.client.connect())
    await accepted(rig)
    equal(second.status, 'fulfilled')
  })

  test('that tries again whatever happens is no hot loop, and ends with disconnect', async () => {
    const Client = withReconnect(async (inherited) => {
      for (;;) {
        try {
          return await inherited()
        } catch {
          // Stubborn.
        }
      }
    })
    const rig = robustClient({ Client })
    rig.server.refuse = REFUSED
    const first = failure(rig.client.connect(), ClosedError)
    await elapse(rig.clock, 60_000)
    await rig.client.disconnect()
    await first
    const { dials } = rig.server
    await elapse(rig.clock, 600_000)
    deepEqual([rig.server.dials, rig.clock.pending], [dials, 0])
    rig.server.refuse = undefined
    const second = watch(rig.client.connect())
    await accepted(rig)
    deepEqual([second.status, rig.server.dials], ['fulfilled', dials + 1])
  })

  test('that tries again whatever happens does not hide a refusal for good', async () => {
    const Client = withReconnect(async (inherited) => {
      for (;;) {
        try {
          return await inherited()
        } catch {
          // Stubborn.
        }
      }
    })
    const rig = robustClient({ Client, reconnect: { whenRefused: 'stop' } })
    const connecting = failure(rig.client.connect(), ConnectRefusedError)
    await refused(rig, 0x86)
    await connecting
    await elapse(rig.clock, 600_000)
    deepEqual([rig.server.dials, rig.client.state], [1, 'closed'])
    rig.server.refuse = REFUSED
    await failure(rig.client.connect({ retry: false }), ConnectionLostError)
    equal(rig.client.state, 'closed')
  })
})

describe('a log of the application', () => {
  test('is told every failure while connecting', async () => {
    const logged: [boolean, string][] = []
    class Client extends RobustClient {
      protected override log(inReconnect: boolean, error: Error): void {
        logged.push([inReconnect, error.constructor.name])
      }
    }
    const rig = robustClient({ Client, reconnect: { whenRefused: 'stop' } })
    rig.server.refuse = REFUSED
    const connecting = failure(rig.client.connect(), ConnectRefusedError)
    await elapse(rig.clock, 1)
    rig.server.refuse = undefined
    await refused(rig, 0x86)
    await connecting
    deepEqual(logged, [
      [true, 'ConnectionLostError'],
      [true, 'ConnectRefusedError'],
    ])
  })

  test('is told of a connection that is lost, which is no failure of an attempt', async () => {
    const logged: [boolean, string][] = []
    class Client extends RobustClient {
      protected override log(inReconnect: boolean, error: Error): void {
        logged.push([inReconnect, error.constructor.name])
      }
    }
    const rig = await connectedRig({ Client })
    rig.server.refuse = REFUSED
    rig.connection.destroy()
    await settle()
    deepEqual(logged, [[false, 'ConnectionLostError']])
    await elapse(rig.clock, 5_000)
    deepEqual(logged[1], [true, 'ConnectionLostError'])
  })

  const broken: readonly (readonly [how: string, log: () => unknown])[] = [
    ['throws', fail],
    ['is async and rejects', () => Promise.resolve().then(fail)],
    ['rejects with what no text can be made of', () => Promise.reject(Object.create(null))],
  ]
  for (const [how, log] of broken) {
    test(`that ${how} harms nothing, and is warned of`, async () => {
      class Client extends RobustClient {
        protected override log(): void {
          return log() as void
        }
        protected override delay(): Promise<void> {
          return fail()
        }
      }
      const rig = robustClient({ Client })
      rig.server.refuse = REFUSED
      void rig.client.connect()
      await elapse(rig.clock, 120_000)
      rig.server.refuse = undefined
      await accepted(rig)
      equal(rig.client.state, 'connected')
      deepEqual(
        rig.warnings.map(({ code }) => code),
        ['listener-error'],
      )
    })
  }
})

function fail(): never {
  throw new Error('my own')
}
