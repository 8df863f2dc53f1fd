// `umqtt/sim` in a browser.
// Wiring alone: it says how this platform tells that nothing is left to run at once.

import { planOf } from './sim/additions.ts'
import { runScenario, type ScenarioBody } from './sim/scenario.ts'
import type { ScenarioOptions, ScenarioResult } from './sim/scenario/types.ts'
import { type RunResult, runPlan } from './sim/simulation.ts'
import type { Turns } from './sim/world.ts'

/** What every browser has of it. */
interface Port {
  onmessage: (() => void) | null
  postMessage(message: undefined): void
  close(): void
}

interface BrowserGlobals {
  readonly MessageChannel: new () => { readonly port1: Port; readonly port2: Port }
}

const { MessageChannel: Channel } = globalThis as unknown as BrowserGlobals

/** A message comes when no microtask is left: that is the moment. */
function makeTurns(): Turns {
  const { port1, port2 } = new Channel()
  return (next) => {
    port1.onmessage = next
    port2.postMessage(undefined)
  }
}

/**
 * Runs a test in a world of its own: the client of `umqtt/robust`, in virtual time, against model servers, on
 * links, disks and clocks that the test breaks as it likes.
 *
 * Time passes while the test awaits something, and only then; an hour takes milliseconds. The same seed and
 * the same test go the same way, event for event. It works in every test runner, and needs no false timers.
 *
 * @param options the seed, and what else decides the run
 * @param test gets the world; what it returns is the `value` of the result
 * @returns what came of it, when the test has ended
 * @throws {TypeError} @throws {RangeError} at the call, for what cannot be meant
 * @throws {ScenarioError} `stuck`, `too-late` or `rule-broken`; and whatever the test or an application throws
 * @example
 * ```js
 * import { scenario } from 'umqtt/sim'
 *
 * await scenario({ seed: 1 }, async (world) => {
 *   const server = world.server('mqtt://server')
 *   const door = world.device('door-7', { outbox: 'disk' }, (client) => client.connect())
 *   server.stop()
 *   await door.client.publish('door/window', 'broken', { qos: 1 }).stored
 *   door.powerCut()
 *   server.start()
 *   door.start()
 *   await world.until(() => server.received('door/window').length === 1, { within: '5m' })
 * })
 * ```
 */
export function scenario<T>(
  options: ScenarioOptions,
  test: ScenarioBody<T>,
): Promise<ScenarioResult<T>> {
  return runScenario(options, test, makeTurns())
}

/**
 * Runs one seed of the project's own simulation: devices, servers and faults that the seed decides, judged by
 * all rules.
 *
 * @param seed any whole number
 * @returns what came of it; its `violations` are bugs
 * @example
 * ```js
 * import { simulate } from 'umqtt/sim'
 *
 * const { violations } = await simulate(7)
 * console.log(violations.length) // 0
 * ```
 */
export function simulate(seed: number): Promise<RunResult> {
  return runPlan(planOf(seed), { turns: makeTurns() })
}

export * from './sim/public.ts'
