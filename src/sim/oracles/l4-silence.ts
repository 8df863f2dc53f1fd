// L4: a dead connection is given up in the time that the settings say: nine tenths of Keep Alive and the bound on
// PINGRESP, after the last byte that came in. Whatever is sent meanwhile proves nothing.

import { PING_AFTER } from '../../engine/constants.ts'
import { DEFAULT_TIMEOUTS } from '../../simple/defaults.ts'
import type { Observation } from '../observations.ts'
import type { Plan } from '../plan.ts'
import type { Oracle } from './oracle.ts'

/** A write that is stuck is waited for first, and so is a timer, ms. */
const SLACK_MS = 5000

export class SilenceOracle implements Oracle {
  readonly name = 'L4'
  readonly hears: readonly Observation['kind'][] = ['snapshot']
  readonly #limits = new Map<string, number>()

  constructor({ devices, faults }: Plan) {
    const rate = faults.clock.drift?.rate ?? 1
    for (const { clientId, keepAliveSeconds } of devices) {
      const { pingMs, writeMs } = DEFAULT_TIMEOUTS
      const ownMs = keepAliveSeconds * 1000 * PING_AFTER + pingMs + writeMs
      this.#limits.set(clientId, ownMs / rate + SLACK_MS)
    }
  }

  observe(seen: Observation): string | undefined {
    if (seen.kind !== 'snapshot') return undefined
    const { device, silentMs, asleep } = seen.snapshot
    const limitMs = this.#limits.get(device) ?? Infinity
    if (asleep || silentMs <= limitMs) return undefined
    return `${device} has heard nothing for ${silentMs} ms, and has not given its connection up`
  }
}
