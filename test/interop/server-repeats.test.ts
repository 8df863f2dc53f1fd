// The proof that mosquitto 2.0 itself doubles a message of QoS 2 now and then, as a conversation of sockets
// without a client of ours; and that the chaos test tells it from a fault of the client.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { encode } from '../../src/codec/encode.ts'
import { type Packet, PacketType } from '../../src/codec/packets.ts'
import { FaultProxy } from '../../src/testing/fault-proxy.ts'
import type { PassedPacket } from '../../src/testing/fault-types.ts'
import { ServerRepeats } from '../support/server-repeats.ts'
import { startServer, type TestServer } from '../support/servers.ts'
import { absent } from '../support/skip.ts'
import { portOf } from './robust-link.ts'

const CONNECT: Packet = {
  type: PacketType.CONNECT,
  version: 4,
  clientId: 'receiver',
  cleanStart: false,
  keepAlive: 60,
}

const ack = (type: 5 | 6 | 7, packetId: number): Packet => ({
  type,
  packetId,
  reasonCode: 0,
  properties: {},
})

const publish = (packetId: number, dup: boolean): Packet => ({
  type: PacketType.PUBLISH,
  topic: 'a',
  payload: Buffer.from('x'),
  qos: 2,
  dup,
  retain: false,
  packetId,
  properties: {},
})

describe('a message of QoS 2 that the server sends again', () => {
  const repeatsOf = (...packets: readonly Packet[]): string[] => {
    const repeats = new ServerRepeats()
    for (const packet of packets) repeats.add({ direction: 'to-client', packet })
    return [...repeats.payloads]
  }

  test('is its fault after PUBREL, and not before', () => {
    deepEqual(repeatsOf(publish(1, false), ack(6, 1), publish(1, true)), ['x'])
    deepEqual(repeatsOf(publish(1, false), publish(1, true), ack(6, 1)), [])
  })

  test('is none under another packet id, or as a new message', () => {
    deepEqual(repeatsOf(publish(1, false), ack(6, 1), publish(2, true)), [])
    deepEqual(repeatsOf(publish(1, false), ack(6, 1), publish(1, false)), [])
    deepEqual(repeatsOf(publish(1, false), ack(6, 2), publish(1, true)), [])
  })
})

describe('mosquitto', { skip: absent('mosquitto'), timeout: 30_000 }, () => {
  let server: TestServer
  before(async () => {
    server = await startServer('mosquitto', { anonymous: true })
  })
  after(() => server.remove())

  test('sends PUBLISH after PUBREL when a connection ends before its CONNACK, or is mended', async () => {
    const proxy = await FaultProxy.start({ port: portOf(server) })
    const repeats = new ServerRepeats()
    proxy.watch((passed) => repeats.add(passed))
    const dialled: Socket[] = []
    const dial = async (port: number, ...packets: readonly Packet[]): Promise<Socket> => {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined)
      dialled.push(socket)
      socket.resume()
      await once(socket, 'connect')
      for (const packet of packets) socket.write(encode(packet, 4))
      return socket
    }
    /** The packets of a type that the receiver was sent. */
    const got = (type: Packet['type']): readonly PassedPacket[] =>
      proxy.record.filter((one) => one.direction === 'to-client' && one.packet.type === type)
    const until = (type: Packet['type'], count = 1): Promise<void> =>
      proxy.until(() => got(type).length === count)
    try {
      const subscribe: Packet = {
        type: PacketType.SUBSCRIBE,
        packetId: 1,
        subscriptions: [{ filter: 'a', qos: 2 }],
        properties: {},
      }
      const first = await dial(proxy.port, CONNECT, subscribe)
      await until(PacketType.SUBACK)
      const sender = { ...CONNECT, clientId: 'sender', cleanStart: true }
      await dial(portOf(server), sender, publish(7, false), ack(6, 7))
      await until(PacketType.PUBLISH)
      first.write(encode(ack(5, 1), 4))
      await until(PacketType.PUBREL)
      proxy.cut()
      // One that has gone when mosquitto answers it: nothing of the answer arrives.
      const gone = await dial(portOf(server), CONNECT)
      gone.destroy()
      await once(gone, 'close')
      await dial(proxy.port, CONNECT)
      await until(PacketType.CONNACK, 2)
      await proxy.until(() => got(PacketType.PUBREL).length + got(PacketType.PUBLISH).length === 3)
      // Right is PUBREL alone. Version 2.0.11 sends PUBLISH instead, which is found to be its fault.
      const isRight = got(PacketType.PUBREL).length === 2
      deepEqual([...repeats.payloads], isRight ? [] : ['x'])
      const last = proxy.record.at(-1)?.packet
      ok(last?.type === PacketType.PUBREL || last?.type === PacketType.PUBLISH)
      equal(last.packetId, 1)
    } finally {
      for (const socket of dialled) socket.destroy()
      await proxy.close()
    }
  })
})
