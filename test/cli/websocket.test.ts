// `umqtt decode` of MQTT over WebSocket: the frames come off, however they and the bytes are cut.

import { deepEqual, equal, match } from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { withoutFrames, WebSocketError } from '../../src/cli/decode/websocket.ts'
import { MQTTClient } from '../../src/simple.node.ts'
import { runHere } from '../support/command-rig.ts'
import { hex } from '../support/hex.ts'
import { startServer } from '../support/servers.ts'
import { inFolder } from '../support/temporary-folder.ts'

const REQUEST = Buffer.from('GET /mqtt HTTP/1.1\r\nHost: a\r\nUPGRADE: websocket\r\nA: b\r\n\r\n')
const ANSWER = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n')
const MASK = [0x37, 0xfa, 0x21, 0x3d]

/** A frame, with a mask as a client has it. RFC 6455 §5.2 */
function frame(first: number, payload: Uint8Array, mask?: readonly number[]): Uint8Array {
  const { length } = payload
  const size =
    length < 126
      ? [length]
      : length < 65_536
        ? [126, length >> 8, length & 255]
        : [127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255]
  const [kind = 0, ...more] = size
  const body = mask ? payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)) : payload
  return Buffer.concat([Buffer.of(first, mask ? kind | 128 : kind, ...more, ...(mask ?? [])), body])
}

/** What comes out, joined, and what was thrown; fed in pieces of a size. */
async function unpacked(
  bytes: Uint8Array,
  size = Infinity,
  isAsked = false,
): Promise<{ readonly bytes: Buffer; readonly found: number; readonly error?: string }> {
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }
  const parts: Uint8Array[] = []
  let found = 0
  try {
    for await (const part of withoutFrames(pieces(), isAsked, () => (found += 1))) parts.push(part)
  } catch (error) {
    if (!(error instanceof WebSocketError)) throw error
    return { bytes: Buffer.concat(parts), found, error: error.message }
  }
  return { bytes: Buffer.concat(parts), found }
}

const ping = hex`c0 00`
const long = Buffer.alloc(200, 7)
const longer = Buffer.alloc(70_000, 8)

describe('withoutFrames', () => {
  test('gives what is in the frames of both directions, cut anywhere', async () => {
    const bytes = Buffer.concat([
      REQUEST,
      ANSWER,
      frame(0x82, ping, MASK),
      frame(0x89, Buffer.from('are you there'), MASK),
      frame(0x8a, Buffer.from('yes')),
      // One message in three frames, with a control frame between them.
      frame(0x02, hex`d0`),
      frame(0x00, Buffer.alloc(0)),
      frame(0x89, Buffer.alloc(0)),
      frame(0x80, hex`00`),
      frame(0x82, long, MASK),
      frame(0x82, longer),
      frame(0x88, hex`03 e8`, MASK),
    ])
    const inside = Buffer.concat([ping, hex`d0 00`, long, longer])
    for (const size of [Infinity, 1, 2, 3, 7, 4_096]) {
      deepEqual(await unpacked(bytes, size), { bytes: inside, found: 1 }, `${size}`)
    }
  })

  test('leaves what begins as nothing of WebSocket does, unless it is asked', async () => {
    for (const bytes of [ping, hex`47 00`, frame(0x82, ping, MASK), Buffer.from('GETA')]) {
      deepEqual(await unpacked(bytes), { bytes: Buffer.from(bytes), found: 0 })
    }
    deepEqual(await unpacked(frame(0x82, ping), Infinity, true), {
      bytes: Buffer.from(ping),
      found: 1,
    })
    deepEqual(await unpacked(frame(0x82, ping, MASK), 1, true), {
      bytes: Buffer.from(ping),
      found: 1,
    })
  })

  for (const [name, bytes, words] of [
    ['text', frame(0x81, Buffer.from('x')), /at byte 59: a frame is of text.*\[MQTT-6\.0\.0-1\]$/],
    ['compressed', frame(0xc2, ping), /frames are compressed.*without permessage-deflate$/],
    ['of an unknown opcode', frame(0x83, ping), /no frame with the opcode 3$/],
    [
      'another request',
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      /"GET \/ HTTP\/1\.1" opens no WebSocket$/,
    ],
    ['neither', Buffer.from('GETTING'), /something between has changed them; /],
    ['HTTP without an end', Buffer.from(`GET /${'a'.repeat(20_000)}`), /its HTTP has no end$/],
    ['half a header', hex`82`, /end in a frame of WebSocket, or/],
    ['half a frame', hex`82 05 c0 00`, /^The bytes end in a frame/],
  ] as const) {
    test(`says what it is when there is ${name}`, async () => {
      const { error } = await unpacked(Buffer.concat([REQUEST, bytes]))
      match(error ?? '', words)
    })
  }
})

describe('umqtt decode of MQTT over WebSocket', () => {
  test('shows the packets of a connection that was recorded, whole and of one direction', async (t) => {
    const server = await startServer('aedes', { anonymous: true })
    t.after(() => server.remove())
    const { port, pathname } = new URL(server.urls.ws ?? '')
    const both: Buffer[] = []
    const sides: { readonly client: Buffer[]; readonly server: Buffer[] } = {
      client: [],
      server: [],
    }
    const recorder = createServer((socket) => {
      const onward = connect(Number(port), '127.0.0.1')
      for (const [from, to, side] of [
        [socket, onward, sides.client],
        [onward, socket, sides.server],
      ] as const) {
        from.on('data', (bytes) => (side.push(bytes), both.push(bytes), to.write(bytes)))
        from.on('error', () => to.destroy()).on('close', () => to.destroy())
      }
    }).listen(0, '127.0.0.1')
    t.after(() => recorder.close())
    await once(recorder, 'listening')
    const { port: ours } = recorder.address() as AddressInfo
    const client = new MQTTClient('me', `ws://127.0.0.1:${ours}${pathname}`, { protocol: 4 })
    await client.connect()
    await client.publish('a', 'x'.repeat(300), { qos: 1 })
    await client.disconnect()

    await inFolder(async (folder) => {
      const files = [join(folder, 'client'), join(folder, 'server')] as const
      writeFileSync(files[0], Buffer.concat(sides.client))
      writeFileSync(files[1], Buffer.concat(sides.server))
      const typesOf = (stdout: string): unknown[] =>
        stdout
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as { kind: string; type: string })
          .map(({ kind, type }) => (kind === 'packet' ? type : kind))
      const apart = await runHere(['decode', '--json', ...files])
      deepEqual(
        [apart.code, apart.stderr, typesOf(apart.stdout)],
        [0, '', ['note', 'CONNECT', 'PUBLISH', 'DISCONNECT', 'note', 'CONNACK', 'PUBACK']],
      )
      const together = await runHere(['decode', '--json'], { stdin: both })
      equal(together.code, 0)
      deepEqual(
        typesOf(together.stdout).filter((type) => type !== 'note'),
        ['CONNECT', 'CONNACK', 'PUBLISH', 'PUBACK', 'DISCONNECT'],
      )
    })
  })

  test('shows what came before something that it cannot unpack', async () => {
    const bytes = Buffer.concat([REQUEST, frame(0x82, ping, MASK), frame(0xc2, ping)])
    const { code, stdout, stderr } = await runHere(['decode'], { stdin: [bytes] })
    equal(code, 8)
    match(stdout, /WebSocket.*\n0 → PINGREQ 2 bytes\n$/)
    match(stderr, /compressed/)
  })
})
