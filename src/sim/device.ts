// One device of a run: its disk and its clocks, which outlive its processes, and the process that runs on it,
// which is the shipped client with an application of the run. Rule: nothing of a process survives its death
// but what its disk has; the next one begins with that.

import { makeRuntime } from '../engine/runtime.ts'
import type { EngineRuntime } from '../engine/types.ts'
import { makeAborter } from '../robust/aborter.ts'
import { RobustClient } from '../robust/client.ts'
import type { RobustPlatform } from '../robust/platform.ts'
import type { RobustOptions } from '../robust/types.ts'
import { App } from './app.ts'
import { Disk } from './disk.ts'
import type { Faults } from './faults.ts'
import type { Ledger } from './ledger.ts'
import { Link, type Internet } from './link.ts'
import { Machine, SEGMENT_BYTES } from './machine.ts'
import { renamed } from './names.ts'
import type { DeviceSnapshot } from './observations.ts'
import type { DevicePlan } from './plan.ts'
import type { Life } from './life.ts'
import { Random } from './random.ts'
import { Watchdog } from './watchdog.ts'
import type { World } from './world.ts'

const RESERVE_BYTES = 4 * SEGMENT_BYTES

export interface DeviceOptions {
  readonly world: World
  readonly plan: DevicePlan
  readonly faults: Faults
  /** Whether what dies again and again waits longer each time. */
  readonly watchdog: boolean
  readonly internet: Internet
  /** In the order in which the client knows them. */
  readonly servers: readonly string[]
  readonly sharedSessions: boolean
  readonly ledger: Ledger
  readonly random: Random
  readonly runtime?: EngineRuntime
}

export class Device {
  readonly name: string
  readonly link: Link
  readonly disk: Disk
  readonly #options: DeviceOptions
  readonly #machine: Machine
  readonly #outboxId: Uint8Array
  readonly #runtime: EngineRuntime
  /** The client identifier of the process. */
  #clientId: string
  #app: App | undefined
  #bootedAt = 0
  /** Of crashes after so many steps: a device that is busy at once would die at once for as long as the run goes on. */
  readonly #watchdog: Watchdog

  constructor(options: DeviceOptions) {
    this.#options = options
    const { world, plan, faults, internet, random } = options
    this.name = plan.clientId
    this.#clientId = plan.clientId
    this.link = new Link(world, internet, random.fork('link'), faults.link, this.name)
    this.disk = new Disk(world, random.fork('disk'), faults.disk, this.name)
    const clockRate = faults.clock.drift?.rate ?? 1
    const { name, link, disk } = this
    const handleDeath = (): void => this.#handleDeath()
    this.#machine = new Machine({ world, name, link, disk, clockRate, handleDeath })
    this.#watchdog = new Watchdog(options.watchdog)
    if (faults.clock.drift !== undefined) world.fire('clock.drift', name, `${clockRate}`)
    for (const kind of ['latency', 'bandwidth'] as const) {
      if (faults.link[kind] !== undefined) world.fire(`link.${kind}`, this.name)
    }
    this.#outboxId = Uint8Array.from({ length: 16 }, () => random.integer(0, 255))
    this.#runtime = options.runtime ?? makeRuntime()
  }

  get app(): App | undefined {
    return this.#app
  }

  /** The process that runs, or 0. */
  get lifeNumber(): number {
    return this.#machine.life?.number ?? 0
  }

  boot(): void {
    if (this.#machine.life !== undefined) return
    const { world, plan, ledger, random } = this.#options
    const life = this.#machine.begin()
    this.#bootedAt = world.now
    this.#armStep()
    // Never back to a name that it had: its session there is none that was lost.
    if (this.#isRenamed(life.number)) this.#clientId = renamed(this.name, life.number)
    const client = this.#makeClient(life)
    this.#app = new App({
      world,
      plan,
      life,
      client,
      ledger,
      random: random.fork(`process ${life.number}`),
      clocks: () => this.#machine.clocksOf(life),
      restart: () => this.restart(),
    })
    this.#app.start()
  }

  /** The process dies, with the power or without, and another is started after a while. */
  crash(power: boolean, forMs: number): void {
    if (!this.#machine.end(power)) return
    this.#app = undefined
    this.#machine.restartAfter(forMs, () => this.boot())
  }

  sleep(forMs: number): void {
    this.#machine.sleep(forMs)
  }

  jumpWallClock(byMs: number): void {
    this.#machine.jumpWallClock(byMs)
    this.#app?.handleClockSet()
  }

  /** Nothing is wrong any more: it runs, and tries at once. */
  heal(): void {
    this.#machine.heal()
    this.boot()
    this.#app?.heal()
  }

  /** Begins anew with what the disk has: the end of an outbox that could not be used any more. */
  restart(): void {
    this.crash(false, 0)
  }

  snapshot(): DeviceSnapshot {
    const counts = this.#app?.counts ?? { open: 0, openBytes: 0, inflight: 0 }
    return { ...this.#machine.snapshot(), ...counts }
  }

  #isRenamed(life: number): boolean {
    const { plan, world } = this.#options
    if (plan.renames === undefined || life === 1 || world.healed) return false
    return new Random(`name ${life} ${world.now}`).chance(plan.renames)
  }

  #armStep(): void {
    const { faults, world, random } = this.#options
    const { crashAtStep } = faults.process
    if (crashAtStep === undefined || world.healed) return
    this.#machine.dieAfter(random.exponential(crashAtStep.steps))
  }

  #handleDeath(): void {
    const { faults, world, random } = this.#options
    const forMs =
      random.exponential(faults.process.crashAtStep?.forMs ?? 1) +
      this.#watchdog.waitMs(world.now - this.#bootedAt)
    world.fire('process.crashAtStep', this.name)
    this.crash(false, forMs)
  }

  #makeClient(life: Life): RobustClient {
    const { world, plan, servers, sharedSessions, random } = this.#options
    const chance = random.fork(`client ${life.number}`)
    const platform: RobustPlatform = {
      clock: life,
      transports: { mqtt: this.link.factory(life) },
      runtime: this.#runtime,
      readBuffer: new Uint8Array(0),
      random: () => chance.fraction(),
      epochNow: () => this.#machine.epoch,
      makeAborter,
      warn: (code, text) => world.tell({ kind: 'warning', device: this.name, code, text }),
    }
    const options: RobustOptions = {
      ...(plan.protocol === 4 && { protocol: 4 }),
      keepAliveSeconds: plan.keepAliveSeconds,
      connection: plan.connection,
      session: { expirySeconds: plan.sessionExpirySeconds, adopt: plan.adopt },
      reconnect: plan.reconnect,
      servers: servers.slice(1),
      sharedSessions,
      limits: { outboxMessages: plan.outboxMessages, receiveMaximum: plan.receiveMaximum },
      ...(plan.credentials && { credentials: () => Promise.resolve({ user: 'u', password: 'p' }) }),
      ...(plan.outbox === 'disk' && {
        outbox: this.#machine.openStore(life, this.#outboxId, RESERVE_BYTES),
      }),
    }
    return new RobustClient(this.#clientId, servers[0] as string, options, platform)
  }
}
