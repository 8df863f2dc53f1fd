// Scripted servers without sockets, for tests of pure code in virtual time. Every step of a pipe is a
// microtask, so `settle` sees everything through that needs no time to pass.

import type { Platform } from '../../src/driver/platform.ts'
import { makeRuntime } from '../../src/engine/runtime.ts'
import { SimpleClient } from '../../src/simple/client.ts'
import type { ClientOptions } from '../../src/simple/types.ts'
import { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { type MemoryPair, memoryPair } from '../../src/transport/memory.ts'
import type {
  Transport,
  TransportFactory,
  TransportHandler,
} from '../../src/transport/transport.ts'
import { VirtualClock } from './virtual-clock.ts'

/** Microtasks without a step of any pipe after which nothing is thought to move any more. */
const QUIET_TURNS = 64
/** Microtasks that `settle` waits at most, so that a circle of promises fails instead of hanging. */
const TURNS_MAX = 2_000_000

/** Steps that all pipes have taken: what `settle` watches. */
const activity = { steps: 0 }

/** Runs microtasks until nothing moves. @throws {Error} when something never stops */
export async function settle(): Promise<void> {
  let quiet = 0
  let seen = activity.steps
  for (let turn = 0; quiet < QUIET_TURNS; turn += 1) {
    if (turn > TURNS_MAX) throw new Error('Something moves without an end')
    await Promise.resolve()
    quiet = activity.steps === seen ? quiet + 1 : 0
    seen = activity.steps
  }
}

/**
 * Lets time pass: stops at every timer on the way and settles there, so that what a timer puts off to
 * a microtask happens at its time.
 */
export async function elapse(clock: VirtualClock, ms: number): Promise<void> {
  const end = clock.now() + ms
  await settle()
  while (clock.next <= end) {
    clock.advance(Math.max(0, clock.next - clock.now()))
    await settle()
  }
  clock.advance(end - clock.now())
  await settle()
}

/** What became of a dial, beside its connection. */
interface Dialled {
  readonly pair: MemoryPair
  readonly connection: ScriptedConnection
}

/** A server to dial in memory; each dial is a {@link ScriptedConnection}. */
export class ScriptedServer {
  /** Dials fail with it while it is set. */
  refuse: Error | undefined
  /** Dials never open while it is set. */
  blackHole = false
  /** How many bytes a connection takes before it says `written`; 0 waits until the peer has them. */
  bufferBytes = 65_536
  /** Every connection so far, in order. */
  readonly connections: ScriptedConnection[] = []
  /** Dials so far, also those that were refused or never opened. */
  dials = 0
  readonly #waiting: ScriptedConnection[] = []
  readonly #takers: ((connection: ScriptedConnection) => void)[] = []
  readonly #dialled: Dialled[] = []
  #stallWrites = false
  #stallReads = false

  /** Give it to a client as `options.transport`. */
  readonly transport: TransportFactory = (address, handler, options) => {
    this.dials += 1
    const { refuse } = this
    if (refuse !== undefined) return new RefusedTransport(handler, refuse)
    const pair = memoryPair({
      schedule: (step) => void Promise.resolve().then(() => this.#take(step)),
      bufferBytes: this.bufferBytes,
      dialling: this.blackHole ? 'ignore' : 'accept',
    })
    const connection = new ScriptedConnection(pair.peer)
    pair.peer.onData = (bytes) => connection.handleData(bytes)
    pair.peer.onEnd = () => connection.handleClosed()
    pair.peer.onOpen = () => {
      this.connections.push(connection)
      const taker = this.#takers.shift()
      if (taker === undefined) this.#waiting.push(connection)
      else taker(connection)
    }
    pair.toPeer.stalled = this.#stallWrites
    pair.toClient.stalled = this.#stallReads
    this.#dialled.push({ pair, connection })
    return pair.dial(address, handler, options)
  }

  /** While true, nothing that a client writes arrives, and `written` is withheld past the buffer. */
  get stallWrites(): boolean {
    return this.#stallWrites
  }

  set stallWrites(stalled: boolean) {
    this.#stallWrites = stalled
    for (const { pair } of this.#dialled) pair.toPeer.stalled = stalled
  }

  /** While true, nothing arrives at a client. */
  get stallReads(): boolean {
    return this.#stallReads
  }

  set stallReads(stalled: boolean) {
    this.#stallReads = stalled
    for (const { pair } of this.#dialled) pair.toClient.stalled = stalled
  }

  /** The next connection that was not taken yet. */
  connection(): Promise<ScriptedConnection> {
    const connection = this.#waiting.shift()
    if (connection !== undefined) return Promise.resolve(connection)
    return new Promise((resolve) => this.#takers.push(resolve))
  }

  /** The pipe of a connection, for what only bytes can show: pieces, cuts, stalls. */
  pipe(connection: ScriptedConnection): MemoryPair {
    const found = this.#dialled.find((dialled) => dialled.connection === connection)
    if (found === undefined) throw new Error('Not a connection of this server')
    return found.pair
  }

  #take(step: () => void): void {
    activity.steps += 1
    step()
  }
}

/** A dial that fails. */
class RefusedTransport implements Transport {
  constructor(handler: TransportHandler, error: Error) {
    let destroyed = false
    this.destroy = () => {
      destroyed = true
    }
    void Promise.resolve().then(() => handler.closed(destroyed ? undefined : error))
  }

  readonly destroy: () => void
  write(): void {}
  pause(): void {}
  resume(): void {}
  close(): void {
    this.destroy()
  }
}

/** The platform of a client in a test: nothing of it is shared with another test. */
export function testPlatform(
  clock: VirtualClock,
  warnings: { readonly code: string; readonly message: string }[] = [],
): Platform {
  return {
    clock,
    transports: {},
    runtime: makeRuntime(),
    readBuffer: new Uint8Array(65_536),
    warn: (code, message) => warnings.push({ code, message }),
  }
}

/** A client and all that is around it. */
export interface TestClient {
  readonly client: SimpleClient
  readonly server: ScriptedServer
  readonly clock: VirtualClock
  /** What went to the platform because no listener took it. */
  readonly warnings: { readonly code: string; readonly message: string }[]
}

/** How a test client is made. */
export interface TestClientOptions extends ClientOptions {
  /** @default "client" */
  readonly clientId?: string
}

/** A client of `umqtt/simple` whose server is scripted and whose time stands still. */
export function testClient({
  clientId = 'client',
  ...options
}: TestClientOptions = {}): TestClient {
  const server = new ScriptedServer()
  const clock = new VirtualClock(1_000)
  const warnings: { code: string; message: string }[] = []
  const client = new SimpleClient(
    clientId,
    'mqtt://server.example',
    { transport: server.transport, ...options },
    testPlatform(clock, warnings),
  )
  return { client, server, clock, warnings }
}
