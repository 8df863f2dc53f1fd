// The world of one scenario: its servers, its devices, and what its test waits for. Rule: it takes a step
// only when the test waits, and says what for when no step could ever help.

import { makeRuntime } from '../../engine/runtime.ts'
import { parseDuration, type Duration } from '../../robust/duration.ts'
import type { RobustClient } from '../../robust/client.ts'
import { DEFAULT_OUTBOX_MESSAGES } from '../../robust/defaults.ts'
import type { RobustOptions } from '../../robust/types.ts'
import { checkHandler, checkText, refuse } from '../../simple/checks.ts'
import { parseServer } from '../../transport/address.ts'
import type { Faults } from '../faults.ts'
import { inject } from '../injector.ts'
import type { Endpoint } from '../link.ts'
import { Random } from '../random.ts'
import { ModelServer } from '../server/server.ts'
import { Cluster, type Counters } from '../server/session.ts'
import { LEGEND, timeOf } from '../trace.ts'
import { World } from '../world.ts'
import { checkDuration, checkFaults, checkRate, checkServer, checkUntil } from './checks.ts'
import { clearFaults, type MutableFaults, noFaults } from './controls.ts'
import { SimulatedDevice } from './device.ts'
import { ScenarioError } from './error.ts'
import { Judges } from './judges.ts'
import { ScenarioLedger } from './ledger.ts'
import { SimulatedServer } from './server.ts'
import type {
  ArmedFaults,
  ScenarioApp,
  ScenarioDeviceOptions,
  ScenarioServerOptions,
  ScenarioWorld,
  UntilOptions,
} from './types.ts'

/** How often devices are looked at for the rules, virtual ms. */
const SNAPSHOT_MS = 60_000
const DEFAULT_WITHIN: Duration = '1h'
/** More steps than any wait needs: one that has more goes round in a circle. */
const STEPS_MAX = 20_000_000
/** Lines of the trace in the message of an error. */
const LINES_SHOWN = 12
/** Characters of a predicate that are shown. */
const PREDICATE_SHOWN = 120
/** A server without limits says so of those that it was not given. */
const NO_LIMITS = {
  receiveMaximum: 65_535,
  topicAliasMaximum: 0,
  maximumPacketSizeBytes: 268_435_460,
  maximumQoS: 2,
} as const

export interface WorldSettings {
  readonly seed: number | string
  readonly faults: ArmedFaults | undefined
  readonly rules: boolean
  readonly traceLines: number
  readonly patienceMs: number
}

/** Something that the test waits for. */
interface Wait {
  /** Whether it is over; what it throws is what the wait ends with. */
  readonly isOver: () => boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

interface ServerParts {
  readonly handle: SimulatedServer
  readonly model: ModelServer
  readonly faults: MutableFaults
  readonly random: Random
}

interface DeviceParts {
  readonly handle: SimulatedDevice<RobustClient>
  readonly faults: MutableFaults
  readonly random: Random
}

export class SimulatedWorld {
  readonly #world: World
  readonly #settings: WorldSettings
  readonly #random: Random
  readonly #judges = new Judges()
  readonly #ledger: ScenarioLedger
  readonly #counters: Counters = { sessions: 0, connections: 0, deliveries: 0 }
  readonly #shared: Cluster
  readonly #runtime = makeRuntime()
  readonly #internet = new Map<string, Endpoint>()
  readonly #servers = new Map<string, ServerParts>()
  readonly #devices = new Map<string, DeviceParts>()
  readonly #waits = new Set<Wait>()
  /** What is armed on whatever comes later, until the next healing. */
  #armed: Faults[] = []
  /** Counts the healings: what was armed before one fires no more. */
  #healings = 0
  #failure: { readonly error: unknown } | undefined
  #nextLook = SNAPSHOT_MS
  /** When, and at which step, the test did something last. */
  #actedAt = 0
  #actedStep = 0
  #isClosed = false

  constructor(settings: WorldSettings) {
    this.#settings = settings
    this.#random = new Random(`scenario ${settings.seed}`)
    const oracles = settings.rules ? [this.#judges] : []
    this.#world = new World(this.#random.fork('world'), oracles, settings.traceLines)
    this.#ledger = new ScenarioLedger(() => this.#world.now)
    this.#shared = new Cluster(this.#world, this.#counters)
    if (settings.faults !== undefined) this.#arm(checkFaults('options.faults', settings.faults))
  }

  get now(): number {
    return this.#world.now
  }

  get hash(): string {
    return this.#world.trace.hash
  }

  get lines(): readonly string[] {
    return this.#world.trace.lines.slice(-this.#settings.traceLines)
  }

  get trace(): string {
    return `${LEGEND}\n\n${this.lines.join('\n')}`
  }

  get fired(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#world.fired)
  }

  /** The world as its test sees it. */
  get face(): ScenarioWorld {
    const read = <T>(get: () => T): PropertyDescriptor => ({ get, enumerable: true })
    const face = {
      server: (url: string, options?: ScenarioServerOptions) => this.#makeServer(url, options),
      device: (clientId: string, ...rest: never[]) => this.#makeDevice(clientId, rest),
      pass: (duration: Duration) => this.#pass(duration),
      until: (predicate: () => boolean, options?: UntilOptions) => this.#until(predicate, options),
      arm: (faults: ArmedFaults) => this.#arm(checkFaults('faults', faults)),
      heal: () => this.#heal(),
      log: (text: string) => this.#log(text),
    }
    return Object.defineProperties(face, {
      now: read(() => this.now),
      messages: read(() => [...this.#ledger.messages]),
      trace: read(() => this.trace),
    }) as unknown as ScenarioWorld
  }

  /** @throws what has failed where the test could not see it */
  throwFailure(): void {
    const { violations } = this.#world
    if (this.#failure !== undefined) throw this.#failure.error
    const [first] = violations
    if (first === undefined) return
    const text = `A rule of umqtt was broken at ${timeOf(first.at)}: ${first.text}`
    throw new ScenarioError('rule-broken', this.#withLines(text), violations)
  }

  /** Ends the waits that are over. @returns whether one was */
  settleWaits(): boolean {
    let any = false
    for (const wait of [...this.#waits]) {
      try {
        if (!wait.isOver()) continue
        wait.resolve()
      } catch (error) {
        wait.reject(error)
      }
      any = true
      this.#waits.delete(wait)
      this.#act()
    }
    return any
  }

  /** Lets the next thing happen. @throws {ScenarioError} `stuck`: nothing ever will, or nothing that helps */
  step(): void {
    const { agenda } = this.#world
    const { patienceMs } = this.#settings
    if (agenda.steps - this.#actedStep > STEPS_MAX) {
      throw this.#stuck(`${STEPS_MAX} things have happened while the test waits`)
    }
    if (agenda.next === Infinity) {
      throw this.#stuck('The test waits, and nothing is left to happen')
    }
    if (this.#waits.size === 0 && agenda.next - this.#actedAt > patienceMs) {
      const text = `For ${patienceMs} ms of virtual time the test has awaited something that did not come`
      throw this.#stuck(`${text}; the option patience says how long it may`)
    }
    agenda.step()
    if (agenda.now < this.#nextLook) return
    this.#nextLook = agenda.now + SNAPSHOT_MS
    for (const { handle } of this.#devices.values()) {
      this.#world.tell({ kind: 'snapshot', snapshot: handle.snapshot() })
    }
  }

  /** The scenario is over. */
  close(): void {
    this.#isClosed = true
    for (const { handle } of this.#devices.values()) handle.end()
  }

  #act(): void {
    if (this.#isClosed) throw new Error('Cannot go on with a scenario that is over')
    this.#actedAt = this.#world.now
    this.#actedStep = this.#world.agenda.steps
  }

  readonly #broken = (fault: string, target: string, detail = ''): void => {
    this.#act()
    this.#world.fire(fault, target, `by hand ${detail}`.trim())
  }

  readonly #fail = (error: unknown): void => {
    this.#failure ??= { error }
  }

  #makeServer(url: string, options: ScenarioServerOptions = {}): SimulatedServer {
    this.#act()
    const { host } = parseServer(checkText('url', url))
    const { protocol = 5, sharedSessions = true, limits } = checkServer('options', options)
    if (host === '') refuse('url', url, 'give the name of a host, such as "mqtt://server"')
    if (this.#servers.has(host)) refuse('url', url, 'there is a server of that host', RangeError)
    const faults = noFaults()
    if (limits !== undefined) faults.server.lowLimits = { ...NO_LIMITS, ...limits }
    const random = this.#random.fork(`server ${host}`)
    const model = new ModelServer({
      world: this.#world,
      random,
      host,
      faults: faults.server,
      cluster: sharedSessions ? this.#shared : new Cluster(this.#world, this.#counters),
      counters: this.#counters,
      catalogue: this.#ledger,
      others: [...this.#servers.keys()],
      only311: protocol === 4,
    })
    const received = this.#ledger.receivedBy(host)
    const settings = { url, model, faults: faults.server, received, acted: this.#broken }
    const handle = new SimulatedServer(settings)
    const parts: ServerParts = { handle, model, faults, random }
    this.#internet.set(host, model)
    this.#servers.set(host, parts)
    for (const armed of this.#armed) this.#armServer(parts, armed)
    return handle
  }

  #makeDevice(clientId: string, rest: readonly unknown[]): SimulatedDevice<RobustClient> {
    this.#act()
    checkText('clientId', clientId)
    if (clientId === '') refuse('clientId', clientId, 'give the device a name')
    if (this.#devices.has(clientId)) {
      refuse('clientId', clientId, 'there is a device of that name', RangeError)
    }
    const [first = {}, app] = typeof rest[0] === 'function' ? [{}, rest[0]] : rest
    if (typeof first !== 'object' || first === null) refuse('options', first, 'give an object')
    const options = first as ScenarioDeviceOptions
    if (app !== undefined) checkHandler('app', app)
    const { server, client, clockRate = 1, outbox, ...own } = options
    checkRate('options.clockRate', clockRate)
    if (client !== undefined) checkMaker(client)
    if ('transport' in own) {
      refuse('options.transport', own.transport, 'the link of the device is its transport')
    }
    const isMemory = outbox === undefined || outbox === 'memory'
    const robust: RobustOptions = { ...own, ...(!isMemory && { outbox }) }
    const random = this.#random.fork(`device ${clientId}`)
    const faults = noFaults()
    const handle = new SimulatedDevice({
      world: this.#world,
      internet: this.#internet,
      ledger: this.#ledger,
      random,
      runtime: this.#runtime,
      clientId,
      server: this.#serverFor(clientId, server, own.servers),
      options: robust,
      makeClass: client,
      app: app as ScenarioApp | undefined,
      clockRate,
      faults,
      fail: this.#fail,
      acted: this.#broken,
    })
    this.#judges.add({
      clientId,
      isDurable: typeof robust.outbox === 'string',
      outboxMessages: own.limits?.outboxMessages ?? DEFAULT_OUTBOX_MESSAGES,
    })
    const parts: DeviceParts = { handle, faults, random }
    for (const armed of this.#armed) this.#armDevice(parts, armed)
    handle.start()
    this.#devices.set(clientId, parts)
    return handle
  }

  /** The first server of a device; those of a list have to be there too. */
  #serverFor(
    clientId: string,
    given: string | undefined,
    servers: RobustOptions['servers'],
  ): string {
    const [first] = this.#servers.values()
    if (first === undefined) {
      throw new Error(
        `Cannot make device "${clientId}": no server is there, world.server() starts one`,
      )
    }
    const others: readonly string[] = typeof servers === 'function' ? [] : (servers ?? [])
    for (const one of [given ?? first.handle.url, ...others]) {
      const { host } = parseServer(checkText('options.server', one))
      if (this.#servers.has(host)) continue
      const known = [...this.#servers.values()].map(({ handle }) => handle.url).join(', ')
      refuse('options.server', one, `no such server is there, but ${known}`, RangeError)
    }
    return given ?? first.handle.url
  }

  #pass(duration: Duration): Promise<void> {
    const ms = checkDuration('duration', duration)
    this.#act()
    let isOver = false
    this.#world.agenda.after(ms, () => {
      isOver = true
    })
    return this.#wait(() => isOver)
  }

  #until(predicate: () => boolean, options: UntilOptions = {}): Promise<void> {
    checkHandler('predicate', predicate)
    const { within = DEFAULT_WITHIN, what } = checkUntil('options', options)
    this.#act()
    const ms = parseDuration('options.within', within)
    const deadline = this.#world.now + ms
    // So that there is a step at the deadline.
    const alarm = this.#world.agenda.after(ms, () => undefined)
    return this.#wait(() => {
      const answer: unknown = predicate()
      if (typeof answer !== 'boolean') {
        refuse('predicate', predicate, `it answers ${typeof answer}, and not true or false`)
      }
      if (answer) this.#world.agenda.cancel(alarm)
      else if (this.#world.now >= deadline) throw this.#tooLate(what ?? String(predicate), ms)
      return answer
    })
  }

  #wait(isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => this.#waits.add({ isOver, resolve, reject }))
  }

  #log(text: string): void {
    if (typeof text !== 'string') refuse('text', text, 'give a string')
    this.#act()
    this.#world.tell({ kind: 'act', device: 'test', what: text })
  }

  #arm(faults: Faults): void {
    this.#act()
    this.#armed.push(faults)
    for (const parts of this.#servers.values()) this.#armServer(parts, faults)
    for (const parts of this.#devices.values()) this.#armDevice(parts, faults)
  }

  #armServer({ model, faults, random }: ServerParts, armed: Faults): void {
    Object.assign(faults.server, armed.server)
    const nothing = { link: {}, disk: {}, process: {}, clock: {} }
    inject(
      this.#world,
      random.fork('faults'),
      { ...nothing, server: armed.server },
      [],
      [model],
      this.#isOverLater(),
    )
  }

  #armDevice({ handle, faults, random }: DeviceParts, armed: Faults): void {
    Object.assign(faults.link, armed.link)
    Object.assign(faults.disk, armed.disk)
    Object.assign(faults.process, armed.process)
    if (armed.process.crashAtStep !== undefined) handle.armSteps()
    inject(
      this.#world,
      random.fork('faults'),
      { ...armed, server: {} },
      [handle.victim],
      [],
      this.#isOverLater(),
    )
  }

  /** Whether what is armed now is over. */
  #isOverLater(): () => boolean {
    const since = this.#healings
    return () => this.#healings !== since
  }

  #heal(): void {
    this.#act()
    this.#healings += 1
    this.#armed = []
    for (const { faults, handle } of this.#servers.values()) {
      const { lowLimits } = faults.server
      clearFaults(faults)
      if (lowLimits !== undefined) faults.server.lowLimits = lowLimits
      handle.heal()
    }
    for (const { faults, handle } of this.#devices.values()) {
      clearFaults(faults)
      handle.heal()
    }
    this.#log('heals everything')
  }

  #tooLate(what: string, ms: number): ScenarioError {
    const shown = what.length > PREDICATE_SHOWN ? `${what.slice(0, PREDICATE_SHOWN)}…` : what
    const text = `In ${ms} ms of virtual time this did not become true: ${shown}`
    return new ScenarioError('too-late', this.#withLines(`${text}\n${this.#describe()}`))
  }

  #stuck(why: string): ScenarioError {
    return new ScenarioError(
      'stuck',
      this.#withLines(
        `${why}: it awaits a promise of a dead process, something outside the scenario such as a timer of the platform, or what nothing brings about\n${this.#describe()}`,
      ),
    )
  }

  #describe(): string {
    const devices = [...this.#devices.values()].map(({ handle }) => handle.describe())
    const servers = [...this.#servers.values()].map(
      ({ handle }) =>
        `${handle.url}: ${handle.up ? 'up' : 'down'}, ${handle.clients.length} clients`,
    )
    return [...devices, ...servers].map((line) => `  ${line}`).join('\n')
  }

  #withLines(text: string): string {
    const lines = this.lines.slice(-LINES_SHOWN)
    return lines.length === 0 ? text : `${text}\nWhat happened last:\n  ${lines.join('\n  ')}`
  }
}

/** @throws {TypeError} when a class is given, or nothing that makes one */
function checkMaker(client: unknown): void {
  checkHandler('options.client', client)
  if (/^class\b/.test(Function.prototype.toString.call(client))) {
    refuse(
      'options.client',
      (client as { readonly name: string }).name,
      'give a function that makes the class, (MQTTClient) => class extends MQTTClient { … }',
    )
  }
}
