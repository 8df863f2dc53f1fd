// What a caller may hand over: a mistake throws at the call, before any effect, with words that help.

import { deepEqual, equal, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import { RobustClient } from '../../src/robust/client.ts'
import { latest } from '../../src/robust/policies.ts'
import type { RobustOptions, RobustPublishOptions } from '../../src/robust/types.ts'
import { dialled, robustClient } from '../support/robust-rig.ts'
import { elapse, settle, testPlatform } from '../support/scripted-memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

describe('the options of the constructor', () => {
  const wrong: readonly (readonly [options: object, expected: RegExp])[] = [
    [{ server: 'http://x' }, /use "mqtt:"/],
    [{ clientId: 5 }, /Cannot use clientId "5"/],
    [{ clientId: '', protocol: 4 }, /Cannot use clientId "": .*MQTT-3\.1\.3-7/],
    [{ limits: null }, /Cannot use options.limits "null": give an object/],
    [{ limits: 5 }, /Cannot use options.limits "5": give an object/],
    [{ retries: 5 }, /Cannot use options.retries: the known ones are port, .*servers, .*outbox/],
    [{ sharedSessions: 'yes' }, /Cannot use options.sharedSessions "yes": give one of true, false/],
    [{ credentials: {} }, /Cannot use options.credentials "Object": give a function/],
    [
      { connection: 'sometimes' },
      /Cannot use options.connection "sometimes": give one of always, on-demand/,
    ],
    [{ session: { expirySeconds: -1 } }, /Cannot use options.session.expirySeconds "-1"/],
    [{ session: { expirySeconds: 4_294_967_296 } }, /Cannot use options.session.expirySeconds/],
    [{ session: { adopt: 0 } }, /Cannot use options.session.adopt "0"/],
    [
      { session: { keep: true } },
      /Cannot use options.session.keep: the known ones are expirySeconds, adopt/,
    ],
    [{ reconnect: { floorMs: 0 } }, /Cannot use reconnect.floorMs "0"/],
    [{ reconnect: { whenRefused: 'never' } }, /Cannot use reconnect.whenRefused "never"/],
    [{ limits: { outboxMessages: 0 } }, /Cannot use options.limits.outboxMessages "0"/],
    [{ limits: { outboxBytes: 1.5 } }, /Cannot use options.limits.outboxBytes "1.5"/],
    [{ limits: { outbox: 1 } }, /Cannot use options.limits.outbox/],
    [{ limits: { receiveMaximum: 0 } }, /Cannot use options.limits.receiveMaximum "0"/],
    [{ delivery: { qos: 3 } }, /Cannot use delivery/],
    [{ delivery: { ...latest(), qos: 3 } }, /Cannot use delivery.qos "3"/],
    [{ outbox: '' }, /Cannot use options.outbox ""/],
    [{ outbox: './folder' }, /this platform has no folders/],
    [{ outbox: {} }, /Cannot use options.outbox "Object": give a folder or a store/],
    [{ outbox: null }, /Cannot use options.outbox "null"/],
    [{ keepAliveSeconds: 70_000 }, /Cannot use options.keepAliveSeconds "70000"/],
  ]
  for (const [options, expected] of wrong) {
    test(`refuse ${JSON.stringify(options)}`, () => {
      throws(() => robustClient(options as RobustOptions), expected)
    })
  }

  test('refuse what is no object of options', () => {
    for (const options of [5, null, true]) {
      throws(
        () =>
          new RobustClient('id', 'x', options as never, testPlatform(new VirtualClock(1)) as never),
        new RegExp(`Cannot use options "${String(options)}": give an object`),
      )
    }
  })

  test('that are undefined are those by default', () => {
    const { client } = robustClient({
      servers: undefined,
      limits: undefined,
      session: undefined,
      reconnect: undefined,
      delivery: undefined,
    } as unknown as RobustOptions)
    equal(client.state, 'idle')
  })

  test('are not kept: later changes are not seen', async () => {
    const servers = ['mqtt://b.example']
    const session = { expirySeconds: 5 }
    const rig = robustClient({ servers, session })
    servers[0] = 'mqtt://c.example'
    session.expirySeconds = 6
    rig.server.refuse = new Error('away')
    void rig.client.connect()
    await elapse(rig.clock, 10)
    deepEqual(rig.network.dialled, ['a.example', 'b.example'])
  })
})

describe('the arguments of publish', () => {
  const wrong: readonly (readonly [unknown, unknown, object, RegExp])[] = [
    ['a/#', 'x', {}, /wildcard/],
    ['', 'x', {}, /topic/i],
    [5, 'x', {}, /topic/i],
    ['a\0', 'x', {}, /U\+0000/],
    ['a', 5, {}, /payload/],
    ['a', undefined, {}, /payload/],
    ['a', 'x', { qos: 3 }, /Cannot use qos "3"/],
    ['a', 'x', { qos: '1' }, /qos/],
    ['a', 'x', { qos: null }, /qos/],
    ['a', 'x', { qos: 3, delivery: latest() }, /Cannot use qos "3"/],
    ['a', 'x', { retain: 1 }, /Cannot use retain "1"/],
    ['a', 'x', { transfer: 'no' }, /Cannot use transfer "no"/],
    ['a', 'x', { retian: true }, /Cannot use options.retian: the known ones are/],
    ['a', 'x', { signal: 5 }, /Cannot use options.signal/],
    ['a', 'x', { delivery: {} }, /delivery/],
    ['a', 'x', { delivery: 'fast' }, /delivery/],
    ['a', 'x', { delivery: null }, /delivery/],
    ['a', 'x', { delivery: { ...latest(), energy: 'all' } }, /energy/],
    ['a', 'x', { properties: { messageExpirySeconds: -1 } }, /messageExpirySeconds/],
    ['a', 'x', { properties: { expiry: 1 } }, /properties.expiry/],
    ['a', 'x', null as never, /options/],
  ]
  for (const [topic, payload, options, expected] of wrong) {
    test(`refuse ${JSON.stringify([topic, payload, options])}, and nothing is published`, async () => {
      const { client, server, clock } = robustClient()
      throws(
        () => client.publish(topic as string, payload as string, options as RobustPublishOptions),
        expected,
      )
      await elapse(clock, 1_000)
      deepEqual([client.idle, server.dials, client.state], [true, 0, 'idle'])
    })
  }
  test('may leave anything but the topic and the payload undefined', () => {
    const { client } = robustClient()
    const options = {
      qos: undefined,
      retain: undefined,
      delivery: undefined,
      properties: undefined,
    }
    equal(client.publish('a', encodeUtf8('x'), options as never).stage, 'accepted')
  })
})

describe('the arguments of other calls', () => {
  test('are checked at the call', async () => {
    const { client, server, clock } = robustClient()
    throws(() => client.subscribe('a/#/b'), TypeError)
    throws(() => client.subscribe([]), TypeError)
    throws(() => client.subscribe('a', { qos: 3 as never }), TypeError)
    throws(() => client.subscribe('a', {}, 5 as never), TypeError)
    throws(() => client.unsubscribe('a/#/b'), TypeError)
    throws(() => client.setCallback(5 as never), TypeError)
    throws(() => client.setLastWill('a/+', 'x'), TypeError)
    throws(() => client.drain({ signal: 5 as never }), TypeError)
    throws(() => client.disconnect({ drain: 1 as never }), TypeError)
    throws(() => client.disconnect({ timeoutMs: 0 }), RangeError)
    throws(() => client.disconnect({ timeout: 1 } as never), TypeError)
    throws(() => client.waitMsg({ signal: 5 as never }), TypeError)
    throws(() => client.on('attempt', 5 as never), TypeError)
    for (const event of ['message', 'error', 'connect', 5, 'toString']) {
      throws(() => client.on(event as never, () => undefined), {
        name: 'TypeError',
        message: /event ".+": the known ones are state, attempt, waiting, .+, warning$/,
      })
    }
    await elapse(clock, 1_000)
    deepEqual([server.dials, client.state], [0, 'idle'])
  })
})

describe('the will', () => {
  test('of setLastWill holds in place of the function for it, which is asked no more', async () => {
    let asked = 0
    const rig = robustClient({
      will: () => {
        asked += 1
        return Promise.resolve({ topic: 'w', payload: `${asked}` })
      },
    })
    void rig.client.connect()
    const wills: unknown[] = []
    for (let round = 0; round < 3; round += 1) {
      const connection = await dialled(rig)
      const { will } = await connection.accept({}, round > 0)
      wills.push(String.fromCharCode(...(will?.payload ?? [])))
      if (round === 1) rig.client.setLastWill('w', 'by hand')
      connection.destroy()
      await settle()
    }
    deepEqual([wills, asked], [['1', '2', 'by hand'], 2])
  })

  test('is that of the last setLastWill, for every later connection', async () => {
    const rig = robustClient({ will: { topic: 'w', payload: 'first' } })
    rig.client.setLastWill('w', 'second', { qos: 1 })
    void rig.client.connect()
    for (let round = 0; round < 2; round += 1) {
      const connection = await rig.server.connection()
      const { will } = await connection.accept({}, round > 0)
      deepEqual(
        [will?.topic, will?.qos, String.fromCharCode(...(will?.payload ?? []))],
        ['w', 1, 'second'],
      )
      connection.destroy()
      await elapse(rig.clock, 13_000)
    }
  })
})
