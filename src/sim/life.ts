// One life of a device, from its start to its crash: the clocks of that process, and what lets all that it
// uses end with it. Rule: whatever reaches a process goes through here, so that a dead one hears nothing and
// one that sleeps hears it when it wakes.

import type { Clock, TimerHandle } from '../driver/clock.ts'
import type { Appointment } from './agenda.ts'
import type { World } from './world.ts'

/** What a link or a disk knows of the process that uses it. */
export interface LifeView {
  /** Whether it lives: what a dead one had asked for is never done. */
  alive(): boolean
  /** Called when it has done something that a crash may follow. */
  step(): void
  /** Calls back after some time, while it lives. */
  later(delayMs: number, action: () => void): void
}

/** What rings at an appointment. */
interface Held {
  appointment: Appointment | undefined
  readonly ring: () => void
}

/** Where a monotonic clock begins, ms: anywhere. */
const CLOCK_STARTS_AT = 1000

export class Life implements LifeView, Clock {
  /** They count from 1 on each device. */
  readonly number: number
  /** Virtual time until which it sleeps. */
  sleepsUntil = 0
  /** What was due while it slept. */
  readonly #held = new Set<Held>()
  readonly #world: World
  readonly #rate: number
  readonly #handleStep: () => void
  readonly #bootedAt: number
  #isAlive = true

  /** @param rate how much faster its clock runs than the world's */
  constructor(world: World, number: number, rate: number, handleStep: () => void) {
    this.#world = world
    this.number = number
    this.#rate = rate
    this.#handleStep = handleStep
    this.#bootedAt = world.now
  }

  /** Its clock when it last woke, or began. */
  get wokeAt(): number {
    return this.#clockAt(Math.min(this.sleepsUntil, this.#world.now))
  }

  get asleep(): boolean {
    return this.sleepsUntil > this.#world.now
  }

  /** Before its time: what was due while it slept is done now, in its order. */
  wake(): void {
    const { now, agenda } = this.#world
    this.sleepsUntil = now
    for (const held of this.#held) {
      if (held.appointment !== undefined) agenda.cancel(held.appointment)
      held.appointment = agenda.at(now, held.ring)
    }
  }

  alive(): boolean {
    return this.#isAlive
  }

  kill(): void {
    this.#isAlive = false
  }

  step(): void {
    if (this.#isAlive) this.#handleStep()
  }

  later(delayMs: number, action: () => void): void {
    this.#appoint(this.#world.now + delayMs, action)
  }

  now(): number {
    return this.#clockAt(this.#world.now)
  }

  setTimer(fire: () => void, delayMs: number): TimerHandle {
    if (!(delayMs >= 0 && delayMs <= 2_147_483_647)) {
      throw new RangeError(`Cannot set a timer of ${delayMs} ms: 0 to 2,147,483,647`)
    }
    const handle: Held = { appointment: undefined, ring: () => ring() }
    if (this.#rate !== 1) this.#world.count('clock.drift')
    const at = this.#world.now + Math.ceil(delayMs / this.#rate)
    const ring = (): void => {
      this.#held.delete(handle)
      if (!this.#isAlive) return
      if (this.asleep) this.#hold(handle, this.sleepsUntil)
      else fire()
    }
    handle.appointment = this.#world.agenda.at(at, ring)
    return handle
  }

  clearTimer(handle: TimerHandle): void {
    const { appointment } = handle as Held
    this.#held.delete(handle as Held)
    if (appointment !== undefined) this.#world.agenda.cancel(appointment)
  }

  #clockAt(at: number): number {
    const sinceMs = Math.max(0, at - this.#bootedAt)
    return CLOCK_STARTS_AT + Math.floor(sinceMs * this.#rate)
  }

  #appoint(at: number, action: () => void): void {
    const held: Held = { appointment: undefined, ring: () => ring() }
    const ring = (): void => {
      this.#held.delete(held)
      if (!this.#isAlive) return
      if (this.asleep) this.#hold(held, this.sleepsUntil)
      else action()
    }
    held.appointment = this.#world.agenda.at(at, ring)
  }

  #hold(held: Held, until: number): void {
    held.appointment = this.#world.agenda.at(until, held.ring)
    this.#held.add(held)
  }
}
