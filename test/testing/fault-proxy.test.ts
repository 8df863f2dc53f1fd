// The fault proxy between two plain sockets that speak packets: what passes, what each side sees of every
// fault, and what the record says of it.

import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { encode } from '../../src/codec/encode.ts'
import { NO_PROPERTIES, type Packet, PacketType } from '../../src/codec/packets.ts'
import { FaultProxy } from '../../src/testing/fault-proxy.ts'
import type { FaultProxyOptions } from '../../src/testing/fault-types.ts'

const CONNECT: Packet = {
  type: PacketType.CONNECT,
  version: 4,
  clientId: 'c',
  cleanStart: true,
  keepAlive: 0,
}
const CONNACK: Packet = {
  type: PacketType.CONNACK,
  sessionPresent: false,
  reasonCode: 0,
  properties: NO_PROPERTIES,
}

function publish(packetId: number): Packet {
  return {
    type: PacketType.PUBLISH,
    topic: 't',
    payload: Uint8Array.of(packetId),
    qos: 1,
    retain: false,
    dup: false,
    packetId,
    properties: NO_PROPERTIES,
  }
}

function puback(packetId: number): Packet {
  return { type: PacketType.PUBACK, packetId, reasonCode: 0, properties: NO_PROPERTIES }
}

/** One end of a link: what it has heard, and when it is over. */
class End {
  readonly socket: Socket
  readonly closed: Promise<unknown>
  heard: Buffer = Buffer.alloc(0)
  #look: () => void = () => undefined

  constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      this.heard = Buffer.concat([this.heard, chunk])
      this.#look()
    })
  }

  say(...packets: readonly Packet[]): void {
    this.socket.write(bytesOf(...packets))
  }

  /** Waits until it has heard these packets, and no others. */
  async hears(...packets: readonly Packet[]): Promise<void> {
    const wanted = bytesOf(...packets)
    await this.until(wanted.length)
    deepEqual(this.heard, wanted)
  }

  until(length: number): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => this.heard.length >= length && resolve()
      this.#look()
    })
  }
}

function bytesOf(...packets: readonly Packet[]): Buffer {
  return Buffer.concat(packets.map((packet) => encode(packet, 4)))
}

interface Rig {
  readonly proxy: FaultProxy
  /** A connection to the proxy. */
  dial(): Promise<End>
  /** The two ends of a connection through it. */
  pair(): Promise<{ readonly client: End; readonly server: End }>
  /** The server is away. */
  stopListening(): Promise<unknown>
}

async function rig(t: TestContext, options?: FaultProxyOptions): Promise<Rig> {
  const listener = createServer().listen({ host: '127.0.0.1', port: 0 })
  await once(listener, 'listening')
  const { port } = listener.address() as { port: number }
  const proxy = await FaultProxy.start({ port }, options)
  const ends: End[] = []
  t.after(async () => {
    for (const { socket } of ends) socket.destroy()
    await proxy.close()
    listener.close()
  })
  const dial = async (): Promise<End> => {
    const end = new End(connect({ host: '127.0.0.1', port: proxy.port }))
    ends.push(end)
    await once(end.socket, 'connect')
    return end
  }
  const pair = async (): Promise<{ client: End; server: End }> => {
    const accepted = once(listener, 'connection') as Promise<[Socket]>
    const client = await dial()
    const server = new End((await accepted)[0])
    ends.push(server)
    return { client, server }
  }
  const stopListening = (): Promise<unknown> => {
    const closed = once(listener, 'close')
    listener.close()
    return closed
  }
  return { proxy, dial, pair, stopListening }
}

test('the proxy passes everything on, and writes down what passed', async (t) => {
  const { proxy, pair } = await rig(t)
  const { client, server } = await pair()
  client.say(CONNECT, publish(1))
  await server.hears(CONNECT, publish(1))
  server.say(CONNACK, puback(1))
  await client.hears(CONNACK, puback(1))
  deepEqual(
    proxy.record.map(({ connection, direction, packet, forwarded }) => [
      connection,
      direction,
      packet.type,
      forwarded,
    ]),
    [
      [1, 'to-server', PacketType.CONNECT, true],
      [1, 'to-server', PacketType.PUBLISH, true],
      [1, 'to-client', PacketType.CONNACK, true],
      [1, 'to-client', PacketType.PUBACK, true],
    ],
  )
  client.socket.end()
  await server.closed
  await client.closed
})

test('a cut before a packet keeps it and all behind it from the other side', async (t) => {
  const { proxy, pair } = await rig(t)
  const { client, server } = await pair()
  const cut = proxy.cutAt({
    direction: 'to-server',
    when: 'before',
    type: PacketType.PUBLISH,
    nth: 2,
  })
  client.say(CONNECT, publish(1), publish(2), publish(3))
  await Promise.all([cut, client.closed, server.closed])
  deepEqual(server.heard, bytesOf(CONNECT, publish(1)))
  deepEqual(
    proxy.record.map(({ forwarded }) => forwarded),
    [true, true, false, false],
  )
})

test('a cut after a packet lets it arrive, and closes both sides', async (t) => {
  const { proxy, pair } = await rig(t)
  const { client, server } = await pair()
  const cut = proxy.cutAt({ direction: 'to-client', when: 'after', type: PacketType.PUBACK })
  client.say(CONNECT, publish(1))
  await server.hears(CONNECT, publish(1))
  server.say(CONNACK, puback(1), puback(2))
  await Promise.all([cut, client.closed, server.closed])
  deepEqual(client.heard, bytesOf(CONNACK, puback(1)))
})

test('a cut at a byte lets so many bytes arrive, and happens once', async (t) => {
  const { proxy, pair } = await rig(t)
  const first = await pair()
  const byte = bytesOf(CONNECT).length + 3
  const cut = proxy.cutAt({ direction: 'to-server', byte })
  first.client.say(CONNECT, publish(1))
  await Promise.all([cut, first.client.closed, first.server.closed])
  equal(first.server.heard.length, byte)
  equal(proxy.record.at(-1)?.forwarded, false)
  const second = await pair()
  second.client.say(CONNECT, publish(1))
  await second.server.hears(CONNECT, publish(1))
  equal(proxy.connections, 2)
})

test('a stall holds one direction back, and nobody is told until it heals', async (t) => {
  const { proxy, pair } = await rig(t)
  const { client, server } = await pair()
  client.say(CONNECT)
  await server.hears(CONNECT)
  proxy.stall('to-server')
  client.say(publish(1))
  client.socket.end()
  server.say(CONNACK)
  await client.hears(CONNACK)
  deepEqual(server.heard, bytesOf(CONNECT))
  await proxy.heal()
  await server.hears(CONNECT, publish(1))
  await server.closed
})

test('a black hole swallows what is sent, answers no new connection, and cuts both when it heals', async (t) => {
  const { proxy, dial, pair } = await rig(t)
  const { client, server } = await pair()
  client.say(CONNECT)
  await server.hears(CONNECT)
  proxy.blackHole()
  client.say(publish(1))
  const second = await dial()
  second.say(CONNECT)
  await proxy.until(() => proxy.connections === 2)
  await new Promise((resolve) => client.socket.write(bytesOf(publish(2)), resolve))
  equal(server.heard.length, bytesOf(CONNECT).length)
  await proxy.heal()
  await Promise.all([second.closed, client.closed, server.closed])
  deepEqual(server.heard, bytesOf(CONNECT))
})

test('a drip lets everything arrive in order, a few bytes at a time', async (t) => {
  const { proxy, pair } = await rig(t)
  const { client, server } = await pair()
  proxy.drip(2, 1)
  let pieces = 0
  server.socket.on('data', (chunk: Buffer) => {
    pieces += 1
    ok(chunk.length <= 8, `A piece has ${chunk.length} bytes`)
  })
  client.say(CONNECT, publish(1))
  await server.hears(CONNECT, publish(1))
  ok(pieces > 3)
  await proxy.heal()
  client.say(publish(2))
  await server.hears(CONNECT, publish(1), publish(2))
})

test('a refusal is the kernel’s, spares what is connected, and ends with the same port', async (t) => {
  const { proxy, dial, pair } = await rig(t)
  const { client, server } = await pair()
  const { port } = proxy
  await proxy.refuse()
  await rejects(dial(), { code: 'ECONNREFUSED' })
  client.say(CONNECT)
  await server.hears(CONNECT)
  await proxy.heal()
  equal(proxy.port, port)
  const second = await pair()
  second.client.say(CONNECT)
  await second.server.hears(CONNECT)
})

test('what was sent while the server is away did not go on, and the record says so', async (t) => {
  const { proxy, dial, stopListening } = await rig(t)
  await stopListening()
  for (const connection of [1, 2]) {
    const client = await dial()
    client.say(CONNECT, publish(1))
    await client.closed
    await proxy.until(() => proxy.record.length === 2 * connection)
  }
  deepEqual(
    proxy.record.map(({ packet, forwarded }) => [packet.type, forwarded]),
    [1, 2].flatMap(() => [
      [PacketType.CONNECT, false],
      [PacketType.PUBLISH, false],
    ]),
  )
})

test('accept-then-close closes new connections without a word', async (t) => {
  const { proxy, dial } = await rig(t)
  proxy.acceptThenClose()
  const end = await dial()
  await end.closed
  equal(end.heard.length, 0)
  equal(proxy.links, 0)
})

test('bytes that are no packets pass as they are', async (t) => {
  const { proxy, pair } = await rig(t)
  const { client, server } = await pair()
  const text = Buffer.from('GET / HTTP/1.1\r\n\r\n'.repeat(100))
  client.socket.write(text)
  await server.until(text.length)
  deepEqual(server.heard, text)
  equal(proxy.record.length, 0)
})

test('the record forgets its older half when it is full', async (t) => {
  const { proxy, pair } = await rig(t, { recordMax: 4 })
  const { client, server } = await pair()
  const packets = [CONNECT, ...[1, 2, 3, 4, 5].map(publish)]
  client.say(...packets)
  await server.hears(...packets)
  ok(proxy.record.length <= 4)
  const last = proxy.record.at(-1)?.packet
  ok(last?.type === PacketType.PUBLISH && last.packetId === 5)
})

test('the proxy refuses what it cannot use', async (t) => {
  await rejects(FaultProxy.start({ port: 0 }), {
    name: 'RangeError',
    message: 'Cannot use target.port "0": give an integer from 1 to 65535',
  })
  await rejects(FaultProxy.start({} as never), TypeError)
  await rejects(FaultProxy.start(1883 as never), TypeError)
  await rejects(FaultProxy.start({ host: '', port: 1883 }), TypeError)
  await rejects(FaultProxy.start({ port: 1883 }, { recordMax: 0 }), RangeError)
  await rejects(FaultProxy.start({ port: 1883 }, { maxRecord: 1 } as never), TypeError)
  const { proxy } = await rig(t)
  const direction = 'to-client'
  const type = PacketType.PUBACK
  for (const [point, Kind] of [
    [undefined, TypeError],
    [{ direction: 'to-broker', when: 'before', type }, TypeError],
    [{ direction, when: 'during', type }, TypeError],
    [{ direction, when: 'before', type: 16 }, TypeError],
    [{ direction, when: 'before', type, nth: 0 }, RangeError],
    [{ direction, when: 'before', type, byte: 1 }, TypeError],
    [{ direction, byte: -1 }, RangeError],
    [{ direction, byte: 0.5 }, RangeError],
  ] as const) {
    throws(() => void proxy.cutAt(point as never), Kind, JSON.stringify(point))
  }
  throws(() => proxy.stall('to-server', 'both' as never), TypeError)
  throws(() => proxy.drip(0, 1), RangeError)
  throws(() => proxy.drip(1, -1), RangeError)
  throws(() => proxy.drip(1, undefined as never), TypeError)
})
