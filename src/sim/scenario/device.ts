// One device of a scenario: what the test may do to it, and its processes, each of which runs the application
// anew. Rule: nothing of a process survives its death but what its disk has.

import type { EngineRuntime } from '../../engine/types.ts'
import { makeAborter } from '../../robust/aborter.ts'
import type { RobustClient } from '../../robust/client.ts'
import type { Duration } from '../../robust/duration.ts'
import type { RobustPlatform } from '../../robust/platform.ts'
import type { RobustOptions } from '../../robust/types.ts'
import { Disk } from '../disk.ts'
import type { Victim } from '../injector.ts'
import type { Life } from '../life.ts'
import { type Internet, Link } from '../link.ts'
import { Machine, SEGMENT_BYTES } from '../machine.ts'
import type { DeviceSnapshot } from '../observations.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'
import { checkDuration, checkJump } from './checks.ts'
import { simulatedClient } from './client.ts'
import { diskControls, linkControls, type MutableFaults } from './controls.ts'
import type { NotedMessage, ScenarioLedger } from './ledger.ts'
import { ProcessNotes, watchFailure } from './process.ts'
import type {
  ScenarioApp,
  ScenarioClientClass,
  ScenarioDevice,
  ScenarioDisk,
  ScenarioLink,
  SimulatedClientClass,
} from './types.ts'

const RESERVE_BYTES = SEGMENT_BYTES

export interface DeviceSettings<C extends RobustClient> {
  readonly world: World
  readonly internet: Internet
  readonly ledger: ScenarioLedger
  readonly random: Random
  readonly runtime: EngineRuntime
  readonly clientId: string
  readonly server: string
  readonly options: RobustOptions
  readonly makeClass: ((MQTTClient: SimulatedClientClass) => ScenarioClientClass<C>) | undefined
  readonly app: ScenarioApp<C> | undefined
  readonly clockRate: number
  readonly faults: MutableFaults
  /** Gets what the application throws where nobody else would hear of it. */
  readonly fail: (error: unknown) => void
  /** Called when the test breaks something by hand. */
  readonly acted: (fault: string, target: string, detail?: string) => void
}

interface RunningProcess<C> {
  readonly life: Life
  readonly notes: ProcessNotes
  readonly client: C
}

export class SimulatedDevice<C extends RobustClient> implements ScenarioDevice<C> {
  readonly link: ScenarioLink
  readonly disk: ScenarioDisk
  /** What faults that come at random befall. */
  readonly victim: Victim
  readonly #link: Link
  readonly #machine: Machine
  readonly #settings: DeviceSettings<C>
  readonly #outboxId: Uint8Array
  #running: RunningProcess<C> | undefined

  constructor(settings: DeviceSettings<C>) {
    this.#settings = settings
    const { world, internet, random, clientId, faults } = settings
    const link = new Link(world, internet, random.fork('link'), faults.link, clientId)
    const disk = new Disk(world, random.fork('disk'), faults.disk, clientId)
    this.#link = link
    const { clockRate } = settings
    const handleDeath = (): void => this.#handleDeath()
    this.#machine = new Machine({ world, name: clientId, link, disk, clockRate, handleDeath })
    const fire = (fault: string): void => settings.acted(fault, clientId)
    this.link = linkControls(link, faults.link, fire)
    this.disk = diskControls(disk, faults.disk, fire)
    this.victim = {
      name: clientId,
      link,
      disk,
      crash: (power, forMs) => this.#crash(power, forMs),
      sleep: (forMs) => this.#machine.sleep(forMs),
      jumpWallClock: (byMs) => this.#jump(byMs),
    }
    this.#outboxId = Uint8Array.from({ length: 16 }, () => random.integer(0, 255))
  }

  get clientId(): string {
    return this.#settings.clientId
  }

  get client(): C {
    if (this.#running !== undefined) return this.#running.client
    throw new Error(
      `Cannot use the client of "${this.clientId}": no process runs, start() begins one`,
    )
  }

  get processNumber(): number {
    return this.#running?.life.number ?? 0
  }

  get messages(): readonly NotedMessage[] {
    return this.#settings.ledger.messages.filter(({ device }) => device === this.clientId)
  }

  start(): void {
    if (this.#running !== undefined) {
      throw new Error(`Cannot start "${this.clientId}": process ${this.processNumber} runs`)
    }
    this.#boot()
  }

  kill(): void {
    this.#checkRunning('kill')
    this.#settings.acted('process.crash', this.clientId)
    this.#die(false)
  }

  powerCut(): void {
    this.#checkRunning('cut the power of')
    this.#settings.acted('process.powerLoss', this.clientId)
    this.#die(true)
  }

  sleep(duration: Duration): void {
    const ms = checkDuration('duration', duration)
    this.#checkRunning('put to sleep')
    this.#settings.acted('process.sleep', this.clientId, `${ms} ms`)
    this.#machine.sleep(ms)
  }

  jumpClock(by: number | string): void {
    const byMs = checkJump('by', by)
    this.#settings.acted('clock.jump', this.clientId, `${byMs} ms`)
    this.#jump(byMs)
  }

  /** The scenario is over: nothing is heard of it any more. */
  end(): void {
    this.#running?.life.kill()
  }

  /** Nothing is wrong any more. */
  heal(): void {
    this.#machine.heal()
  }

  /** Decides when the process dies by a fault that counts its steps. */
  armSteps(): void {
    const { faults, random } = this.#settings
    const { crashAtStep } = faults.process
    if (crashAtStep !== undefined) this.#machine.dieAfter(random.exponential(crashAtStep.steps))
  }

  snapshot(): DeviceSnapshot {
    const { client } = this.#running ?? {}
    return {
      ...this.#machine.snapshot(),
      open: client?.outbox.count ?? 0,
      openBytes: client?.outbox.sizeBytes ?? 0,
      inflight: client?.statistics['inflight'] ?? 0,
    }
  }

  /** Where the client is, and what waits: for an error of a test that got stuck. */
  describe(): string {
    const { client } = this.#running ?? {}
    const { clientId } = this
    if (client === undefined) return `${clientId}: no process runs`
    const open = this.messages.filter(({ status }) => status === 'open')
    const shown = open.slice(0, 3).map(({ number, topic }) => `#${number} ${topic}`)
    const list = open.length === 0 ? '' : ` (${shown.join(', ')}${open.length > 3 ? ', …' : ''})`
    return `${clientId}: process ${this.processNumber}, ${client.state}, ${open.length} messages open${list}`
  }

  #checkRunning(what: string): void {
    if (this.#running !== undefined) return
    throw new Error(`Cannot ${what} "${this.clientId}": no process runs`)
  }

  /** Dies by a fault that came at random, and is started again. */
  #crash(power: boolean, forMs: number): void {
    if (this.#running === undefined) return
    this.#die(power)
    this.#machine.restartAfter(forMs, () => {
      if (this.#running === undefined) watchFailure(() => this.#boot(), this.#settings.fail)
    })
  }

  #jump(byMs: number): void {
    this.#machine.jumpWallClock(byMs)
    this.#running?.notes.noteClockSet()
  }

  #die(power: boolean): void {
    this.#machine.end(power)
    this.#running = undefined
    for (const message of this.messages) message.held = false
  }

  #boot(): void {
    const settings = this.#settings
    const { world, ledger, clientId, options, server, app, random, runtime, makeClass, fail } =
      settings
    const life = this.#machine.begin()
    this.armSteps()
    const chance = random.fork(`client ${life.number}`)
    const transport = this.#link.factory(life)
    const notes = new ProcessNotes({
      world,
      ledger,
      device: clientId,
      life,
      delivery: options.delivery,
      isDurable: typeof options.outbox === 'string',
      clocks: () => this.#machine.clocksOf(life),
      fail,
    })
    const platform: RobustPlatform = {
      clock: life,
      transports: { mqtt: transport, mqtts: transport, ws: transport, wss: transport },
      runtime,
      readBuffer: new Uint8Array(0),
      random: () => chance.fraction(),
      epochNow: () => this.#machine.epoch,
      makeAborter,
      warn: (code, text) => notes.noteWarning(code, text),
      openFolder: () => this.#machine.openStore(life, this.#outboxId, RESERVE_BYTES),
    }
    const Base = simulatedClient(platform, notes)
    const Client = makeClass?.(Base) ?? (Base as unknown as ScenarioClientClass<C>)
    const client = new Client(clientId, server, options)
    this.#running = { life, notes, client }
    notes.listen(client)
    if (life.number > 1) notes.lookUp(client, this.messages)
    if (app === undefined) return
    const result = app(client, notes.surroundings)
    if (result instanceof Promise) {
      result.catch((error: unknown) => {
        if (life.alive()) fail(error)
      })
    }
  }

  #handleDeath(): void {
    const { faults, world, random } = this.#settings
    world.fire('process.crashAtStep', this.clientId)
    this.#crash(false, random.exponential(faults.process.crashAtStep?.forMs ?? 1))
  }
}
