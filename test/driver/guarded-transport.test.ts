// portable
// A transport of an application's own that breaks the contract: whatever it throws or leaves out, the connection ends in
// time, with the reason, and the next one begins as if nothing had been.

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { guarded } from '../../src/driver/guarded-transport.ts'
import type { ClosedOutput } from '../../src/engine/types.ts'
import { ConnectionLostError } from '../../src/errors.ts'
import type { Transport } from '../../src/transport/transport.ts'
import { DriverRig, type HandTransport } from '../support/driver-rig.ts'
import { connack } from '../support/engine-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

/** The bound on an end that the transport does not report, ms. */
const DESTROY_MS = 1000

interface Guarded {
  readonly rig: DriverRig
  readonly transport: HandTransport
}

/** Connected over a transport in the hand, some of whose methods are exchanged afterwards. */
async function connected(flaws: Partial<Transport> = {}): Promise<Guarded> {
  const rig = new DriverRig()
  return { rig, transport: await again(rig, flaws) }
}

async function again(rig: DriverRig, flaws: Partial<Transport> = {}): Promise<HandTransport> {
  rig.connect({}, guarded(rig.dial, rig.clock))
  const { transport } = rig
  transport.handler.opened()
  await settle()
  transport.handler.written()
  transport.receive(connack())
  await settle()
  equal(rig.driver.engine.state, 'connected')
  rig.outputs = []
  Object.assign(transport, flaws)
  return transport
}

const broken = (): never => {
  throw new Error('no such pipe')
}

/** The error of the one connection that has ended. */
function endOf(rig: DriverRig): Error | undefined {
  const closed = rig.outputs.filter((output): output is ClosedOutput => output.kind === 'closed')
  equal(closed.length, 1)
  return closed[0]?.error
}

function isBroken(error: Error | undefined): true {
  ok(error instanceof ConnectionLostError)
  match(error.message, /no such pipe/)
  return true
}

describe('a transport that throws', () => {
  for (const method of ['write', 'pause', 'resume'] as const) {
    for (const [how, flaw] of [
      ['at once', broken],
      ['in an async function', () => Promise.resolve().then(broken)],
    ] as const) {
      test(`from ${method} ${how} ends its connection with that, and is destroyed`, async () => {
        const { rig, transport } = await connected({ [method]: flaw })
        if (method === 'write') rig.publish('t', 0)
        else rig.driver.pause()
        if (method === 'resume') rig.driver.resume()
        await settle()
        equal(transport.calls.at(-1), 'destroy')
        transport.handler.closed(undefined)
        await settle()
        isBroken(endOf(rig))
        equal(rig.clock.pending, 0)
        await again(rig)
      })
    }
  }

  test('from write says of a message that it may have been sent', async () => {
    const { rig } = await connected({ write: broken })
    rig.publish('t', 0)
    const failing = rejects(rig.driver.handedOver, {
      code: 'ERR_MQTT_CONNECTION_LOST',
      sent: 'maybe',
    })
    await elapse(rig.clock, DESTROY_MS)
    await failing
  })

  test('from close ends in time, as it was asked to', async () => {
    const { rig, transport } = await connected({ close: broken })
    rig.disconnect(500)
    await settle()
    transport.handler.written()
    equal(transport.calls.at(-1), 'destroy')
    await elapse(rig.clock, DESTROY_MS)
    equal(endOf(rig), undefined)
    equal(rig.clock.pending, 0)
    await again(rig)
  })

  test('from destroy ends in time', async () => {
    const rig = new DriverRig()
    rig.connect({}, guarded(rig.dial, rig.clock))
    rig.transport.destroy = broken
    rig.disconnect()
    await elapse(rig.clock, DESTROY_MS - 1)
    deepEqual(rig.kinds(), [])
    await elapse(rig.clock, 1)
    equal(endOf(rig), undefined)
    equal(rig.clock.pending, 0)
    await again(rig)
  })

  for (const hasClosed of [false, true]) {
    test(`from its factory, ${hasClosed ? 'and closed' : 'not closed'}, is heard no more`, async () => {
      const rig = new DriverRig()
      const dial = guarded((address, handler, options) => {
        rig.dial(address, handler, options)
        if (hasClosed) handler.closed(undefined)
        throw new Error('no such pipe')
      }, rig.clock)
      rig.connect({}, dial)
      isBroken(endOf(rig))
      const { handler } = rig.transport
      await again(rig)
      handler.opened()
      handler.written()
      handler.closed(undefined)
      await settle()
      equal(rig.driver.engine.state, 'connected')
    })
  }
})

describe('what is thrown that is no error', () => {
  for (const thrown of ['no such pipe', '', undefined, null, 7]) {
    for (const where of ['factory', 'write', 'pause'] as const) {
      test(`${JSON.stringify(thrown)} from ${where} is the reason, as a text`, async () => {
        const throwing = (): never => {
          throw thrown
        }
        const rig = new DriverRig()
        if (where === 'factory') rig.connect({}, guarded(throwing, rig.clock))
        else {
          await again(rig, { [where]: throwing })
          if (where === 'pause') rig.driver.pause()
          else rig.publish('t', 0)
          await elapse(rig.clock, DESTROY_MS)
        }
        const end = endOf(rig)
        ok(end instanceof ConnectionLostError && end.cause instanceof Error)
        equal(end.cause.message, String(thrown))
        ok(end.message.endsWith(`: ${thrown}`), end.message)
      })
    }
  }

  test('a text that it closed with is the reason, and false or null is none', async () => {
    for (const given of ['no such pipe', false, null]) {
      const { rig, transport } = await connected()
      transport.handler.closed(given as never)
      await settle()
      const end = endOf(rig)
      if (given) isBroken(end)
      else deepEqual([end?.message, end?.cause], ['Connection was lost', undefined])
    }
  })
})

describe('a factory that is an async function', () => {
  const message = 'Cannot open the connection: the factory gave no transport'

  test('ends its connection alone, whatever it rejects with', async () => {
    const rig = new DriverRig()
    // A rejection that nobody handles fails the file.
    rig.connect({}, guarded((() => Promise.resolve().then(broken)) as never, rig.clock))
    await settle()
    equal(endOf(rig)?.message, message)
    await again(rig)
  })

  test('has its transport destroyed when it comes', async () => {
    for (const destroy of [undefined, broken]) {
      const rig = new DriverRig()
      const dial = guarded(
        ((...args: Parameters<typeof rig.dial>) =>
          Promise.resolve().then(() =>
            Object.assign(rig.dial(...args), destroy && { destroy }),
          )) as never,
        rig.clock,
      )
      rig.connect({}, dial)
      await settle()
      equal(endOf(rig)?.message, message)
      deepEqual(rig.transport.calls, destroy ? [] : ['destroy'])
      await again(rig)
    }
  })
})

describe('a transport that says too little', () => {
  test('counts as gone in time when it does not say that it was destroyed', async () => {
    const { rig, transport } = await connected()
    rig.disconnect(500)
    await elapse(rig.clock, 500 + DESTROY_MS - 1)
    deepEqual([transport.calls.at(-1), rig.kinds()], ['destroy', []])
    await elapse(rig.clock, 1)
    equal(endOf(rig), undefined)
    equal(rig.clock.pending, 0)
    await again(rig)
  })
})

describe('a transport that says too much', () => {
  test('ends in order behind what asks for an answer: nothing but a bare close', async () => {
    const { rig, transport } = await connected()
    transport.receive({
      type: PacketType.PUBREC,
      packetId: 9,
      reasonCode: 0,
      properties: {},
    })
    transport.handler.closed(undefined)
    await settle()
    const end = endOf(rig)
    ok(end instanceof ConnectionLostError)
    equal(end.cause, undefined)
    await again(rig)
  })

  test('that it is open begins no session anew, however often it says so', async () => {
    const rig = new DriverRig()
    rig.connect(
      { cleanStart: true, requestProblemInformation: false },
      guarded(rig.dial, rig.clock),
    )
    const { transport } = rig
    transport.handler.opened()
    await settle()
    transport.handler.written()
    transport.receive(connack())
    const operation = rig.publish('t', 1)
    await settle()
    transport.handler.opened()
    deepEqual(rig.driver.engine.publishes, [operation])
  })

  test('is not heard after its end, nor twice, while another is connected', async () => {
    const { rig, transport } = await connected()
    const { handler } = transport
    rig.disconnect(0)
    await elapse(rig.clock, DESTROY_MS)
    await again(rig)
    rig.publish('t', 1)
    await settle()
    const { sizeBytes } = rig.driver.engine.out
    handler.opened()
    handler.written()
    transport.receive(connack())
    handler.closed(new Error('late'))
    await settle()
    deepEqual([rig.driver.engine.state, rig.driver.engine.out.sizeBytes], ['connected', sizeBytes])
  })

  test('is not heard while it is being destroyed', async () => {
    const { rig, transport } = await connected()
    rig.disconnect(0)
    await elapse(rig.clock, 0)
    equal(transport.calls.at(-1), 'destroy')
    transport.receive(connack())
    transport.handler.written()
    transport.handler.closed(undefined)
    transport.handler.closed(new Error('twice'))
    await settle()
    equal(endOf(rig), undefined)
  })

  for (const method of ['write', 'destroy', 'close'] as const) {
    test(`ends within ${method}, and no message counts as handed over`, async () => {
      const { rig, transport } = await connected()
      transport[method] = () => transport.handler.closed(undefined)
      if (method === 'write') {
        rig.publish('t', 0)
        await rejects(rig.driver.handedOver, { code: 'ERR_MQTT_CONNECTION_LOST', sent: 'maybe' })
        ok(endOf(rig) instanceof ConnectionLostError)
      } else {
        rig.disconnect(method === 'close' ? 500 : 0)
        await settle()
        transport.handler.written()
        await elapse(rig.clock, 1)
        equal(endOf(rig), undefined)
      }
      equal(rig.clock.pending, 0)
      await again(rig)
    })
  }
})
