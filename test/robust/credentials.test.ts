// The function that gives user name and password: asked anew before each attempt, bounded and checked.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { ClosedError, ConnectRefusedError } from '../../src/errors.ts'
import type { RobustOptions } from '../../src/robust/types.ts'
import { failure, watch } from '../simple/conversation.ts'
import { accepted, dialled, Network, refused, robustClient } from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && String.fromCharCode(...bytes)

describe('a function for the credentials', () => {
  for (const protocol of [4, 5] as const) {
    test(`is asked before each attempt on ${protocol}`, async () => {
      let asked = 0
      const rig = robustClient({
        protocol,
        user: 'never',
        credentials: () => {
          asked += 1
          return Promise.resolve({ user: `user ${asked}`, password: `secret ${asked}` })
        },
      })
      void rig.client.connect()
      const seen: unknown[] = []
      for (let round = 0; round < 3; round += 1) {
        const connection = await dialled(rig)
        const { userName, password } = await connection.accept({}, round > 0)
        seen.push([userName, text(password)])
        connection.destroy()
        await settle()
      }
      deepEqual(seen, [
        ['user 1', 'secret 1'],
        ['user 2', 'secret 2'],
        ['user 3', 'secret 3'],
      ])
    })
  }

  test('has one normal attempt with fresh ones after a refusal, before the slow lane', async () => {
    let asked = 0
    const rig = robustClient({
      credentials: () => Promise.resolve({ user: `user ${(asked += 1)}` }),
    })
    const connecting = watch(rig.client.connect())
    await refused(rig, 0x86)
    equal(connecting.status, 'open')
    const before = rig.clock.now()
    await refused(rig, 0x86)
    ok(rig.clock.now() - before <= 13_000)
    ok(connecting.error instanceof ConnectRefusedError)
    match(rig.told.at(-1) ?? '', /slow$/)
    await accepted(rig)
    equal(asked, 3)
  })

  for (const [what, credentials] of [
    ['rejects', () => Promise.reject(new Error('no token'))],
    [
      'throws',
      () => {
        throw new Error('no token')
      },
    ],
    ['gives undefined', () => Promise.resolve(undefined)],
    ['gives null', () => Promise.resolve(null)],
    ['gives a text', () => Promise.resolve('secret')],
    ['gives an unknown field', () => Promise.resolve({ username: 'u' })],
    ['gives a wrong field', () => Promise.resolve({ user: 5 })],
    ['gives an option that is none', () => Promise.resolve({ keepAliveSeconds: 5 })],
  ] as const) {
    test(`that ${what} makes the attempt fail, with the usual waits`, async () => {
      const rig = robustClient({
        credentials: credentials as RobustOptions['credentials'] & object,
      })
      const { client, clock, server, told } = rig
      const errors: Error[] = []
      client.on('waiting', ({ error }) => errors.push(error))
      const connecting = watch(client.connect())
      await elapse(clock, 300_000)
      deepEqual([server.dials, connecting.status], [0, 'open'])
      ok(errors.length > 3 && errors.length < 30, `${errors.length}`)
      ok(errors.every(({ message }) => !message.includes('secret')))
      const [, type] = /^gives (undefined|null)$/.exec(what) ?? []
      if (type) match(errors[0]?.message ?? '', new RegExp(`credentials\\(\\) of type "${type}"`))
      equal(told.length, errors.length * 2)
      const failing = failure(client.connect({ retry: false }), Error)
      await elapse(clock, 130_000)
      equal((await failing).message, errors[0]?.message)
    })
  }

  test('that never settles is waited for as long as for a connection', async () => {
    let hangs = true
    const rig = robustClient({
      credentials: () => (hangs ? new Promise(() => undefined) : Promise.resolve({ user: 'u' })),
    })
    const errors: Error[] = []
    rig.client.on('waiting', ({ error }) => errors.push(error))
    void rig.client.connect()
    await elapse(rig.clock, 30_000)
    match(errors[0]?.message ?? '', /credentials\(\) within 30000 ms/)
    hangs = false
    const connection = await accepted(rig)
    const [packet] = connection.received
    equal(packet?.type === PacketType.CONNECT && packet.userName, 'u')
  })

  test('that never settles holds up no disconnect, and leaves no timer', async () => {
    const rig = robustClient({ credentials: () => new Promise(() => undefined) })
    const connecting = failure(rig.client.connect(), ClosedError)
    await elapse(rig.clock, 1_000)
    await rig.client[Symbol.asyncDispose]()
    await connecting
    await settle()
    deepEqual([rig.clock.pending, rig.client.state], [0, 'closed'])
  })
})

describe('a function for the will', () => {
  test('is asked before each attempt, and is checked', async () => {
    let asked = 0
    const rig = robustClient({
      will: () => {
        asked += 1
        const topic = asked === 2 ? 'a/#' : 'status'
        return Promise.resolve({ topic, payload: `gone ${asked}`, retain: true })
      },
    })
    const errors: Error[] = []
    rig.client.on('waiting', ({ error }) => errors.push(error))
    void rig.client.connect()
    const wills: unknown[] = []
    for (let round = 0; round < 2; round += 1) {
      const connection = await dialled(rig)
      const { will } = await connection.accept({}, round > 0)
      wills.push([will?.topic, text(will?.payload), will?.retain])
      connection.destroy()
      await settle()
    }
    deepEqual(wills, [
      ['status', 'gone 1', true],
      ['status', 'gone 3', true],
    ])
    ok(errors.some(({ message }) => /will\.topic "a\/#"/.test(message)))
  })
})

describe('a function for the TLS settings', () => {
  test('is asked before each attempt, and is checked', async () => {
    let asked = 0
    const network = new Network()
    const seen: unknown[] = []
    const rig = robustClient({
      server: 'a.example',
      network,
      tls: () => {
        asked += 1
        return Promise.resolve(asked === 2 ? ({ cA: 'wrong' } as object) : { ca: `${asked}` })
      },
      transport: (address, handler, options) => {
        seen.push([address.scheme, options.tls?.ca])
        return network.transport(address, handler, options)
      },
    })
    const errors: Error[] = []
    rig.client.on('waiting', ({ error }) => errors.push(error))
    void rig.client.connect()
    const connection = await accepted(rig)
    connection.destroy()
    await accepted(rig)
    deepEqual(seen, [
      ['mqtts', '1'],
      ['mqtts', '3'],
    ])
    ok(errors.some(({ message }) => /tls\.cA/.test(message)))
  })
})
