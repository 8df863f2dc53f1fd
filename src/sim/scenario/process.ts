// One process of a device of a scenario: its client, what the application may use of its clocks, and the
// notes of what it publishes and finds. It ends with its life; nothing that is dead is noted any more.

import type { RobustClient } from '../../robust/client.ts'
import { parseDuration } from '../../robust/duration.ts'
import { type DeliveryPolicy, resolvePolicy, UNTIL_DELIVERED } from '../../robust/policies.ts'
import type { Outcome, Receipt } from '../../robust/types.ts'
import { checkHandler } from '../../simple/checks.ts'
import { encodeUtf8 } from '../../codec/utf8.ts'
import type { Life } from '../life.ts'
import type { Observation, SentMessage } from '../observations.ts'
import { type DeviceClocks, LowestClock, redate } from '../time-left.ts'
import type { World } from '../world.ts'
import { type ClientWatcher, ownReceipt, type Published } from './client.ts'
import { NotedMessage, type ScenarioLedger } from './ledger.ts'
import type { ScenarioProcess } from './types.ts'

/** What a process knows of its device. */
export interface ProcessOptions {
  readonly world: World
  readonly ledger: ScenarioLedger
  readonly device: string
  readonly life: Life
  /** Of messages that name none. */
  readonly delivery: DeliveryPolicy | undefined
  /** Whether messages outlive the process. */
  readonly isDurable: boolean
  /** As the process sees them. */
  readonly clocks: () => DeviceClocks
  /** Gets what the application throws where nobody else would hear of it. */
  readonly fail: (error: unknown) => void
}

export class ProcessNotes implements ClientWatcher {
  readonly #options: ProcessOptions
  readonly #byId = new Map<string, NotedMessage>()
  readonly #lowestClock = new LowestClock()
  /** Receipts that were looked up here first. */
  readonly #kept = new Map<string, Receipt>()
  /** Outcomes that were told before `publish` had returned. */
  readonly #early = new Map<string, Outcome>()
  #looking: Promise<void> = Promise.resolve()

  constructor(options: ProcessOptions) {
    this.#options = options
  }

  checkAlive(what: string): void {
    const { life, device } = this.#options
    if (life.alive()) return
    throw new Error(
      `Cannot ${what}: process ${life.number} of "${device}" is dead; take the client of the one that runs`,
    )
  }

  nextNumber(): number {
    return this.#options.ledger.nextNumber()
  }

  notePublish({ number, topic, payload, options, receipt }: Published): void {
    const { world, ledger, device, life, delivery, isDurable, clocks } = this.#options
    const policy = resolvePolicy(options.delivery ?? delivery ?? UNTIL_DELIVERED, options.qos)
    const { expiresAfterMs } = policy
    const bytes = typeof payload === 'string' ? encodeUtf8(payload) : payload
    const sent: SentMessage = {
      number,
      device,
      topic,
      policy,
      sizeBytes: bytes.length,
      life: life.number,
      publishedAt: world.now,
      publishedEpoch: clocks().epoch,
      deadline: expiresAfterMs > 0 ? life.now() + expiresAfterMs : Infinity,
      receiptId: receipt.id,
      stored: undefined,
      stage: undefined,
      outcome: undefined,
      settledIn: 0,
      cancelled: false,
      turnedAway: false,
      kills: 0,
      takes: [],
    }
    const message = new NotedMessage(sent, bytes)
    ledger.add(message)
    world.tell({ kind: 'publish', message: sent })
    this.#byId.set(receipt.id, message)
    this.#watch(receipt, message)
    const early = this.#early.get(receipt.id)
    this.#early.clear()
    if (early !== undefined) this.#settle(message, early)
    const note = (stored: SentMessage['stored']): void => {
      if (!life.alive()) return
      sent.stored = stored
      if (isDurable && policy.durable !== 'no') world.tell({ kind: 'stored', message: sent })
    }
    receipt.stored.then(note, () => note('failed'))
  }

  noteOutcome(receiptId: string, outcome: Outcome): void {
    const message = this.#byId.get(receiptId)
    if (message === undefined) this.#early.set(receiptId, outcome)
    else this.#settle(message, outcome)
  }

  /** The wall clock of the device was set. */
  noteClockSet(): void {
    const { life } = this.#options
    const clocks = this.#options.clocks()
    this.#lowestClock.note(clocks)
    for (const { sent } of this.#byId.values()) if (sent.life === life.number) redate(sent, clocks)
  }

  noteWarning(code: string, text: string): void {
    const { world, device, life } = this.#options
    if (life.alive()) world.tell({ kind: 'warning', device, code, text })
  }

  async takeReceipt(id: string): Promise<Receipt | undefined> {
    await this.#looking
    const receipt = this.#kept.get(id)
    this.#kept.delete(id)
    return receipt
  }

  /** Writes into the trace what the client does. */
  listen(client: RobustClient): void {
    const { world, device, life } = this.#options
    const tell = (observation: Observation): void => {
      if (life.alive()) world.tell(observation)
    }
    client.on('attempt', ({ number, server }) => {
      tell({ kind: 'attempt', device, life: life.number, number, server })
    })
    client.on('waiting', ({ delayMs, slowLane, error }) => {
      tell({ kind: 'waiting', device, delayMs, slowLane, why: error.message })
    })
    client.on('connected', ({ sessionPresent }) => {
      tell({ kind: 'connected', device, sessionPresent })
    })
    client.on('connection-lost', ({ message }) => tell({ kind: 'lost', device, why: message }))
  }

  /** Looks in the outbox for what earlier processes have left there. */
  lookUp(client: RobustClient, messages: readonly NotedMessage[]): void {
    const left = messages.filter(
      ({ outcome, absent, sent }) =>
        outcome === undefined && !absent && sent.policy.durable !== 'no',
    )
    if (left.length === 0) return
    for (const message of left) this.#byId.set(message.sent.receiptId, message)
    this.#looking = this.#lookUp(client, left).catch((error: unknown) => {
      this.noteWarning('outbox', String(error))
    })
  }

  async #lookUp(client: RobustClient, left: readonly NotedMessage[]): Promise<void> {
    const { world, life } = this.#options
    this.#lowestClock.note(this.#options.clocks())
    const open = new Set<string>()
    for await (const { id } of client.outbox.entries()) open.add(id)
    const aside = new Set<string>()
    for await (const { id } of client.outbox.quarantined()) aside.add(id)
    for (const message of left) {
      if (!life.alive()) return
      const { sent } = message
      const receipt = await ownReceipt(client, sent.receiptId)
      if (message.outcome !== undefined || aside.has(sent.receiptId)) continue
      if (receipt !== undefined) {
        if (!open.has(sent.receiptId)) this.#kept.set(sent.receiptId, receipt)
        const deadline = this.#lowestClock.deadlineOf(sent, this.#options.clocks())
        message.held = true
        world.tell({ kind: 'found', message: sent, life: life.number, deadline })
        this.#watch(receipt, message)
        continue
      }
      message.absent = true
      if (sent.stored === 'disk') world.tell({ kind: 'absent', message: sent })
    }
  }

  /** What an application has in place of the platform's clock and timers. */
  get surroundings(): ScenarioProcess {
    const { life, clocks, fail } = this.#options
    return {
      number: life.number,
      now: () => life.now(),
      epochNow: () => clocks().epoch,
      sleep: (duration) => {
        const ms = parseDuration('duration', duration)
        return new Promise((resolve) => life.later(ms, resolve))
      },
      every: (duration, action) => {
        const ms = parseDuration('duration', duration)
        checkHandler('action', action)
        let ended = false
        const again = (): void => {
          life.later(ms, () => {
            if (ended) return
            again()
            watchFailure(action, fail)
          })
        }
        again()
        return () => {
          ended = true
        }
      },
    }
  }

  #watch(receipt: Receipt, message: NotedMessage): void {
    void receipt.settled.then((outcome) => {
      if (message.outcome !== outcome) this.#settle(message, outcome)
    })
  }

  #settle({ sent }: NotedMessage, outcome: Outcome): void {
    const { world, life } = this.#options
    if (!life.alive()) return
    // Heard of twice: by an event of the application, and at the receipt.
    if (sent.settledIn === life.number) return
    const { number, wokeAt } = life
    world.tell({ kind: 'settled', message: sent, outcome, life: number, clock: life.now(), wokeAt })
    sent.outcome = outcome
    sent.settledIn = number
  }
}

/** Calls something of the application's, and tells what it throws or rejects with. */
export function watchFailure(action: () => unknown, fail: (error: unknown) => void): void {
  try {
    const result = action()
    if (result instanceof Promise) result.catch(fail)
  } catch (error) {
    fail(error)
  }
}
