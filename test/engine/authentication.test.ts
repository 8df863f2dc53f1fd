// Enhanced authentication: AUTH while connecting and on a connection that is open. §4.12

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import { ProtocolError, TimeoutError } from '../../src/errors.ts'
import { auth, connack, errorIs, refusal, Rig, sentAre } from '../support/engine-rig.ts'

const METHOD = { authenticationMethod: 'SCRAM' }
const DATA = encodeUtf8('data')

function answer(rig: Rig, data: Uint8Array | undefined, again = false): void {
  rig.do((engine, now) => engine.authenticate(data, again, now))
}

describe('authentication', () => {
  test('begins with CONNECT, which names the method and may bring data [MQTT-3.1.2-30]', () => {
    const rig = new Rig()
    rig.open({ ...METHOD, authenticationData: DATA })
    const [packet] = rig.sent
    ok(packet?.type === 1)
    equal(packet.properties?.authenticationMethod, 'SCRAM')
    deepEqual(packet.properties?.authenticationData, DATA)
  })

  test('goes back and forth until CONNACK [MQTT-4.12.0-2] [MQTT-4.12.0-3]', () => {
    const rig = new Rig()
    rig.open(METHOD)
    for (const step of ['one', 'two']) {
      rig.receive(auth(0x18, { ...METHOD, authenticationData: encodeUtf8(step) }))
      const [output] = rig.take('auth')
      deepEqual(output?.packet.properties.authenticationData, encodeUtf8(step))
      answer(rig, encodeUtf8(`${step}!`))
      const [packet] = rig.flush()
      ok(packet?.type === 15)
      equal(packet.reasonCode, 0x18)
      deepEqual(packet.properties, { ...METHOD, authenticationData: encodeUtf8(`${step}!`) })
    }
    rig.receive(connack(METHOD))
    equal(rig.engine.state, 'connected')
    equal(rig.engine.owed, false)
  })

  test('may be answered without data', () => {
    const rig = new Rig()
    rig.open(METHOD)
    rig.receive(auth(0x18, METHOD))
    answer(rig, undefined)
    const [packet] = rig.flush()
    ok(packet?.type === 15)
    deepEqual(packet.properties, METHOD)
  })

  test('that fails is a refusal [MQTT-4.12.0-4]', () => {
    const rig = new Rig()
    rig.open(METHOD)
    rig.receive(auth(0x18, METHOD))
    answer(rig, DATA)
    rig.receive(refusal(0x87))
    ok(rig.end()?.message.includes('0x87'))
  })

  test('holds no second AUTH of the server back', () => {
    const rig = new Rig()
    rig.open(METHOD)
    rig.receive(auth(0x18, METHOD))
    rig.receive(connack())
    answer(rig, DATA)
    sentAre(rig.flush(), ['AUTH 0x18'])
  })
})

describe('AUTH that is out of place', () => {
  for (const [name, settings, properties, clause] of [
    ['no method was named', {}, METHOD, 'MQTT-4.12.0-6'],
    ['it names another method', METHOD, { authenticationMethod: 'OTHER' }, 'MQTT-4.12.0-5'],
  ] as const) {
    for (const state of ['handshaking', 'connected'] as const) {
      test(`ends a connection that is ${state} when ${name} [${clause}]`, () => {
        const rig = new Rig()
        if (state === 'handshaking') rig.open(settings)
        else rig.connect({}, settings)
        const sent = rig.receive(auth(0x18, properties))
        sentAre(sent, state === 'connected' ? ['DISCONNECT 0x82'] : [])
        errorIs(rig.end(), ProtocolError, { clause, reasonCode: 0x82 })
      })
    }
  }

  test('is not sent without a method, nor without a connection', () => {
    const rig = new Rig()
    rig.connect()
    answer(rig, DATA)
    answer(rig, DATA, true)
    sentAre(rig.flush(), [])
    const closed = new Rig()
    closed.connect({}, METHOD)
    closed.close()
    answer(closed, DATA, true)
    equal(closed.engine.out.sizeBytes, 0)
  })
})

describe('re-authentication', () => {
  test('begins with 0x19 and ends with 0x00, while messages go on [MQTT-4.12.1-1]', () => {
    const rig = new Rig()
    rig.connect({}, METHOD)
    answer(rig, DATA, true)
    sentAre(rig.flush(), ['AUTH 0x19'])
    equal(rig.engine.owed, true)
    rig.publish('a', 0)
    sentAre(rig.flush(), ['PUBLISH a'])
    rig.receive(auth(0x18, METHOD))
    answer(rig, DATA)
    sentAre(rig.flush(), ['AUTH 0x18'])
    rig.receive(auth(0, METHOD))
    deepEqual(
      rig.take('auth').map(({ packet }) => packet.reasonCode),
      [0x18, 0],
    )
    equal(rig.engine.owed, false)
    equal(rig.engine.nextTimeout(), Infinity)
  })

  test('that the server does not answer ends the connection', () => {
    const rig = new Rig()
    rig.connect({}, METHOD)
    answer(rig, DATA, true)
    rig.flush()
    rig.elapse(19_999)
    equal(rig.engine.state, 'connected')
    rig.elapse(1)
    errorIs(rig.end(), TimeoutError, { operation: 'acknowledgement' })
  })

  test('is not owed on the next connection', () => {
    const rig = new Rig()
    rig.connect({}, METHOD)
    answer(rig, DATA, true)
    rig.close()
    equal(rig.engine.owed, false)
    rig.connect({}, METHOD)
    rig.elapse(1_000_000)
    equal(rig.engine.state, 'connected')
  })
})
