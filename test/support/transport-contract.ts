// The contract of transports as tests: whoever writes a transport runs them over it. They wait for
// events, never for time, and judge by what both ends saw. Knows no platform; a setting brings the
// transport and a peer that obeys.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { type TestContext, describe, it } from 'node:test'
import { MqttError } from '../../src/errors.ts'
import type {
  ServerAddress,
  Transport,
  TransportFactory,
  TransportHandler,
  TransportOptions,
} from '../../src/transport/transport.ts'

/** The server's end of one connection. */
export interface ContractPeer {
  /** Bytes that arrived. */
  readonly receivedBytes: number
  /** Everything that arrived. */
  all(): Uint8Array
  /** Bytes of `write` that are still here. */
  readonly unsentBytes: number
  /** True when the client has ended, in order or not. */
  readonly ended: boolean
  /** Waits until something that happens here makes it true. */
  until(condition: () => boolean): Promise<void>
  write(bytes: Uint8Array): void
  /** Stops and goes on taking what arrives. */
  pause(): void
  resume(): void
  /** Ends in good order after what was written. */
  end(): void
  /** Breaks the connection. */
  reset(): void
}

/** A transport and somebody to talk to. */
export interface ContractSetting {
  readonly dial: TransportFactory
  readonly options: TransportOptions
  /** Where a dial succeeds. */
  readonly address: ServerAddress
  /** Where a dial fails. */
  readonly refusedAddress: ServerAddress
  /** Where a dial is never answered. */
  readonly silentAddress: ServerAddress
  /** The peer of the next connection. */
  accept(): Promise<ContractPeer>
  /** Frees everything. */
  close(): Promise<void>
}

/** What a transport can do, where they differ. */
export interface ContractTraits {
  /** Whether pausing slows the peer down. */
  readonly slowsPeer: boolean
  /** Whether a peer that has ended still takes what the client had written before. */
  readonly halfCloses: boolean
  /** Whether a peer can break the connection. */
  readonly breaks: boolean
  /** Whether a server can leave a dial unanswered; without it `silentAddress` is not used. */
  readonly canBeSilent: boolean
}

/** More than the buffers of a system hold on a loopback connection whose reader has stopped. */
const LARGE_BYTES = 8_388_608

const SMALL = Uint8Array.of(1, 2, 3, 4, 5)

/** Registers the tests of the contract for one transport. */
export function transportContract(
  name: string,
  traits: ContractTraits,
  open: () => Promise<ContractSetting>,
): void {
  const setUp = async (t: TestContext): Promise<ContractSetting> => {
    const setting = await open()
    t.after(() => setting.close())
    return setting
  }
  const connected = async (t: TestContext): Promise<Connected> => {
    const setting = await setUp(t)
    const client = new Recorder(setting)
    const [peer] = await Promise.all([setting.accept(), client.until(() => client.isOpen)])
    return { setting, client, peer }
  }

  /** Nothing comes while paused, the peer is held back, and all of it comes after. */
  const staysPaused = async ({ client, peer }: Omit<Connected, 'setting'>): Promise<void> => {
    peer.write(pattern(LARGE_BYTES))
    for (let round = 1; round <= 10; round++) {
      client.transport.write([SMALL])
      await client.until(() => client.writes === round)
      await peer.until(() => peer.receivedBytes === 5 * round)
    }
    equal(client.receivedBytes, 0)
    if (traits.slowsPeer) ok(peer.unsentBytes > 0)
    client.resume()
    await client.until(() => client.receivedBytes === LARGE_BYTES)
    sameBytes(client.all(), pattern(LARGE_BYTES))
    client.verify()
  }

  describe(`${name} keeps the contract of transports`, () => {
    it('opens once, after the factory has returned', async (t) => {
      const { client } = await connected(t)
      deepEqual(client.events, ['opened'])
      client.verify()
    })

    it('carries bytes both ways and reports each write', async (t) => {
      const { client, peer } = await connected(t)
      client.transport.write([SMALL])
      await client.until(() => client.writes === 1)
      await peer.until(() => peer.receivedBytes === 5)
      client.transport.write([SMALL, pattern(70_000), new Uint8Array(0), SMALL])
      await client.until(() => client.writes === 2)
      await peer.until(() => peer.receivedBytes === 70_015)
      client.transport.write([])
      await client.until(() => client.writes === 3)
      peer.write(pattern(100_000))
      await client.until(() => client.receivedBytes === 100_000)
      sameBytes(peer.all(), join(SMALL, SMALL, pattern(70_000), SMALL))
      sameBytes(client.all(), pattern(100_000))
      client.verify()
    })

    it('reports a write later, never during the call', async (t) => {
      const { client, peer } = await connected(t)
      client.transport.write([SMALL])
      equal(client.writes, 0)
      await client.until(() => client.writes === 1)
      client.transport.write([SMALL, SMALL])
      equal(client.writes, 1)
      await client.until(() => client.writes === 2)
      await peer.until(() => peer.receivedBytes === 15)
    })

    it('needs the chunks no longer when the write is reported', async (t) => {
      const { client, peer } = await connected(t)
      for (const chunks of [[pattern(1_000_000)], [SMALL.slice(), pattern(1_000_000)]]) {
        const all = join(...chunks)
        const writes = client.writes
        const before = peer.receivedBytes
        client.transport.write(chunks)
        await client.until(() => client.writes > writes)
        for (const chunk of chunks) chunk.fill(0)
        await peer.until(() => peer.receivedBytes === before + all.length)
        sameBytes(peer.all().subarray(before), all)
      }
    })

    it('reports no write while the peer takes nothing, and all of it arrives', async (t) => {
      const { client, peer } = await connected(t)
      peer.pause()
      client.transport.write([pattern(LARGE_BYTES)])
      for (let round = 1; round <= 10; round++) {
        peer.write(SMALL)
        await client.until(() => client.receivedBytes === 5 * round)
      }
      equal(client.writes, 0)
      peer.resume()
      await client.until(() => client.writes === 1)
      await peer.until(() => peer.receivedBytes === LARGE_BYTES)
      sameBytes(peer.all(), pattern(LARGE_BYTES))
      client.verify()
    })

    it('receives nothing while paused, and all of it after', async (t) => {
      const { client, peer } = await connected(t)
      client.pause()
      await staysPaused({ client, peer })
    })

    it('loses nothing when it is paused and resumed at every piece', async (t) => {
      const { client, peer } = await connected(t)
      client.onReceived = () => {
        client.pause()
        void Promise.resolve().then(() => client.resume())
      }
      peer.write(pattern(LARGE_BYTES))
      await client.until(() => client.receivedBytes === LARGE_BYTES)
      sameBytes(client.all(), pattern(LARGE_BYTES))
      client.verify()
    })

    it('receives nothing until it is resumed when it was paused while dialling', async (t) => {
      const setting = await setUp(t)
      const client = new Recorder(setting)
      client.pause()
      const [peer] = await Promise.all([setting.accept(), client.until(() => client.isOpen)])
      await staysPaused({ client, peer })
    })

    it('delivers all that was written before it is closed', async (t) => {
      const { client, peer } = await connected(t)
      client.transport.write([pattern(LARGE_BYTES)])
      client.transport.close()
      await peer.until(() => peer.ended)
      await client.until(() => client.isClosed)
      sameBytes(peer.all(), pattern(LARGE_BYTES))
      equal(client.error, undefined)
      client.verify()
    })

    it('closes in good order while paused with bytes unread, and throws those away', async (t) => {
      const { client, peer } = await connected(t)
      client.pause()
      peer.write(pattern(LARGE_BYTES))
      client.transport.write([SMALL])
      await peer.until(() => peer.receivedBytes === 5)
      client.transport.close()
      client.resume()
      await client.until(() => client.isClosed)
      await peer.until(() => peer.ended)
      equal(client.receivedBytes, 0)
      equal(client.error, undefined)
      client.verify()
    })

    it('sends nothing that is written after it was closed', async (t) => {
      const { client, peer } = await connected(t)
      client.transport.write([SMALL])
      client.transport.close()
      client.transport.close()
      client.transport.write([SMALL])
      await client.until(() => client.isClosed)
      await peer.until(() => peer.ended)
      equal(peer.receivedBytes, 5)
      client.verify()
    })

    it('closes in good order when the peer ends, after all that it sent', async (t) => {
      const { client, peer } = await connected(t)
      peer.write(pattern(1_000_000))
      peer.end()
      await client.until(() => client.isClosed)
      sameBytes(client.all(), pattern(1_000_000))
      equal(client.error, undefined)
      client.verify()
    })

    it('closes only when it is resumed after the peer has ended', async (t) => {
      const { client, peer } = await connected(t)
      client.pause()
      peer.write(pattern(100_000))
      client.transport.write([SMALL])
      await peer.until(() => peer.receivedBytes === 5)
      peer.end()
      await Promise.resolve()
      equal(client.isClosed, false)
      client.resume()
      await client.until(() => client.isClosed)
      sameBytes(client.all(), pattern(100_000))
      equal(client.error, undefined)
      client.verify()
    })

    if (traits.halfCloses) {
      it('delivers what was written when the peer ends meanwhile', async (t) => {
        const { client, peer } = await connected(t)
        peer.pause()
        client.transport.write([pattern(LARGE_BYTES)])
        peer.write(SMALL)
        peer.end()
        await client.until(() => client.receivedBytes === 5)
        peer.resume()
        await client.until(() => client.isClosed)
        await peer.until(() => peer.ended)
        sameBytes(peer.all(), pattern(LARGE_BYTES))
        equal(client.error, undefined)
        client.verify()
      })
    }

    if (traits.breaks) {
      it('closes with an error when the peer breaks the connection', async (t) => {
        const { client, peer } = await connected(t)
        peer.reset()
        await client.until(() => client.isClosed)
        lost(client.error, /^Lost the connection to ".+": /)
        client.verify()
      })

      it('reports no write that was stuck when the peer breaks the connection', async (t) => {
        const { client, peer } = await connected(t)
        peer.pause()
        client.transport.write([pattern(LARGE_BYTES)])
        peer.write(SMALL)
        await client.until(() => client.receivedBytes === 5)
        peer.reset()
        await client.until(() => client.isClosed)
        equal(client.writes, 0)
        lost(client.error, /^Lost the connection to ".+": /)
        client.verify()
      })
    }

    it('closes with an error when it cannot connect', async (t) => {
      const { refusedAddress, ...setting } = await setUp(t)
      const client = new Recorder({ ...setting, address: refusedAddress })
      await client.until(() => client.isClosed)
      deepEqual(client.events, ['closed'])
      lost(client.error, /^Cannot connect to ".+": /)
      ok(client.error?.message.includes(refusedAddress.href))
      client.verify()
    })

    it('is destroyed at once, which the peer sees', async (t) => {
      const { client, peer } = await connected(t)
      client.transport.write([SMALL])
      client.transport.destroy()
      client.transport.destroy()
      client.transport.write([SMALL])
      equal(client.isClosed, false)
      await client.until(() => client.isClosed)
      await peer.until(() => peer.ended)
      equal(client.error, undefined)
      client.verify()
    })

    it('is destroyed while a write is stuck', async (t) => {
      const { client, peer } = await connected(t)
      peer.pause()
      client.transport.write([pattern(LARGE_BYTES)])
      peer.write(SMALL)
      await client.until(() => client.receivedBytes === 5)
      client.transport.destroy()
      await client.until(() => client.isClosed)
      equal(client.writes, 0)
      equal(client.error, undefined)
      peer.resume()
      await peer.until(() => peer.ended)
      client.verify()
    })

    it('is destroyed while closing is stuck', async (t) => {
      const { client, peer } = await connected(t)
      peer.pause()
      client.transport.write([pattern(LARGE_BYTES)])
      client.transport.close()
      client.transport.destroy()
      await client.until(() => client.isClosed)
      peer.resume()
      await peer.until(() => peer.ended)
      client.verify()
    })

    it('receives nothing more when it is destroyed by a handler', async (t) => {
      const { client, peer } = await connected(t)
      client.onReceived = () => client.transport.destroy()
      peer.write(pattern(LARGE_BYTES))
      await client.until(() => client.isClosed)
      ok(client.receivedBytes < LARGE_BYTES)
      equal(client.pieces, 1)
      client.verify()
    })

    it('is destroyed while dialling, and never opens', async (t) => {
      const setting = await setUp(t)
      const client = new Recorder(setting)
      client.transport.destroy()
      equal(client.isClosed, false)
      await client.until(() => client.isClosed)
      deepEqual(client.events, ['closed'])
      equal(client.error, undefined)
      client.verify()
    })

    it('is destroyed by close while dialling', async (t) => {
      const setting = await setUp(t)
      const client = new Recorder(setting)
      client.transport.close()
      await client.until(() => client.isClosed)
      deepEqual(client.events, ['closed'])
      equal(client.error, undefined)
      client.verify()
    })

    if (traits.canBeSilent) {
      it('is destroyed while a server does not answer the dial', async (t) => {
        const { silentAddress, ...setting } = await setUp(t)
        const client = new Recorder({ ...setting, address: silentAddress })
        // While this one is opened and closed, the other has had its time.
        const other = new Recorder(setting)
        await other.until(() => other.isOpen)
        other.transport.close()
        await other.until(() => other.isClosed)
        deepEqual(client.events, [])
        client.transport.destroy()
        await client.until(() => client.isClosed)
        deepEqual(client.events, ['closed'])
        equal(client.error, undefined)
        client.verify()
      })
    }

    it('does nothing when it is called after the end', async (t) => {
      const { setting, client, peer } = await connected(t)
      peer.end()
      await client.until(() => client.isClosed)
      client.pause()
      client.transport.write([SMALL])
      client.resume()
      client.transport.close()
      client.transport.destroy()
      const other = new Recorder(setting)
      await other.until(() => other.isOpen)
      equal(client.events.at(-1), 'closed')
      client.verify()
    })
  })
}

interface Connected {
  readonly setting: ContractSetting
  readonly client: Recorder
  readonly peer: ContractPeer
}

/** A handler that remembers what it was told, and what it should not have been told. */
export class Recorder implements TransportHandler {
  readonly transport: Transport
  /** What was called, in order; each kind of call in a row once. */
  readonly events: string[] = []
  writes = 0
  pieces = 0
  receivedBytes = 0
  /** What the last `received` was given. */
  lastBuffer: Uint8Array | undefined
  error: Error | undefined
  onReceived: () => void = () => undefined
  readonly #wrongs: string[] = []
  readonly #pieces: Uint8Array[] = []
  readonly #dialling: boolean = true
  #paused = false
  #waiters: Waiter[] = []

  constructor({ dial, address, options }: Pick<ContractSetting, 'dial' | 'address' | 'options'>) {
    this.transport = dial(address, this, options)
    this.#dialling = false
  }

  get isOpen(): boolean {
    return this.events.includes('opened')
  }

  get isClosed(): boolean {
    return this.events.includes('closed')
  }

  pause(): void {
    this.#paused = true
    this.transport.pause()
  }

  resume(): void {
    this.#paused = false
    this.transport.resume()
  }

  /** Everything that came in. */
  all(): Uint8Array {
    return join(...this.#pieces)
  }

  received(bytes: Uint8Array, length: number): void {
    if (this.#paused) this.#wrongs.push('received while paused')
    if (!(length > 0 && length <= bytes.length)) this.#wrongs.push(`received ${length} bytes`)
    this.lastBuffer = bytes
    this.#pieces.push(bytes.slice(0, length))
    this.pieces++
    this.receivedBytes += length
    this.onReceived()
    this.#happened('received')
  }

  opened(): void {
    this.#happened('opened')
  }

  written(): void {
    this.writes++
    this.#happened('written')
  }

  closed(error: Error | undefined): void {
    this.error = error
    this.#happened('closed')
  }

  /** Waits for a condition; rejects when the end comes and it is still not true. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ condition, resolve, reject })
      this.#settle()
    })
  }

  /** Fails for what should not have happened. */
  verify(): void {
    deepEqual(this.#wrongs, [])
  }

  #happened(event: string): void {
    if (this.#dialling) this.#wrongs.push(`${event} before the factory had returned`)
    if (this.isClosed) this.#wrongs.push(`${event} after closed`)
    if (event === 'opened' && this.isOpen) this.#wrongs.push('opened twice')
    if ((event === 'received' || event === 'written') && !this.isOpen) {
      this.#wrongs.push(`${event} before opened`)
    }
    if (this.events.at(-1) !== event) this.events.push(event)
    this.#settle()
  }

  #settle(): void {
    this.#waiters = this.#waiters.filter(({ condition, resolve, reject }) => {
      const met = condition()
      if (met) resolve()
      else if (this.isClosed) reject(new Error('It was closed', { cause: this.error }))
      return !met && !this.isClosed
    })
  }
}

interface Waiter {
  readonly condition: () => boolean
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

function lost(error: Error | undefined, message: RegExp): void {
  ok(MqttError.is(error))
  equal(error.code, 'ERR_MQTT_CONNECTION_LOST')
  match(error.message, message)
}

/** Bytes that repeat so late that a gap or an exchange of pieces shows. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = i ^ (i >>> 8) ^ (i >>> 16)
  return bytes
}

function sameBytes(actual: Uint8Array, expected: Uint8Array): void {
  equal(actual.length, expected.length)
  const different = actual.findIndex((byte, i) => byte !== expected[i])
  equal(different, -1, `The bytes differ from offset ${different} on`)
}

function join(...pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let offset = 0
  for (const piece of pieces) {
    all.set(piece, offset)
    offset += piece.length
  }
  return all
}
