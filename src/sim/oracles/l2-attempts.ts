// L2: attempts stay within the budget, rounds of them within the floor, and waits are spread: two that were
// bounded alike are not alike.

import type { Observation } from '../observations.ts'
import type { Plan } from '../plan.ts'
import type { Oracle } from './oracle.ts'
import { DEFAULT_FLOOR_MS } from '../../robust/defaults.ts'

/** The same wait, to the ms, so often in one run, and in so large a part of all waits, is chance in one of a million. */
const ALIKE_MAX = 6
const ALIKE_PART = 0.04
/** Servers that send a client on, and the older protocol, are followed at once so often. */
const FOLLOWED = 5

interface Tries {
  readonly at: number[]
  readonly floorMs: number
  readonly servers: number
  readonly budget: { readonly attempts: number; readonly perMs: number } | undefined
  readonly waits: Map<number, number>
  waited: number
}

export class AttemptsOracle implements Oracle {
  readonly name = 'L2'
  readonly hears: readonly Observation['kind'][] = ['boot', 'attempt', 'waiting']
  readonly #devices = new Map<string, Tries>()
  readonly #rate: number

  constructor({ devices, servers, faults }: Plan) {
    this.#rate = faults.clock.drift?.rate ?? 1
    for (const { clientId, reconnect } of devices) {
      this.#devices.set(clientId, {
        at: [],
        floorMs: reconnect.floorMs ?? DEFAULT_FLOOR_MS,
        servers: servers.length,
        budget: reconnect.budget,
        waits: new Map(),
        waited: 0,
      })
    }
  }

  observe(seen: Observation, now: number): string | undefined {
    switch (seen.kind) {
      // A new process knows nothing of the attempts of the one before.
      case 'boot':
        this.#devices.get(seen.device)?.at.splice(0)
        return undefined
      case 'attempt':
        return this.#judge(seen.device, now)
      case 'waiting':
        return this.#judgeWait(seen.device, seen.delayMs)
      default:
        return undefined
    }
  }

  #judge(device: string, now: number): string | undefined {
    const tries = this.#devices.get(device)
    if (tries === undefined) return undefined
    const { at, budget, floorMs, servers } = tries
    at.push(now)
    // One round asks each server once, and those that they name; the next begins a floor later.
    const round = servers + FOLLOWED
    const before = at.at(-1 - round)
    const leastMs = Math.floor(floorMs / this.#rate) - 2
    if (before !== undefined && now - before < leastMs) {
      return `${device} made ${round + 1} attempts within ${now - before} ms: the floor is ${floorMs} ms`
    }
    if (budget === undefined) return undefined
    const perMs = Math.floor(budget.perMs / this.#rate) - 2
    // They are in order: those that count are the last.
    let within = 0
    while ((at[at.length - 1 - within] ?? -Infinity) > now - perMs) within += 1
    if (within <= budget.attempts) return undefined
    return `${device} made ${within} attempts in ${budget.perMs} ms: the budget is ${budget.attempts}`
  }

  #judgeWait(device: string, delayMs: number): string | undefined {
    const tries = this.#devices.get(device)
    // At the floor a wait may be cut to it by a budget; none at all is another server's turn.
    if (tries === undefined || tries.budget !== undefined) return undefined
    if (delayMs <= tries.floorMs || delayMs === Infinity) return undefined
    const times = (tries.waits.get(delayMs) ?? 0) + 1
    tries.waits.set(delayMs, times)
    tries.waited += 1
    if (times < ALIKE_MAX || times < ALIKE_PART * tries.waited) return undefined
    return `${device} waited ${delayMs} ms for the ${times}th time: waits are to be spread`
  }
}
