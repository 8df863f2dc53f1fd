// portable
// Enhanced authentication and problem information: AUTH both ways. §3.15, §4.12, §3.1.2.11.7

import { deepEqual, equal, match, rejects, throws } from 'node:assert/strict'
import { NO_PROPERTIES, PacketType } from '../../src/codec/packets.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { settle, testClient, type TestClient } from '../support/scripted-memory.ts'
import { CODES, brief, connected, endedFor, endOf, goesOn, hex, toHex } from './conversation.ts'
import { rule } from './rule.ts'

const properties = NO_PROPERTIES
const { AUTH, DISCONNECT } = PacketType
const METHOD = { settings: { authenticationMethod: 'M' } }

/** A connected client with an authentication method. */
async function authenticated(
  respond: (data: Uint8Array | undefined) => Uint8Array,
): Promise<TestClient & { connection: ScriptedConnection }> {
  const set = testClient({ properties: { authentication: { method: 'M', respond } } })
  const connecting = set.client.connect()
  const connection = await set.server.connection()
  await connection.accept({ authenticationMethod: 'M' })
  await connecting
  return { ...set, connection }
}

rule(
  'a failed answer to AUTH ends the connection with a reason code that a client may send',
  { v5: 'MQTT-3.14.2-1 MQTT-4.12.1-2' },
  async () => {
    const { client, connection } = await authenticated(() => {
      throw new Error('No such key')
    })
    const answer = client.reauthenticate().catch((error: Error) => error.message)
    await connection.next(AUTH)
    connection.send({ type: AUTH, reasonCode: 0x18, properties: { authenticationMethod: 'M' } })
    await connection.closed
    // The scripted server reads nothing that only servers may send.
    equal(brief(await connection.next()), 'DISCONNECT 0x80')
    match(String(await answer), /No such key/)
  },
)

rule('AUTH has method and data and nothing else', { v5: 'MQTT-3.15.2-2 MQTT-3.15.2-3' }, () => {
  const talk = connected(5, METHOD)
  talk.engine.authenticate(encodeUtf8('d'), true, 0)
  equal(toHex(talk.sentBytes()), 'f0 0a 19 08 15 00 01 4d 16 00 01 64')
})

rule(
  'AUTH of the server without a method in CONNECT ends the connection',
  { v5: 'MQTT-4.12.0-6 §3.15' },
  () => {
    for (const reasonCode of [0, 0x18]) {
      const talk = connected(5)
      endedFor(
        talk.receive({ type: AUTH, reasonCode, properties: { authenticationMethod: 'M' } }),
        0x82,
      )
    }
  },
)

rule('AUTH 0x19 of the server ends the connection', { v5: '§3.15' }, () => {
  endedFor(connected(5, METHOD).receiveBytes(hex('f0 06 19 04 15 00 01 4d')), 0x82)
})

rule(
  'AUTH of the server with an undefined reason code ends the connection',
  { v5: 'MQTT-3.15.2-1 MQTT-4.12.0-2' },
  () => {
    for (const code of CODES) {
      const talk = connected(5, METHOD)
      talk.receiveBytes(Uint8Array.of(0xf0, 6, code, 4, 0x15, 0, 1, 0x4d))
      if (code === 0 || code === 0x18) goesOn(talk)
      else endedFor(talk, 0x82)
    }
  },
)

rule(
  'AUTH of the server with another method, or none, ends the connection',
  { v5: 'MQTT-4.12.0-5' },
  () => {
    endedFor(
      connected(5, METHOD).receive({
        type: AUTH,
        reasonCode: 0x18,
        properties: { authenticationMethod: 'N' },
      }),
      0x82,
    )
    for (const bytes of ['f0 00', 'f0 02 18 00'])
      endedFor(connected(5, METHOD).receiveBytes(hex(bytes)), 0x82)
  },
)

rule(
  'AUTH of the server is answered with AUTH 0x18 and the method',
  { v5: 'MQTT-4.12.0-3 MQTT-4.12.0-5 MQTT-3.15.2-1' },
  async () => {
    const seen: (string | undefined)[] = []
    const respond = (data: Uint8Array | undefined): Uint8Array => {
      seen.push(data && toHex(data))
      return Uint8Array.of(seen.length)
    }
    const { client, server } = testClient({
      properties: { authentication: { method: 'M', respond } },
    })
    const connecting = client.connect()
    const connection = await server.connection()
    equal((await connection.connect()).properties?.authenticationMethod, 'M')
    for (const step of [1, 2]) {
      const said = { authenticationMethod: 'M', authenticationData: Uint8Array.of(0xa0 + step) }
      connection.send({ type: AUTH, reasonCode: 0x18, properties: said })
      deepEqual(await connection.next(), {
        type: AUTH,
        reasonCode: 0x18,
        properties: { authenticationMethod: 'M', authenticationData: Uint8Array.of(step) },
      })
    }
    deepEqual(seen, ['a1', 'a2'])
    connection.send({
      type: 2,
      sessionPresent: false,
      reasonCode: 0,
      properties: { authenticationMethod: 'M' },
    })
    await connecting
  },
)

rule('without a method in CONNECT no AUTH is sent', { v5: 'MQTT-4.12.0-7' }, async () => {
  const { client, server } = testClient()
  const connecting = client.connect()
  const connection = await server.connection()
  await connection.accept()
  await connecting
  throws(() => client.reauthenticate(), TypeError)
  await settle()
  equal(connection.received.length, 1)
  const talk = connected(5)
  talk.engine.authenticate(undefined, true, 0)
  talk.engine.authenticate(undefined, false, 0)
  deepEqual(talk.sentBriefly(), [])
})

rule(
  'a re-authentication is AUTH 0x19 with the original method',
  { v5: 'MQTT-4.12.1-1 MQTT-4.12.0-5 MQTT-3.15.2-1' },
  async () => {
    const { client, connection } = await authenticated(() => Uint8Array.of(2))
    const again = client.reauthenticate(Uint8Array.of(1))
    deepEqual(await connection.next(), {
      type: AUTH,
      reasonCode: 0x19,
      properties: { authenticationMethod: 'M', authenticationData: Uint8Array.of(1) },
    })
    connection.send({ type: AUTH, reasonCode: 0x18, properties: { authenticationMethod: 'M' } })
    equal(brief(await connection.next()), 'AUTH 0x18')
    connection.send({ type: AUTH, reasonCode: 0, properties: { authenticationMethod: 'M' } })
    await again
    equal(client.state, 'connected')
  },
)

rule(
  'a re-authentication that the server refuses closes the connection',
  { v5: 'MQTT-4.12.1-2' },
  async () => {
    const { client, connection } = await authenticated(() => Uint8Array.of(2))
    const again = client.reauthenticate()
    await connection.next(AUTH)
    connection.send({ type: DISCONNECT, reasonCode: 0x87, properties })
    await rejects(again, { code: 'ERR_MQTT_SERVER_DISCONNECT', reasonCode: 0x87 })
    await connection.closed
    equal(client.state, 'closed')
  },
)

rule(
  'problem information that CONNECT asked to leave out ends the connection',
  { v5: 'MQTT-3.1.2-29' },
  () => {
    for (const said of [{ reasonString: 'why' }, { userProperties: [['n', 'v'] as const] }]) {
      for (const ask of [false, true]) {
        const start = { settings: { requestProblemInformation: ask } }
        const talk = connected(5, start)
        talk.publish('a', 1)
        talk.sent()
        talk.receive({ type: 4, packetId: 1, reasonCode: 0x80, properties: said })
        if (ask) goesOn(talk)
        else endedFor(talk, 0x82)
        const other = connected(5, start)
        other.subscribe('a')
        other.sent()
        other.receive({ type: 9, packetId: 1, reasonCodes: [0], properties: said })
        if (ask) goesOn(other)
        else endedFor(other, 0x82)
      }
      const start = { settings: { requestProblemInformation: false }, properties: said }
      const talk = connected(5, start)
      goesOn('userProperties' in said ? talk.receivePublish({ properties: said }) : talk)
      talk.receive({ type: DISCONNECT, reasonCode: 0x80, properties: said })
      equal(endOf(talk).code, 'ERR_MQTT_SERVER_DISCONNECT')
    }
  },
)

rule(
  'CONNECT asks to leave problem information out when the application says so',
  { v5: 'MQTT-3.1.2-29' },
  async () => {
    const { client, server } = testClient({ properties: { requestProblemInformation: false } })
    const connecting = client.connect()
    const connection = await server.connection()
    equal((await connection.accept()).properties?.requestProblemInformation, false)
    await connecting
  },
)
