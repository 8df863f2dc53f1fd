// The application of a device, for the life of one process: it publishes its streams, handles what comes,
// gives messages up, ends connections and begins anew, as its plan says. It uses the public surface of the
// client alone, and tells everything that it is told.

import type { RobustClient } from '../robust/client.ts'
import { type DeliveryPolicy, type ResolvedPolicy, resolvePolicy } from '../robust/policies.ts'
import type { Outcome, Receipt } from '../robust/types.ts'
import type { Message } from '../simple/types.ts'
import type { Ledger } from './ledger.ts'
import type { Handling, SentMessage } from './observations.ts'
import { deliveryOf, payloadOf } from './payload.ts'
import type { DevicePlan, HandlerKind, StreamPlan } from './plan.ts'
import type { Life } from './life.ts'
import type { Random } from './random.ts'
import { type DeviceClocks, LowestClock, redate } from './time-left.ts'
import type { World } from './world.ts'

/** How long a slow handler takes, ms. */
const SLOW_MS = 4000
/** How long after it was published, or found, a message is given up that is, ms. */
const GIVEN_UP_MS = 5000
/** How long an application stays away after an orderly end, ms. */
const AWAY_MS = 30_000
/** How long an application waits before it subscribes or connects again after it was refused, ms. */
const RETRY_MS = 60_000
/** How often a handler throws that does. */
const THROWS = 0.3
/** How many messages the handlers of a run may publish: each may call for the next. */
const REPLIES_MAX = 50
/** How many stages of a message are followed to the end. */
const FOLLOWED = 0.3

export interface AppOptions {
  readonly world: World
  readonly plan: DevicePlan
  readonly life: Life
  readonly client: RobustClient
  readonly ledger: Ledger
  readonly random: Random
  /** As the process sees them. */
  readonly clocks: () => DeviceClocks
  /** Ends this process and begins another. */
  readonly restart: () => void
}

export class App {
  readonly #options: AppOptions
  /** Messages by the id of their receipt. */
  readonly #byId = new Map<string, SentMessage>()
  readonly #lowestClock = new LowestClock()
  /** Outcomes that were told before `publish` had returned. */
  readonly #early = new Map<string, Outcome>()
  /** What the policies of its streams come to. */
  readonly #policies = new Map<DeliveryPolicy, ResolvedPolicy>()
  #handlers = 0
  /** Whether the application wants to be connected. */
  #isAway = false
  #isBroken = false

  constructor(options: AppOptions) {
    this.#options = options
  }

  /** Whether the outbox cannot be used any more: only a new process helps. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  get counts(): { readonly open: number; readonly openBytes: number; readonly inflight: number } {
    const { client } = this.#options
    const { count: open, sizeBytes: openBytes } = client.outbox
    return { open, openBytes, inflight: client.statistics['inflight'] ?? 0 }
  }

  start(): void {
    const { plan, random } = this.#options
    this.#listen()
    for (const { filter, qos, handler } of plan.subscriptions) this.#subscribe(filter, qos, handler)
    this.#lookUp()
    this.#connect()
    if (plan.greets === true) for (const stream of plan.streams) this.#burst(stream)
    for (const stream of plan.streams) this.#repeat(stream.everyMs, () => this.#burst(stream))
    if (plan.disconnectEveryMs < Infinity) {
      this.#repeat(plan.disconnectEveryMs, () => this.#leave(random.exponential(AWAY_MS)))
    }
    if (plan.resubscribeEveryMs < Infinity) {
      this.#repeat(plan.resubscribeEveryMs, () => this.#resubscribe())
    }
    if (plan.closesEveryMs !== undefined) this.#repeat(plan.closesEveryMs, () => this.#close())
  }

  /** Faults are over: what waits is tried now. */
  heal(): void {
    this.#isAway = false
    this.#connect()
    this.#options.client.retryNow()
  }

  /** The wall clock of the device was set. */
  handleClockSet(): void {
    const { life } = this.#options
    const clocks = this.#options.clocks()
    this.#lowestClock.note(clocks)
    for (const message of this.#byId.values()) {
      if (message.life === life.number) redate(message, clocks)
    }
  }

  #listen(): void {
    const { client, world, plan, life } = this.#options
    const device = plan.clientId
    client.on('attempt', ({ number, server }) => {
      world.tell({ kind: 'attempt', device, life: life.number, number, server })
    })
    client.on('waiting', ({ delayMs, slowLane, error }) => {
      world.tell({ kind: 'waiting', device, delayMs, slowLane, why: error.message })
    })
    client.on('connected', ({ sessionPresent }) => {
      world.tell({ kind: 'connected', device, sessionPresent })
    })
    client.on('connection-lost', ({ message }) => {
      world.tell({ kind: 'lost', device, why: message })
      // What rides along would wait for others, and there are none any more.
      if (world.healed) this.#connect()
    })
    client.on('warning', ({ code, message }) => {
      if (code === 'outbox') this.#isBroken = true
      world.tell({ kind: 'warning', device, code, text: message })
    })
    if (plan.watches !== 'events') return
    client.on('settled', ({ receipt: { id }, outcome }) => {
      const message = this.#byId.get(id)
      if (message === undefined) this.#early.set(id, outcome)
      else this.#settle(message, outcome)
    })
  }

  #connect(): void {
    const { client, plan, world, life } = this.#options
    if (plan.connection === 'on-demand' && !world.healed) return
    // Why it could not is told by events. Who is told that the server had refused it before asks again.
    client.connect().catch(() => {
      if (world.healed) life.later(RETRY_MS, () => this.#connect())
    })
  }

  #leave(forMs: number): void {
    const { client, life } = this.#options
    if (this.#isAway || this.#options.world.healed) return
    this.#isAway = true
    this.#tell(`disconnects for ${forMs} ms`)
    void client.disconnect()
    life.later(forMs, () => {
      if (!this.#isAway) return
      this.#isAway = false
      this.#connect()
    })
  }

  /** For good; what is published after that is refused. */
  #close(): void {
    const { client, plan, random, life, restart, world } = this.#options
    if (world.healed) return
    this.#tell('closes its client')
    void client[Symbol.asyncDispose]()
    this.#publish(random.pick(plan.streams))
    life.later(1, restart)
  }

  #subscribe(filter: string, qos: 0 | 1 | 2, kind: HandlerKind): void {
    const { client, life, world, plan } = this.#options
    this.#handlers += 1
    const number = this.#handlers
    const handler = (_topic: string, _payload: Uint8Array, message: Message): unknown =>
      this.#handle(message, kind, number)
    const subscribe = (): void => {
      client.subscribe(filter, { qos }, handler).catch((error: unknown) => {
        if (!life.alive()) return
        world.tell({ kind: 'deaf', device: plan.clientId, filter, why: String(error) })
        life.later(RETRY_MS, subscribe)
      })
    }
    subscribe()
  }

  #resubscribe(): void {
    const { client, random, plan } = this.#options
    const [first] = plan.subscriptions
    if (first === undefined || this.#options.world.healed) return
    if (random.chance(0.5)) {
      this.#tell(`unsubscribes from ${first.filter}`)
      client.unsubscribe(first.filter).catch(() => undefined)
    } else {
      this.#tell(`subscribes to ${first.filter}`)
      this.#subscribe(first.filter, first.qos, first.handler)
    }
  }

  #handle(message: Message, kind: HandlerKind, handler: number): unknown {
    const { ledger, world, life, random } = this.#options
    const delivery = ledger.delivery(deliveryOf(message.text()))
    if (delivery === undefined) return undefined
    const doneAt = kind === 'slow' ? undefined : world.now
    const handling: Handling = { life: life.number, handler, doneAt }
    delivery.handled.push(handling)
    world.tell({ kind: 'handled', delivery, life: life.number })
    switch (kind) {
      case 'quick':
        return undefined
      case 'slow':
        return new Promise<void>((resolve) => {
          life.later(random.exponential(SLOW_MS), () => {
            handling.doneAt = world.now
            resolve()
          })
        })
      case 'throwing':
        if (random.chance(THROWS)) throw new Error('The handler of the simulation throws')
        return undefined
      case 'publishing':
        this.#reply()
        return undefined
    }
  }

  #reply(): void {
    const { plan, random } = this.#options
    const { ledger } = this.#options
    if (ledger.replies >= REPLIES_MAX || this.#options.world.healed) return
    ledger.replies += 1
    const stream = random.pick(plan.streams)
    this.#publish({ ...stream, topic: `${stream.topic}/reply` })
  }

  #burst(stream: StreamPlan): void {
    if (this.#options.world.healed) return
    for (let i = 0; i < stream.burst; i += 1) this.#publish(stream)
  }

  #publish({ topic, delivery, sizeBytes, cancelled }: StreamPlan): void {
    const { client, ledger, plan, life, world, random, clocks } = this.#options
    const policy = this.#policies.get(delivery) ?? resolvePolicy(delivery)
    this.#policies.set(delivery, policy)
    const payload = payloadOf(ledger.nextNumber, sizeBytes)
    const { expiresAfterMs } = policy
    const message = ledger.add({
      number: ledger.nextNumber,
      device: plan.clientId,
      topic,
      policy,
      sizeBytes: payload.length,
      life: life.number,
      publishedAt: world.now,
      publishedEpoch: clocks().epoch,
      deadline: expiresAfterMs > 0 ? life.now() + expiresAfterMs : Infinity,
      receiptId: '',
      stored: undefined,
      stage: undefined,
      outcome: undefined,
      settledIn: 0,
      cancelled: false,
      turnedAway: false,
      kills: 0,
      takes: [],
    })
    world.tell({ kind: 'publish', message })
    const receipt = client.publish(topic, payload, { delivery })
    message.receiptId = receipt.id
    this.#byId.set(receipt.id, message)
    this.#watch(receipt, message)
    const early = this.#early.get(receipt.id)
    if (this.#early.size > 0) this.#early.clear()
    if (early !== undefined) this.#settle(message, early)
    if (policy.durable !== 'no' && plan.outbox === 'disk') this.#watchStored(receipt, message)
    if (random.chance(FOLLOWED)) void this.#follow(receipt, message)
    if (cancelled > 0 && random.chance(cancelled)) {
      life.later(random.exponential(GIVEN_UP_MS), () => {
        this.#giveUp(receipt, message)
      })
    }
  }

  #giveUp(receipt: Receipt, message: SentMessage): void {
    if (message.outcome !== undefined) return
    message.cancelled = true
    this.#tell(`cancels #${message.number}`)
    const absent = receipt.cancel()
    this.#options.world.tell({ kind: 'given up', message, absent })
  }

  #watch(receipt: Receipt, message: SentMessage): void {
    if (this.#options.plan.watches === 'events') return
    void receipt.settled.then((outcome) => this.#settle(message, outcome))
  }

  #watchStored(receipt: Receipt, message: SentMessage): void {
    const { world, life } = this.#options
    const note = (stored: SentMessage['stored']): void => {
      if (!life.alive()) return
      message.stored = stored
      world.tell({ kind: 'stored', message })
    }
    receipt.stored.then(note, () => note('failed'))
  }

  async #follow(receipt: Receipt, message: SentMessage): Promise<void> {
    const { world, life } = this.#options
    for await (const stage of receipt.stages()) {
      if (!life.alive()) return
      world.tell({ kind: 'stage', message, stage })
      message.stage = stage
    }
  }

  #settle(message: SentMessage, outcome: Outcome): void {
    const { world, life } = this.#options
    if (!life.alive()) return
    const { number, wokeAt } = life
    world.tell({ kind: 'settled', message, outcome, life: number, clock: life.now(), wokeAt })
    message.outcome = outcome
    message.settledIn = life.number
  }

  /** After a restart: what an earlier process had stored, and had not heard the end of. */
  #lookUp(): void {
    const { ledger, plan, life, client, world, random } = this.#options
    if (life.number === 1) return
    this.#lowestClock.note(this.#options.clocks())
    for (const message of ledger.stored(plan.clientId)) {
      this.#byId.set(message.receiptId, message)
      const broken = (): void => void (this.#isBroken = true)
      client.receipt(message.receiptId).then((receipt) => {
        if (!life.alive()) return
        if (receipt === undefined) return void this.#lookAside(message).catch(broken)
        const deadline = this.#lowestClock.deadlineOf(message, this.#options.clocks())
        world.tell({ kind: 'found', message, life: life.number, deadline })
        this.#watch(receipt, message)
        if (plan.cancelsFound > 0 && random.chance(plan.cancelsFound)) {
          life.later(random.exponential(GIVEN_UP_MS), () => this.#giveUp(receipt, message))
        }
      }, broken)
    }
  }

  /** What an earlier process has set aside, and nobody was told, has its end and no receipt. */
  async #lookAside(message: SentMessage): Promise<void> {
    const { client, life, world } = this.#options
    for await (const { id } of client.outbox.quarantined()) if (id === message.receiptId) return
    if (life.alive()) world.tell({ kind: 'absent', message })
  }

  /** Does something again and again while the process lives. */
  #repeat(everyMs: number, action: () => void): void {
    const { life, random } = this.#options
    life.later(random.exponential(everyMs), () => {
      action()
      if (!this.#options.world.healed) this.#repeat(everyMs, action)
    })
  }

  #tell(what: string): void {
    this.#options.world.tell({ kind: 'act', device: this.#options.plan.clientId, what })
  }
}
