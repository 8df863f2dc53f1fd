// S6: memory and disk stay bounded: never more messages than the outbox may have, and a log that takes no
// more than a few times what lives in it, beside what it keeps in hand. What was found to end connections is set
// aside, and stays there. Where the disk has failed nothing is freed before the next process.

import { type Observation, type SentMessage, SNAPSHOT_MS } from '../observations.ts'
import type { Plan } from '../plan.ts'
import type { Oracle } from './oracle.ts'
import { Sleeps } from './sleeps.ts'

/** What a record takes beside its payload, bytes: header, policy, checksum. */
const RECORD_BYTES = 600
/** Segments that may hold nothing of worth, the one that is written, and the reserve, bytes. */
const SPARE_BYTES = 12 * 8192
const FACTOR = 4
/** Operations of the disk in which a batch is written: what is published meanwhile goes with the next one. */
const BATCH_STEPS = 6
const BATCH_MS = 100
/** And in which an outbox of many segments is read, and freed of those that an earlier process left, at the most. */
const OPENING_STEPS = 200

/** What a device publishes without a pause is one batch, which stays in its segment until the next one is written. */
interface Burst {
  readonly at: number
  readonly sizeBytes: number
  /** Of the largest: on a full disk its segment stays until there is room for the next. */
  readonly largestBytes: number
  /** Of the one before it, which goes once this one is written. */
  readonly beforeBytes: number
  readonly beganAt: number
}

export class BoundsOracle implements Oracle {
  readonly name = 'S6'
  readonly hears: readonly Observation['kind'][] = [
    'boot',
    'fault',
    'publish',
    'settled',
    'snapshot',
  ]
  readonly #failed = new Set<string>()
  readonly #limits: ReadonlyMap<string, number>
  /** The process of each device that was looked at last, and when it began, by the time that it was awake. */
  readonly #seen = new Map<string, number>()
  readonly #begun = new Map<string, number>()
  readonly #sleeps = new Sleeps()
  /** Bytes of what each device has set aside. */
  readonly #aside = new Map<string, number>()
  /** What each device has kept of late, and until when that may still be on its disk. */
  readonly #kept = new Map<string, { readonly sizeBytes: number; readonly until: number }[]>()
  readonly #bursts = new Map<string, Burst>()
  readonly #pauseMs: number
  readonly #fills: boolean
  readonly #openingMs: number

  constructor({ devices, faults }: Plan) {
    const stepMs = faults.disk.slow?.delayMs ?? 0
    this.#fills = faults.disk.full !== undefined
    this.#pauseMs = BATCH_MS + BATCH_STEPS * stepMs
    this.#openingMs = BATCH_MS + OPENING_STEPS * Math.max(1, stepMs)
    this.#limits = new Map(devices.map((device) => [device.clientId, device.outboxMessages]))
  }

  observe(seen: Observation, now: number): string | undefined {
    this.#sleeps.observe(seen)
    if (seen.kind === 'boot') {
      this.#begun.set(seen.device, now - this.#sleeps.msOf(seen.device))
      this.#failed.delete(seen.device)
    }
    if (seen.kind === 'fault' && seen.fault === 'disk.fail') this.#failed.add(seen.target)
    if (seen.kind === 'publish') this.#note(seen.message, now)
    if (seen.kind === 'settled' && seen.outcome.status === 'poisoned') {
      const { device, sizeBytes, topic } = seen.message
      const before = this.#aside.get(device) ?? 0
      this.#aside.set(device, before + sizeBytes + topic.length + RECORD_BYTES)
    }
    if (seen.kind !== 'snapshot') return undefined
    const { device, life, open, openBytes, diskBytes } = seen.snapshot
    // Also while the outbox is read: what is published meanwhile keeps to the limit together with that.
    const limit = this.#limits.get(device) ?? Infinity
    if (life > 0 && open > limit) {
      return `${device} has ${open} messages in an outbox for ${limit}`
    }
    // What a process that has just begun has on its disk is not known before its outbox is open.
    const isNew = this.#seen.get(device) !== life
    this.#seen.set(device, life)
    if (life === 0 || isNew) return undefined
    const keptBytes = this.#keptBytes(device, openBytes + open * RECORD_BYTES, now)
    // Nor what an earlier one left, while it has not been awake for long.
    const awakeMs = now - this.#sleeps.msOf(device) - (this.#begun.get(device) ?? -Infinity)
    if (awakeMs <= this.#openingMs) return undefined
    if (this.#failed.has(device)) return undefined
    const asideBytes = this.#aside.get(device) ?? 0
    const burstBytes = this.#burstBytes(device, now)
    const mostBytes = SPARE_BYTES + burstBytes + FACTOR * (keptBytes + asideBytes)
    if (diskBytes <= mostBytes) return undefined
    return `${device} takes ${diskBytes} bytes of disk for ${open} messages of ${openBytes} bytes`
  }

  #note({ device, sizeBytes, topic, policy }: SentMessage, now: number): void {
    if (policy.durable === 'no') return
    const last = this.#bursts.get(device)
    const isMore = last !== undefined && now - last.at <= this.#pauseMs
    const bytes = sizeBytes + topic.length + RECORD_BYTES
    const burstBytes = bytes + (isMore ? last.sizeBytes : 0)
    this.#bursts.set(device, {
      at: now,
      sizeBytes: burstBytes,
      largestBytes: Math.max(burstBytes, last?.largestBytes ?? 0),
      beforeBytes: (isMore ? last.beforeBytes : last?.sizeBytes) ?? 0,
      beganAt: isMore ? last.beganAt : now,
    })
  }

  /** What is kept, and what has left and may still be on its way out, at the most. */
  #keptBytes(device: string, sizeBytes: number, now: number): number {
    const before = (this.#kept.get(device) ?? []).filter(({ until }) => until >= now)
    const until = now + SNAPSHOT_MS + this.#openingMs
    this.#kept.set(device, [...before, { sizeBytes, until }])
    return Math.max(sizeBytes, ...before.map((one) => one.sizeBytes))
  }

  #burstBytes(device: string, now: number): number {
    const burst = this.#bursts.get(device)
    if (burst === undefined) return 0
    if (this.#fills) return burst.largestBytes
    return burst.sizeBytes + (now - burst.beganAt <= this.#pauseMs ? burst.beforeBytes : 0)
  }
}
