// portable
// `umqtt/portable`: what a platform is made of, what it refuses, and that its clients take all they need from it.
// Runs on an engine that has no timer, no console and no AbortController.

import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { makePlatform, MQTTClient, type PlatformOptions, RobustClient } from '../src/portable.ts'
import { ScriptedServer, settle } from './support/scripted-memory.ts'
import { VirtualClock } from './support/virtual-clock.ts'

const nowhere: PlatformOptions = { clock: new VirtualClock(0), transports: {} }

/** Runs something where a global is another one, or absent. */
function withGlobal(name: string, value: unknown, run: () => void): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name)
  Reflect.deleteProperty(globalThis, name)
  if (value !== undefined) Object.assign(globalThis, { [name]: value })
  try {
    run()
  } finally {
    Reflect.deleteProperty(globalThis, name)
    if (before !== undefined) Object.defineProperty(globalThis, name, before)
  }
}

test('both clients speak over the transport of their platform, by its clock', async () => {
  const server = new ScriptedServer()
  const clock = new VirtualClock(0)
  const platform = makePlatform({ clock, transports: { mqtt: server.transport }, random: () => 0 })
  for (const Client of [MQTTClient, RobustClient]) {
    const client = new Client('lamp-7', 'mqtt://a.example', {}, platform)
    const connecting = client.connect()
    const connection = await server.connection()
    await connection.accept()
    await connecting
    connection.autoRespond()
    await client.publish('lamp/7', 'on', { qos: 1 })
    await client.disconnect()
    equal(client.state, 'closed')
  }
  const slow = new MQTTClient('lamp-7', 'a.example', { timeouts: { connectMs: 500 } }, platform)
  server.blackHole = true
  let failure: unknown
  void slow.connect().catch((error: unknown) => (failure = error))
  await settle()
  clock.advance(500)
  await settle()
  equal((failure as Error).name, 'TimeoutError')
})

test('a scheme that the platform has no transport for is refused when a client is made', () => {
  const platform = makePlatform({
    ...nowhere,
    transports: { mqtt: new ScriptedServer().transport },
  })
  throws(
    () => new MQTTClient('lamp-7', 'wss://a.example', {}, platform),
    /Cannot reach "wss:.+ this platform knows mqtt$/,
  )
  throws(
    () => new RobustClient('lamp-7', 'mqtt://a.example', { outbox: 'kept' }, platform),
    /give a store: this platform has no folders/,
  )
})

test('a platform without what it needs, or with what nothing reads, is refused', () => {
  const refused: readonly [options: unknown, words: RegExp][] = [
    [undefined, /Cannot use options "undefined": give an object/],
    [{ transports: {} }, /Cannot use options\.clock "undefined": give an object/],
    [{ clock: nowhere.clock }, /Cannot use options\.transports "undefined": give an object/],
    [
      { ...nowhere, clock: { now: () => 0, setTimer: () => 1 } },
      /Cannot use options\.clock\.clearTimer "undefined": give a function/,
    ],
    [
      { ...nowhere, transports: { tcp: () => 0 } },
      /options\.transports\.tcp: the known ones are mqtt/,
    ],
    [{ ...nowhere, transports: { mqtt: 1 } }, /options\.transports\.mqtt "1": give a function/],
    [{ ...nowhere, chance: Math.random }, /options\.chance: the known ones are clock/],
    [{ ...nowhere, random: 0.5 }, /options\.random "0\.5": give a function/],
  ]
  for (const [options, words] of refused) {
    throws(() => makePlatform(options as PlatformOptions), words)
  }
})

test('what is given is used, and what is not is that of ECMAScript', () => {
  const bare = makePlatform(nowhere)
  deepEqual([bare.random, bare.epochNow, bare.openFolder], [Math.random, Date.now, undefined])
  const [random, epochNow, openFolder, warn] = [() => 0, () => 1, () => undefined!, () => undefined]
  const full = makePlatform({ ...nowhere, random, epochNow, openFolder, warn })
  deepEqual(
    [full.random, full.epochNow, full.openFolder, full.warn],
    [random, epochNow, openFolder, warn],
  )
})

test('time is whole, and a delay is none that a timer of a platform would take for 0', () => {
  const asked: number[] = []
  class OwnClock {
    readonly start = 0.25
    now(): number {
      return this.start + 1_000.5
    }
    setTimer(_fire: () => void, delayMs: number): number {
      return asked.push(this.start + delayMs)
    }
    clearTimer(handle: unknown): void {
      asked.push(this.start + Number(handle))
    }
  }
  const { clock } = makePlatform({ ...nowhere, clock: new OwnClock() })
  equal(clock.now(), 1_000)
  equal(
    clock.setTimer(() => undefined, 9.5),
    1,
  )
  clock.setTimer(() => undefined, 3e9)
  clock.clearTimer(7)
  deepEqual(asked, [10.25, 2_147_483_647.25, 7.25])
})

test('a warning goes to the console where there is one', () => {
  const said: string[] = []
  const platform = makePlatform(nowhere)
  withGlobal('console', undefined, () => platform.warn('outbox-slow', 'It does not answer'))
  withGlobal('console', { warn: (text: string) => said.push(text) }, () =>
    platform.warn('outbox-slow', 'It does not answer'),
  )
  deepEqual(said, ['It does not answer (outbox-slow)'])
})

test('signals are those of the engine, where it has any', () => {
  const platform = makePlatform(nowhere)
  withGlobal('AbortController', undefined, () => {
    const { signal, abort } = platform.makeAborter()
    let heard = 0
    signal.addEventListener('abort', () => (heard += 1))
    const reason = new Error('Enough')
    abort(reason)
    ok(signal.aborted)
    deepEqual([heard, signal.reason], [1, reason])
  })
  class Controller {}
  withGlobal('AbortController', Controller, () => {
    ok((platform.makeAborter() as unknown) instanceof Controller)
  })
})
