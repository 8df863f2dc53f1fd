// One device of a run: its disk and its clocks, which outlive its processes, and the process that runs on it,
// which is the shipped client with an application of the run. Rule: nothing of a process survives its death
// but what its disk has; the next one begins with that.

import { makeRuntime } from '../engine/runtime.ts'
import type { EngineRuntime } from '../engine/types.ts'
import { crc32 } from '../outbox/crc32.ts'
import { LogStore } from '../outbox/log/log-store.ts'
import { RobustClient } from '../robust/client.ts'
import type { RobustPlatform } from '../robust/platform.ts'
import type { RobustOptions } from '../robust/types.ts'
import { makeAborter } from './aborter.ts'
import { App } from './app.ts'
import { Disk } from './disk.ts'
import type { Faults } from './faults.ts'
import type { Ledger } from './ledger.ts'
import { Link, type Internet } from './link.ts'
import { renamed } from './names.ts'
import type { DeviceSnapshot } from './observations.ts'
import type { DevicePlan } from './plan.ts'
import { Life } from './life.ts'
import { Random } from './random.ts'
import { Watchdog } from './watchdog.ts'
import type { World } from './world.ts'

/** When the wall clock of a device begins, ms since 1970. */
const EPOCH_MS = 1_700_000_000_000
/** Files of the log: small, so that a run fills and frees many. */
const SEGMENT_BYTES = 8192
const RESERVE_BYTES = 4 * SEGMENT_BYTES
/** How long a process takes to start anew, ms. */
const RESTART_MS = 1000

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
  readonly #rate: number
  readonly #outboxId: Uint8Array
  readonly #runtime: EngineRuntime
  /** The client identifier of the process. */
  #clientId: string
  #life: Life | undefined
  #lives = 0
  #app: App | undefined
  #wallOffsetMs = 0
  #bootedAt = 0
  /** Of crashes after so many steps: a device that is busy at once would die at once for as long as the run goes on. */
  readonly #watchdog: Watchdog
  /** Steps until a crash; Infinity without one. */
  #stepsLeft = Infinity

  constructor(options: DeviceOptions) {
    this.#options = options
    const { world, plan, faults, internet, random } = options
    this.name = plan.clientId
    this.#clientId = plan.clientId
    this.link = new Link(world, internet, random.fork('link'), faults.link, this.name)
    this.disk = new Disk(world, random.fork('disk'), faults.disk, this.name)
    this.#rate = faults.clock.drift?.rate ?? 1
    this.#watchdog = new Watchdog(options.watchdog)
    if (faults.clock.drift !== undefined) world.fire('clock.drift', this.name, `${this.#rate}`)
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
    return this.#life?.number ?? 0
  }

  /** Ms since 1970, as the device believes. */
  epochNow(): number {
    return EPOCH_MS + this.#wallOffsetMs + Math.floor(this.#options.world.now * this.#rate)
  }

  boot(): void {
    if (this.#life !== undefined) return
    const { world, plan, ledger, random } = this.#options
    this.#lives += 1
    const life = new Life(world, this.#lives, this.#rate, () => this.#handleStep())
    this.#life = life
    this.#bootedAt = world.now
    this.#armStep()
    world.tell({ kind: 'boot', device: this.name, life: life.number })
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
      epochNow: () => this.epochNow(),
      restart: () => this.restart(),
    })
    this.#app.start()
  }

  /** The process dies, with the power or without, and another is started after a while. */
  crash(power: boolean, forMs: number): void {
    const life = this.#life
    if (life === undefined) return
    const { world } = this.#options
    world.tell({ kind: 'crash', device: this.name, power })
    life.kill()
    this.#life = undefined
    this.#app = undefined
    this.link.asleep = false
    this.link.handleCrash(power)
    if (power) this.disk.losePower()
    world.agenda.after(RESTART_MS + forMs, () => this.boot())
  }

  /** Time stands still for the process. */
  sleep(forMs: number): void {
    const life = this.#life
    if (life === undefined || life.asleep) return
    const { agenda } = this.#options.world
    life.sleepsUntil = agenda.now + forMs
    this.link.asleep = true
    agenda.at(life.sleepsUntil, () => {
      if (life.alive()) this.link.wake()
    })
  }

  jumpWallClock(byMs: number): void {
    // Before 1970 there is none.
    this.#wallOffsetMs = Math.max(this.#wallOffsetMs + byMs, -EPOCH_MS / 2)
    this.#app?.handleClockSet()
  }

  /** Nothing is wrong any more: it runs, and tries at once. */
  heal(): void {
    this.#stepsLeft = Infinity
    this.disk.endFull()
    this.link.heal()
    const life = this.#life
    if (life === undefined) this.boot()
    else if (life.asleep) {
      life.wake()
      this.link.wake()
    }
    this.#app?.heal()
  }

  /** Begins anew with what the disk has: the end of an outbox that could not be used any more. */
  restart(): void {
    this.crash(false, 0)
  }

  snapshot(): DeviceSnapshot {
    const life = this.#life
    const counts = this.#app?.counts ?? { open: 0, openBytes: 0, inflight: 0 }
    return {
      device: this.name,
      life: life?.number ?? 0,
      asleep: life?.asleep === true,
      clock: life?.now() ?? 0,
      wokeAt: life?.wokeAt ?? 0,
      ...counts,
      diskBytes: this.disk.usedBytes,
      silentMs: life === undefined ? 0 : this.link.silentMs(life.sleepsUntil),
    }
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
    this.#stepsLeft = random.exponential(crashAtStep.steps)
  }

  #handleStep(): void {
    this.#stepsLeft -= 1
    if (this.#stepsLeft > 0) return
    this.#stepsLeft = Infinity
    const { faults, world, random } = this.#options
    const life = this.#life
    if (world.healed || life === undefined) return
    const forMs =
      random.exponential(faults.process.crashAtStep?.forMs ?? 1) +
      this.#watchdog.waitMs(world.now - this.#bootedAt)
    // After the step, and before anything that follows from it.
    life.kill()
    world.agenda.at(world.now, () => {
      if (this.#life !== life) return
      world.fire('process.crashAtStep', this.name)
      this.crash(false, forMs)
    })
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
      epochNow: () => this.epochNow(),
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
      ...(plan.outbox === 'disk' && { outbox: this.#openStore(life) }),
    }
    return new RobustClient(this.#clientId, servers[0] as string, options, platform)
  }

  #openStore(life: Life): LogStore {
    return new LogStore(this.disk.files(life), {
      newId: this.#outboxId,
      checksum: crc32,
      segmentBytes: SEGMENT_BYTES,
      reserveBytes: RESERVE_BYTES,
    })
  }
}
