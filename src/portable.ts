// `umqtt/portable`: both clients for an engine of JavaScript that has neither the modules of Node nor the objects of a
// browser. Rule: it needs nothing that ECMAScript lacks. Time and bytes are given by the program; chance, the date and
// signals are, where the engine's own will not do.

/// <reference lib="esnext.disposable" preserve="true" />

import { type Clock, DELAY_MS_MAX, type TimerHandle } from './driver/clock.ts'
import { guarded } from './driver/guarded-transport.ts'
import type { Platform } from './driver/platform.ts'
import { makeRuntime } from './engine/runtime.ts'
import type { OutboxStore } from './outbox/store.ts'
import { makeAborter } from './robust/aborter.ts'
import { RobustClient as Robust } from './robust/client.ts'
import type { RobustPlatform } from './robust/platform.ts'
import type { RobustOptions } from './robust/types.ts'
import { type Check, checkHandler, checkObject, fields } from './simple/checks.ts'
import { SimpleClient } from './simple/client.ts'
import type { ClientOptions } from './simple/types.ts'
import { rememberingParser } from './transport/address.ts'
import type { ServerAddress, TransportFactory } from './transport/transport.ts'

/** Time, as an engine has it. */
export interface PlatformClock {
  /** Milliseconds from any start, with or without a fraction; they never go back. */
  now(): number
  /**
   * Sets a timer.
   * @param fire called once, unless it is cancelled; later, never within this call
   * @param delayMs from now, 0 to 2,147,483,647
   * @returns what tells the timer from others; anything but undefined
   */
  setTimer(fire: () => void, delayMs: number): unknown
  /**
   * Cancels a timer; one that has fired is ignored.
   * @param timer what `setTimer` gave
   */
  clearTimer(timer: never): void
}

/** What an engine has, or the program around it; see {@link makePlatform}. */
export interface PlatformOptions {
  /** Time: milliseconds that never go back, and timers that fire once. */
  readonly clock: PlatformClock
  /** How to reach a server, by the scheme of its address. */
  readonly transports: { readonly [S in ServerAddress['scheme']]?: TransportFactory }
  /**
   * From 0 to less than 1. Devices that start together have to get different numbers: by them they come back one
   * after another when their server does. @default Math.random
   */
  readonly random?: () => number
  /** Milliseconds since 1970; it may jump. @default Date.now */
  readonly epochNow?: () => number
  /** Makes the store of a client whose option `outbox` is a name. @default none: `outbox` is a store */
  readonly openFolder?: (name: string) => OutboxStore
  /** Told every warning that no listener took. @default `console.warn`, or nobody where there is none */
  readonly warn?: (code: string, message: string) => void
}

/** What clients share: made by {@link makePlatform}, and given to each of them. */
export type PortablePlatform = RobustPlatform

interface Globals {
  readonly AbortController?: new () => AbortController
  readonly console?: { readonly warn: (text: string) => void }
}

const globals = globalThis as unknown as Globals

/** Called as it is: its methods may need it. */
const checkClock: Check<PlatformClock> = (name, clock) => {
  checkObject(name, clock)
  for (const method of ['now', 'setTimer', 'clearTimer'] as const) {
    checkHandler(`${name}.${method}`, clock[method])
  }
  return clock
}

const checkTransports: Check<Platform['transports']> = fields({
  mqtt: checkHandler,
  mqtts: checkHandler,
  ws: checkHandler,
  wss: checkHandler,
  unix: checkHandler,
})

const checkPlatform = fields<PlatformOptions>(
  {
    clock: checkClock,
    transports: checkTransports,
    random: checkHandler,
    epochNow: checkHandler,
    openFolder: checkHandler,
    warn: checkHandler,
  },
  'clock',
  'transports',
)

/**
 * Makes what the clients of a program share: their surroundings, and the buffers that one of them uses at a time.
 * Make one, and give it to all.
 * @param options the clock, and what else the engine has
 * @throws {TypeError} for an option that cannot be meant
 * @example
 * ```js types
 * import { makePlatform } from 'umqtt/portable'
 * import { tcp } from './own-platform.js'
 *
 * const platform = makePlatform({
 *   clock: {
 *     now: () => performance.now(),
 *     setTimer: (fire, delayMs) => setTimeout(fire, delayMs),
 *     clearTimer: (timer) => clearTimeout(timer),
 *   },
 *   transports: { mqtt: tcp },
 * })
 * ```
 */
export function makePlatform(options: PlatformOptions): PortablePlatform {
  const { clock: given, transports, ...rest } = checkPlatform('options', options)
  // As the system's clock does it: whole milliseconds, and no delay that a timer would take for none.
  const clock: Clock = {
    now: () => Math.floor(given.now()),
    setTimer: (fire, delayMs) =>
      given.setTimer(fire, Math.min(Math.ceil(delayMs), DELAY_MS_MAX)) as TimerHandle,
    clearTimer: (timer) => given.clearTimer(timer as never),
  }
  const own = Object.entries(transports).map(([scheme, dial]) => [scheme, guarded(dial, clock)])
  return {
    random: Math.random,
    epochNow: Date.now,
    warn: (code, message) => globals.console?.warn(`${message} (${code})`),
    ...rest,
    transports: Object.fromEntries(own) as Platform['transports'],
    clock,
    // What a program awaits with it may want a signal of the engine's own.
    makeAborter: () =>
      globals.AbortController === undefined ? makeAborter() : new globals.AbortController(),
    runtime: makeRuntime(),
    parseServer: rememberingParser(),
    readBuffer: new Uint8Array(0),
  }
}

/** One connection to a server, without recovery. {@link SimpleClient} says what it does. */
export class MQTTClient extends SimpleClient {
  /**
   * Makes a client. Nothing is dialled before `connect`.
   * @param clientId 0 to 65,535 bytes; empty asks the server for one (§3.1.3.1)
   * @param server a host name, `host:port`, or a URL with a scheme that the platform has a transport for
   * @param options as {@link ClientOptions} says; `tls` throws: that is the transport's own
   * @param platform made by {@link makePlatform}
   * @throws {TypeError} @throws {RangeError} for an argument that cannot be meant
   * @example
   * ```js types
   * import { MQTTClient } from 'umqtt/portable'
   * import { platform } from './own-platform.js'
   *
   * const client = new MQTTClient('hall-1', 'mqtt://localhost', { keepAliveSeconds: 30 }, platform)
   * await client.connect()
   * await client.publish('hall/temperature', '21.5', { qos: 1 })
   * await client.disconnect()
   * ```
   */
  constructor(
    clientId: string,
    server: string,
    options: ClientOptions,
    platform: PortablePlatform,
  ) {
    super(clientId, server, options, platform)
  }
}

/** A client that reconnects, and keeps what was published. {@link Robust} says what it does. */
export class RobustClient extends Robust {
  /**
   * Makes a client. Nothing is dialled and nothing is read before the first use.
   * @param clientId 0 to 65,535 bytes; empty asks the server for one (§3.1.3.1), with MQTT 5.0 or without a session
   * @param server a host name, `host:port`, or a URL with a scheme that the platform has a transport for
   * @param options as {@link RobustOptions} says; `outbox` is a store, or a name where the platform makes stores
   * @param platform made by {@link makePlatform}
   * @throws {TypeError} @throws {RangeError} for an argument that cannot be meant
   * @example
   * ```js types
   * import { RobustClient, within } from 'umqtt/portable'
   * import { platform } from './own-platform.js'
   *
   * const client = new RobustClient('hall-1', 'mqtt://localhost', { user: 'hall' }, platform)
   * const press = client.publish('hall/light', 'on', { delivery: within('15s') })
   * console.log((await press.settled).status)
   * await client[Symbol.asyncDispose]()
   * ```
   */
  constructor(
    clientId: string,
    server: string,
    options: RobustOptions,
    platform: PortablePlatform,
  ) {
    super(clientId, server, options, platform)
  }
}

export * from './simple/public.ts'
export * from './robust/public.ts'
