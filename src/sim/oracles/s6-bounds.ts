// S6: memory and disk stay bounded: never more messages than the outbox may have, and a log that takes no
// more than a few times what lives in it, beside what it keeps in hand. What was found to end connections is set
// aside, and stays there.

import type { Observation, SentMessage } from '../observations.ts'
import type { Plan } from '../plan.ts'
import type { Oracle } from './oracle.ts'

/** What a record takes beside its payload, bytes: header, policy, checksum. */
const RECORD_BYTES = 600
/** Segments that may hold nothing of worth, the one that is written, and the reserve, bytes. */
const SPARE_BYTES = 12 * 8192
const FACTOR = 4
/** Operations of the disk in which a batch is written: what is published meanwhile goes with the next one. */
const BATCH_STEPS = 6
const BATCH_MS = 100

export class BoundsOracle implements Oracle {
  readonly name = 'S6'
  readonly hears: readonly Observation['kind'][] = ['publish', 'settled', 'snapshot']
  readonly #limits: ReadonlyMap<string, number>
  /** The process of each device that was looked at last. */
  readonly #seen = new Map<string, number>()
  /** Bytes of what each device has set aside. */
  readonly #aside = new Map<string, number>()

  /** What each device has published without a pause, bytes: one batch, which stays in its segment until the next. */
  readonly #bursts = new Map<string, { readonly at: number; readonly sizeBytes: number }>()
  readonly #pauseMs: number

  constructor({ devices, faults }: Plan) {
    this.#pauseMs = BATCH_MS + BATCH_STEPS * (faults.disk.slow?.delayMs ?? 0)
    this.#limits = new Map(devices.map((device) => [device.clientId, device.outboxMessages]))
  }

  observe(seen: Observation, now: number): string | undefined {
    if (seen.kind === 'publish') this.#note(seen.message, now)
    if (seen.kind === 'settled' && seen.outcome.status === 'poisoned') {
      const { device, sizeBytes, topic } = seen.message
      const before = this.#aside.get(device) ?? 0
      this.#aside.set(device, before + sizeBytes + topic.length + RECORD_BYTES)
    }
    if (seen.kind !== 'snapshot') return undefined
    const { device, life, open, openBytes, diskBytes } = seen.snapshot
    // What a process that has just begun has is not known before its outbox is open.
    const isNew = this.#seen.get(device) !== life
    this.#seen.set(device, life)
    if (life === 0 || isNew) return undefined
    const limit = this.#limits.get(device) ?? Infinity
    if (open > limit) return `${device} has ${open} messages in an outbox for ${limit}`
    const asideBytes = this.#aside.get(device) ?? 0
    const burstBytes = this.#bursts.get(device)?.sizeBytes ?? 0
    const mostBytes =
      SPARE_BYTES + burstBytes + FACTOR * (openBytes + open * RECORD_BYTES + asideBytes)
    if (diskBytes <= mostBytes) return undefined
    return `${device} takes ${diskBytes} bytes of disk for ${open} messages of ${openBytes} bytes`
  }

  #note({ device, sizeBytes, topic }: SentMessage, now: number): void {
    const last = this.#bursts.get(device)
    const before = last !== undefined && now - last.at <= this.#pauseMs ? last.sizeBytes : 0
    this.#bursts.set(device, {
      at: now,
      sizeBytes: before + sizeBytes + topic.length + RECORD_BYTES,
    })
  }
}
