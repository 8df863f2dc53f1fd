// portable
// The driver against a transport held in the hand: one write a tick and one under way, one timer, and
// what it makes of each end.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TimerHandle } from '../../src/driver/clock.ts'
import { ConnectionLostError, TimeoutError } from '../../src/errors.ts'
import { type DriverRig as Rig, DriverRig } from '../support/driver-rig.ts'
import {
  brief,
  connack,
  disconnect,
  errorIs,
  PINGRESP,
  puback,
  published,
  sentAre,
} from '../support/engine-rig.ts'
import { paced } from '../support/pace.ts'
import { elapse, settle } from '../support/scripted-memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/**
 * The clock of a page that has been hidden for a while: a timer that a timer has set, and that one another, five deep,
 * goes off at whole minutes only. What the network brings is a task of its own.
 */
class HiddenPageClock extends VirtualClock {
  timersSet = 0
  #depth = 0

  /** Something that is no timer: what it sets is set by none. */
  beginTask(): void {
    this.#depth = 0
  }

  override setTimer(fire: () => void, delayMs: number): TimerHandle {
    this.timersSet += 1
    const depth = this.#depth + 1
    const due = this.now() + delayMs
    const at = depth < 5 ? due : Math.ceil(due / 60_000) * 60_000
    return super.setTimer(() => {
      this.#depth = depth
      fire()
    }, at - this.now())
  }
}

function closedError(rig: Rig): unknown {
  const closed = rig.outputs.find(({ kind }) => kind === 'closed')
  ok(closed?.kind === 'closed', 'The connection is over')
  return closed.error
}

describe('writes', () => {
  test('are one a tick, whatever was written to the engine', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    for (let i = 0; i < 50; i += 1) rig.publish('a', 0)
    deepEqual(transport.calls, [], 'Nothing goes out before the tick ends')
    await settle()
    deepEqual(transport.calls, ['write'])
    equal(transport.packets.length, 50)
  })

  test('wait while one is under way, and go out together when it is done', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.publish('a', 0)
    await settle()
    rig.publish('b', 0)
    await settle()
    rig.publish('c', 0)
    await settle()
    equal(transport.writes.length, 1)
    transport.handler.written()
    equal(transport.writes.length, 2)
    sentAre(transport.packets, ['PUBLISH a', 'PUBLISH b', 'PUBLISH c'])
  })

  test('begin before the tick ends when much is waiting', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.publish('a', 0, 70_000)
    equal(transport.writes.length, 1)
  })

  test('are bounded, so that a slow link shows progress', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.publish('a', 0, 1_000_000)
    await settle()
    const sizes: number[] = []
    while (transport.writes.length > sizes.length) {
      const chunks = transport.writes[sizes.length] ?? []
      sizes.push(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
      transport.handler.written()
      await settle()
    }
    ok(
      sizes.every((size) => size <= 262_144),
      sizes.join(' '),
    )
    equal(transport.packets.length, 1)
  })

  test('follow the answers to what came in, in the same tick', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.onOutput = (output) => {
      if (output.kind === 'message') {
        rig.driver.engine.acknowledge(output, 0, rig.driver.now)
        rig.driver.touch()
      }
    }
    transport.receive(
      published('a', { qos: 1, packetId: 1 }),
      published('b', { qos: 1, packetId: 2 }),
    )
    deepEqual(transport.calls, [])
    await settle()
    deepEqual(transport.calls, ['write'])
    sentAre(transport.packets, ['PUBACK 1', 'PUBACK 2'])
  })

  test('are counted in bytes, and so is what comes in', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    const { bytesSent, bytesReceived } = rig.driver
    rig.publish('a', 0, 10)
    await settle()
    equal(rig.driver.bytesSent - bytesSent, 2 + 3 + 1 + 10)
    transport.receive(PINGRESP)
    equal(rig.driver.bytesReceived - bytesReceived, 2)
  })

  test('go out only while there is a transport', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    transport.handler.closed(undefined)
    await settle()
    rig.driver.touch()
    await settle()
    deepEqual(transport.calls, [])
  })
})

describe('outputs', () => {
  test('are handed on at once, and what a handler causes comes after them', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    const seen: string[] = []
    rig.onOutput = (output) => {
      if (output.kind !== 'message') return
      seen.push(output.topic)
      // A handler that publishes, and is not called again within itself.
      rig.publish(`answer to ${output.topic}`, 0)
    }
    const before = rig.drained
    transport.receive(published('a'))
    transport.receive(published('b'))
    deepEqual(seen, ['a', 'b'])
    ok(rig.drained >= before + 2)
    await settle()
    sentAre(transport.packets, ['PUBLISH answer to a', 'PUBLISH answer to b'])
  })

  test('are never handed on within one another', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    const seen: string[] = []
    rig.onOutput = (output) => {
      if (output.kind !== 'message') return
      seen.push(`begin ${output.topic}`)
      rig.driver.touch()
      seen.push(`end ${output.topic}`)
    }
    transport.receiveTogether(published('a'), published('b'))
    deepEqual(seen, ['begin a', 'end a', 'begin b', 'end b'])
  })

  test('go on after a handler that threw', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.onOutput = () => {
      throw new Error('a bug of the handler')
    }
    let thrown: unknown
    try {
      transport.receive(published('a'))
    } catch (error) {
      thrown = error
    }
    ok(thrown instanceof Error)
    rig.onOutput = undefined
    transport.receive(published('b'))
    const topics = rig.outputs.flatMap((output) =>
      output.kind === 'message' ? [output.topic] : [],
    )
    deepEqual(topics, ['a', 'b'])
  })
})

describe('the timer', () => {
  test('is one, however many deadlines there are', async () => {
    const rig = new DriverRig()
    await rig.connected({ keepAliveSeconds: 60 })
    for (let i = 0; i < 100; i += 1) rig.publish('a', 1)
    await settle()
    equal(rig.clock.pending, 1)
  })

  test('fires for the nearest deadline, and is set again for the next', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected({ keepAliveSeconds: 10 })
    await elapse(rig.clock, 8_999)
    deepEqual(transport.packets, [])
    await elapse(rig.clock, 1)
    sentAre(transport.packets, ['PINGREQ'])
    transport.handler.written()
    transport.receive(PINGRESP)
    await elapse(rig.clock, 9_000)
    sentAre(transport.packets, ['PINGREQ', 'PINGREQ'])
  })

  test('is brought forward by a nearer deadline', async () => {
    const rig = new DriverRig({ acknowledgementMs: 100 })
    const transport = await rig.connected({ keepAliveSeconds: 60 })
    rig.publish('a', 1)
    await settle()
    transport.handler.written()
    await elapse(rig.clock, 100)
    deepEqual(transport.calls, ['write', 'destroy'])
  })

  test('is left alone when a deadline moves away, and then does nothing', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.publish('a', 1)
    await settle()
    transport.handler.written()
    await settle()
    await elapse(rig.clock, 15_000)
    transport.receive(puback(1))
    await elapse(rig.clock, 1_000_000)
    deepEqual(transport.calls, ['write'])
  })

  for (const keepAliveSeconds of [10, 30, 60]) {
    test(`keeps a connection of a hidden page with a keep alive of ${keepAliveSeconds} s`, async () => {
      const clock = new HiddenPageClock(1_000)
      const rig = new DriverRig({ pingMs: 5_000 }, clock)
      const transport = await rig.connected({ keepAliveSeconds })
      const times: number[] = []
      const seconds = paced(1_200, 300)
      for (let ms = 0; ms < seconds * 1000; ms += 2_000) {
        await elapse(clock, 2_000)
        if (transport.packets.length === times.length) continue
        times.push(clock.now())
        clock.beginTask()
        transport.handler.written()
        transport.receive(PINGRESP)
        await settle()
      }
      ok(times.length >= seconds / keepAliveSeconds - 1, `${times.length} PINGREQ`)
      deepEqual(transport.calls, new Array(times.length).fill('write'))
    })
  }

  test('is set once more by what comes in, and not again as long as it stands', async () => {
    const clock = new HiddenPageClock(1_000)
    const rig = new DriverRig({}, clock)
    const transport = await rig.connected({ keepAliveSeconds: 60 })
    // The bound on connecting comes up in vain, and another timer is set by that.
    await elapse(clock, 31_000)
    const before = clock.timersSet
    for (let i = 0; i < 10; i += 1) {
      transport.receive(published('a'))
      await settle()
    }
    equal(clock.timersSet - before, 1)
    equal(clock.pending, 1)
  })

  test('is gone when nothing can happen any more', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected({ keepAliveSeconds: 60 })
    transport.handler.closed(undefined)
    await settle()
    equal(rig.clock.pending, 0)
    await rig.connected()
    await elapse(rig.clock, 100_000)
    equal(rig.clock.pending, 0)
  })
})

describe('the end', () => {
  test('by us writes DISCONNECT, then ends the transport once', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.publish('a', 0)
    rig.disconnect()
    await settle()
    sentAre(transport.packets, ['PUBLISH a', 'DISCONNECT'])
    deepEqual(transport.calls, ['write'], 'It is not ended before the bytes are out')
    transport.handler.written()
    await settle()
    deepEqual(transport.calls, ['write', 'close'])
    transport.handler.closed(undefined)
    await settle()
    equal(closedError(rig), undefined)
    deepEqual(transport.calls, ['write', 'close'])
    equal(rig.clock.pending, 0)
  })

  test('by us waits for the write that is under way', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.publish('a', 0)
    await settle()
    rig.disconnect()
    await settle()
    deepEqual(transport.calls, ['write'])
    transport.handler.written()
    deepEqual(transport.calls, ['write', 'write'])
    transport.handler.written()
    deepEqual(transport.calls, ['write', 'write', 'close'])
  })

  for (const [when, written] of [
    ['DISCONNECT cannot be written', false],
    ['the server does not end', true],
  ] as const) {
    test(`by us is cut in time when ${when}`, async () => {
      const rig = new DriverRig()
      const transport = await rig.connected()
      rig.disconnect(500)
      await settle()
      if (written) transport.handler.written()
      await elapse(rig.clock, 499)
      ok(!transport.calls.includes('destroy'))
      await elapse(rig.clock, 1)
      equal(transport.calls.at(-1), 'destroy')
      transport.handler.closed(undefined)
      await settle()
      equal(closedError(rig), undefined)
    })
  }

  test('of a dial that does not open comes in time', async () => {
    const rig = new DriverRig()
    rig.connect()
    await elapse(rig.clock, 30_000)
    deepEqual(rig.transport.calls, ['destroy'])
    rig.transport.handler.closed(undefined)
    await settle()
    errorIs(closedError(rig), TimeoutError, { operation: 'connect' })
  })

  test('of a dial that throws is an error of the connection', async () => {
    const rig = new DriverRig()
    const cause = new Error('no such transport')
    rig.connect({}, () => {
      throw cause
    })
    await settle()
    errorIs(closedError(rig), ConnectionLostError, { cause })
    equal(rig.driver.engine.state, 'closed')
    equal(rig.clock.pending, 0)
    await rig.connected()
    equal(rig.driver.engine.state, 'connected')
  })

  test('by disconnect while dialling destroys the transport', async () => {
    const rig = new DriverRig()
    rig.connect()
    rig.disconnect()
    deepEqual(rig.transport.calls, ['destroy'])
    rig.transport.handler.closed(undefined)
    await settle()
    equal(closedError(rig), undefined)
  })

  test('by the server ends the transport in order, with its reason', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    transport.receive(disconnect(0x8b))
    await settle()
    deepEqual(transport.calls, ['close'])
    transport.handler.closed(undefined)
    await settle()
    ok(String(closedError(rig)).includes('0x8b'))
  })

  test('by a violation tells the server first', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    transport.receive(connack())
    await settle()
    sentAre(transport.packets, ['DISCONNECT 0x82'])
    transport.handler.written()
    await settle()
    deepEqual(transport.calls, ['write', 'close'])
  })

  test('leaves nothing behind for the next connection', async () => {
    const rig = new DriverRig()
    const first = await rig.connected()
    rig.publish('a', 0, 100_000)
    await settle()
    first.handler.closed(new Error('reset'))
    await settle()
    const second = await rig.connected()
    equal(rig.driver.engine.state, 'connected')
    rig.publish('b', 0)
    await settle()
    deepEqual(second.packets.map(brief), ['PUBLISH b'])
  })

  test('by us on one connection does not end the next', async () => {
    const rig = new DriverRig()
    const first = await rig.connected()
    rig.disconnect()
    await settle()
    // The write of DISCONNECT is never done.
    first.handler.closed(undefined)
    await settle()
    const second = await rig.connected()
    await elapse(rig.clock, 10_000)
    deepEqual(second.calls, [])
  })

  test('lets a new connection begin from the output that tells of it', async () => {
    const rig = new DriverRig()
    const first = await rig.connected()
    rig.onOutput = (output) => {
      if (output.kind === 'closed') rig.connect()
    }
    first.handler.closed(undefined)
    rig.onOutput = undefined
    equal(rig.transports.length, 2)
    rig.transport.handler.opened()
    await settle()
    equal(rig.transport.packets[0]?.type, 1)
  })
})
