// portable
// connect(): what CONNECT says for the options, what the result says of CONNACK, and what is kept from one
// connection to the next.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PacketType } from '../../src/codec/packets.ts'
import { encodeUtf8 } from '../../src/codec/utf8.ts'
import { ProtocolError } from '../../src/errors.ts'
import { settle, testClient } from '../support/scripted-memory.ts'
import { connected, failure, reconnected, take, watch } from './conversation.ts'

describe('CONNECT', () => {
  test('carries the defaults when nothing is said', async () => {
    const { connectPacket } = await connected()
    deepEqual(connectPacket, {
      type: PacketType.CONNECT,
      version: 5,
      clientId: 'client',
      cleanStart: true,
      keepAlive: 60,
      properties: { receiveMaximum: 1024, maximumPacketSize: 16_777_216, topicAliasMaximum: 32 },
    })
  })

  test('carries every option on MQTT 5.0', async () => {
    const { connectPacket } = await connected(
      {
        clientId: 'sensor-7',
        user: 'user',
        password: 'pässword',
        keepAliveSeconds: 30,
        limits: { receiveMaximum: 7, maximumPacketSizeBytes: 1000, topicAliasMaximum: 0 },
        will: {
          topic: 'status',
          payload: 'gone',
          qos: 1,
          retain: true,
          delaySeconds: 5,
          properties: {
            payloadFormatIndicator: 1,
            messageExpirySeconds: 60,
            contentType: 'text/plain',
            responseTopic: 'answer',
            correlationData: encodeUtf8('x'),
            userProperties: [['a', 'b']],
          },
        },
        properties: {
          userProperties: [
            ['k', 'v1'],
            ['k', 'v2'],
          ],
          requestResponseInformation: true,
          requestProblemInformation: false,
          authentication: { method: 'PLAIN', data: encodeUtf8('data') },
        },
      },
      { request: { cleanStart: false, sessionExpirySeconds: 3600 } },
    )
    deepEqual(connectPacket, {
      type: PacketType.CONNECT,
      version: 5,
      clientId: 'sensor-7',
      cleanStart: false,
      keepAlive: 30,
      userName: 'user',
      password: encodeUtf8('pässword'),
      will: {
        topic: 'status',
        payload: encodeUtf8('gone'),
        qos: 1,
        retain: true,
        properties: {
          willDelayInterval: 5,
          payloadFormatIndicator: 1,
          messageExpiryInterval: 60,
          contentType: 'text/plain',
          responseTopic: 'answer',
          correlationData: encodeUtf8('x'),
          userProperties: [['a', 'b']],
        },
      },
      properties: {
        sessionExpiryInterval: 3600,
        receiveMaximum: 7,
        maximumPacketSize: 1000,
        requestResponseInformation: true,
        requestProblemInformation: false,
        userProperties: [
          ['k', 'v1'],
          ['k', 'v2'],
        ],
        authenticationMethod: 'PLAIN',
        authenticationData: encodeUtf8('data'),
      },
    })
  })

  test('carries what MQTT 3.1.1 has, and no more, with protocol 4', async () => {
    const { connectPacket, connection } = await connected(
      {
        protocol: 4,
        user: 'user',
        password: encodeUtf8('pass'),
        keepAliveSeconds: 0,
        will: { topic: 'status', payload: 'gone', delaySeconds: 5 },
        properties: { userProperties: [['k', 'v']] },
      },
      { request: { cleanStart: false } },
    )
    equal(connection.version, 4)
    deepEqual(
      { ...connectPacket, properties: {}, will: { ...connectPacket.will, properties: {} } },
      {
        type: PacketType.CONNECT,
        version: 4,
        clientId: 'client',
        cleanStart: false,
        keepAlive: 0,
        userName: 'user',
        password: encodeUtf8('pass'),
        will: {
          topic: 'status',
          payload: encodeUtf8('gone'),
          qos: 0,
          retain: false,
          properties: {},
        },
        properties: {},
      },
    )
  })

  test('asks for a session of a day when the start is not clean', async () => {
    const { connectPacket } = await connected({}, { request: { cleanStart: false } })
    equal(connectPacket.properties?.sessionExpiryInterval, 86_400)
  })

  test('asks for a session that outlives a clean start when told so', async () => {
    const request = { cleanStart: true, sessionExpirySeconds: 4_294_967_295 }
    const { connectPacket } = await connected({}, { request })
    deepEqual(
      [connectPacket.cleanStart, connectPacket.properties?.sessionExpiryInterval],
      [true, 4_294_967_295],
    )
  })

  test('is the first packet and comes once, also when calls are made at once [MQTT-3.1.0-1]', async () => {
    const { client, server } = testClient()
    const connecting = client.connect()
    const publishing = client.publish('a', 'b')
    const subscribing = watch(client.subscribe('a'))
    const connection = await server.connection()
    await connection.accept()
    await connecting
    await publishing
    await take(connection, PacketType.PUBLISH)
    await take(connection, PacketType.SUBSCRIBE)
    equal(connection.received[0]?.type, PacketType.CONNECT)
    equal(connection.received.length, 3)
    equal(subscribing.status, 'open')
  })
})

describe('the result of connect', () => {
  test('has the limits that CONNACK says', async () => {
    const { result } = await connected(
      {},
      {
        connack: {
          receiveMaximum: 10,
          maximumPacketSize: 2000,
          maximumQoS: 1,
          retainAvailable: false,
          serverKeepAlive: 20,
          topicAliasMaximum: 3,
          sessionExpiryInterval: 77,
          wildcardSubscriptionAvailable: false,
          subscriptionIdentifiersAvailable: false,
          sharedSubscriptionAvailable: false,
          userProperties: [['region', 'north']],
          responseInformation: 'answers/7',
        },
      },
    )
    deepEqual(result, {
      sessionPresent: false,
      protocol: 5,
      clientId: 'client',
      limits: {
        receiveMaximum: 10,
        maximumPacketSizeBytes: 2000,
        maximumQoS: 1,
        retainAvailable: false,
        keepAliveSeconds: 20,
        topicAliasMaximum: 3,
        sessionExpirySeconds: 77,
        wildcardSubscriptionAvailable: false,
        subscriptionIdsAvailable: false,
        sharedSubscriptionAvailable: false,
      },
      userProperties: [['region', 'north']],
      responseInformation: 'answers/7',
    })
  })

  test("has the specification's defaults for what CONNACK leaves out", async () => {
    const { result } = await connected({ keepAliveSeconds: 30 })
    deepEqual(result, {
      sessionPresent: false,
      protocol: 5,
      clientId: 'client',
      limits: {
        receiveMaximum: 65_535,
        maximumPacketSizeBytes: 268_435_460,
        maximumQoS: 2,
        retainAvailable: true,
        keepAliveSeconds: 30,
        topicAliasMaximum: 0,
        sessionExpirySeconds: 0,
        wildcardSubscriptionAvailable: true,
        subscriptionIdsAvailable: true,
        sharedSubscriptionAvailable: true,
      },
      userProperties: [],
    })
  })

  test('says that the protocol is 4 on MQTT 3.1.1', async () => {
    const { result } = await connected(
      { protocol: 4 },
      { request: { cleanStart: false }, sessionPresent: true },
    )
    deepEqual([result.protocol, result.sessionPresent], [4, true])
    equal(result.limits['subscriptionIdsAvailable'], false)
  })

  test('names the client id that the server has assigned', async () => {
    const made = await connected(
      { clientId: '' },
      { connack: { assignedClientIdentifier: 'c-42' } },
    )
    equal(made.connectPacket.clientId, '')
    equal(made.result.clientId, 'c-42')
  })

  test('says whether the session was present', async () => {
    const request = { cleanStart: false }
    const made = await connected({}, { request, sessionPresent: true })
    equal(made.result.sessionPresent, true)
  })

  test('is an error when the session is present after a clean start [MQTT-3.2.2-2]', async () => {
    const { client, server } = testClient()
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.accept({}, true)
    const error = await failure(connecting, ProtocolError)
    deepEqual([error.clause, client.state], ['MQTT-3.2.2-2', 'closed'])
  })
})

describe('a later connect', () => {
  test('uses the assigned client id', async () => {
    const made = await connected(
      { clientId: '' },
      { connack: { assignedClientIdentifier: 'c-42' } },
    )
    await made.client.disconnect()
    const again = await reconnected(made)
    equal(again.connectPacket.clientId, 'c-42')
    equal(again.result.clientId, 'c-42')
  })

  test('carries the will that was set last, once and again', async () => {
    const made = await connected({ will: { topic: 'old', payload: 'old' } })
    made.client.setLastWill('status', 'gone', { retain: true, qos: 2, delaySeconds: 3 })
    for (let round = 0; round < 2; round += 1) {
      await made.client.disconnect()
      const { connectPacket } = await reconnected(made)
      deepEqual(connectPacket.will, {
        topic: 'status',
        payload: encodeUtf8('gone'),
        qos: 2,
        retain: true,
        properties: { willDelayInterval: 3 },
      })
    }
  })

  test('may ask for another session than the first', async () => {
    const made = await connected({}, { request: { cleanStart: false, sessionExpirySeconds: 5 } })
    await made.client.disconnect()
    const { connectPacket } = await reconnected(made, { request: { cleanStart: true } })
    equal(connectPacket.cleanStart, true)
    equal(connectPacket.properties?.sessionExpiryInterval, undefined)
  })

  test('works after every way in which the one before ended', async () => {
    const made = await connected()
    made.connection.destroy()
    await settle()
    equal(made.client.state, 'closed')
    const second = await reconnected(made)
    second.connection.send({ type: PacketType.DISCONNECT, reasonCode: 0x8b, properties: {} })
    await settle()
    equal(made.client.state, 'closed')
    const third = await reconnected(made)
    third.connection.sendBytes(Uint8Array.of(0x32, 0x03, 0x00, 0x01, 0x61))
    await settle()
    equal(made.client.state, 'closed')
    await reconnected(made)
    equal(made.client.state, 'connected')
    equal(made.server.dials, 4)
  })

  test('throws at the call while another one is under way', async () => {
    const { client, server } = testClient()
    const connecting = client.connect()
    let thrown: unknown
    try {
      void client.connect()
    } catch (error) {
      thrown = error
    }
    ok(thrown instanceof TypeError)
    match(thrown.message, /connecting already/)
    const connection = await server.connection()
    await connection.accept()
    await connecting
    equal(server.dials, 1)
  })
})
