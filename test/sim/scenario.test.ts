// portable
// `scenario()`: time passes while a test waits and only then, what is done to devices and servers happens,
// and whatever goes wrong is said clearly.

import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fleeting, guaranteed, latest, within } from '../../src/robust/policies.ts'
import type { SentMessage } from '../../src/sim/observations.ts'
import type { ScenarioError } from '../../src/sim/scenario/error.ts'
import type { ScenarioWorld } from '../../src/sim/scenario/types.ts'
import { paced } from '../support/pace.ts'
import { scenario } from '../support/sim-rig.ts'

/** The failure of a scenario. */
async function failure(
  body: (world: ScenarioWorld) => unknown,
  options: object = {},
): Promise<ScenarioError> {
  let caught: unknown
  await scenario(options, body).catch((error: unknown) => (caught = error))
  ok(caught instanceof Error, 'It did not fail')
  return caught as ScenarioError
}

describe('scenario: time', () => {
  test('time stands still while the test does something, and passes while it awaits', async () => {
    const { value, simulatedMs } = await scenario({}, async (world) => {
      const seen = [world.now]
      await world.pass('10m')
      seen.push(world.now)
      await world.pass(1)
      seen.push(world.now)
      return seen
    })
    deepEqual(value, [0, 600_000, 600_001])
    equal(simulatedMs, 600_001)
  })

  test('a promise of the client lets time pass until it settles', async () => {
    await scenario({}, async (world) => {
      world.server('mqtt://server')
      const { client } = world.device('door')
      const { status, latencyMs } = await client.publish('a', 'b').settled
      equal(status, 'delivered')
      ok(latencyMs > 0 && world.now >= latencyMs, `${latencyMs}`)
    })
  })

  test('until ends at the moment at which it is so', async () => {
    await scenario({}, async (world) => {
      const server = world.server('mqtt://server')
      const { client } = world.device('door')
      client.publish('a', 'b')
      await world.until(() => server.received('a').length === 1)
      equal(world.now, server.received('a')[0]?.at)
      const { now } = world
      await world.until(() => true)
      equal(world.now, now)
    })
  })

  test('several waits at once end each in its time', async () => {
    const { value } = await scenario({}, async (world) => {
      const ends: string[] = []
      await Promise.all([
        world.pass('2s').then(() => ends.push(`two ${world.now}`)),
        world.pass('1s').then(() => ends.push(`one ${world.now}`)),
        world.until(() => world.now >= 1500).then(() => ends.push(`until ${world.now}`)),
      ])
      return ends
    })
    deepEqual(value, ['one 1000', 'two 2000', 'until 2000'])
  })

  test('the same seed goes the same way, another one another', async () => {
    const time = `${paced(60, 10)}m` as const
    const body = async (world: ScenarioWorld): Promise<void> => {
      world.server('mqtt://server')
      const door = world.device('door', { outbox: 'disk' }, (client) => {
        client.publish('a', 'started', { delivery: guaranteed() })
      })
      await world.pass(time)
      door.powerCut()
      await world.pass('1m')
      door.start()
      await world.pass(time)
    }
    const faults = {
      link: { cut: { everyMs: 60_000 }, stall: { everyMs: 300_000, forMs: 60_000 } },
    }
    const [one, same, other] = await Promise.all(
      [1, 1, 2].map((seed) => scenario({ seed, faults }, body)),
    )
    equal(one?.hash, same?.hash)
    deepEqual(one?.trace, same?.trace)
    ok(one?.hash !== other?.hash)
    ok((one?.fired['link.cut'] ?? 0) > 10, JSON.stringify(one?.fired))
  })
})

describe('scenario: devices', () => {
  test('an alarm survives a power cut of ten minutes', async () => {
    await scenario({ seed: 1 }, async (world) => {
      const server = world.server('mqtt://server')
      const door = world.device('door-7', { outbox: 'disk' })
      server.stop()
      const alarm = door.client.publish('door/window', 'broken', { delivery: guaranteed() })
      equal(await alarm.stored, 'disk')
      door.powerCut()
      equal(door.processNumber, 0)
      equal(door.messages[0]?.status, 'open')
      await world.pass('10m')
      server.start()
      door.start()
      await door.client.connect()
      await world.until(() => server.received('door/window').length === 1, { within: '5m' })
      await door.client.drain()
      equal(door.messages[0]?.status, 'delivered')
    })
  })

  test('what was in memory is lost with its process', async () => {
    await scenario({}, async (world) => {
      world.server('mqtt://server').stop()
      const door = world.device('door')
      door.client.publish('a', 'b')
      await world.pass('1s')
      door.kill()
      deepEqual(
        world.messages.map(({ topic, status }) => [topic, status]),
        [['a', 'lost']],
      )
    })
  })

  test('the application runs again at each start, with a client of its own', async () => {
    await scenario({}, async (world) => {
      world.server('mqtt://server')
      const clients = new Set<object>()
      const starts: number[] = []
      const door = world.device('door', (client, { number }) => {
        clients.add(client)
        starts.push(number)
      })
      door.kill()
      door.start()
      deepEqual(starts, [1, 2])
      equal(clients.size, 2)
      equal(door.processNumber, 2)
    })
  })

  test('the clocks and timers of an application are virtual and end with it', async () => {
    await scenario({}, async (world) => {
      world.server('mqtt://server')
      const seen: string[] = []
      const door = world.device('door', async (_client, { every, sleep, now, epochNow }) => {
        const [began, beganEpoch] = [now(), epochNow()]
        const end = every('10m', () => seen.push(`${(now() - began) / 60_000} m`))
        await sleep('35m')
        seen.push(`slept ${(epochNow() - beganEpoch) / 60_000} m`)
        end()
        every('1h', () => seen.push('hour'))
      })
      await world.pass('2h')
      deepEqual(seen, ['10 m', '20 m', '30 m', 'slept 35 m', 'hour'])
      door.kill()
      await world.pass('5h')
      equal(seen.length, 5)
    })
  })

  test('a client may have a delay of its own', async () => {
    await scenario({}, async (world) => {
      const server = world.server('mqtt://server')
      server.stop()
      const waits: number[] = []
      const door = world.device('door', {
        client: (MQTTClient) =>
          class extends MQTTClient {
            readonly everyMs = 5000

            override delayMs(): number {
              waits.push(world.now)
              return this.everyMs
            }
          },
      })
      equal(door.client.everyMs, 5000)
      void door.client.connect()
      await world.pass('1m')
      ok(waits.length >= 10 && waits.length <= 13, `${waits.length}`)
    })
  })

  test('a process that sleeps hears nothing, and is late', async () => {
    await scenario({}, async (world) => {
      world.server('mqtt://server')
      const door = world.device('door')
      await door.client.connect()
      door.sleep('1h')
      const press = door.client.publish('light', 'on', { delivery: within('15s') })
      const { latencyMs } = await press.settled
      ok(latencyMs >= 3_600_000, `${latencyMs}`)
    })
  })

  test('a wall clock that is set is what the device believes', async () => {
    await scenario({}, async (world) => {
      world.server('mqtt://server')
      const seen: number[] = []
      const door = world.device('door', (_client, { epochNow }) => {
        seen.push(epochNow())
      })
      for (const by of ['2h', '-90s', -500] as const) {
        door.jumpClock(by)
        door.kill()
        door.start()
      }
      const [first = 0, ...rest] = seen
      deepEqual(
        rest.map((one) => one - first),
        [7_200_000, 7_110_000, 7_109_500],
      )
    })
  })

  test('a clock that runs fast is early', async () => {
    await scenario({}, async (world) => {
      world.server('mqtt://server').stop()
      const door = world.device('door', { clockRate: 2 })
      await door.client.publish('a', 'b', { delivery: within('10s') }).settled
      ok(world.now >= 4990 && world.now <= 5010, `${world.now}`)
    })
  })

  test('each kind of message has its outcome', async () => {
    const { value } = await scenario({}, async (world) => {
      world.server('mqtt://server').stop()
      const { client } = world.device('door', { outbox: 'disk' })
      client.publish('a', '1', { delivery: fleeting() })
      client.publish('b', '1', { delivery: latest() })
      client.publish('b', '2', { delivery: latest() })
      client.publish('c', '1', { delivery: within('15s') })
      client.publish('d', '1', { delivery: guaranteed() })
      await world.pass('1m')
      return world.messages.map(({ topic, status }) => `${topic} ${status}`)
    })
    deepEqual(value, ['a dropped', 'b superseded', 'b open', 'c expired', 'd open'])
  })

  test('what a later process does with a message of an earlier one is known', async () => {
    await scenario({}, async (world) => {
      const server = world.server('mqtt://server')
      server.stop()
      const seen: string[] = []
      const door = world.device('door', { outbox: './door-outbox' }, async (client, { number }) => {
        if (number === 1) return
        const [alarm, press] = await Promise.all(ids.map((id) => client.receipt(id)))
        seen.push(`${alarm?.topic} ${alarm?.stage}`)
        seen.push(`${press?.topic} ${(await press?.settled)?.status}`)
      })
      const alarm = door.client.publish('alarm', '1', { delivery: guaranteed() })
      const press = door.client.publish('press', '1', { delivery: within('1m') })
      const ids = [alarm.id, press.id]
      await Promise.all([alarm.stored, press.stored])
      door.powerCut()
      await world.pass('10m')
      door.start()
      await world.pass('1s')
      // No process had a connection: it was never sent.
      deepEqual(seen, ['alarm stored', 'press expired'])
      deepEqual(
        door.messages.map(({ status }) => status),
        ['open', 'expired'],
      )
    })
  })

  test('payloads are those of the application, everywhere that it looks', async () => {
    await scenario({}, async (world) => {
      const server = world.server('mqtt://server')
      const { client } = world.device('door')
      const got: string[] = []
      await client.subscribe('echo/#', { qos: 1 }, (topic, _payload, message) => {
        got.push(`${topic} ${message.text()} ${message.retain}`)
      })
      const bytes = Uint8Array.of(0, 255, 35, 49, 32)
      await client.publish('echo/a', '#1 text', { properties: { contentType: 'x' } }).settled
      await client.publish('raw', bytes, { qos: 2, retain: true }).settled
      equal(server.publish('echo/b', 'from the server', { qos: 1 }), 1)
      await world.until(() => got.length === 2)
      deepEqual(got, ['echo/a #1 text false', 'echo/b from the server false'])
      deepEqual(server.received('raw')[0]?.payload, bytes)
      deepEqual(world.messages[1]?.payload, bytes)
      const [echo, raw] = server.received()
      equal(echo?.text(), '#1 text')
      deepEqual([raw?.qos, raw?.retain, raw?.dup, raw?.clientId], [2, true, false, 'door'])
      equal(raw?.message, world.messages[1])
      throws(() => raw?.text(), /Cannot read the payload of "raw": it is not UTF-8/)
    })
  })
})

describe('scenario: links, disks and servers', () => {
  test('a link that is cut is connected again, and the message is through', async () => {
    await scenario({}, async (world) => {
      const server = world.server('mqtt://server')
      const door = world.device('door')
      await door.client.connect()
      for (const fault of ['cut', 'refuse', 'blackHole', 'partition', 'stall'] as const) {
        door.link[fault]()
        if (fault === 'refuse' || fault === 'blackHole') door.link.cut()
        const { settled } = door.client.publish('a', fault)
        await world.pass('2m')
        door.link.heal()
        await settled
      }
      const seen = server.received('a').map((message) => message.text())
      deepEqual([...new Set(seen)], ['cut', 'refuse', 'blackHole', 'partition', 'stall'])
    })
  })

  test('a half-open link is noticed in either direction', async () => {
    await scenario({}, async (world) => {
      world.server('mqtt://server')
      const door = world.device('door')
      for (const direction of ['to-server', 'to-device'] as const) {
        await door.client.connect()
        let lost = 0
        const off = door.client.on('connection-lost', () => (lost += 1))
        door.link.halfOpen(direction)
        await world.until(() => lost > 0, { within: '3m' })
        off()
        door.link.heal()
        await world.until(() => door.client.state === 'connected', { within: '10m' })
      }
    })
  })

  test('a slow link that drips is alive', async () => {
    await scenario({}, async (world) => {
      const server = world.server('mqtt://server')
      const door = world.device('door')
      await door.client.connect()
      door.link.slow({ latencyMs: 2000, jitterMs: 500, bytesPerSecond: 500 })
      door.link.drip(3)
      const { attempts } = await door.client.publish('a', 'x'.repeat(2000)).settled
      equal(attempts, 1)
      ok(world.now > 6000, `${world.now}`)
      equal(server.received().length, 1)
    })
  })

  test('a client that is thrown out before CONNACK tries again', async () => {
    const { fired } = await scenario({}, async (world) => {
      world.server('mqtt://server')
      const door = world.device('door')
      door.link.acceptThenClose()
      let attempts = 0
      door.client.on('attempt', () => (attempts += 1))
      void door.client.connect()
      await world.until(() => attempts === 3)
      door.link.heal()
      await door.client.connect()
    })
    equal(fired['link.acceptThenClose'], 1)
  })

  test('a disk that is full refuses, and one that fails says so', async () => {
    await scenario({}, async (world) => {
      world.server('mqtt://server').stop()
      const door = world.device('door', { outbox: 'disk' })
      await door.client.open()
      door.disk.fill()
      const big = door.client.publish('a', 'x'.repeat(50_000), { delivery: guaranteed() })
      await rejects(big.stored, /full/)
      door.disk.heal()
      door.disk.slow('2s')
      const before = world.now
      equal(await door.client.publish('b', '1', { delivery: guaranteed() }).stored, 'disk')
      ok(world.now > before + 2, `${world.now - before}`)
      door.disk.heal()
      door.disk.fail()
      await rejects(door.client.publish('c', '1', { delivery: guaranteed() }).stored)
      ok(door.disk.usedBytes > 0)
    })
  })

  test('a server that is started without its sessions has forgotten everybody', async () => {
    await scenario({}, async (world) => {
      const server = world.server('mqtt://server')
      const door = world.device('door')
      let lost = 0
      door.client.on('session-lost', () => (lost += 1))
      await door.client.connect()
      for (const sessions of ['kept', 'lost'] as const) {
        equal(server.up, true)
        server.stop()
        equal(server.up, false)
        deepEqual(server.clients, [])
        await world.pass('1m')
        server.start({ sessions })
        await world.until(() => server.clients.includes('door'))
        await world.pass('1s')
        equal(lost, sessions === 'kept' ? 0 : 1)
      }
    })
  })

  test('a server kicks, forgets and refuses whom it is told to', async () => {
    await scenario({}, async (world) => {
      const server = world.server('mqtt://server')
      const door = world.device('door')
      let sessionsLost = 0
      const reasons: string[] = []
      door.client.on('connection-lost', ({ message }) => reasons.push(message))
      door.client.on('session-lost', () => (sessionsLost += 1))
      await door.client.connect()
      server.kick('door', 0x8b)
      await world.until(() => reasons.length === 1)
      match(reasons[0] ?? '', /0x8b/i)
      await world.until(() => server.clients.length === 1)
      deepEqual(server.sessions, ['door'])
      server.forget('door')
      deepEqual(server.sessions, [])
      await world.until(() => sessionsLost === 1)
      server.refuse(0x88)
      server.kick('door')
      await world.pass('5m')
      deepEqual(server.clients, [])
      server.accept()
      await world.until(() => server.clients.length === 1)
    })
  })

  test('servers have limits and versions', async () => {
    await scenario({}, async (world) => {
      world.server('mqtt://old', { protocol: 4 })
      world.server('mqtts://new', { limits: { receiveMaximum: 3, maximumQoS: 1 } })
      const old = world.device('one', { server: 'mqtt://old' })
      const young = world.device('two', { server: 'mqtts://new' })
      equal((await old.client.connect()).protocol, 4)
      const { protocol, limits } = await young.client.connect()
      equal(protocol, 5)
      deepEqual([limits.receiveMaximum, limits.maximumQoS], [3, 1])
    })
  })

  test('a client goes to the next server of its list', async () => {
    await scenario({}, async (world) => {
      const first = world.server('mqtt://a')
      const second = world.server('mqtt://b')
      first.stop()
      const door = world.device('door', { servers: ['mqtt://b'] })
      await door.client.connect()
      deepEqual([first.clients, second.clients], [[], ['door']])
    })
  })

  test('devices hear each other, of what is retained and of a will', async () => {
    await scenario({}, async (world) => {
      world.server('mqtt://server')
      const door = world.device('door', {
        will: { topic: 'door/status', payload: 'gone', retain: true, qos: 1 },
      })
      door.client.publish('door/status', 'here', { retain: true })
      await door.client.drain()
      const got: string[] = []
      const house = world.device('house', (client) => {
        void client.subscribe('door/+', { qos: 1 }, (_topic, _payload, message) => {
          got.push(`${message.text()} ${message.retain}`)
        })
      })
      await world.until(() => got.length === 1)
      door.kill()
      await world.until(() => got.length === 2)
      house.kill()
      house.start()
      await world.pass('1m')
      deepEqual(got, ['here true', 'gone false', 'gone true'])
    })
  })

  test('heal ends what is wrong everywhere', async () => {
    await scenario({}, async (world) => {
      const server = world.server('mqtt://server')
      const door = world.device('door', { outbox: 'disk' })
      world.arm({
        link: { cut: { everyMs: 1000 } },
        server: { kick: { everyMs: 1000, reasonCodes: [0x8b] } },
      })
      await world.pass('1m')
      server.stop()
      door.link.partition()
      door.disk.fill()
      door.sleep('10h')
      world.heal()
      equal(server.up, true)
      await door.client.publish('a', 'b', { delivery: guaranteed() }).settled
      const { now } = world
      ok(now < 3_600_000, `${now}`)
      let lost = 0
      door.client.on('connection-lost', () => (lost += 1))
      await world.pass('1h')
      equal(lost, 0)
    })
  })

  test('faults at random befall devices that come later, and processes come back', async () => {
    const { fired } = await scenario({ seed: 3 }, async (world) => {
      world.arm({
        process: {
          crash: { everyMs: 300_000, forMs: 1000 },
          crashAtStep: { steps: 50, forMs: 1000 },
          powerLoss: { everyMs: 600_000, forMs: 1000 },
          sleep: { everyMs: 300_000, forMs: 5000 },
        },
        clock: { jump: { everyMs: 100_000, jumpMs: 1000 } },
        disk: { slow: { delayMs: 20 } },
      })
      const server = world.server('mqtt://server')
      const door = world.device('door', { outbox: 'disk' }, (client, { every }) => {
        every('1m', () => client.publish('a', 'x', { delivery: guaranteed() }))
      })
      const hours = paced(3, 1)
      await world.pass(`${hours}h` as const)
      world.heal()
      await world.pass('1m')
      if (door.processNumber === 0) door.start()
      await door.client.connect()
      await door.client.drain()
      ok(server.received('a').length > 16 * hours, `${server.received('a').length}`)
      const open = door.messages.filter(({ status }) => status !== 'delivered' && status !== 'lost')
      deepEqual(open, [])
    })
    for (const kind of [
      'process.crash',
      'process.crashAtStep',
      'process.powerLoss',
      'process.sleep',
      'clock.jump',
    ]) {
      ok((fired[kind] ?? 0) > 0, `${kind}: ${JSON.stringify(fired)}`)
    }
  })
})

describe('scenario: what goes wrong', () => {
  test('a test that waits when nothing is left to happen is stuck', async () => {
    const error = await failure(async (world) => {
      world.server('mqtt://server')
      const door = world.device('door', { outbox: 'disk' })
      await door.client.disconnect()
      await door.client.publish('a', 'b').settled
    })
    equal(error.name, 'ScenarioError')
    equal(error.failure, 'stuck')
    match(error.message, /^The test waits, and nothing is left to happen/)
    match(error.message, /door: process 1, closed, 1 messages open \(#1 a\)/)
    match(error.message, /mqtt:\/\/server: up, 0 clients/)
    match(error.message, /What happened last:\n.*publish {3}door #1 a/s)
  })

  test('a test that waits for a dead process is stuck when its patience is over', async () => {
    const error = await failure(
      async (world) => {
        world.server('mqtt://server')
        const door = world.device('door')
        void world.device('other').client.connect()
        const { settled } = door.client.publish('a', 'b')
        door.kill()
        await settled
      },
      { patience: '2h' },
    )
    equal(error.failure, 'stuck')
    match(error.message, /^For 7200000 ms of virtual time the test has awaited something/)
    match(error.message, /door: no process runs/)
  })

  test('until says what it has waited for in vain', async () => {
    const error = await failure(async (world) => {
      await world.until(() => world.now < 0, { within: '5m' })
    })
    equal(error.failure, 'too-late')
    match(error.message, /^In 300000 ms of virtual time this did not become true: .*world\.now < 0/)
    const named = await failure((world) => world.until(() => false, { what: 'the moon' }))
    match(named.message, /^In 3600000 ms of virtual time this did not become true: the moon/)
  })

  test('what a predicate or the test throws is what the scenario rejects with', async () => {
    const boom = new Error('boom')
    const raise = (): never => {
      throw boom
    }
    equal(await failure((world) => world.until(raise)), boom)
    equal(await failure(raise), boom)
    equal(await failure(() => Promise.reject(boom)), boom)
  })

  test('what an application throws is heard, wherever it does', async () => {
    const boom = new Error('boom')
    const raise = (): never => {
      throw boom
    }
    equal(
      await failure((world) => {
        world.server('mqtt://server')
        world.device('door', raise)
      }),
      boom,
    )
    for (const app of [
      (_: unknown, { sleep }: { sleep(ms: number): Promise<void> }) => sleep(10).then(raise),
      (_: unknown, { every }: { every(ms: number, action: () => void): unknown }) => {
        every(10, raise)
      },
    ]) {
      const error = await failure(async (world) => {
        world.server('mqtt://server')
        world.device('door', app)
        await world.pass('1h')
      })
      equal(error, boom)
    }
  })

  test('a rule that is broken fails the scenario, unless rules are off', async () => {
    const body = async (world: ScenarioWorld): Promise<void> => {
      world.server('mqtt://server').stop()
      const door = world.device('door')
      const { settled } = door.client.publish('a', 'b', { delivery: within('15s') })
      // As if a server had it all the same.
      const [noted] = world.messages as unknown as { readonly sent: SentMessage }[]
      noted?.sent.takes.push({ at: 0, session: 1, connection: 1, dup: false })
      await settled
      await world.pass('1s')
    }
    await scenario({ rules: false }, body)
    const error = await failure(body)
    equal(error.failure, 'rule-broken')
    match(error.message, /^A rule of umqtt was broken at 00:00:15\.000: S8: #1 is called expired/)
    equal(error.violations.length, 1)
  })

  test('a report has the seed, the legend and what happened', async () => {
    const reports: string[] = []
    const boom = new Error('boom')
    const options = { seed: 'mine', report: (text: string) => reports.push(text) }
    await failure(async (world) => {
      world.server('mqtt://server')
      await world.device('door').client.connect()
      world.log('now it happens')
      throw boom
    }, options)
    const [text = ''] = reports
    match(text, /^Scenario with seed "mine" failed: Error: boom\n/)
    match(text, /virtual hours:minutes:seconds/)
    match(text, /connected door to a new session/)
    match(text, /act {7}test now it happens/)
    await scenario(options, () => undefined)
    equal(reports.length, 1)
  })

  test('a client of a dead process refuses to go on', async () => {
    await scenario({}, async (world) => {
      world.server('mqtt://server')
      const door = world.device('door')
      const { client } = door
      door.kill()
      const refusal = /process 1 of "door" is dead; take the client of the one that runs/
      throws(() => client.publish('a', 'b'), refusal)
      throws(() => client.connect(), refusal)
      throws(() => client.subscribe('a'), refusal)
      throws(() => door.client, /Cannot use the client of "door": no process runs/)
      throws(() => door.kill(), /Cannot kill "door": no process runs/)
      throws(() => door.powerCut(), /Cannot cut the power of "door": no process runs/)
      throws(() => door.sleep('1s'), /Cannot put to sleep "door": no process runs/)
      door.start()
      throws(() => door.start(), /Cannot start "door": process 2 runs/)
      await world.pass('1s')
    })
  })

  test('a world is of no use after its scenario', async () => {
    let world: ScenarioWorld | undefined
    await scenario({}, (given) => {
      world = given
    })
    throws(() => world?.pass('1s'), /a scenario that is over/)
    throws(() => world?.server('mqtt://server'), /a scenario that is over/)
  })

  test('arguments that cannot be meant are refused at the call', async () => {
    const never = (): void => undefined
    for (const [options, expected] of [
      [{ sed: 1 }, /Cannot use options\.sed: the known ones are seed, faults, rules/],
      [{ seed: {} }, /Cannot use options\.seed "Object": give a number or a text/],
      [{ patience: 'long' }, /Cannot use options\.patience "long": give milliseconds/],
      [{ traceLines: -1 }, /Cannot use options\.traceLines/],
      [
        { faults: { links: {} } },
        /Cannot use options\.faults\.links: the known ones are link, server/,
      ],
      [
        { faults: { link: { cut: {} } } },
        /Cannot use options\.faults\.link\.cut\.everyMs "undefined"/,
      ],
      [
        { faults: { link: { snap: {} } } },
        /Cannot use options\.faults\.link\.snap: the known ones are latency/,
      ],
      [{ faults: { server: { withhold: { probability: 2 } } } }, /give a probability from 0 to 1/],
      [{ faults: { clock: { drift: { rate: 2 } } } }, /give the option clockRate of the device/],
    ] as const) {
      throws(() => scenario(options as object, never), expected)
    }
    throws(() => scenario({}, undefined as never), /Cannot use the scenario "undefined"/)
    await scenario({}, async (world) => {
      throws(() => world.device('door'), /Cannot make device "door": no server is there/)
      throws(() => world.server('http://x'), /use "mqtt:"/)
      throws(() => world.server('unix:/run/x'), /give the name of a host/)
      const server = world.server('mqtt://server')
      throws(() => world.server('mqtts://server'), /there is a server of that host/)
      throws(
        () => world.server('mqtt://b', { protocol: 3 } as never),
        /Cannot use options\.protocol "3"/,
      )
      throws(() => world.device(''), /give the device a name/)
      throws(
        () => world.device('x', { server: 'mqtt://other' }),
        /no such server is there, but mqtt:\/\/server/,
      )
      throws(
        () => world.device('x', { transport: 1 } as never),
        /the link of the device is its transport/,
      )
      throws(() => world.device('x', { keepAlive: 1 } as never), /keepAlive/)
      throws(() => world.device('x', { clockRate: 3 }), /give a number from 0\.5 to 2/)
      throws(
        () => world.device('x', { client: class {} as never }),
        /give a function that makes the class/,
      )
      throws(() => world.device('x', {}, 1 as never), /Cannot use app "1": give a function/)
      const door = world.device('door')
      throws(() => world.device('door'), /there is a device of that name/)
      throws(() => door.client.publish('a', 1 as never), /Cannot use payload "1"/)
      throws(() => door.client.publish('a', '\ud800'), /unpaired surrogate/)
      throws(
        () => door.client.publish('a', 'b', { delivery: guaranteed() }),
        /set the option outbox/,
      )
      equal(world.messages.length, 0)
      throws(() => door.jumpClock('soon'), /Cannot use by "soon"/)
      throws(() => door.link.drip(0), /Cannot use bytes "0"/)
      throws(() => door.link.halfOpen('up' as never), /Cannot use direction "up"/)
      throws(() => door.link.slow({ latency: 1 } as never), /Cannot use options\.latency/)
      throws(() => world.pass(0), /give more than 0 ms/)
      throws(() => world.until(1 as never), /Cannot use predicate "1"/)
      await rejects(
        world.until((async () => true) as never),
        /it answers object, and not true or false/,
      )
      throws(() => server.received('a/#/b'), /filter/)
      throws(() => server.publish('a/#', 'b'), /topic/)
      throws(() => server.kick('who'), /no session for it, but for nobody/)
      throws(() => server.start(), /Cannot start "mqtt:\/\/server": it was not stopped/)
      throws(() => server.refuse(4), /Cannot use reasonCode "4"/)
      server.stop()
      throws(() => server.stop(), /Cannot stop "mqtt:\/\/server": it is down/)
    })
  })
})
