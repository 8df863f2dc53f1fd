// A disk that is really full: a small tmpfs, on which the system itself says that there is no room. Goal: nothing
// stored is lost, it is said what is wrong, what waits is let out by the reserve, and all goes on with room.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MQTTClient } from '../../src/simple.node.ts'
import { type Capability, requireOrSkip, runtimePath } from '../support/skip.ts'
import type { FullClientFacts, FullStoreFacts, Refusal } from '../support/small-disk-main.ts'
import { onSmallDisk } from '../support/small-disk.ts'
import { ToyServer } from '../support/toy-server.ts'

/** The default of both stores, most of a small disk. */
const RESERVE_BYTES = 2_097_152
/** Room for the reserve, and for a log of SQLite that is as long as it gets, 4 MiB. */
const STORE_MIB = 9
const CLIENT_MIB = 4

interface Case {
  readonly engine: 'file' | 'sqlite'
  readonly needs: readonly Capability[]
  readonly runtime: readonly string[]
}

const CASES: Readonly<Record<string, Case>> = {
  'the file store': { engine: 'file', needs: [], runtime: [process.execPath] },
  ...Object.fromEntries(
    (['node22', 'node24', 'bun', 'deno'] as const).map((name): [string, Case] => {
      const args = name === 'deno' ? ['run', '--no-check', '--allow-all', '--no-lock'] : []
      const runtime = [runtimePath(name), ...args]
      return [`the SQLite store on ${name}`, { engine: 'sqlite', needs: [name], runtime }]
    }),
  ),
}

function isFull({ code, message }: Refusal): void {
  equal(code, 'ERR_MQTT_STORE_FULL', message)
  ok(/^Cannot .+: the disk is full/.test(message), message)
}

describe('on a full disk', () => {
  for (const [name, { engine, needs, runtime }] of Object.entries(CASES)) {
    test(`${name} refuses, loses nothing, is opened again, drains, and goes on with room`, async (t) => {
      if (!requireOrSkip(t, 'mounts', ...needs)) return
      const facts = await onSmallDisk<FullStoreFacts>(STORE_MIB, 'store', [engine], runtime)
      const { stored, lost, lostAgain, quarantined, left, found, reserveBytes } = facts
      ok(stored > 1000, `${stored} records`)
      for (const refusal of [facts.refusal, facts.refusalAgain, facts.refusalOfAnother])
        isFull(refusal)
      deepEqual({ lost, lostAgain, quarantined }, { lost: 0, lostAgain: 0, quarantined: 0 })
      equal(left, 0)
      equal(reserveBytes, RESERVE_BYTES)
      deepEqual(found, [stored + 1])
    })
  }

  test('a client refuses a guaranteed message clearly, and delivers those before it', async (t) => {
    if (!requireOrSkip(t, 'mounts')) return
    const server = await ToyServer.start()
    const witness = new MQTTClient('witness', server.url)
    const arrived: number[] = []
    try {
      await witness.connect()
      await witness.subscribe('disk', { qos: 1 }, (_topic, payload) => {
        arrived.push(Number(Buffer.from(payload).toString()))
      })
      const facts = await onSmallDisk<FullClientFacts>(CLIENT_MIB, 'client', [server.url])
      const { stored, refusal, outcome, outcomes, last } = facts
      ok(stored > 500, `${stored} messages`)
      isFull(refusal)
      deepEqual(outcome, ['refused', 'ERR_MQTT_STORE_FULL'])
      deepEqual(outcomes, { delivered: stored })
      equal(last, 'delivered')
      const before = Array.from({ length: stored }, (_, index) => index + 1)
      deepEqual(arrived, [...before, stored + 2])
    } finally {
      await witness.disconnect()
      await server.stop()
    }
  })
})
