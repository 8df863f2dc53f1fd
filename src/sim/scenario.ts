// A scenario: a test that runs an application with the shipped client in a world of its own, and lets virtual
// time pass while it waits. Rule: time stands still while the test does something; when it awaits, one thing
// happens at a time until it can go on. What the world consists of is
// made in scenario/simulated-world.ts.

import { checkScenario } from './scenario/checks.ts'
import { SimulatedWorld } from './scenario/simulated-world.ts'
import type { ScenarioOptions, ScenarioResult, ScenarioWorld } from './scenario/types.ts'
import { refuse } from '../simple/checks.ts'
import { parseDuration } from '../robust/duration.ts'
import type { Turns } from './world.ts'

/** Longer than any wait between two attempts. */
const DEFAULT_PATIENCE = '1d'
const DEFAULT_TRACE_LINES = 1000

/** The test of a scenario. */
export type ScenarioBody<T> = (world: ScenarioWorld) => T | Promise<T>

/**
 * Runs a scenario.
 * @param turns of the platform
 * @throws {TypeError} @throws {RangeError} at the call, for what cannot be meant
 */
export function runScenario<T>(
  options: ScenarioOptions,
  body: ScenarioBody<T>,
  turns: Turns,
): Promise<ScenarioResult<T>> {
  const given = checkScenario('options', options)
  if (typeof body !== 'function') refuse('the scenario', body, 'give a function of its world')
  const { seed = 1, faults, rules = true, traceLines = DEFAULT_TRACE_LINES, report } = given
  const patienceMs = parseDuration('options.patience', given.patience ?? DEFAULT_PATIENCE)
  const world = new SimulatedWorld({ seed, faults, rules, traceLines, patienceMs })
  return drive(world, body, turns).then(
    (value) => ({
      value,
      hash: world.hash,
      simulatedMs: world.now,
      fired: world.fired,
      trace: world.lines,
    }),
    (error: unknown) => {
      report?.(
        `Scenario with seed ${JSON.stringify(seed)} failed: ${String(error)}\n${world.trace}`,
      )
      throw error
    },
  )
}

/** Takes turns: what can run at once, then the next thing that happens. */
function drive<T>(world: SimulatedWorld, body: ScenarioBody<T>, turns: Turns): Promise<T> {
  return new Promise((resolve, reject) => {
    let end: (() => void) | undefined
    const fail = (error: unknown): void => {
      end ??= () => reject(error)
    }
    const step = (): void => {
      try {
        world.throwFailure()
        if (end === undefined && !world.settleWaits()) world.step()
      } catch (error) {
        // What the rules say explains an assertion that fails, and not the other way round.
        end = () => reject(error)
      }
      if (end === undefined) turns(step)
      else {
        world.close()
        end()
      }
    }
    const begin = async (): Promise<T> => body(world.face)
    begin().then((value) => {
      end ??= () => resolve(value)
    }, fail)
    turns(step)
  })
}
