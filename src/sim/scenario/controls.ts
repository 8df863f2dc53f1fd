// What a test may break by hand on the link and the disk of a device. The faults of a device are a struct
// that changes while a scenario goes on; link and disk look at it each time.

import type { Duration } from '../../robust/duration.ts'
import { fields, integer, oneOf } from '../../simple/checks.ts'
import type { Disk } from '../disk.ts'
import type { DiskFaults, Faults, LinkFaults } from '../faults.ts'
import type { Link } from '../link.ts'
import { checkDuration } from './checks.ts'
import type { ScenarioDisk, ScenarioLink } from './types.ts'

/** Faults that change. */
export type MutableFaults = {
  readonly [P in keyof Faults]: { -readonly [K in keyof Faults[P]]: Faults[P][K] }
}

/** How a fault of a scenario's own hand comes and goes: not at random. */
const BY_HAND = { everyMs: 1, forMs: 1 }

const checkBytes = integer(1, Number.MAX_SAFE_INTEGER)
const checkDirection = oneOf<'to-server' | 'to-device'>('to-server', 'to-device')
const checkSlow = fields<Parameters<ScenarioLink['slow']>[0]>({
  latencyMs: integer(0, Number.MAX_SAFE_INTEGER),
  jitterMs: integer(0, Number.MAX_SAFE_INTEGER),
  bytesPerSecond: checkBytes,
})

/** Faults without any, but for what the disk of every device does when the power goes. */
export function noFaults(): MutableFaults {
  const faults: MutableFaults = { link: {}, server: {}, disk: {}, process: {}, clock: {} }
  clearFaults(faults)
  return faults
}

export function clearFaults(faults: MutableFaults): void {
  for (const part of Object.values(faults) as Record<string, unknown>[]) {
    for (const kind of Object.keys(part)) delete part[kind]
  }
  faults.disk.loseUnsynced = { probability: 1 }
}

/** @param fire tells which fault was made by hand */
export function linkControls(
  link: Link,
  faults: { -readonly [K in keyof LinkFaults]: LinkFaults[K] },
  fire: (fault: string) => void,
): ScenarioLink {
  const begin = (kind: keyof LinkFaults): void => {
    fire(`link.${kind}`)
    if (!link.isOn(kind)) link.begin(kind)
  }
  return {
    cut: () => {
      fire('link.cut')
      link.cut()
    },
    stall: () => begin('stall'),
    partition: () => begin('partition'),
    blackHole: () => begin('blackHole'),
    refuse: () => begin('refuse'),
    acceptThenClose: () => begin('acceptThenClose'),
    halfOpen: (direction) => {
      checkDirection('direction', direction)
      begin(direction === 'to-server' ? 'halfOpenToServer' : 'halfOpenToDevice')
    },
    drip: (bytes) => {
      faults.drip = { ...BY_HAND, bytes: checkBytes('bytes', bytes) }
      begin('drip')
    },
    slow: (options) => {
      const { latencyMs, jitterMs = 0, bytesPerSecond } = checkSlow('options', options)
      if (latencyMs !== undefined || jitterMs > 0) {
        fire('link.latency')
        faults.latency = { latencyMs: latencyMs ?? 0, jitterMs }
      }
      if (bytesPerSecond === undefined) return
      fire('link.bandwidth')
      faults.bandwidth = { bytesPerSecond }
    },
    heal: () => {
      delete faults.latency
      delete faults.bandwidth
      link.heal()
    },
  }
}

/** @param fire tells which fault was made by hand */
export function diskControls(
  disk: Disk,
  faults: { -readonly [K in keyof DiskFaults]: DiskFaults[K] },
  fire: (fault: string) => void,
): ScenarioDisk {
  return {
    get usedBytes() {
      return disk.usedBytes
    },
    fill: () => {
      fire('disk.full')
      disk.beginFull()
    },
    fail: () => {
      fire('disk.fail')
      faults.fail = { probability: 1 }
    },
    slow: (duration: Duration) => {
      fire('disk.slow')
      faults.slow = { delayMs: checkDuration('duration', duration) }
    },
    heal: () => {
      delete faults.fail
      delete faults.slow
      disk.endFull()
    },
  }
}
