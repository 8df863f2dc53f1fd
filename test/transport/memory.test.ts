// portable
// The memory pair step by step: what each fault does, and in which order things come.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type MemoryPair, type MemoryPairOptions, memoryPair } from '../../src/transport/memory.ts'
import type { ServerAddress, Transport, TransportHandler } from '../../src/transport/transport.ts'

const ADDRESS: ServerAddress = {
  scheme: 'mqtt',
  host: 'h',
  port: 1883,
  path: '',
  href: 'mqtt://h:1883',
}
const OPTIONS = { readBuffer: new Uint8Array(0) }

/** Both ends of a pair, and what happened at them in order. */
interface Rig {
  readonly pair: MemoryPair
  readonly transport: Transport
  readonly log: string[]
}

function rig(options: MemoryPairOptions = {}): Rig {
  const pair = memoryPair(options)
  const log: string[] = []
  const handler: TransportHandler = {
    opened: () => log.push('opened'),
    received: (bytes, length) => log.push(`received ${bytes.subarray(0, length).join(' ')}`),
    written: () => log.push('written'),
    closed: (error) => log.push(`closed${error === undefined ? '' : `: ${error.message}`}`),
  }
  pair.peer.onOpen = () => log.push('peer opened')
  pair.peer.onData = (bytes) => log.push(`peer received ${bytes.join(' ')}`)
  pair.peer.onEnd = (error) => log.push(`peer ended${error === undefined ? '' : ' with an error'}`)
  return { pair, transport: pair.dial(ADDRESS, handler, OPTIONS), log }
}

function open(options?: MemoryPairOptions): Rig {
  const made = rig(options)
  made.pair.deliver()
  made.log.length = 0
  return made
}

const BYTES = Uint8Array.of(1, 2, 3)

describe('memoryPair', () => {
  it('does nothing by itself, and one thing a step', () => {
    const { pair, transport, log } = rig()
    deepEqual(log, [])
    ok(pair.deliver())
    deepEqual(log, ['peer opened', 'opened'])
    transport.write([BYTES, BYTES])
    pair.peer.write(BYTES)
    equal(pair.toPeer.waitingBytes, 6)
    equal(pair.toClient.waitingBytes, 3)
    equal(pair.deliverAll(), 4)
    deepEqual(log.slice(2), [
      'written',
      'received 1 2 3',
      'peer received 1 2 3',
      'peer received 1 2 3',
    ])
    equal(pair.deliver(), false)
  })

  it('delivers byte by byte when pieceBytes is 1, and lets both directions take turns', () => {
    const { pair, transport, log } = open()
    pair.toPeer.pieceBytes = 1
    pair.toClient.pieceBytes = 1
    transport.write([BYTES])
    pair.peer.write(BYTES)
    pair.deliverAll()
    deepEqual(log, [
      'written',
      'received 1',
      'peer received 1',
      'received 2',
      'peer received 2',
      'received 3',
      'peer received 3',
    ])
  })

  it('refuses pieces of nothing', () => {
    const { pair } = open()
    for (const bytes of [0, -1, NaN]) {
      throws(() => {
        pair.toPeer.pieceBytes = bytes
      }, RangeError)
    }
  })

  it('holds a direction while it is stalled, and only that', () => {
    const { pair, transport, log } = open()
    pair.toPeer.stalled = true
    transport.write([BYTES])
    pair.peer.write(BYTES)
    equal(pair.deliverAll(), 2)
    deepEqual(log, ['written', 'received 1 2 3'])
    pair.toPeer.stalled = false
    equal(pair.deliverAll(), 1)
    deepEqual(log.slice(2), ['peer received 1 2 3'])
  })

  it('withholds written while more than bufferBytes wait', () => {
    const { pair, transport, log } = open({ bufferBytes: 2 })
    pair.toPeer.pieceBytes = 1
    transport.write([Uint8Array.of(1, 2, 3, 4)])
    pair.deliverAll()
    deepEqual(log, [
      'peer received 1',
      'peer received 2',
      'written',
      'peer received 3',
      'peer received 4',
    ])
  })

  it('withholds written until all is delivered when bufferBytes is 0', () => {
    const { pair, transport, log } = open({ bufferBytes: 0 })
    pair.toPeer.stalled = true
    transport.write([BYTES])
    equal(pair.deliverAll(), 0)
    pair.toPeer.stalled = false
    pair.deliverAll()
    deepEqual(log, ['peer received 1 2 3', 'written'])
  })

  it('breaks after a number of bytes, either way, and loses the rest', () => {
    for (const lane of ['toPeer', 'toClient'] as const) {
      for (let cut = 0; cut <= 3; cut++) {
        const { pair, transport, log } = open()
        pair[lane].cutAfterBytes = cut
        transport.write([BYTES])
        pair.peer.write(BYTES)
        pair.deliverAll()
        equal(pair[lane].deliveredBytes, cut)
        deepEqual(log.slice(-2), [
          'peer ended with an error',
          'closed: Lost the connection to "mqtt://h:1883": the pipe was cut',
        ])
        const arrived = log.filter((line) =>
          line.startsWith(lane === 'toPeer' ? 'peer received' : 'received'),
        )
        deepEqual(arrived.length, cut === 0 ? 0 : 1)
        equal(pair.deliver(), false)
      }
    }
  })

  it('loses what is under way when either end is destroyed', () => {
    const { pair, transport, log } = open()
    transport.write([BYTES])
    pair.peer.write(BYTES)
    transport.destroy()
    deepEqual(log, [])
    pair.deliverAll()
    deepEqual(log, ['peer ended with an error', 'closed'])

    const second = open()
    second.transport.write([BYTES])
    second.pair.peer.write(BYTES)
    second.pair.peer.destroy()
    deepEqual(second.log, [])
    second.pair.deliverAll()
    deepEqual(second.log, [
      'peer ended with an error',
      'closed: Lost the connection to "mqtt://h:1883": the peer reset it',
    ])
  })

  it('is reset with a cause, if an unknown one: only the end of the stream has none', () => {
    const causes: unknown[] = []
    for (const end of ['destroy', 'close'] as const) {
      const pair = memoryPair()
      const closed = (error: Error | undefined): void => {
        causes.push(error === undefined ? 'none' : error.cause)
      }
      const idle = (): undefined => undefined
      pair.dial(ADDRESS, { opened: idle, received: idle, written: idle, closed }, OPTIONS)
      pair.deliverAll()
      pair.peer[end]()
      pair.deliverAll()
    }
    deepEqual(causes, [null, 'none'])
  })

  it('ends in good order from either side', () => {
    const { pair, transport, log } = open()
    transport.write([BYTES])
    transport.close()
    pair.deliverAll()
    deepEqual(log, ['written', 'peer received 1 2 3', 'peer ended', 'closed'])

    const second = open()
    second.pair.peer.write(BYTES)
    second.pair.peer.close()
    second.pair.peer.write(BYTES)
    second.pair.deliverAll()
    deepEqual(second.log, ['received 1 2 3', 'peer ended', 'closed'])
  })

  it('waits for the end of a peer that does not answer it', () => {
    const { pair, transport, log } = open()
    pair.peer.answersEnd = false
    transport.close()
    pair.deliverAll()
    deepEqual(log, ['peer ended'])
    pair.peer.close()
    pair.deliverAll()
    deepEqual(log, ['peer ended', 'closed'])
  })

  it('is destroyed while it waits for the end of the peer', () => {
    const { pair, transport, log } = open()
    pair.peer.answersEnd = false
    transport.close()
    pair.deliverAll()
    transport.destroy()
    pair.deliverAll()
    deepEqual(log, ['peer ended', 'closed'])
  })

  it('refuses a dial, and leaves one without an answer', () => {
    const refused = rig({ dialling: 'refuse' })
    deepEqual(refused.log, [])
    refused.pair.deliverAll()
    deepEqual(refused.log, ['closed: Cannot connect to "mqtt://h:1883": the peer refuses'])

    const ignored = rig({ dialling: 'ignore' })
    equal(ignored.pair.deliverAll(), 0)
    ignored.transport.destroy()
    ignored.pair.deliverAll()
    deepEqual(ignored.log, ['closed'])
  })

  it('is dialled once', () => {
    const { pair } = open()
    throws(
      () => pair.dial(ADDRESS, {} as TransportHandler, OPTIONS),
      (error: unknown) => {
        match(String(error), /make another/)
        return true
      },
    )
  })

  it('keeps what arrives for take when nobody listens', () => {
    const { pair, transport } = open()
    pair.peer.onData = undefined
    transport.write([BYTES, Uint8Array.of(4)])
    pair.deliverAll()
    deepEqual([...pair.peer.take()], [1, 2, 3, 4])
    equal(pair.peer.take().length, 0)
  })

  it('copies what is written, either way', () => {
    const { pair, transport, log } = open()
    const bytes = BYTES.slice()
    transport.write([bytes])
    pair.peer.write(bytes)
    bytes.fill(0)
    pair.deliverAll()
    deepEqual(log.slice(1), ['received 1 2 3', 'peer received 1 2 3'])
  })

  it('schedules one step after the other when given a scheduler', () => {
    const steps: (() => void)[] = []
    const { pair, transport, log } = rig({ schedule: (step) => steps.push(step) })
    const run = (): void => {
      for (let step = steps.shift(); step !== undefined; step = steps.shift()) step()
    }
    equal(steps.length, 1)
    run()
    deepEqual(log, ['peer opened', 'opened'])
    pair.toPeer.stalled = true
    transport.write([BYTES])
    transport.pause()
    pair.peer.write(BYTES)
    equal(steps.length, 1)
    run()
    deepEqual(log.slice(2), ['written'])
    pair.toPeer.stalled = false
    run()
    transport.resume()
    run()
    deepEqual(log.slice(3), ['peer received 1 2 3', 'received 1 2 3'])
  })
})
