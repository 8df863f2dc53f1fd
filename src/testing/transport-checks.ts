// The rules of transport/transport.ts, one check each. They wait for events, never for time, and judge by what both
// ends saw. Rule: a check that a transport cannot pass by its kind says which trait it needs; none looks at
// traits to be milder.

import { MqttError } from '../errors.ts'
import { equal, holds, sameBytes } from './assertions.ts'
import { join } from './transport-recorder.ts'
import { type Connected, distinctBytes, type Scene } from './transport-scene.ts'
import type { TransportTraits } from './transport-setting.ts'

/** More than the buffers of a system hold on a loopback connection whose reader has stopped. */
const LARGE_BYTES = 8_388_608

/** So many messages to a peer whose own have stopped are answered, one by one: what still moved would have moved. */
const STILL_ROUNDS = 50

const small = (): Uint8Array => Uint8Array.of(1, 2, 3, 4, 5)
const large = (): Uint8Array => distinctBytes(LARGE_BYTES)

const ERROR = 'What closed was told'
const EVENTS = 'What was called'
const WRITES = 'How many writes were reported'
const SENT = 'what the peer got'
const GIVEN = 'what was given to write'
const RECEIVED = 'what the client got'

/** One rule. */
export interface TransportCheck {
  readonly name: string
  /** The trait without which it is left out. */
  readonly needs?: keyof TransportTraits
  readonly run: (scene: Scene) => Promise<void>
}

/** Nothing comes while paused, the peer is held back, and all of it comes after. */
async function staysPaused({ traits }: Scene, { client, peer }: Connected): Promise<void> {
  peer.write(large())
  let unsentBytes = Infinity
  let stillRounds = 0
  // One that reads on in secret may do so a piece at a time.
  for (let round = 1; stillRounds < STILL_ROUNDS; round++) {
    client.transport.write([small()])
    await client.until(() => client.writes === round)
    await peer.until(() => peer.receivedBytes === 5 * round)
    stillRounds = peer.unsentBytes < unsentBytes ? 0 : stillRounds + 1
    unsentBytes = peer.unsentBytes
  }
  equal(client.receivedBytes, 0, 'What was received while paused')
  if (traits.slowsPeer) holds(peer.unsentBytes > 0, 'The peer was not slowed down')
  client.resume()
  await client.until(() => client.receivedBytes === LARGE_BYTES)
  sameBytes(client.all(), large(), RECEIVED)
  client.verify()
}

/** A client with a write that its peer does not take, and and a few bytes the other way, which show both alive. */
async function stuck(scene: Scene): Promise<Connected> {
  const { client, peer } = await scene.connected()
  peer.pause()
  client.transport.write([large()])
  peer.write(small())
  await client.until(() => client.receivedBytes === 5)
  return { client, peer }
}

/** Nothing went wrong, by what closed was told and by the order of the calls. */
function inOrder(client: Connected['client']): void {
  equal(client.error, undefined, ERROR)
  client.verify()
}

/** Closed by what went wrong, in the words that a driver passes on. */
function lost(error: Error | undefined, message: RegExp): void {
  if (!MqttError.is(error)) throw new Error('The error is no MqttError', { cause: error })
  equal(error.code, 'ERR_MQTT_CONNECTION_LOST', 'The code of the error')
  holds(message.test(error.message), `The error says "${error.message}", not ${message}`)
}

const OPENING: readonly TransportCheck[] = [
  {
    name: 'opens once, after the factory has returned',
    run: async (scene) => {
      const { client } = await scene.connected()
      equal(client.events, ['opened'], EVENTS)
      client.verify()
    },
  },
  {
    name: 'closes with an error when it cannot connect',
    run: async (scene) => {
      const { refusedAddress } = scene.setting
      const client = scene.dial(refusedAddress)
      await client.until(() => client.isClosed)
      equal(client.events, ['closed'], EVENTS)
      lost(client.error, /^Cannot connect to ".+": /)
      holds(
        client.error?.message.includes(refusedAddress.href) === true,
        `The error says "${client.error?.message}", without "${refusedAddress.href}"`,
      )
      client.verify()
    },
  },
  {
    name: 'is destroyed while dialling, and never opens',
    run: async (scene) => {
      const client = scene.dial()
      client.transport.destroy()
      equal(client.isClosed, false, 'Whether closed was called at once')
      await client.until(() => client.isClosed)
      equal(client.events, ['closed'], EVENTS)
      inOrder(client)
    },
  },
  {
    name: 'is destroyed by close while dialling',
    run: async (scene) => {
      const client = scene.dial()
      client.transport.close()
      await client.until(() => client.isClosed)
      equal(client.events, ['closed'], EVENTS)
      inOrder(client)
    },
  },
  {
    name: 'is destroyed while a server does not answer the dial',
    needs: 'canBeSilent',
    run: async (scene) => {
      const { silentAddress } = scene.setting
      if (silentAddress === undefined) {
        throw new TypeError('Cannot check canBeSilent: the setting has no silentAddress')
      }
      const client = scene.dial(silentAddress)
      // While this one is opened and closed, the other has had its time.
      const other = scene.dial()
      await other.until(() => other.isOpen)
      other.transport.close()
      await other.until(() => other.isClosed)
      equal(client.events, [], EVENTS)
      client.transport.destroy()
      await client.until(() => client.isClosed)
      equal(client.events, ['closed'], EVENTS)
      inOrder(client)
    },
  },
]

const WRITING: readonly TransportCheck[] = [
  {
    name: 'carries bytes both ways and reports each write',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      client.transport.write([small()])
      await client.until(() => client.writes === 1)
      await peer.until(() => peer.receivedBytes === 5)
      // No two chunks may change places unseen.
      const chunks = [
        small(),
        distinctBytes(70_000),
        new Uint8Array(0),
        Uint8Array.of(6, 7, 8, 9, 0),
      ]
      client.transport.write(chunks)
      await client.until(() => client.writes === 2)
      await peer.until(() => peer.receivedBytes === 70_015)
      client.transport.write([])
      await client.until(() => client.writes === 3)
      peer.write(distinctBytes(100_000))
      await client.until(() => client.receivedBytes === 100_000)
      sameBytes(peer.all(), join(small(), ...chunks), SENT)
      sameBytes(client.all(), distinctBytes(100_000), RECEIVED)
      client.verify()
    },
  },
  {
    name: 'reports a write later, never during the call',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      client.transport.write([small()])
      equal(client.writes, 0, WRITES)
      await client.until(() => client.writes === 1)
      client.transport.write([small(), small()])
      equal(client.writes, 1, WRITES)
      await client.until(() => client.writes === 2)
      await peer.until(() => peer.receivedBytes === 15)
    },
  },
  {
    name: 'changes no chunk, and needs them no longer when the write is reported',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      for (const chunks of [[distinctBytes(1_000_000)], [small(), distinctBytes(1_000_000)]]) {
        const all = join(...chunks)
        const writes = client.writes
        const before = peer.receivedBytes
        client.transport.write(chunks)
        await client.until(() => client.writes > writes)
        sameBytes(join(...chunks), all, GIVEN)
        for (const chunk of chunks) chunk.fill(0)
        await peer.until(() => peer.receivedBytes === before + all.length)
        sameBytes(peer.all().subarray(before), all, SENT)
      }
    },
  },
  {
    name: 'reports no write while the peer takes nothing, and all of it arrives',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      peer.pause()
      client.transport.write([large()])
      for (let round = 1; round <= 10; round++) {
        peer.write(small())
        await client.until(() => client.receivedBytes === 5 * round)
      }
      equal(client.writes, 0, WRITES)
      peer.resume()
      await client.until(() => client.writes === 1)
      await peer.until(() => peer.receivedBytes === LARGE_BYTES)
      sameBytes(peer.all(), large(), SENT)
      client.verify()
    },
  },
]

const READING: readonly TransportCheck[] = [
  {
    name: 'receives nothing while paused, and all of it after',
    run: async (scene) => {
      const connected = await scene.connected()
      connected.client.pause()
      await staysPaused(scene, connected)
    },
  },
  {
    name: 'loses nothing when it is paused and resumed at every piece',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      client.onReceived = () => {
        client.pause()
        void Promise.resolve().then(() => client.resume())
      }
      peer.write(large())
      await client.until(() => client.receivedBytes === LARGE_BYTES)
      sameBytes(client.all(), large(), RECEIVED)
      client.verify()
    },
  },
  {
    name: 'receives nothing until it is resumed when it was paused while dialling',
    run: async (scene) => {
      const client = scene.dial()
      client.pause()
      await staysPaused(scene, await scene.connected(client))
    },
  },
]

const CLOSING: readonly TransportCheck[] = [
  {
    name: 'delivers all that was written before it is closed',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      client.transport.write([large()])
      client.transport.close()
      await peer.until(() => peer.ended)
      await client.until(() => client.isClosed)
      sameBytes(peer.all(), large(), SENT)
      inOrder(client)
    },
  },
  {
    name: 'closes in good order while paused with bytes unread, and throws those away',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      client.pause()
      peer.write(large())
      client.transport.write([small()])
      await peer.until(() => peer.receivedBytes === 5)
      client.transport.close()
      client.resume()
      await client.until(() => client.isClosed)
      await peer.until(() => peer.ended)
      equal(client.receivedBytes, 0, 'What was received after close')
      inOrder(client)
    },
  },
  {
    name: 'sends nothing that is written after it was closed',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      client.transport.write([small()])
      client.transport.close()
      client.transport.close()
      client.transport.write([small()])
      await client.until(() => client.isClosed)
      await peer.until(() => peer.ended)
      equal(peer.receivedBytes, 5, 'How many bytes the peer got')
      client.verify()
    },
  },
  {
    name: 'closes in good order when the peer ends, after all that it sent',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      peer.write(distinctBytes(1_000_000))
      peer.end()
      await client.until(() => client.isClosed)
      sameBytes(client.all(), distinctBytes(1_000_000), RECEIVED)
      inOrder(client)
    },
  },
  {
    name: 'closes only when it is resumed after the peer has ended',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      client.pause()
      peer.write(distinctBytes(100_000))
      client.transport.write([small()])
      await peer.until(() => peer.receivedBytes === 5)
      peer.end()
      await Promise.resolve()
      equal(client.isClosed, false, 'Whether it closed while paused')
      client.resume()
      await client.until(() => client.isClosed)
      sameBytes(client.all(), distinctBytes(100_000), RECEIVED)
      inOrder(client)
    },
  },
  {
    name: 'delivers what was written when the peer ends meanwhile',
    needs: 'halfCloses',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      peer.pause()
      client.transport.write([large()])
      peer.write(small())
      peer.end()
      await client.until(() => client.receivedBytes === 5)
      peer.resume()
      await client.until(() => client.isClosed)
      await peer.until(() => peer.ended)
      sameBytes(peer.all(), large(), SENT)
      inOrder(client)
    },
  },
  {
    name: 'does nothing when it is called after the end',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      peer.end()
      await client.until(() => client.isClosed)
      client.pause()
      client.transport.write([small()])
      client.resume()
      client.transport.close()
      client.transport.destroy()
      const other = scene.dial()
      await other.until(() => other.isOpen)
      equal(client.events.at(-1), 'closed', 'What was called last')
      client.verify()
    },
  },
]

const BREAKING: readonly TransportCheck[] = [
  {
    name: 'closes with an error when the peer breaks the connection',
    needs: 'breaks',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      peer.reset()
      await client.until(() => client.isClosed)
      lost(client.error, /^Lost the connection to ".+": /)
      client.verify()
    },
  },
  {
    name: 'reports no write that was stuck when the peer breaks the connection',
    needs: 'breaks',
    run: async (scene) => {
      const { client, peer } = await stuck(scene)
      peer.reset()
      await client.until(() => client.isClosed)
      equal(client.writes, 0, WRITES)
      lost(client.error, /^Lost the connection to ".+": /)
      client.verify()
    },
  },
  {
    name: 'is destroyed at once, which the peer sees',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      client.transport.write([small()])
      client.transport.destroy()
      client.transport.destroy()
      client.transport.write([small()])
      equal(client.isClosed, false, 'Whether closed was called at once')
      await client.until(() => client.isClosed)
      await peer.until(() => peer.ended)
      inOrder(client)
    },
  },
  {
    name: 'is destroyed while a write is stuck',
    run: async (scene) => {
      const { client, peer } = await stuck(scene)
      client.transport.destroy()
      await client.until(() => client.isClosed)
      equal(client.writes, 0, WRITES)
      equal(client.error, undefined, ERROR)
      peer.resume()
      await peer.until(() => peer.ended)
      client.verify()
    },
  },
  {
    name: 'is destroyed while closing is stuck',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      peer.pause()
      client.transport.write([large()])
      client.transport.close()
      client.transport.destroy()
      await client.until(() => client.isClosed)
      peer.resume()
      await peer.until(() => peer.ended)
      client.verify()
    },
  },
  {
    name: 'receives nothing more when it is destroyed by a handler',
    run: async (scene) => {
      const { client, peer } = await scene.connected()
      client.onReceived = () => client.transport.destroy()
      peer.write(large())
      await client.until(() => client.isClosed)
      holds(client.receivedBytes < LARGE_BYTES, 'All was received after destroy')
      equal(client.pieces, 1, 'How many pieces were received')
      client.verify()
    },
  },
]

/** All of them, from the dial to the end. */
export const TRANSPORT_CHECKS: readonly TransportCheck[] = [
  ...OPENING,
  ...WRITING,
  ...READING,
  ...CLOSING,
  ...BREAKING,
]
