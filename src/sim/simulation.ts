// One run: the world of a plan is built, things go wrong for as long as the plan says, everything is healed,
// and progress is demanded. Rule: the same plan goes the same way, event for event.

import { encodeUtf8 } from '../codec/utf8.ts'
import { makeRuntime } from '../engine/runtime.ts'
import type { EngineRuntime } from '../engine/types.ts'
import { Device } from './device.ts'
import { inject } from './injector.ts'
import { Ledger } from './ledger.ts'
import type { Internet } from './link.ts'
import type { Oracle } from './oracles/oracle.ts'
import { makeOracles } from './oracles/all.ts'
import type { CommandPlan, Plan } from './plan.ts'
import { Random } from './random.ts'
import { SNAPSHOT_MS } from './observations.ts'
import { SimpleDevice } from './simple-device.ts'
import { ModelServer } from './server/server.ts'
import { Cluster, type Counters } from './server/session.ts'
import { type Turns, type Violation, World } from './world.ts'

/** How long after the healing everything that lives must have its end, virtual ms. */
export const LIVENESS_MS = 3_600_000
/** How long the last acknowledgements may take after that, virtual ms. */
const QUIET_MS = 300_000
/** More steps than any run needs: one that has more goes round in a circle. */
const STEPS_MAX = 500_000

const COMMAND = encodeUtf8(' open')

/** How a run is made, beside its plan. */
export interface RunOptions {
  readonly turns: Turns
  /** How many of the last lines of the trace are kept. @default 0 */
  readonly traceLines?: number
  /** More judges. @default none */
  readonly oracles?: readonly Oracle[]
}

/** What came of a run. */
export interface RunResult {
  readonly plan: Plan
  /** Of everything that happened: equal for equal runs. */
  readonly hash: string
  readonly violations: readonly Violation[]
  /** How often each kind of fault has fired, by `part.kind`. */
  readonly fired: Readonly<Record<string, number>>
  /** Virtual ms in all. */
  readonly simulatedMs: number
  readonly steps: number
  readonly messages: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly trace: readonly string[]
}

/** Runs a plan to its end. */
export async function runPlan(plan: Plan, options: RunOptions): Promise<RunResult> {
  const { turns, traceLines = 0, oracles = [] } = options
  const random = new Random(`run ${plan.seed}`)
  const world = new World(random, [...makeOracles(plan), ...oracles], traceLines)
  const ledger = new Ledger()
  const servers = makeServers(plan, world, random.fork('servers'), ledger)
  const internet = new Map(servers.map((server) => [server.options.host, server]))
  const runtime = makeRuntime()
  const devices = plan.devices.map(
    (device) =>
      new Device({
        world,
        plan: device,
        faults: plan.faults,
        watchdog: plan.watchdog === true,
        internet,
        servers: plan.servers.map(({ host }) => `mqtt://${host}`),
        sharedSessions: plan.sharedSessions,
        ledger,
        random: random.fork(device.clientId),
        runtime,
      }),
  )
  const simple = makeSimple(plan, world, internet, ledger, runtime)
  const look = (): void => {
    for (const device of devices) {
      world.tell({ kind: 'snapshot', snapshot: device.snapshot() })
      if (device.app?.isBroken === true) device.restart()
    }
    world.agenda.after(SNAPSHOT_MS, look)
  }
  const runUntil = (until: number, stop: () => boolean): Promise<void> =>
    world.run(until, turns, () => {
      if (world.agenda.steps > STEPS_MAX) throw new Error('It goes round in a circle')
      return world.violations.length > 0 || stop()
    })
  try {
    for (const device of devices) device.boot()
    inject(world, random.fork('faults'), plan.faults, devices, servers)
    if (simple !== undefined) {
      simple.boot()
      inject(world, new Random(`simple faults ${plan.seed}`), plan.faults, [simple], [])
    }
    for (const { clientId, commands } of plan.devices) {
      command(commands, servers, world, random.fork(`operator of ${clientId}`))
    }
    world.agenda.after(SNAPSHOT_MS, look)
    await runUntil(plan.durationMs, () => false)
    const heal = (): void => {
      world.healed = true
      world.tell({ kind: 'healed' })
      for (const server of servers) server.heal()
      for (const device of devices) device.heal()
      simple?.heal()
    }
    // After a violation nothing more is demanded.
    if (world.violations.length === 0) heal()
    const settled = new Settled(ledger, devices, simple)
    await runUntil(plan.durationMs + livenessMs(plan), () => settled.all && isQuiet(servers))
    await runUntil(world.now + QUIET_MS, () => isQuiet(servers))
    if (world.violations.length === 0) world.tell({ kind: 'over' })
  } catch (error) {
    world.crash('the run', error)
  }
  return {
    plan,
    hash: world.trace.hash,
    violations: world.violations,
    fired: Object.fromEntries(world.fired),
    simulatedMs: world.now,
    steps: world.agenda.steps,
    messages: ledger.messages.length,
    outcomes: countOutcomes(ledger),
    trace: world.trace.lines,
  }
}

/** A device that may make few attempts has to wait for the next one, by its own clock. */
function livenessMs({ devices, faults }: Plan): number {
  const waits = devices.map(({ reconnect }) => reconnect.budget?.perMs ?? 0)
  return LIVENESS_MS + Math.max(0, ...waits) / Math.min(1, faults.clock.drift?.rate ?? 1)
}

/** Somebody else publishes to a device: at any of the clusters, as he knows no better. */
function command(
  commands: readonly CommandPlan[],
  servers: readonly ModelServer[],
  world: World,
  random: Random,
): void {
  for (const { topic, qos, everyMs, burst } of commands) {
    const send = (): void => {
      if (world.healed) return
      const { cluster } = random.pick(servers).options
      for (let i = 0; i < burst; i += 1) {
        cluster.route({ number: 0, topic, qos, payload: COMMAND })
      }
      world.agenda.after(random.exponential(everyMs), send)
    }
    world.agenda.after(random.exponential(everyMs), send)
  }
}

function makeServers(plan: Plan, world: World, random: Random, ledger: Ledger): ModelServer[] {
  const counters: Counters = { sessions: 0, connections: 0, deliveries: 0 }
  const shared = new Cluster(world, counters)
  return plan.servers.map(({ host, only311 }) => {
    const others = plan.servers.map((one) => one.host).filter((one) => one !== host)
    return new ModelServer({
      world,
      random: random.fork(host),
      host,
      faults: plan.faults.server,
      cluster: plan.sharedSessions ? shared : new Cluster(world, counters),
      counters,
      catalogue: ledger,
      others,
      only311,
    })
  })
}

function makeSimple(
  plan: Plan,
  world: World,
  internet: Internet,
  ledger: Ledger,
  runtime: EngineRuntime,
): SimpleDevice | undefined {
  const { simple, servers, faults, seed, watchdog = false } = plan
  if (simple === undefined) return undefined
  const random = new Random(`simple device ${seed}`)
  // It knows one server, whichever the others use.
  const server = `mqtt://${random.pick(servers).host}`
  return new SimpleDevice({
    world,
    plan: simple,
    faults,
    watchdog,
    internet,
    server,
    ledger,
    random,
    runtime,
  })
}

/** Whether every message that lives has its outcome. */
class Settled {
  readonly #ledger: Ledger
  readonly #devices: readonly Device[]
  readonly #simple: SimpleDevice | undefined
  /** Messages in front of this one never come back: an outcome stays, and so does the end of a process. */
  #next = 0

  constructor(ledger: Ledger, devices: readonly Device[], simple: SimpleDevice | undefined) {
    this.#simple = simple
    this.#ledger = ledger
    this.#devices = devices
  }

  get all(): boolean {
    const { messages } = this.#ledger
    for (; this.#next < messages.length; this.#next += 1) {
      const { outcome, life, device } = messages[this.#next]!
      const lives = this.#devices.find(({ name }) => name === device)?.lifeNumber === life
      if (outcome === undefined && lives) return false
    }
    if (this.#simple?.idle === false) return false
    return this.#devices.every(({ app }) => app !== undefined && app.counts.open === 0)
  }
}

/** Whether no server waits for an acknowledgement of a client that is there. */
function isQuiet(servers: readonly ModelServer[]): boolean {
  return servers.every(({ options }) =>
    [...options.cluster.sessions.values()].every(
      ({ owner, queued, inflight }) =>
        owner === undefined || (queued.length === 0 && inflight.size === 0),
    ),
  )
}

function countOutcomes(ledger: Ledger): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { outcome } of ledger.messages) {
    const status = outcome?.status ?? 'none'
    counts[status] = (counts[status] ?? 0) + 1
  }
  return counts
}
