// portable
// The driver and what flows through it: pausing, congestion, the handover of messages at QoS 0, and the
// whole over pipes in memory, in virtual time.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Driver } from '../../src/driver/driver.ts'
import { Engine } from '../../src/engine/engine.ts'
import { PingOperation, PublishOperation } from '../../src/engine/operations.ts'
import { makeRuntime } from '../../src/engine/runtime.ts'
import type { Output } from '../../src/engine/types.ts'
import { ClosedError, ConnectionLostError, TimeoutError } from '../../src/errors.ts'
import { ADDRESS, DriverRig } from '../support/driver-rig.ts'
import {
  brief,
  errorIs,
  OPTIONS,
  published,
  pubrec,
  sentAre,
  SETTINGS,
} from '../support/engine-rig.ts'
import { elapse, ScriptedServer, settle } from '../support/scripted-memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

test('a connection whose write has thrown is given up at once, with what it threw', async () => {
  const rig = new DriverRig()
  const transport = await rig.connected()
  const cause = new Error('broken')
  transport.write = () => {
    throw cause
  }
  // Enough for a write of its own, within the call.
  rig.publish('a', 0, 100_000)
  const failing = rejects(rig.driver.handedOver, (error) => {
    errorIs(error, ConnectionLostError, { sent: 'maybe' })
    errorIs((error as Error).cause, ConnectionLostError, { cause })
    return true
  })
  await settle()
  equal(transport.calls.at(-1), 'destroy')
  transport.handler.closed(undefined)
  await failing
  equal(rig.clock.pending, 0)
})

describe('pausing', () => {
  test('stops the transport once, and lets it go once', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.driver.pause()
    rig.driver.pause()
    equal(rig.driver.paused, true)
    rig.driver.resume()
    rig.driver.resume()
    equal(rig.driver.paused, false)
    deepEqual(transport.calls, ['pause', 'resume'])
  })

  test('stops the clocks that only reading can satisfy', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.publish('a', 1)
    await settle()
    transport.handler.written()
    rig.driver.pause()
    await elapse(rig.clock, 50_000)
    ok(!transport.calls.includes('destroy'))
    rig.driver.resume()
    await elapse(rig.clock, 20_000)
    equal(transport.calls.at(-1), 'destroy')
  })

  test('lets through what was read already', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.driver.pause()
    transport.receive(published('a'))
    deepEqual(rig.kinds(), ['message'])
  })

  test('does not outlive its connection', async () => {
    const rig = new DriverRig()
    const first = await rig.connected()
    rig.driver.pause()
    first.handler.closed(undefined)
    await settle()
    equal(rig.driver.paused, false)
    const second = await rig.connected()
    deepEqual(second.calls, [])
  })

  test('without a connection does nothing', () => {
    const rig = new DriverRig()
    rig.driver.pause()
    rig.driver.resume()
    equal(rig.clock.pending, 0)
  })
})

describe('congestion', () => {
  /** So much waits to be written that the next answer is one too many. */
  function flood(rig: DriverRig): void {
    rig.publish('large', 0, 4_500_000)
    rig.transport.receive(pubrec(1))
  }

  test('stops reading when the server does not take our answers, and goes on when it does', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.publish('a', 0)
    await settle()
    flood(rig)
    deepEqual(transport.calls, ['write', 'pause'])
    equal(rig.driver.paused, false, 'Nobody asked for it')
    await settle()
    transport.handler.written()
    ok(transport.calls.includes('resume'))
  })

  test('does not undo the pause of the reader', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.publish('a', 0)
    await settle()
    rig.driver.pause()
    flood(rig)
    for (let i = 0; i < 40; i += 1) transport.handler.written()
    deepEqual(
      transport.calls.filter((call) => call !== 'write'),
      ['pause'],
    )
    rig.driver.resume()
    equal(transport.calls.at(-1), 'resume')
  })
})

describe('the handover of QoS 0', () => {
  test('is told when the bytes are with the transport', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.publish('a', 0)
    const handedOver = rig.driver.handedOver
    equal(transport.writes.length, 0)
    equal((await handedOver).reasonCode, 0)
    equal(transport.writes.length, 1)
  })

  test('waits for the write that is under way', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.publish('a', 0)
    await rig.driver.handedOver
    rig.publish('b', 0)
    let done = false
    const handedOver = rig.driver.handedOver.then(() => {
      done = true
    })
    await settle()
    equal(done, false)
    transport.handler.written()
    await handedOver
    sentAre(transport.packets, ['PUBLISH a', 'PUBLISH b'])
  })

  test('is one promise for all of a tick', async () => {
    const rig = new DriverRig()
    await rig.connected()
    rig.publish('a', 0)
    const first = rig.driver.handedOver
    rig.publish('b', 0)
    equal(rig.driver.handedOver, first)
    await first
  })

  test('is told only when all of a large message is with the transport', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.publish('a', 0, 600_000)
    let done = false
    const handedOver = rig.driver.handedOver.then(() => {
      done = true
    })
    for (let i = 0; i < 2; i += 1) {
      await settle()
      equal(done, false)
      transport.handler.written()
    }
    await handedOver
    equal(transport.writes.length, 3)
  })

  test('fails when the connection ends before, and says that nothing was sent', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    rig.publish('a', 0)
    await settle()
    rig.publish('b', 0)
    const handedOver = rig.driver.handedOver
    transport.handler.closed(new Error('reset'))
    await rejects(handedOver, (error) => {
      errorIs(error, ConnectionLostError, { sent: 'no' })
      return true
    })
  })

  test('fails with "maybe" when some of it was taken', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    const operation = new PublishOperation('a', 1, new Uint8Array(600_000), 600_000, 0, false)
    rig.driver.engine.publish(operation, true, rig.driver.now)
    const handedOver = rig.driver.handedOver
    rig.driver.touch()
    transport.handler.closed(new Error('reset'))
    await rejects(handedOver, (error) => {
      errorIs(error, ConnectionLostError, { sent: 'maybe' })
      return true
    })
  })

  test('fails with "maybe" for a message that left the queue with a write', async () => {
    const rig = new DriverRig()
    const transport = await rig.connected()
    // So many that the last ones wait unencoded.
    for (let i = 0; i < 30; i += 1) rig.publish(`t${i}`, 0, 100_000)
    const handovers: Promise<unknown>[] = []
    rig.onOutput = (output) => {
      if (output.kind === 'publish') handovers.push(rig.driver.handedOver)
    }
    for (let i = 0; i < 20 && handovers.length === 0; i += 1) transport.handler.written()
    ok(handovers.length > 0, 'Some have left the queue')
    transport.handler.closed(new Error('reset'))
    await rejects(handovers[0] as Promise<unknown>, (error) => {
      errorIs(error, ConnectionLostError, { sent: 'maybe' })
      return true
    })
  })
})

/** A driver whose server is scripted. */
class World {
  readonly server = new ScriptedServer()
  readonly clock = new VirtualClock(1_000)
  readonly outputs: Output[] = []
  readonly driver: Driver

  constructor() {
    const engine = new Engine(OPTIONS, makeRuntime())
    this.driver = new Driver(engine, this.clock, {
      handleOutput: (output) => void this.outputs.push(output),
      handleDrained: () => undefined,
    })
  }

  connect(keepAliveSeconds = 0): void {
    const options = { readBuffer: new Uint8Array(1_024) }
    const settings = { ...SETTINGS, keepAliveSeconds }
    this.driver.connect(this.server.transport, ADDRESS, options, settings)
  }

  error(): unknown {
    const closed = this.outputs.find(({ kind }) => kind === 'closed')
    return closed?.kind === 'closed' ? closed.error : 'not closed'
  }
}

describe('a driver over a pipe in memory', () => {
  test('connects, talks and leaves in order', async () => {
    const world = new World()
    world.connect()
    const connection = await world.server.connection()
    connection.autoRespond()
    await settle()
    equal(world.driver.engine.state, 'connected')
    const ping = new PingOperation()
    ping.context = 'ping'
    world.driver.engine.ping(ping, world.driver.now)
    world.driver.touch()
    await settle()
    equal(ping.answer, 0)
    world.driver.engine.disconnect(0, 500, world.driver.now)
    world.driver.touch()
    await connection.closed
    await settle()
    deepEqual(connection.received.map(brief), ['CONNECT', 'PINGREQ', 'DISCONNECT'])
    equal(world.error(), undefined)
    equal(world.clock.pending, 0)
  })

  test('notices a link that died, at the time that its settings say', async () => {
    const world = new World()
    world.connect(60)
    await (await world.server.connection()).accept()
    await settle()
    world.server.stallReads = true
    const began = world.clock.now()
    for (let i = 0; i < 100 && world.error() === 'not closed'; i += 1) {
      await elapse(world.clock, 1_000)
    }
    errorIs(world.error(), TimeoutError, { operation: 'ping-response' })
    equal(world.clock.now() - began, 54_000 + 10_000)
  })

  test('notices a write that makes no progress', async () => {
    const world = new World()
    world.server.bufferBytes = 0
    world.connect(60)
    await (await world.server.connection()).accept()
    await settle()
    world.server.stallWrites = true
    await elapse(world.clock, 54_000 + 20_000)
    const error = world.error()
    ok(error instanceof TimeoutError, String(error))
    ok(['write', 'ping-response'].includes(error.operation), error.operation)
  })

  test('ends a dial that is refused, and one that is never answered', async () => {
    for (const how of ['refuse', 'blackHole'] as const) {
      const world = new World()
      if (how === 'refuse') world.server.refuse = new Error('refused')
      else world.server.blackHole = true
      world.connect()
      await elapse(world.clock, 30_000)
      if (how === 'refuse') errorIs(world.error(), ConnectionLostError)
      else errorIs(world.error(), TimeoutError, { operation: 'connect' })
      equal(world.clock.pending, 0)
    }
  })

  test('leaves in time though nothing is read any more', async () => {
    const world = new World()
    world.server.bufferBytes = 0
    world.connect()
    await (await world.server.connection()).accept()
    await settle()
    world.server.stallWrites = true
    world.driver.engine.disconnect(0, 500, world.driver.now)
    world.driver.touch()
    await elapse(world.clock, 499)
    equal(world.error(), 'not closed')
    await elapse(world.clock, 1)
    equal(world.error(), undefined)
  })

  test('reads what comes byte by byte', async () => {
    const world = new World()
    world.connect()
    const connection = await world.server.connection()
    world.server.pipe(connection).toClient.pieceBytes = 1
    world.server.pipe(connection).toPeer.pieceBytes = 1
    await connection.accept()
    connection.publish('topic', 'payload')
    await settle()
    deepEqual(
      world.outputs.map(({ kind }) => kind),
      ['connected', 'message'],
    )
  })

  test('hands open operations back when the server breaks the connection', async () => {
    const world = new World()
    world.connect()
    const connection = await world.server.connection()
    await connection.accept()
    await settle()
    const ping = new PingOperation()
    ping.context = 'ping'
    world.driver.engine.ping(ping, world.driver.now)
    world.driver.touch()
    connection.destroy()
    await settle()
    errorIs(ping.answer, ConnectionLostError)
    ok(!(ping.answer instanceof ClosedError))
    errorIs(world.error(), ConnectionLostError)
  })
})
