// portable
// The network between a device and its servers: in order or not at all, after the time that it takes, and
// every way in which it breaks.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeUtf8, encodeUtf8 } from '../../src/codec/utf8.ts'
import type { LinkFaults } from '../../src/sim/faults.ts'
import { Link, type ServerPipe } from '../../src/sim/link.ts'
import { Random } from '../../src/sim/random.ts'
import { parseServer } from '../../src/transport/address.ts'
import type { Transport } from '../../src/transport/transport.ts'
import { FAST_CHECK } from '../support/seed.ts'
import { Listener, makeWorld, pass, TestLife } from '../support/sim-rig.ts'

const LATENCY_MS = 10
const EPISODE = { everyMs: 1, forMs: 1 }

const text = (bytes: Uint8Array, length = bytes.length): string =>
  decodeUtf8(bytes, 0, length) ?? '?'

/** A device, a server, and what each of them has seen, with the time. */
class LinkRig {
  readonly listener = new Listener()
  readonly world = makeWorld(this.listener)
  readonly life = new TestLife(this.world)
  readonly device: string[] = []
  readonly server: string[] = []
  readonly pipes: ServerPipe[] = []
  readonly link: Link
  isUp = true

  constructor(faults: LinkFaults = {}) {
    const isUp = (): boolean => this.isUp
    const endpoint = {
      get up() {
        return isUp()
      },
      accept: (pipe: ServerPipe) => {
        this.pipes.push(pipe)
        this.server.push(`${this.world.now} accepted`)
        return {
          received: (bytes: Uint8Array) => {
            this.server.push(`${this.world.now} ${text(bytes)}`)
          },
          closed: (orderly: boolean) => {
            this.server.push(`${this.world.now} ${orderly ? 'closed' : 'reset'}`)
            if (orderly) pipe.close()
          },
        }
      },
    }
    this.link = new Link(
      this.world,
      new Map([['a', endpoint]]),
      new Random('link'),
      faults,
      'device',
    )
  }

  dial(host = 'a'): Transport {
    const see = (what: string): void => {
      this.device.push(`${this.world.now} ${what}`)
    }
    return this.link.factory(this.life)(
      parseServer(`mqtt://${host}`),
      {
        opened: () => see('opened'),
        received: (bytes, length) => see(text(bytes, length)),
        written: () => see('written'),
        closed: (error) => see(error === undefined ? 'closed' : 'lost'),
      },
      { readBuffer: new Uint8Array(0) },
    )
  }

  /** Dials and forgets what was seen of it. */
  async connect(): Promise<Transport> {
    const transport = this.dial()
    await this.pass(2 * LATENCY_MS)
    this.clear()
    return transport
  }

  clear(): void {
    this.device.length = 0
    this.server.length = 0
  }

  pass(forMs: number): Promise<void> {
    return pass(this.world, forMs)
  }

  reply(words: string): void {
    this.pipes.at(-1)?.write(encodeUtf8(words))
  }
}

const bytes = (words: string): Uint8Array[] => [encodeUtf8(words)]

/** What the words are without their times. */
const words = (seen: readonly string[]): string[] => seen.map((one) => one.replace(/^\d+ /, ''))

describe('link', () => {
  test('dialling takes the way there and back, a byte one way', async () => {
    const rig = new LinkRig()
    const transport = rig.dial()
    await rig.pass(50)
    deepEqual(rig.device, ['20 opened'])
    deepEqual(rig.server, ['20 accepted'])
    transport.write(bytes('hello'))
    await rig.pass(5)
    rig.reply('welcome')
    await rig.pass(50)
    deepEqual(rig.server.slice(1), ['60 hello'])
    deepEqual(words(rig.device.slice(1)), ['written', 'welcome'])
    ok(rig.device.includes('65 welcome'))
    ok(rig.life.steps >= 2)
  })

  test('an end in good order comes after what was sent, from either side', async () => {
    const rig = new LinkRig()
    const first = await rig.connect()
    first.write(bytes('last words'))
    await rig.pass(0)
    first.close()
    await rig.pass(100)
    deepEqual(words(rig.server), ['last words', 'closed'])
    equal(rig.device.at(-1)?.replace(/^\d+ /, ''), 'closed')
    await rig.connect()
    rig.reply('bye')
    rig.pipes.at(-1)?.close()
    await rig.pass(100)
    deepEqual(words(rig.device), ['bye', 'closed'])
  })

  test('a reset is told to the other end after one way', async () => {
    const rig = new LinkRig()
    const transport = await rig.connect()
    transport.destroy()
    await rig.pass(100)
    deepEqual(words(rig.server), ['reset'])
    await rig.connect()
    rig.pipes.at(-1)?.destroy()
    await rig.pass(100)
    deepEqual(words(rig.device), ['lost'])
  })

  test('latency and bandwidth take their time, and keep the order', async () => {
    const rig = new LinkRig({
      latency: { latencyMs: 100, jitterMs: 400 },
      bandwidth: { bytesPerSecond: 100 },
    })
    const transport = rig.dial()
    await rig.pass(2000)
    rig.clear()
    const start = rig.world.now
    for (const one of ['a', 'b', 'c', 'd']) {
      transport.write(bytes(one.repeat(50)))
      await rig.pass(1)
    }
    await rig.pass(10_000)
    equal(words(rig.server).join(''), ['a', 'b', 'c', 'd'].map((one) => one.repeat(50)).join(''))
    const times = rig.server.map((one) => Number(one.split(' ')[0]) - start)
    const [first = 0, last = 0] = [times[0], times.at(-1)]
    ok(first >= 350 && last >= 2100 && last < 3000, times.join(' '))
  })

  test('whatever the delays, bytes arrive in their order', async () => {
    const latency = fc.record({ latencyMs: fc.nat(50), jitterMs: fc.nat(200) })
    await fc.assert(
      fc.asyncProperty(latency, fc.array(fc.nat(30), { maxLength: 20 }), async (given, waits) => {
        const rig = new LinkRig({ latency: given })
        const transport = rig.dial()
        await rig.pass(600)
        rig.clear()
        for (const [i, wait] of waits.entries()) {
          transport.write(bytes(`<${i}>`))
          await rig.pass(wait)
        }
        await rig.pass(1000)
        equal(words(rig.server).join(''), waits.map((_, i) => `<${i}>`).join(''))
      }),
      { ...FAST_CHECK, numRuns: 30 },
    )
  })

  test('a cut resets both ends at once', async () => {
    const rig = new LinkRig()
    const transport = await rig.connect()
    transport.write(bytes('on its way'))
    await rig.pass(1)
    rig.link.cut()
    await rig.pass(100)
    deepEqual(words(rig.server), ['reset'])
    ok(words(rig.device).includes('lost'))
  })

  test('a cut at a byte lets pass what comes before it', async () => {
    const passed = new Set<number>()
    for (let round = 0; round < 10; round += 1) {
      const rig = new LinkRig({ cutAtByte: { probability: 1, bytes: 20 + round } })
      const transport = await rig.connect()
      transport.write(bytes('x'.repeat(400)))
      rig.reply('y'.repeat(400))
      await rig.pass(200)
      deepEqual(rig.listener.faults, ['link.cutAtByte'])
      const [toServer, toDevice] = [rig.server, rig.device].map(
        (seen) => words(seen).find((one) => /^[xy]/.test(one))?.length ?? 0,
      )
      ok(Math.min(toServer ?? 0, toDevice ?? 0) < 400)
      ok(words(rig.server).includes('reset') && words(rig.device).includes('lost'))
      passed.add(Math.min(toServer ?? 0, toDevice ?? 0))
    }
    ok(passed.size > 3, [...passed].join(' '))
  })

  test('nothing arrives behind a cut, not even at the same moment', async () => {
    const rig = new LinkRig({ cutAtByte: { probability: 1, bytes: 20 } })
    const transport = await rig.connect()
    for (let i = 0; i < 40; i += 1) {
      transport.write(bytes('0123456789'))
      rig.reply('0123456789')
      await Promise.resolve()
    }
    await rig.pass(200)
    for (const seen of [rig.server, rig.device]) {
      const passed = words(seen)
        .filter((one) => /^\d+$/.test(one))
        .join('')
      equal(passed, '0123456789'.repeat(40).slice(0, passed.length))
    }
    ok(words(rig.server).includes('reset'))
  })

  test('a half-open link swallows one way, and is reset when it is over', async () => {
    for (const direction of ['halfOpenToServer', 'halfOpenToDevice'] as const) {
      const rig = new LinkRig()
      const transport = await rig.connect()
      rig.link.begin(direction)
      equal(rig.link.isOn(direction), true)
      transport.write(bytes('there'))
      rig.reply('back')
      await rig.pass(1000)
      const toServer = direction === 'halfOpenToServer'
      equal(words(rig.server).includes('there'), !toServer)
      equal(words(rig.device).includes('back'), toServer)
      rig.link.end(direction)
      await rig.pass(100)
      ok(words(rig.server).includes('reset') && words(rig.device).includes('lost'))
    }
  })

  test('a half-open link that swallowed nothing goes on', async () => {
    const rig = new LinkRig()
    const transport = await rig.connect()
    rig.link.begin('halfOpenToServer')
    await rig.pass(1000)
    rig.link.end('halfOpenToServer')
    transport.write(bytes('there'))
    await rig.pass(100)
    deepEqual(words(rig.server), ['there'])
  })

  test('a stall holds everything up, and lets it all pass in its order', async () => {
    const rig = new LinkRig()
    const transport = await rig.connect()
    rig.link.begin('stall')
    transport.write(bytes('one'))
    await rig.pass(100)
    transport.write(bytes('two'))
    rig.reply('back')
    await rig.pass(5000)
    deepEqual(rig.server, [])
    rig.link.end('stall')
    await rig.pass(100)
    deepEqual(words(rig.server), ['one', 'two'])
    ok(words(rig.device).includes('back'))
  })

  test('a drip lets bytes pass a few at a time', async () => {
    const rig = new LinkRig({ drip: { ...EPISODE, bytes: 2 } })
    const transport = await rig.connect()
    rig.link.begin('drip')
    transport.write(bytes('abcdefg'))
    await rig.pass(100)
    deepEqual(words(rig.server), ['ab', 'cd', 'ef', 'g'])
    const times = new Set(rig.server.map((one) => one.split(' ')[0]))
    equal(times.size, 4)
    rig.link.end('drip')
    rig.clear()
    transport.write(bytes('abcdefg'))
    await rig.pass(100)
    deepEqual(words(rig.server), ['abcdefg'])
  })

  test('a partition swallows what is under way too, and whoever dials hears nothing', async () => {
    const rig = new LinkRig()
    const transport = await rig.connect()
    transport.write(bytes('on its way'))
    await rig.pass(1)
    rig.link.begin('partition')
    rig.dial()
    await rig.pass(60_000)
    deepEqual(rig.server, [])
    deepEqual(words(rig.device), ['written'])
    rig.link.end('partition')
    await rig.pass(100)
    deepEqual(words(rig.server), ['reset'])
    ok(words(rig.device).includes('lost'))
  })

  test('who dials is refused, ignored, or thrown out', async () => {
    const rig = new LinkRig()
    rig.link.begin('refuse')
    rig.dial()
    await rig.pass(100)
    deepEqual(rig.device, ['20 lost'])
    rig.link.end('refuse')
    rig.clear()
    rig.link.begin('blackHole')
    const ignored = rig.dial()
    await rig.pass(60_000)
    deepEqual(rig.device, [])
    ignored.destroy()
    await rig.pass(10)
    deepEqual(words(rig.device), ['closed'])
    rig.link.end('blackHole')
    rig.clear()
    rig.link.begin('acceptThenClose')
    rig.dial()
    await rig.pass(100)
    deepEqual(words(rig.device), ['opened', 'lost'])
    deepEqual(rig.server, [])
  })

  test('no server, one that is down, and one that has just gone refuse', async () => {
    const rig = new LinkRig()
    rig.dial('b')
    await rig.pass(100)
    rig.isUp = false
    rig.dial()
    await rig.pass(100)
    deepEqual(words(rig.device), ['lost', 'lost'])
    rig.clear()
    rig.isUp = true
    rig.dial()
    await rig.pass(10)
    rig.isUp = false
    await rig.pass(100)
    deepEqual(words(rig.device), ['opened', 'lost'])
  })

  test('the sender waits while the network has no room, and goes on when it has', async () => {
    const rig = new LinkRig()
    const transport = await rig.connect()
    rig.link.begin('stall')
    // The network takes what it is given at once, and no more while it holds that much.
    for (let i = 0; i < 2; i += 1) {
      transport.write(bytes('x'.repeat(100_000)))
      await rig.pass(100)
      deepEqual(words(rig.device), ['written'])
    }
    rig.link.end('stall')
    await rig.pass(100)
    deepEqual(words(rig.device), ['written', 'written'])
    equal(words(rig.server).join('').length, 200_000)
  })

  test('a device that sleeps gets what came when it wakes', async () => {
    const rig = new LinkRig()
    const transport = await rig.connect()
    rig.link.asleep = true
    rig.reply('in the night')
    transport.write(bytes('before'))
    await rig.pass(5000)
    ok(!words(rig.device).includes('in the night'))
    deepEqual(words(rig.server), ['before'])
    rig.link.wake()
    await rig.pass(0)
    ok(words(rig.device).includes('in the night'))
  })

  test('a process that is killed has its connections reset; without power nobody is told', async () => {
    for (const power of [false, true]) {
      const rig = new LinkRig()
      const transport = await rig.connect()
      transport.write(bytes('last words'))
      await rig.pass(0)
      rig.life.isAlive = false
      rig.link.handleCrash(power)
      rig.reply('anybody there?')
      await rig.pass(1000)
      deepEqual(words(rig.server), power ? [] : ['last words', 'reset'])
      deepEqual(
        words(rig.device).filter((one) => one !== 'written'),
        [],
      )
    }
  })

  test('healing ends all episodes, and a healed world has none', async () => {
    const rig = new LinkRig()
    for (const kind of ['partition', 'refuse', 'stall'] as const) rig.link.begin(kind)
    rig.link.heal()
    rig.dial()
    await rig.pass(100)
    deepEqual(words(rig.device), ['opened'])
    rig.link.begin('refuse')
    rig.world.healed = true
    equal(rig.link.isOn('refuse'), false)
  })
})
