// The first connection: what connect() waits for, what ends its wait, and what ends the trying.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { ClosedError, ConnectionLostError, ConnectRefusedError } from '../../src/errors.ts'
import { failure, watch } from '../simple/conversation.ts'
import {
  accepted,
  brief,
  connectedRig,
  dialled,
  refused,
  robustClient,
} from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

const REFUSED = new Error('connect ECONNREFUSED')

describe('connect', () => {
  for (const protocol of [4, 5] as const) {
    test(`asks for a session that outlives the connection on ${protocol}`, async () => {
      const { client, clock, server } = robustClient({ protocol })
      equal(client.state, 'idle')
      const connecting = client.connect()
      equal(client.state, 'connecting')
      const connection = await dialled({ server, clock })
      const { cleanStart, properties } = await connection.accept({}, true)
      deepEqual(
        [cleanStart, properties?.sessionExpiryInterval],
        [false, protocol === 5 ? 259_200 : undefined],
      )
      const result = await connecting
      deepEqual(
        [result.sessionPresent, result.protocol, client.state],
        [true, protocol, 'connected'],
      )
      equal(await client.connect(), result)
    })
  }

  test('goes on after any failure that may pass, and settles at the first connection', async () => {
    const rig = robustClient({ protocol: 5 })
    const { client, server, clock, told } = rig
    server.refuse = REFUSED
    const connecting = watch(client.connect())
    await elapse(clock, 60_000)
    ok(server.dials >= 3, `${server.dials}`)
    equal(client.state, 'waiting')
    server.refuse = undefined
    server.blackHole = true
    await elapse(clock, 120_000)
    server.blackHole = false
    const early = await dialled(rig)
    await early.connect()
    early.close()
    await refused(rig, 0x88)
    equal(connecting.status, 'open')
    await accepted(rig)
    equal(connecting.status, 'fulfilled')
    equal(told.filter((line) => line.startsWith('connected')).length, 1)
  })

  test('tells of each attempt how it ended', async () => {
    const rig = robustClient()
    const { client, server, clock, told } = rig
    server.refuse = REFUSED
    void client.connect()
    await elapse(clock, 300_000)
    server.refuse = undefined
    await accepted(rig)
    const kinds = told.map((line) => line.split(' ')[0])
    ok(kinds.length > 10)
    deepEqual(
      kinds,
      kinds.map((_, index) =>
        index % 2 === 0 ? 'attempt' : index === kinds.length - 1 ? 'connected' : 'waiting',
      ),
    )
  })

  test('with retry false fails at the first failure, and no attempt follows', async () => {
    const { client, server, clock, told } = robustClient()
    server.refuse = REFUSED
    const error = await failure(client.connect({ retry: false }), ConnectionLostError)
    equal(error.cause, REFUSED)
    await elapse(clock, 600_000)
    deepEqual([server.dials, client.state, clock.pending], [1, 'closed', 0])
    deepEqual(told, ['attempt 1 mqtt://a.example', 'waiting Infinity'])
  })

  test('with retry false works again later, at once', async () => {
    const rig = robustClient()
    rig.server.refuse = REFUSED
    await failure(rig.client.connect({ retry: false }), ConnectionLostError)
    rig.server.refuse = undefined
    await elapse(rig.clock, 1_000)
    const connecting = rig.client.connect({ retry: false })
    const before = rig.clock.now()
    await accepted(rig)
    await connecting
    equal(rig.clock.now(), before)
  })

  test('with retry false does not end what somebody else waits for', async () => {
    const rig = robustClient()
    const { client, server, clock } = rig
    server.refuse = REFUSED
    const patient = watch(client.connect())
    await failure(client.connect({ retry: false }), ConnectionLostError)
    equal(client.state, 'waiting')
    server.refuse = undefined
    await elapse(clock, 20_000)
    await accepted(rig)
    equal(patient.status, 'fulfilled')
  })

  test('with retry false fails also when something is published meanwhile, which goes on', async () => {
    const rig = robustClient()
    const { client, server } = rig
    server.refuse = REFUSED
    const connecting = failure(client.connect({ retry: false }), ConnectionLostError)
    const receipt = client.publish('a', 'b')
    await connecting
    server.refuse = undefined
    const connection = await accepted(rig)
    connection.autoRespond()
    equal((await receipt.settled).status, 'delivered')
  })

  test('with a signal gives up its wait, and goes on trying', async () => {
    const rig = robustClient()
    const { client, server, clock } = rig
    server.refuse = REFUSED
    const controller = new AbortController()
    const connecting = watch(client.connect({ signal: controller.signal }))
    await elapse(clock, 5_000)
    controller.abort(new Error('enough'))
    await settle()
    match(String(connecting.error), /enough/)
    server.refuse = undefined
    await accepted(rig)
    equal(client.state, 'connected')
  })

  test('with a signal that has aborted does nothing', async () => {
    const { client, server, clock } = robustClient()
    const signal = AbortSignal.abort(new Error('before'))
    match(String(await failure(client.connect({ signal }), Error)), /before/)
    await elapse(clock, 60_000)
    deepEqual([server.dials, client.state], [0, 'idle'])
  })

  test('refuses options that cannot be meant at the call', () => {
    const { client } = robustClient()
    throws(() => client.connect({ retry: 1 as never }), TypeError)
    throws(() => client.connect({ signal: {} as never }), TypeError)
    throws(() => client.connect({ cleanStart: true } as never), /known ones are retry, signal/)
  })
})

describe('connect that is refused for good', () => {
  for (const [protocol, reasonCode] of [
    [5, 0x87],
    [5, 0x8a],
    [5, 0x85],
    [4, 2],
    [4, 5],
  ] as const) {
    test(`rejects at once with 0x${reasonCode.toString(16)} on ${protocol}, and goes on rarely`, async () => {
      const rig = robustClient({ protocol })
      const { client, clock, server, told } = rig
      const before = clock.now()
      const connecting = failure(client.connect(), ConnectRefusedError)
      await refused(rig, reasonCode)
      equal((await connecting).reasonCode, reasonCode)
      deepEqual([clock.now(), client.state], [before, 'waiting'])
      match(told.at(-1) ?? '', /^waiting \d+ slow$/)
      await elapse(clock, 89_000)
      equal(server.dials, 1)
      const connection = await accepted(rig)
      ok(clock.now() - before >= 90_000 && clock.now() - before <= 120_000)
      equal(brief(connection.received).length, 1)
      equal(client.state, 'connected')
    })
  }

  test('rejects in the same way for a certificate that is not trusted, and goes on rarely', async () => {
    const { client, clock, server, told } = robustClient()
    server.refuse = new ConnectionLostError('not trusted', { transient: false })
    const connecting = failure(client.connect(), ConnectionLostError)
    await settle()
    equal((await connecting).message, 'not trusted')
    match(told.at(-1) ?? '', /^waiting \d+ slow$/)
    await elapse(clock, 89_000)
    equal(server.dials, 1)
    server.refuse = undefined
    await accepted({ server, clock })
    equal(client.state, 'connected')
  })

  test('comes to its end with whenRefused "stop", until connect is called again', async () => {
    const rig = robustClient({ reconnect: { whenRefused: 'stop' } })
    const { client, clock, server, told } = rig
    const receipt = client.publish('a', 'b')
    const connecting = failure(client.connect(), ConnectRefusedError)
    await refused(rig, 0x86)
    await connecting
    await elapse(clock, 3_600_000)
    deepEqual([server.dials, client.state, receipt.stage], [1, 'closed', 'accepted'])
    equal(told.at(-1), 'waiting Infinity slow')
    client.publish('a', 'c')
    await elapse(clock, 3_600_000)
    equal(server.dials, 1)
    const again = client.connect()
    const connection = await accepted(rig)
    await again
    connection.autoRespond()
    equal((await receipt.settled).status, 'delivered')
  })

  test('ends those who wait for messages with whenRefused "stop"', async () => {
    const rig = robustClient({ reconnect: { whenRefused: 'stop' } })
    const waiting = failure(rig.client.waitMsg(), ConnectRefusedError)
    const connecting = failure(rig.client.connect(), ConnectRefusedError)
    await refused(rig, 0x86)
    await connecting
    await waiting
  })
})

describe('disconnect', () => {
  test('right after connect leaves nothing behind', async () => {
    const { client, server, clock } = robustClient()
    const connecting = failure(client.connect(), ClosedError)
    await client.disconnect()
    equal((await connecting).sent, 'no')
    await elapse(clock, 600_000)
    deepEqual([server.connections.length, client.state, clock.pending], [0, 'closed', 0])
  })

  for (const when of ['while dialling', 'while shaking hands', 'while waiting'] as const) {
    test(`${when} ends the trying, and every wait`, async () => {
      const rig = robustClient()
      const { client, server, clock } = rig
      if (when === 'while dialling') server.blackHole = true
      if (when === 'while waiting') server.refuse = REFUSED
      const waits = [
        failure(client.connect(), ClosedError),
        failure(client.subscribe('a'), ClosedError),
        failure(client.waitMsg(), ClosedError),
        failure(client.drain({ signal: new AbortController().signal }).then(refuseIdle), Error),
      ]
      const stream = client.messages().next()
      await elapse(clock, when === 'while waiting' ? 30_000 : 0)
      await client.disconnect()
      await Promise.all(waits)
      equal((await stream).done, true)
      const { dials } = server
      await elapse(clock, 600_000)
      deepEqual([server.dials, client.state, clock.pending], [dials, 'closed', 0])
    })
  }

  test('and connect at once begin anew, without the wait of before', async () => {
    const rig = robustClient()
    const { client, server, clock } = rig
    server.refuse = REFUSED
    const first = failure(client.connect(), ClosedError)
    await elapse(clock, 200_000)
    server.refuse = undefined
    void client.disconnect()
    const second = watch(client.connect())
    const before = clock.now()
    await accepted(rig)
    await first
    equal(second.status, 'fulfilled')
    ok(clock.now() - before <= 1_000)
  })

  test('and connect during the dial make one new connection', async () => {
    const rig = robustClient()
    const { client, server } = rig
    const first = failure(client.connect(), ClosedError)
    const given = await dialled(rig)
    await given.connect()
    void client.disconnect()
    const second = watch(client.connect())
    await accepted(rig)
    await first
    equal(second.status, 'fulfilled')
    ok(given.ended)
    deepEqual([server.dials, client.state], [2, 'connected'])
  })

  test('from a listener of "attempt" is in time', async () => {
    const { client, server, clock } = robustClient()
    client.on('attempt', () => void client.disconnect())
    await failure(client.connect(), ClosedError)
    await elapse(clock, 600_000)
    deepEqual([server.dials, client.state, clock.pending], [0, 'closed', 0])
  })

  test('in order sends DISCONNECT, and keeps what waits for the next connect', async () => {
    const rig = await connectedRig()
    const { client, clock, connection, server } = rig
    await client.disconnect()
    equal(brief(connection.received).at(-1), 'DISCONNECT')
    const receipt = client.publish('late', 'x')
    await elapse(clock, 3_600_000)
    deepEqual([server.dials, receipt.stage, client.state], [1, 'accepted', 'closed'])
    void client.connect()
    const second = await accepted(rig, { sessionPresent: true })
    second.autoRespond()
    equal((await receipt.settled).status, 'delivered')
  })

  test('is bounded when the server does not end its side', async () => {
    const { client, server, clock, connection } = await connectedRig()
    server.pipe(connection).peer.answersEnd = false
    const disconnecting = watch(client.disconnect({ timeoutMs: 300 }))
    await elapse(clock, 299)
    equal(disconnecting.status, 'open')
    await elapse(clock, 1)
    equal(disconnecting.status, 'fulfilled')
    deepEqual([client.state, clock.pending], ['closed', 0])
  })

  test('refuses a later subscribe, waitMsg and ping', async () => {
    const { client } = await connectedRig()
    await client.disconnect()
    await failure(client.subscribe('a'), ClosedError)
    await failure(client.unsubscribe('a'), ClosedError)
    await failure(client.waitMsg(), ClosedError)
    await failure(client.ping(), ClosedError)
  })
})

describe('MQTT 3.1.1', () => {
  test('is fallen back to within one attempt, and kept', async () => {
    const rig = robustClient()
    const { client, told } = rig
    const connecting = client.connect()
    await refused(rig, 0x84)
    const connection = await accepted(rig)
    const result = await connecting
    deepEqual([connection.version, result.protocol], [4, 4])
    connection.destroy()
    const second = await accepted(rig, { sessionPresent: true })
    equal(second.version, 4)
    deepEqual(
      told.map((line) => line.split(' ')[0]),
      ['attempt', 'connected', 'connection-lost', 'waiting', 'attempt', 'connected'],
    )
  })

  test('is not fallen back to when the version is set: that is refused for good', async () => {
    const rig = robustClient({ protocol: 5 })
    const connecting = failure(rig.client.connect(), ConnectRefusedError)
    await refused(rig, 0x84)
    await connecting
    await elapse(rig.clock, 89_000)
    deepEqual([rig.server.dials, rig.client.state], [1, 'waiting'])
  })

  test('takes turns with 5.0 on the schedule after a close without CONNACK, until one is accepted', async () => {
    const rig = robustClient()
    void rig.client.connect()
    for (const version of [5, 4, 5]) {
      const connection = await dialled(rig)
      equal((await connection.connect()).version, version)
      connection.close()
      await settle()
      equal(rig.client.state, 'waiting')
    }
    const connection = await accepted(rig)
    equal(connection.version, 4)
    connection.close()
    await settle()
    // That was a guess: 5.0 once more, and it is none.
    const next = await dialled(rig)
    equal((await next.connect()).version, 5)
    next.close()
    const guessed = await accepted(rig)
    equal(guessed.version, 4)
    guessed.close()
    await settle()
    equal((await accepted(rig)).version, 4)
  })
})

describe('dispose', () => {
  test('closes once, and leaves no timer', async () => {
    const { client, clock, connection } = await connectedRig()
    client.publish('a', 'b')
    await client[Symbol.asyncDispose]()
    await client[Symbol.asyncDispose]()
    ok(connection.received.some(({ type }) => type === PacketType.DISCONNECT))
    deepEqual([client.state, clock.pending], ['closed', 0])
  })
})

function refuseIdle(): never {
  throw new Error('It was idle')
}
