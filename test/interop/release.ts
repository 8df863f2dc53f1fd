// What a server says to PUBREL of a packet id that it does not hold: a client whose session an earlier process has used
// asks in this way whether the id is free. Raw bytes, so that nothing else is on the connection.

import { once } from 'node:events'
import { connect } from 'node:net'
import { Decoder, SERVER_PACKETS } from '../../src/codec/decode.ts'
import { encode } from '../../src/codec/encode.ts'
import * as PacketType from '../../src/codec/packet-type.ts'
import { NO_PROPERTIES, type Packet } from '../../src/codec/packets.ts'
import { TopicCache } from '../../src/codec/utf8.ts'
import { PASSWORD, type TestServer, USER } from '../support/servers.ts'
import { portOf } from './robust-link.ts'
import { RELEASED, type Traits } from './traits.ts'

/** Nobody has used this one. */
const PACKET_ID = 4_711

/** How long a server that says nothing is listened to, ms; one that answers does so within one. */
const SILENCE_MS = 2_000

/**
 * Asks, and sends a ping behind it.
 * @param expected silence has no end: who is not expected to be silent is waited for
 */
export async function answerToRelease(
  server: TestServer,
  version: 4 | 5,
  expected: Traits['released'],
): Promise<string> {
  const socket = connect(portOf(server), '127.0.0.1')
  try {
    await once(socket, 'connect')
    const decoder = new Decoder({
      reads: SERVER_PACKETS,
      version,
      maximumPacketSizeBytes: 65_536,
      topics: new TopicCache(),
    })
    const send = (packet: Packet): void => void socket.write(encode(packet, version))
    send({
      type: PacketType.CONNECT,
      version,
      clientId: 'asks',
      cleanStart: true,
      keepAlive: 60,
      userName: USER,
      password: new TextEncoder().encode(PASSWORD),
    })
    let isAsked = false
    let isSilent = false
    for await (const bytes of socket as AsyncIterable<Uint8Array>) {
      decoder.push(bytes, bytes.length)
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
        if (packet.type === PacketType.PUBCOMP) return RELEASED.PUBCOMP
        if (packet.type !== PacketType.CONNACK) continue
        isAsked = true
        const packetId = PACKET_ID
        send({ type: PacketType.PUBREL, packetId, reasonCode: 0, properties: NO_PROPERTIES })
        send({ type: PacketType.PINGREQ })
        if (expected !== 'silence') continue
        const stop = (): void => {
          isSilent = true
          socket.end()
          socket.push(null)
        }
        socket.setTimeout(SILENCE_MS, stop)
      }
    }
    if (!isAsked) throw new Error('The server has closed the connection before CONNACK')
    return isSilent ? RELEASED.silence : RELEASED.closes
  } finally {
    socket.destroy()
  }
}
