// What a device is whatever runs on it: its link, its disk and its clocks, which outlive its processes, and one
// process at a time, which begins, sleeps and dies. Rule: nothing of a process survives its death but what the
// disk has, and nothing here knows what a process is for.

import { crc32 } from '../outbox/crc32.ts'
import { LogStore } from '../outbox/log/log-store.ts'
import type { Disk } from './disk.ts'
import { Life } from './life.ts'
import type { Link } from './link.ts'
import type { DeviceSnapshot } from './observations.ts'
import type { DeviceClocks } from './time-left.ts'
import type { World } from './world.ts'

/** When the wall clock of a device begins, ms since 1970. */
const EPOCH_MS = 1_700_000_000_000
/** Files of the log: small, so that a run fills and frees many. */
export const SEGMENT_BYTES = 8192
/** How long a process takes to start anew, ms. */
const RESTART_MS = 1000

export interface MachineOptions {
  readonly world: World
  readonly name: string
  readonly link: Link
  /** Absent where nothing is kept. */
  readonly disk?: Disk
  /** How much faster its clocks run than the world's. */
  readonly clockRate: number
  /** The process has died after as many steps as `dieAfter` was given. */
  readonly handleDeath?: () => void
}

/** What a snapshot says of the device alone. */
type MachineSnapshot = Omit<DeviceSnapshot, 'open' | 'openBytes' | 'inflight'>

export class Machine {
  readonly #options: MachineOptions
  #life: Life | undefined
  #lives = 0
  #wallOffsetMs = 0
  /** Steps until the process dies; Infinity: it does not. */
  #stepsLeft = Infinity

  constructor(options: MachineOptions) {
    this.#options = options
  }

  /** The process that runs. */
  get life(): Life | undefined {
    return this.#life
  }

  /** Ms since 1970, as the device believes. */
  get epoch(): number {
    const { world, clockRate } = this.#options
    return EPOCH_MS + this.#wallOffsetMs + Math.floor(world.now * clockRate)
  }

  /** A process begins; they count from 1. */
  begin(): Life {
    const { world, name, clockRate } = this.#options
    this.#lives += 1
    const life = new Life(world, this.#lives, clockRate, () => this.#handleStep())
    this.#life = life
    world.tell({ kind: 'boot', device: name, life: life.number })
    return life
  }

  /** The process dies, with the power or without. @returns whether there was one */
  end(power: boolean): boolean {
    if (this.#life === undefined) return false
    const { world, name, link, disk } = this.#options
    world.tell({ kind: 'crash', device: name, power })
    this.#life.kill()
    this.#life = undefined
    link.asleep = false
    link.handleCrash(power)
    if (power) disk?.losePower()
    return true
  }

  /** Calls back once a process that has died would be there again. */
  restartAfter(forMs: number, boot: () => void): void {
    this.#options.world.agenda.after(RESTART_MS + forMs, boot)
  }

  /** The process dies in the middle of something. @param steps Infinity: not any more */
  dieAfter(steps: number): void {
    this.#stepsLeft = steps
  }

  /** Time stands still for the process. */
  sleep(forMs: number): void {
    const life = this.#life
    if (life === undefined || life.asleep) return
    const { link, world } = this.#options
    const { agenda } = world
    life.sleepsUntil = agenda.now + forMs
    link.asleep = true
    agenda.at(life.sleepsUntil, () => {
      if (life.alive()) link.wake()
    })
  }

  /** Nothing is wrong with it any more. */
  heal(): void {
    const { link, disk } = this.#options
    this.#stepsLeft = Infinity
    disk?.endFull()
    link.heal()
    if (this.#life?.asleep !== true) return
    this.#life.wake()
    link.wake()
  }

  /** Somebody sets the wall clock. */
  jumpWallClock(byMs: number): void {
    // Before 1970 there is none.
    this.#wallOffsetMs = Math.max(this.#wallOffsetMs + byMs, -EPOCH_MS / 2)
  }

  /** Both clocks, as a process sees them. */
  clocksOf(life: Life): DeviceClocks {
    return { now: life.now(), epoch: this.epoch }
  }

  /** The outbox of a process in the files of the disk. */
  openStore(life: Life, newId: Uint8Array, reserveBytes: number): LogStore {
    const { disk, name } = this.#options
    if (disk === undefined) throw new Error(`${name} has no disk`)
    const segmentBytes = SEGMENT_BYTES
    return new LogStore(disk.files(life), { newId, checksum: crc32, segmentBytes, reserveBytes })
  }

  snapshot(): MachineSnapshot {
    const { name, link, disk } = this.#options
    const life = this.#life
    return {
      device: name,
      life: life?.number ?? 0,
      asleep: life?.asleep === true,
      clock: life?.now() ?? 0,
      wokeAt: life?.wokeAt ?? 0,
      diskBytes: disk?.usedBytes ?? 0,
      silentMs: life === undefined ? 0 : link.silentMs(life.sleepsUntil),
    }
  }

  #handleStep(): void {
    this.#stepsLeft -= 1
    if (this.#stepsLeft > 0) return
    this.#stepsLeft = Infinity
    const life = this.#life
    const { world, handleDeath } = this.#options
    if (life === undefined) return
    // After the step, and before anything that follows from it.
    life.kill()
    world.agenda.at(world.now, () => {
      if (this.#life === life) handleDeath?.()
    })
  }
}
