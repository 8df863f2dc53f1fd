// One run of the operation fuzzer: a client of `umqtt/simple` in virtual time, a model server, and a few
// hundred things that may happen, drawn from a seed. At the end everything is healed and must come right.

import { setImmediate as turn } from 'node:timers/promises'
import { MqttError } from '../src/errors.ts'
import { SimpleClient } from '../src/simple/client.ts'
import type { Message } from '../src/simple/types.ts'
import { testPlatform } from '../test/support/scripted-memory.ts'
import { VirtualClock } from '../test/support/virtual-clock.ts'
import { numberIn, payloadOf, topicOf } from './content.ts'
import { Ledger } from './ledger.ts'
import { Link } from './link.ts'
import { runOptions, type RunTimeouts } from './options.ts'
import type { PlantedBug } from './plants.ts'
import type { Random } from './random.ts'
import { anyQoS, ModelServer } from './server.ts'
import { Violation } from './violation.ts'

/** A fraction of a millisecond is rounded up, and a bound may be set one call later. */
const SLACK_MS = 5
const ACTIONS_MAX = 250
/** The longest that a disconnect may be told to take. */
const PATIENCE_MS = 5_000
/** Long after every deadline. */
const AGE_MS = 600_000
/** Rounds of delivery after which a healed run has to stand still. */
const HEALING_ROUNDS = 10_000
const FILTERS: readonly string[] = ['#', 'a/+', 'sensor/#', '+/日本語', '$share/g/a']

/** How a run goes. */
export interface RunSetting {
  readonly random: Random
  /** Makes the server send what it must not: bytes to damage. */
  readonly hostile?: (random: Random) => Uint8Array
  readonly plant?: PlantedBug | undefined
  /** Counts what happened, over runs. */
  readonly marks: Map<string, number>
  /** Told every action, to follow a run. */
  readonly trace?: (line: string) => void
}

/** A call of the application whose promise is watched. */
interface Call {
  readonly name: string
  readonly bound: number
}

type Weights = Readonly<Record<string, number>>

const ACTIONS = {
  deliver: 30,
  answer: 25,
  publish: 22,
  offer: 12,
  release: 10,
  advance: 6,
  connect: 6,
  subscribe: 2,
  unsubscribe: 1,
  ping: 1,
  ask: 2,
  wait: 1,
  abort: 1,
  stall: 2,
  pieces: 2,
  cut: 1,
  reset: 0.7,
  end: 0.5,
  forget: 0.3,
  dialling: 1,
  disconnect: 0.7,
} as const satisfies Weights

/** Runs one seed. @throws {Violation} */
export async function fuzzOperations(setting: RunSetting): Promise<void> {
  const run = new Run(setting)
  await run.chaos()
  await run.heal()
}

class Run {
  readonly #setting: RunSetting
  readonly #random: Random
  readonly #clock = new VirtualClock(1_000)
  readonly #ledger = new Ledger()
  readonly #server: ModelServer
  readonly #link: Link
  readonly #client: SimpleClient
  readonly #timeouts: RunTimeouts
  readonly #calls = new Set<Call>()
  /** Handlers that have not finished. */
  readonly #handlers: (() => void)[] = []
  readonly #aborts: (() => void)[] = []
  /** Whether the application asks for messages instead of being called. */
  readonly #asks: boolean
  /** Whether the server is told of a handler that fails, and the message is refused by that. */
  readonly #refuses: boolean
  #failure: Violation | undefined

  constructor(setting: RunSetting) {
    const { random, marks, plant } = setting
    this.#setting = setting
    this.#random = random
    this.#server = new ModelServer(random, this.#ledger, marks)
    this.#link = new Link(this.#server, plant, setting.trace)
    const { client, timeouts } = runOptions(random)
    this.#timeouts = timeouts
    this.#client = new SimpleClient(
      'fuzz',
      'mqtt://server.example',
      { ...client, transport: this.#link.dial },
      testPlatform(this.#clock),
    )
    this.#refuses = client.onHandlerError === 'reject'
    this.#asks = random.chance(0.3)
    if (this.#asks) {
      // Who has never asked has no use for messages: they would be acknowledged and dropped.
      this.#client.checkMsg()
    } else {
      this.#client.setCallback((topic, payload, message) => this.#handle(topic, payload, message))
    }
    if (plant?.leaks === true) this.#clock.setTimer(() => undefined, 2 * AGE_MS)
  }

  async chaos(): Promise<void> {
    const random = this.#random
    const count = random.integer(20, ACTIONS_MAX)
    this.#act('connect')
    await this.#settle()
    for (let i = 0; i < count; i += 1) {
      const hostile = this.#setting.hostile !== undefined && random.chance(0.03)
      const action = hostile ? 'attack' : random.weighted(ACTIONS)
      this.#setting.trace?.(`${this.#clock.now()} ${action} (${this.#client.state})`)
      if (action === 'advance') await this.#advance(this.#someTime())
      else this.#act(action)
      await this.#settle()
    }
  }

  /** Everything goes well from now on, and what was promised has to come true. */
  async heal(): Promise<void> {
    const client = this.#client
    this.#server.friendly = true
    this.#setting.trace?.('healing')
    this.#watch('disconnect', this.#timeouts.closeMs, client.disconnect())
    await this.#calm()
    await this.#advance(this.#timeouts.connectMs)
    await this.#calm()
    const connecting = client.connect({ cleanStart: false, sessionExpirySeconds: 1_000 })
    this.#watch('connect', this.#connectBound, connecting)
    await this.#calm()
    if (client.state !== 'connected') {
      throw new Violation('nothing lost', `the client is ${client.state} when all is well`)
    }
    const { inflight, waitingMessages, waitingBytes, inboxBytes } = client.statistics
    const left = { inflight, waitingMessages, waitingBytes, inboxBytes }
    if (Object.values(left).some((value) => value !== 0)) {
      throw new Violation('nothing left over', JSON.stringify(left))
    }
    this.#watch('disconnect', this.#timeouts.closeMs, client.disconnect())
    await this.#calm()
    await this.#advance(AGE_MS)
    if (this.#calls.size > 0) {
      const names = [...this.#calls].map(({ name }) => name)
      throw new Violation('settles in time', `${names.join(', ')} is open at the end`)
    }
    if (this.#clock.pending > 0) {
      throw new Violation('nothing left over', `${this.#clock.pending} timers`)
    }
    this.#ledger.check()
  }

  /** Lets everything through until nothing moves; handlers finish, questions are asked. */
  async #calm(): Promise<void> {
    for (let quiet = 0, round = 0; quiet < 3; round += 1) {
      if (round > HEALING_ROUNDS) throw new Violation('settles in time', 'it never comes to rest')
      const { pair, connection } = this.#link
      if (pair !== undefined) {
        for (const lane of [pair.toPeer, pair.toClient]) {
          lane.stalled = false
          lane.pieceBytes = 1_000_000
          lane.cutAfterBytes = Infinity
        }
      }
      this.#link.dialling = 'accept'
      let moved = this.#link.deliver(100)
      if (connection?.answer() === true) moved += 1
      for (const done of this.#handlers.splice(0)) {
        done()
        moved += 1
      }
      if (this.#asks && this.#ask()) moved += 1
      await this.#settle()
      quiet = moved === 0 ? quiet + 1 : 0
    }
  }

  #act(action: keyof typeof ACTIONS | 'attack'): void {
    const random = this.#random
    const { pair, connection } = this.#link
    switch (action) {
      case 'deliver':
        this.#link.deliver(random.integer(1, 30))
        return
      case 'answer':
        for (let n = random.integer(1, 5); n > 0; n -= 1) connection?.answer()
        return
      case 'publish':
        for (let n = random.pick([1, 1, 1, 2, 12]); n > 0; n -= 1) this.#publish()
        return
      case 'offer':
        if (connection?.connected !== true) return
        for (let n = random.pick([1, 1, 3]); n > 0; n -= 1) {
          connection.publish(this.#ledger.offer(anyQoS(random)), this.#length())
        }
        return
      case 'release':
        for (let n = random.integer(1, 4); n > 0 && this.#handlers.length > 0; n -= 1) {
          this.#handlers.splice(random.integer(0, this.#handlers.length - 1), 1)[0]?.()
        }
        return
      case 'connect':
        return this.#connect()
      case 'subscribe':
        return this.#subscribe()
      case 'unsubscribe':
        return this.#watch(
          'unsubscribe',
          this.#connectBound + this.#operationBound,
          this.#client.unsubscribe(random.pick(FILTERS)),
        )
      case 'ping':
        return this.#watch('ping', this.#operationBound, this.#client.ping())
      case 'ask':
        if (this.#asks) this.#ask()
        return
      case 'wait':
        if (this.#asks) this.#wait()
        return
      case 'abort':
        this.#aborts.splice(random.integer(0, this.#aborts.length), 1)[0]?.()
        return
      case 'stall':
        if (pair === undefined) return
        random.pick([pair.toPeer, pair.toClient]).stalled = random.chance(0.4)
        return
      case 'pieces':
        if (pair === undefined) return
        random.pick([pair.toPeer, pair.toClient]).pieceBytes = random.pick([1, 2, 7, 64, 100_000])
        return
      case 'cut': {
        if (pair === undefined) return
        const lane = random.pick([pair.toPeer, pair.toClient])
        lane.cutAfterBytes = lane.deliveredBytes + random.integer(0, 200)
        this.#server.mark('cut')
        return
      }
      case 'reset':
        pair?.peer.destroy()
        return
      case 'end':
        pair?.peer.close()
        return
      case 'forget':
        if (connection?.ended !== false) this.#server.forget()
        return
      case 'dialling':
        this.#link.dialling = random.pick(['accept', 'accept', 'refuse', 'ignore'])
        this.#link.bufferBytes = random.pick([0, 100, 65_536])
        return
      case 'disconnect': {
        const timeoutMs = random.chance(0.5) ? random.integer(1, PATIENCE_MS) : undefined
        const bound = timeoutMs ?? this.#timeouts.closeMs
        const options = timeoutMs === undefined ? {} : { timeoutMs }
        return this.#watch('disconnect', bound, this.#client.disconnect(options))
      }
      case 'attack':
        this.#ledger.trusted = false
        this.#server.mark('attack')
        if (this.#setting.hostile !== undefined) pair?.peer.write(this.#setting.hostile(random))
        return
      case 'advance':
        return
    }
  }

  /** Both versions may be tried, after a connection that is still closing. */
  get #connectBound(): number {
    const { connectMs, closeMs } = this.#timeouts
    return 2 * (connectMs + closeMs) + Math.max(closeMs, PATIENCE_MS)
  }

  /**
   * What is under way when the connection is told to end is told so when it has ended. At QoS 0 a
   * message that has left the queue is bound by the write that takes it, besides.
   */
  get #operationBound(): number {
    return this.#timeouts.operationMs + Math.max(this.#timeouts.closeMs, PATIENCE_MS)
  }

  #length(): number {
    return this.#random.pick([0, 4, 20, 50, 63, 64, 65, 200, 5_000, 300_000])
  }

  #someTime(): number {
    return this.#random.pick([1, 10, 500, 1_000, 5_000, 20_000, 61_000])
  }

  #publish(): void {
    const random = this.#random
    const qos = anyQoS(random)
    const message = this.#ledger.publish(qos, this.#length())
    const signal = this.#signal(0.05)
    const payload = payloadOf(message.number, message.length)
    const transfer = random.chance(0.2)
    const promise = this.#client.publish(topicOf(message.number), payload, {
      qos,
      transfer,
      ...(signal && { signal }),
    })
    // What is not transferred is ours again at once.
    if (!transfer) payload.fill(0xee)
    this.#watch(
      `publish of message ${message.number} at QoS ${qos}`,
      this.#operationBound + (qos === 0 ? this.#timeouts.writeMs : 0),
      promise.then(
        () => {
          message.result = 'resolved'
        },
        (error: MqttError) => {
          const { answer } = this.#setting.plant ?? {}
          const told = MqttError.is(error) ? error : undefined
          message.result =
            told === undefined ? 'aborted' : answer === undefined ? told : answer(told)
          throw error
        },
      ),
      signal,
    )
  }

  #subscribe(): void {
    const random = this.#random
    const signal = this.#signal(0.2)
    const promise = this.#client.subscribe(
      random.pick(FILTERS),
      { qos: anyQoS(random), ...(signal && { signal }) },
      this.#asks ? undefined : (): undefined => undefined,
    )
    const forgotten = this.#setting.plant?.forgets === true
    this.#watch(
      'subscribe',
      this.#connectBound + this.#operationBound,
      forgotten ? promise.then(() => new Promise(() => undefined)) : promise,
      signal,
    )
  }

  #connect(): void {
    const { state } = this.#client
    if (state === 'connecting' || state === 'connected') return
    const random = this.#random
    const cleanStart = random.chance(0.15)
    const brief = random.chance(0.15)
    // The client forgets when it asks the server to, whatever becomes of that.
    if (cleanStart) this.#ledger.release()
    const signal = this.#signal(0.1)
    const promise = this.#client.connect({
      cleanStart,
      sessionExpirySeconds: brief ? 0 : 1_000,
      ...(signal && { signal }),
    })
    this.#watch('connect', this.#connectBound, promise, signal)
  }

  #signal(probability: number): AbortSignal | undefined {
    if (!this.#random.chance(probability)) return undefined
    const controller = new AbortController()
    this.#aborts.push(() => controller.abort())
    return controller.signal
  }

  /** @returns whether there was a message */
  #ask(): boolean {
    const message = this.#client.checkMsg()
    if (message !== undefined) this.#take(message)
    return message !== undefined
  }

  #wait(): void {
    this.#client.waitMsg().then(
      (message) => this.#guard(() => this.#take(message)),
      (error: unknown) => this.#guard(() => checkCoded('waitMsg', error)),
    )
  }

  #take({ topic, payload }: Message): void {
    this.#setting.trace?.(`  application: message ${numberIn(payload)}`)
    this.#ledger.deliver(topic, payload)
  }

  /** Some messages are handled at once, some later, and some badly. */
  #handle(topic: string, payload: Uint8Array, { qos }: Message): unknown {
    this.#setting.trace?.(`  application: message ${numberIn(payload)}`)
    const random = this.#random
    const { repeats, swallows } = this.#setting.plant ?? {}
    if (swallows === true && numberIn(payload) % 5 === 0) return undefined
    const times = repeats === true && qos === 2 ? 2 : 1
    for (let i = 0; i < times; i += 1) this.#guard(() => this.#ledger.deliver(topic, payload))
    const kind = random.weighted({ now: 4, later: 5, failing: 0.5, badly: 0.5 })
    if (kind === 'now') return undefined
    const refuse = (): void => {
      if (this.#refuses && this.#link.connection?.version === 5) this.#ledger.excuse(payload)
    }
    if (kind === 'badly') {
      refuse()
      throw new Error('A handler fails')
    }
    return new Promise<void>((resolve, reject) => {
      this.#handlers.push(() => {
        if (kind === 'later') return resolve()
        refuse()
        reject(new Error('A handler fails late'))
      })
    })
  }

  /** Every promise settles within its bound, and rejects with nothing but what is ours. */
  #watch(name: string, boundMs: number, promise: Promise<unknown>, signal?: AbortSignal): void {
    const call: Call = { name, bound: this.#clock.now() + boundMs + SLACK_MS }
    this.#calls.add(call)
    promise.then(
      () => this.#calls.delete(call),
      (error: unknown) => {
        this.#calls.delete(call)
        if (signal?.aborted === true && error === signal.reason) return
        this.#guard(() => checkCoded(name, error))
      },
    )
  }

  /** Keeps what is found where no caller would see it. */
  #guard(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.#failure ??=
        error instanceof Violation ? error : new Violation('coded errors', String(error), error)
    }
  }

  /** Goes on in steps, as timers are due. */
  async #advance(ms: number): Promise<void> {
    const end = this.#clock.now() + ms
    while (this.#clock.next <= end) {
      this.#clock.advance(this.#clock.next - this.#clock.now())
      await this.#settle()
    }
    this.#clock.advance(end - this.#clock.now())
  }

  async #settle(): Promise<void> {
    await turn()
    this.#link.finish()
    await turn()
    if (this.#link.violation !== undefined) throw this.#link.violation
    if (this.#failure !== undefined) throw this.#failure
    const now = this.#clock.now()
    for (const { name, bound } of this.#calls) {
      if (now > bound) {
        throw new Violation('settles in time', `${name} is open ${now - bound} ms too long`)
      }
    }
  }
}

function checkCoded(name: string, error: unknown): void {
  if (!MqttError.is(error)) {
    throw new Violation('coded errors', `${name} rejected with ${String(error)}`, error)
  }
}
