// The public types of scenarios: what a test may ask of the world, its servers and its devices.
// Types alone. Every time is virtual; a number that stands for a length of time is in ms.

import type { RobustClient } from '../../robust/client.ts'
import type { Duration } from '../../robust/duration.ts'
import type { OutboxStore } from '../../outbox/store.ts'
import type { Outcome, RobustOptions, Stored } from '../../robust/types.ts'
import type { OutcomeStatus } from '../../robust/entry.ts'
import type { Payload, QoS } from '../../simple/types.ts'
import type { Faults } from '../faults.ts'
import type { Violation } from '../world.ts'

/** Faults that come at random, by the part of the world that they befall; {@link Faults} says what each is. */
export type ArmedFaults = Partial<Faults>

/** How a scenario is run. */
export interface ScenarioOptions {
  /** Decides every chance of it: the same seed and the same test go the same way. @default 1 */
  readonly seed?: number | string
  /** Faults that are armed from the beginning, on every device and server. @default none */
  readonly faults?: ArmedFaults
  /**
   * Whether the safety rules of the project's own simulation judge the run and make it fail.
   * @default true
   */
  readonly rules?: boolean
  /**
   * How much virtual time may pass while the test awaits something other than `pass` and `until`, before
   * that is called stuck.
   * @default '1d' — longer than any wait between two attempts
   */
  readonly patience?: Duration
  /** How many of the last lines of the trace are kept. @default 1000 */
  readonly traceLines?: number
  /** Gets what happened, with a legend, when the scenario fails. @default nobody */
  readonly report?: (text: string) => void
}

/** What came of a scenario. */
export interface ScenarioResult<T> {
  /** What the test returned. */
  readonly value: T
  /** Of everything that happened: two runs with the same hash went the same way. */
  readonly hash: string
  /** Virtual ms in all. */
  readonly simulatedMs: number
  /** How often each kind of fault has fired, by `part.kind` such as `link.cut`. */
  readonly fired: Readonly<Record<string, number>>
  /** The last lines of what happened. */
  readonly trace: readonly string[]
}

/** Why a scenario failed by itself, and not by an assertion of its test. */
export type ScenarioFailure =
  /** Nothing was left to happen, or nothing that the test could wait for. */
  | 'stuck'
  /** What `until` waited for did not come in time. */
  | 'too-late'
  /** A safety rule was broken: a bug of umqtt, or of a subclass. */
  | 'rule-broken'

/** The world of one scenario. */
export interface ScenarioWorld {
  /** Virtual ms since it began. */
  readonly now: number
  /** Every message that a device has published, in order. */
  readonly messages: readonly ScenarioMessage[]
  /** The last lines of what happened, and a legend. */
  readonly trace: string
  /**
   * Starts a model server.
   * @param url such as `mqtt://server`; the name of the host tells servers apart
   * @param options as {@link ScenarioServerOptions} says. @default MQTT 5.0 without limits
   * @throws {TypeError} @throws {RangeError} for what cannot be meant
   */
  server(url: string, options?: ScenarioServerOptions): ScenarioServer
  /**
   * Makes a device and starts its process.
   * @param clientId of its client; names the device in the trace
   * @param options as {@link ScenarioDeviceOptions} says. @default an outbox in memory
   * @param app the application, run with a new client at each start
   * @throws {TypeError} @throws {RangeError} for what cannot be meant, also of the client's options
   */
  device<C extends RobustClient = RobustClient>(
    clientId: string,
    options?: ScenarioDeviceOptions<C>,
    app?: ScenarioApp<C>,
  ): ScenarioDevice<C>
  /**
   * The same without options.
   * @param clientId of its client; names the device in the trace
   * @param app the application, run with a new client at each start
   * @throws {TypeError} @throws {RangeError} for what cannot be meant
   */
  device<C extends RobustClient = RobustClient>(
    clientId: string,
    app: ScenarioApp<C>,
  ): ScenarioDevice<C>
  /**
   * Lets virtual time pass.
   * @param duration how much, ms or such as '10m'
   * @throws {TypeError} @throws {RangeError} that is no length of time
   */
  pass(duration: Duration): Promise<void>
  /**
   * Lets virtual time pass until something is so.
   * @param predicate asked after each thing that happens; it answers at once, true or false
   * @param options how long it may take. @default an hour
   * @throws {ScenarioError} `too-late` when it is not so in time
   */
  until(predicate: () => boolean, options?: UntilOptions): Promise<void>
  /**
   * Arms faults on every device and server, beside those that are armed. They fire until `heal`.
   * @param faults what may happen, and how often
   * @throws {TypeError} @throws {RangeError} for what cannot be meant
   */
  arm(faults: ArmedFaults): void
  /**
   * Ends everything that is wrong: armed faults, links, disks, servers that are down, and sleep. A process
   * that was killed by hand stays so until `start`.
   */
  heal(): void
  /**
   * Writes a line into the trace.
   * @param text the line
   */
  log(text: string): void
}

/** How long `until` waits, and for what. */
export interface UntilOptions {
  /** How much virtual time may pass. @default '1h' */
  readonly within?: Duration
  /** What is waited for, for the message of the error. @default the source of the predicate */
  readonly what?: string
}

/** One message that a device has published. */
export interface ScenarioMessage {
  /** Counts over the whole scenario, and names it in the trace. */
  readonly number: number
  readonly device: string
  readonly topic: string
  readonly payload: Uint8Array
  /**
   * The payload as text.
   * @throws {TypeError} it is not UTF-8
   */
  text(): string
  /** When it was published, virtual ms. */
  readonly publishedAt: number
  /** What `receipt.stored` gave; `failed` when it rejected. */
  readonly stored: Stored | 'failed' | undefined
  /**
   * Its outcome; `open` while it has none; `lost` when it was in the memory of a process that is dead.
   */
  readonly status: OutcomeStatus | 'open' | 'lost'
  readonly outcome: Outcome | undefined
  /** Each time that a server became its owner, virtual ms: more than one is a duplicate. */
  readonly takenAt: readonly number[]
}

/** One message that a server has received, and is the owner of. */
export interface ReceivedByServer {
  readonly topic: string
  readonly payload: Uint8Array
  /**
   * The payload as text.
   * @throws {TypeError} it is not UTF-8
   */
  text(): string
  readonly qos: QoS
  readonly retain: boolean
  readonly dup: boolean
  /** When, virtual ms. */
  readonly at: number
  readonly clientId: string
  /** The server's session; sessions count over the whole scenario. */
  readonly session: number
  /** The server's connection; they count likewise. */
  readonly connection: number
  /** The same message at its device. */
  readonly message: ScenarioMessage | undefined
}

/** What a model server is like. */
export interface ScenarioServerOptions {
  /** 4: it speaks MQTT 3.1.1 alone. @default 5 */
  readonly protocol?: 4 | 5
  /** Whether it shares its sessions with the other servers that do. @default true */
  readonly sharedSessions?: boolean
  /** What CONNACK says, on MQTT 5. @default no limits */
  readonly limits?: Partial<ServerLimitsGiven>
}

/** Limits of a server, as CONNACK of MQTT 5 says them. */
export interface ServerLimitsGiven {
  /** 1 to 65,535. */
  readonly receiveMaximum: number
  /** 0 to 65,535. */
  readonly topicAliasMaximum: number
  /** 1 and up. */
  readonly maximumPacketSizeBytes: number
  readonly maximumQoS: 1 | 2
}

/** A model of an MQTT server: it keeps what it promises, and breaks what it is told to. */
export interface ScenarioServer {
  readonly url: string
  /** Whether it runs. */
  readonly up: boolean
  /** Clients that are connected. */
  readonly clients: readonly string[]
  /** Clients that it has a session for. */
  readonly sessions: readonly string[]
  /**
   * What it has received, in order. At QoS 1 a message that was sent twice is here twice, as its subscribers
   * would see it.
   * @param filter of topics. @default '#'
   */
  received(filter?: string): readonly ReceivedByServer[]
  /**
   * Sends a message to whoever subscribes.
   * @param topic 1 to 65,535 bytes, without wildcards
   * @param payload bytes, or text to be sent as UTF-8
   * @param options QoS and retain. @default QoS 0, not retained
   * @returns to how many sessions
   */
  publish(
    topic: string,
    payload: Payload,
    options?: { readonly qos?: QoS; readonly retain?: boolean },
  ): number
  /** Goes down: connections are reset, and who dials is refused. */
  stop(): void
  /**
   * Runs again.
   * @param options `sessions`: whether it still has its sessions and retained messages. @default 'kept'
   */
  start(options?: { readonly sessions?: 'kept' | 'lost' }): void
  /**
   * Forgets the session of a client, and ends its connection.
   * @param clientId whose session
   * @throws {RangeError} it has none
   */
  forget(clientId: string): void
  /**
   * Ends the connection of a client with a reason code of DISCONNECT; on MQTT 3.1.1 without a word.
   * @param clientId whose connection
   * @param reasonCode of DISCONNECT. @default 0x98, Administrative action
   * @throws {RangeError} it is not connected, or that is no reason code
   */
  kick(clientId: string, reasonCode?: number): void
  /**
   * From now on refuses whoever connects.
   * @param reasonCode of CONNACK, 0x80 and up
   * @throws {RangeError} that is no reason code
   */
  refuse(reasonCode: number): void
  /** Refuses nobody any more. */
  accept(): void
}

/** The options of a device: those of its client, in part with another meaning, and its own. */
export interface ScenarioDeviceOptions<C extends RobustClient = RobustClient> extends Omit<
  RobustOptions,
  'outbox' | 'transport'
> {
  /** The first server of its client, as its URL. @default the first of the world */
  readonly server?: string
  /**
   * `disk`, or any folder: the log on the disk of the device, which loses at a power cut what was not
   * synced. `memory`, or a store of your own.
   * @default 'memory'
   */
  readonly outbox?: string | OutboxStore
  /**
   * Makes the class of the client, with a `delay` or `reconnect` of its own.
   * @default the client of `umqtt/robust`
   */
  readonly client?: (MQTTClient: SimulatedClientClass) => ScenarioClientClass<C>
  /** How fast its clocks run beside the world's: 1.01 gains a hundredth. 0.5 to 2. @default 1 */
  readonly clockRate?: number
}

/** The client of `umqtt/robust`, in virtual time. */
export type SimulatedClientClass = ScenarioClientClass<RobustClient>

/** A class of clients. */
export type ScenarioClientClass<C> = new (
  clientId: string,
  server: string,
  options: RobustOptions,
) => C

/** The application of a device: called once for each process, with a client of its own. */
export type ScenarioApp<C extends RobustClient = RobustClient> = (
  client: C,
  process: ScenarioProcess,
) => unknown

/** What an application has in place of the platform's clock and timers. They end with the process. */
export interface ScenarioProcess {
  /** Processes of a device count from 1: above 1 it was started again. */
  readonly number: number
  /** Ms of a monotonic clock. */
  now(): number
  /** Ms since 1970, as the device believes. */
  epochNow(): number
  /**
   * Waits; never settles when the process dies first.
   * @param duration how long by the clock of the device, ms or such as '10m'
   */
  sleep(duration: Duration): Promise<void>
  /**
   * Does something again and again, first after the duration.
   * @param duration between two times, ms or such as '10m'
   * @param action what is done; when it fails, the scenario does
   * @returns what ends it
   */
  every(duration: Duration, action: () => unknown): () => void
}

/** One device: its link, its disk and its clocks outlive its processes. */
export interface ScenarioDevice<C extends RobustClient = RobustClient> {
  readonly clientId: string
  /** The client of the process that runs. @throws {Error} none does */
  readonly client: C
  /** The number of the process that runs; 0: none does. */
  readonly processNumber: number
  /** What it has published, over all its processes. */
  readonly messages: readonly ScenarioMessage[]
  readonly link: ScenarioLink
  readonly disk: ScenarioDisk
  /**
   * Starts a process.
   * @throws {Error} one runs
   */
  start(): void
  /** Kills the process; its connections are reset, and the disk has all that was written. */
  kill(): void
  /**
   * The power goes: the process is dead, nobody is told, and the disk has what was synced, and any part of
   * the rest.
   */
  powerCut(): void
  /**
   * Time stands still for the process, and nothing reaches it.
   * @param duration how long, ms or such as '2h'
   */
  sleep(duration: Duration): void
  /**
   * Sets the wall clock, forwards or, with a minus, back.
   * @param by ms, or such as '2h', '-90s'
   */
  jumpClock(by: number | string): void
}

/** The network between a device and its servers. What is said here holds until `heal`. */
export interface ScenarioLink {
  /** Resets what is connected; both ends are told. */
  cut(): void
  /** Nothing passes; it all passes after `heal`. */
  stall(): void
  /** The network is gone: everything is swallowed, and whoever dials hears nothing. */
  partition(): void
  /** Whoever dials hears nothing; what is connected stays. */
  blackHole(): void
  /** Whoever dials is refused; what is connected stays. */
  refuse(): void
  /** Whoever dials is let in and thrown out before CONNACK. */
  acceptThenClose(): void
  /**
   * What goes one way is swallowed, and nobody is told.
   * @param direction which way
   */
  halfOpen(direction: 'to-server' | 'to-device'): void
  /**
   * Bytes pass so many at a time.
   * @param bytes 1 and up
   */
  drip(bytes: number): void
  /**
   * Each way takes longer, and no more than so many bytes a second pass.
   * @param options what is given holds: `latencyMs` for each way, `jitterMs` at most on top of it, `bytesPerSecond`
   */
  slow(options: {
    readonly latencyMs?: number
    readonly jitterMs?: number
    readonly bytesPerSecond?: number
  }): void
  /** Nothing is wrong any more; what was swallowed is gone. */
  heal(): void
}

/** The disk of a device. What is said here holds until `heal`. */
export interface ScenarioDisk {
  /** What its files take. */
  readonly usedBytes: number
  /** From now on there is no more room than what is used. */
  fill(): void
  /** Every write fails. */
  fail(): void
  /**
   * Each operation takes up to this long.
   * @param duration ms or such as '2s'
   */
  slow(duration: Duration): void
  /** Nothing is wrong any more. */
  heal(): void
}

/** What a broken rule says. */
export type { Violation }
