// What a fleet does when its servers go away: `npm run fleet`. Every device has the schedule that ships, with
// its defaults and dice of its own; all lose their connection at the same moment. Virtual time, no network.
//
//   --devices N    devices that are simulated, and counted as a million (100000)
//   --servers N    servers in the list of each device (1)
//   --accepts N    connections that the servers accept a second, of a million devices; others are told
//                  that they are busy (no limit)
//   SEED           repeats the dice (1)

import { parseArgs } from 'node:util'
import { compileAll } from './lib/compile.mjs'
import { ROOT } from './lib/run.mjs'

const MILLION = 1_000_000
/** How finely time is counted. */
const STEP_MS = 100
const OUTAGES_S = [0, 60, 600, 3600]

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '100000' },
    servers: { type: 'string', default: '1' },
    accepts: { type: 'string' },
  },
})

if (await compileAll()) {
  const { Schedule, resolveReconnect } = await import(`${ROOT}/dist/robust/schedule.js`)
  const devices = Number(values.devices)
  const scale = MILLION / devices
  const options = { ...resolveReconnect(), freshCredentials: false }
  const servers = Array.from({ length: Number(values.servers) }, (_, i) => `mqtt://${i}.example`)
  const acceptsAStep =
    values.accepts === undefined ? Infinity : (Number(values.accepts) * STEP_MS) / 1000 / scale
  console.log(
    'outage s | most attempts/s in it | most attempts/s after it | half back s | 99 % back s',
  )
  for (const outageS of OUTAGES_S) {
    const schedules = Array.from(
      { length: devices },
      (_, i) => new Schedule(options, dice(i), servers),
    )
    const { during, afterwards, half, most } = simulate(schedules, outageS * 1000, acceptsAStep)
    const cells = [outageS, during * scale, afterwards * scale, half, most]
    console.log(cells.map((cell) => Math.round(cell).toLocaleString('en')).join(' | '))
  }
} else process.exitCode = 1

/**
 * @param {readonly any[]} schedules
 * @param {number} outageMs
 * @param {number} acceptsAStep
 */
function simulate(schedules, outageMs, acceptsAStep) {
  /** Whose attempt is due in each step. @type {Map<number, number[]>} */
  const due = new Map()
  /** Attempts of each second. @type {Map<number, number>} */
  const attempts = new Map()
  /** @param {number} device @param {number} atMs */
  const put = (device, atMs) => {
    const step = Math.ceil(atMs / STEP_MS)
    const others = due.get(step)
    if (others === undefined) due.set(step, [device])
    else others.push(device)
  }
  for (const [device, schedule] of schedules.entries()) {
    put(device, schedule.handleLost({ kind: 'retry' }, 0).delayMs)
  }
  const backAt = []
  let allowance = 0
  for (let step = 0; backAt.length < schedules.length; step += 1) {
    const now = step * STEP_MS
    allowance = Math.min(acceptsAStep, allowance) + acceptsAStep
    // Who has another server to try goes on in the same step.
    const turn = due.get(step) ?? []
    due.delete(step)
    for (let device = turn.pop(); device !== undefined; device = turn.pop()) {
      const schedule = schedules[device]
      const second = Math.floor(now / 1000)
      attempts.set(second, (attempts.get(second) ?? 0) + 1)
      schedule.handleAttempt(now)
      if (now >= outageMs && allowance >= 1) {
        allowance -= 1
        schedule.handleConnected(now)
        backAt.push(now - outageMs)
        continue
      }
      const kind = now < outageMs ? 'retry' : 'busy'
      const { delayMs } = schedule.handleFailed({ kind }, now)
      if (delayMs === 0) turn.push(device)
      else put(device, now + Math.max(STEP_MS, delayMs))
    }
  }
  const end = outageMs / 1000
  const rate = (/** @type {(second: number) => boolean} */ within) =>
    [...attempts].reduce(
      (most, [second, count]) => (within(second) ? Math.max(most, count) : most),
      0,
    )
  return {
    during: rate((second) => second < end),
    afterwards: rate((second) => second >= end),
    half: (backAt[Math.floor(backAt.length / 2)] ?? 0) / 1000,
    most: (backAt[Math.floor(backAt.length * 0.99)] ?? 0) / 1000,
  }
}

/** Dice of one device: xorshift, started apart. @param {number} device */
function dice(device) {
  let state =
    Math.imul(device + 1, 0x9e3779b1) ^ Math.imul(Number(process.env['SEED'] ?? 1), 0x85ebca6b)
  if (state === 0) state = 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
