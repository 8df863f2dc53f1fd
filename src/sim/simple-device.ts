// A device that has `umqtt/simple` and nothing above it: a script of a few lines makes its connections, with the
// session or without, publishes while they are being made, and gives up what it does not want any more.
// Rule: what an error says of a message is taken at its word; the oracles judge it as any other outcome.

import { resolvePolicy } from '../robust/policies.ts'
import type { Outcome } from '../robust/types.ts'
import type { EngineRuntime } from '../engine/types.ts'
import { MqttError } from '../errors.ts'
import { makeAborter } from '../robust/aborter.ts'
import { SimpleClient } from '../simple/client.ts'
import type { Message } from '../simple/types.ts'
import type { Faults } from './faults.ts'
import type { Ledger } from './ledger.ts'
import type { Life } from './life.ts'
import { Link, type Internet } from './link.ts'
import { Machine } from './machine.ts'
import type { SentMessage } from './observations.ts'
import { deliveryOf, payloadOf } from './payload.ts'
import type { Random } from './random.ts'
import type { SimplePlan } from './simple-plan.ts'
import { Watchdog } from './watchdog.ts'
import type { World } from './world.ts'

/** What the oracles take its messages for, by QoS. */
const POLICIES = ([0, 1, 2] as const).map((qos) =>
  resolvePolicy({
    qos,
    expiresAfterMs: Infinity,
    offline: 'wait',
    durable: 'no',
    priority: 2,
    energy: 'normal',
  }),
)
/** How long it waits before it gives a message up, ms in the mean. */
const PATIENCE_MS = 300

export interface SimpleDeviceOptions {
  readonly world: World
  readonly plan: SimplePlan
  readonly faults: Faults
  /** Whether what dies again and again waits longer each time. */
  readonly watchdog: boolean
  readonly internet: Internet
  readonly server: string
  readonly ledger: Ledger
  readonly random: Random
  readonly runtime: EngineRuntime
}

export class SimpleDevice {
  readonly name: string
  readonly link: Link
  readonly #options: SimpleDeviceOptions
  readonly #machine: Machine
  #client: SimpleClient | undefined
  /** Sessions as its clients see them: a new one, and one that starts clean, has heard of nothing before. */
  #sessions = 0
  /** When it last began to make a connection. */
  #triedAt = 0
  /** Of its script, which publishes at each attempt. */
  readonly #watchdog: Watchdog
  /** Messages of the process that have no outcome. */
  #open = 0

  constructor(options: SimpleDeviceOptions) {
    const { world, plan, faults, internet, random } = options
    this.#options = options
    this.name = plan.clientId
    this.link = new Link(world, internet, random.fork('link'), faults.link, this.name)
    const { name, link } = this
    // A crash in the middle of something is for those that keep something.
    this.#machine = new Machine({ world, name, link, clockRate: faults.clock.drift?.rate ?? 1 })
    this.#watchdog = new Watchdog(options.watchdog)
  }

  /** Whether nothing is left to be told of its messages. */
  get idle(): boolean {
    return this.#open === 0
  }

  boot(): void {
    if (this.#machine.life !== undefined) return
    const { plan } = this.#options
    const life = this.#machine.begin()
    this.#open = 0
    this.#connect(life)
    this.#repeat(life, plan.everyMs, () => this.#burst(life))
    if (plan.disconnectEveryMs < Infinity) {
      this.#repeat(life, plan.disconnectEveryMs, () => void this.#client?.disconnect())
    }
  }

  crash(power: boolean, forMs: number): void {
    if (!this.#machine.end(power)) return
    this.#client = undefined
    this.#open = 0
    this.#machine.restartAfter(forMs, () => this.boot())
  }

  sleep(forMs: number): void {
    this.#machine.sleep(forMs)
  }

  /** Nothing is wrong any more. */
  heal(): void {
    this.#machine.heal()
    this.boot()
  }

  /** One connection; the next follows a while after its end. */
  #connect(life: Life): void {
    const { plan, random, world } = this.#options
    const later = (moreMs: number): void =>
      life.later(random.exponential(plan.againMs) + moreMs, () => this.#connect(life))
    const again = (): void => {
      const moreMs = this.#watchdog.waitMs(world.now - this.#triedAt)
      later(world.healed ? 0 : moreMs)
    }
    const known = this.#client
    // One that is still ending is left alone.
    if (known !== undefined && known.state !== 'idle' && known.state !== 'closed') return later(0)
    this.#triedAt = world.now
    const isNew = known === undefined || random.chance(plan.anew)
    const client = isNew ? this.#makeClient(life, again) : known
    this.#client = client
    const cleanStart = random.chance(plan.clean)
    if (isNew || cleanStart) this.#sessions += 1
    const number = this.#sessions
    client.setCallback((_topic, _payload, message) => this.#handle(life, number, message))
    const { sessionExpirySeconds } = plan
    client.connect({ cleanStart, sessionExpirySeconds }).then(
      ({ sessionPresent }) => {
        if (!life.alive()) return
        this.#tell(`is connected ${sessionPresent ? 'to its session' : 'to a new session'}`)
        if (!plan.subscribes || sessionPresent) return
        client
          .subscribe(plan.topic, { qos: 2 })
          .catch((error: unknown) => this.#tell(`is deaf: ${String(error)}`))
      },
      (error: unknown) => {
        if (!life.alive()) return
        this.#tell(`could not connect: ${String(error)}`)
        again()
      },
    )
    if (random.chance(0.7)) this.#burst(life)
  }

  #makeClient(life: Life, again: () => void): SimpleClient {
    const { plan, server, runtime } = this.#options
    const { protocol, keepAliveSeconds } = plan
    const client = new SimpleClient(
      plan.clientId,
      server,
      { keepAliveSeconds, ...(protocol === 4 && { protocol }) },
      {
        clock: life,
        transports: { mqtt: this.link.factory(life) },
        runtime,
        readBuffer: new Uint8Array(0),
        warn: (code, text) =>
          this.#options.world.tell({ kind: 'warning', device: this.name, code, text }),
      },
    )
    let wasConnected = false
    client.on('state', (state) => {
      if (state === 'connected') wasConnected = true
      else if (state === 'closed' && wasConnected && life.alive()) {
        wasConnected = false
        again()
      }
    })
    return client
  }

  #burst(life: Life): void {
    const { plan, world } = this.#options
    if (world.healed) return
    for (let i = 0; i < plan.burst; i += 1) this.#publish(life)
  }

  #publish(life: Life): void {
    const { world, plan, ledger, random } = this.#options
    const client = this.#client
    if (client === undefined) return
    const { topic } = plan
    const qos = random.pick(plan.qos)
    const number = ledger.nextNumber
    const payload = payloadOf(number, plan.sizeBytes)
    const message = ledger.add({
      number,
      device: this.name,
      topic,
      policy: POLICIES[qos]!,
      sizeBytes: payload.length,
      life: life.number,
      publishedAt: world.now,
      publishedEpoch: 0,
      deadline: Infinity,
      receiptId: '',
      kills: 0,
      stored: undefined,
      stage: undefined,
      outcome: undefined,
      settledIn: 0,
      cancelled: false,
      turnedAway: false,
      takes: [],
    })
    this.#open += 1
    world.tell({ kind: 'publish', message })
    const { signal, abort } = makeAborter()
    client.publish(topic, payload, { qos, signal }).then(
      ({ reasonCode }) => this.#settle(life, message, qos === 0 ? 'sent' : 'delivered', reasonCode),
      (error: unknown) => this.#settle(life, message, statusOf(error)),
    )
    if (random.chance(plan.aborted)) {
      life.later(random.exponential(PATIENCE_MS), () => {
        if (message.outcome !== undefined) return
        message.cancelled = true
        this.#tell(`gives up #${number}`)
        abort()
      })
    }
  }

  #settle(life: Life, message: SentMessage, status: Outcome['status'], reasonCode?: number): void {
    const { world } = this.#options
    if (!life.alive()) return
    const outcome: Outcome = {
      status,
      attempts: 1,
      latencyMs: world.now - message.publishedAt,
      possiblyDuplicated: false,
      ...(reasonCode !== undefined && { reasonCode }),
    }
    const { number, wokeAt } = life
    this.#open -= 1
    world.tell({ kind: 'settled', message, outcome, life: number, clock: life.now(), wokeAt })
    message.outcome = outcome
    message.settledIn = number
  }

  #handle(life: Life, handler: number, message: Message): void {
    const { ledger, world } = this.#options
    const delivery = ledger.delivery(deliveryOf(message.text()))
    if (delivery === undefined) return
    delivery.handled.push({ life: life.number, handler, doneAt: world.now })
    world.tell({ kind: 'handled', delivery, life: life.number })
  }

  /** Does something again and again while the process lives and faults are on. */
  #repeat(life: Life, everyMs: number, action: () => void): void {
    life.later(this.#options.random.exponential(everyMs), () => {
      if (this.#options.world.healed) return
      action()
      this.#repeat(life, everyMs, action)
    })
  }

  #tell(what: string): void {
    this.#options.world.tell({ kind: 'act', device: this.name, what })
  }
}

/** What an error says of its message: `sent` is `no` for one that cannot have reached a server. */
function statusOf(error: unknown): Outcome['status'] {
  // What was given up by its signal says nothing.
  if (!MqttError.is(error)) return 'maybe-delivered'
  if (error.sent === 'no') return 'refused'
  // A PUBCOMP that does not know the id says that the server may have the message.
  return error.code === 'ERR_MQTT_REJECTED' && error.sent === undefined
    ? 'rejected'
    : 'maybe-delivered'
}
