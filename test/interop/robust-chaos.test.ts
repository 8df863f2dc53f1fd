// Seconds of chaos on the links to a real server, with messages of every QoS: nothing that was promised is
// lost, nothing is doubled at QoS 2, each topic keeps its order, and the heap stays where it was.
// What the server doubles by itself is not the client's: see server-repeats.test.ts. `npm run torture` is longer.

import { deepEqual, ok } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { chaos, strangeOutcomes } from '../support/chaos.ts'
import { FAST_CHECK } from '../support/seed.ts'
import { type TestServer, startServer } from '../support/servers.ts'
import { absent } from '../support/skip.ts'
import { portOf } from './robust-link.ts'

const SECONDS = 4
const HEAP_GROWTH_BYTES_MAX = 6_000_000
const { seed } = FAST_CHECK

describe(`robust in chaos, SEED=${seed}`, { skip: absent('mosquitto'), timeout: 120_000 }, () => {
  let server: TestServer
  before(async () => {
    server = await startServer('mosquitto', { anonymous: true })
  })
  after(() => server.remove())

  for (const protocol of [5, 4] as const) {
    test(`keeps its promises in MQTT ${protocol}`, async () => {
      const summary = await chaos({ port: portOf(server), seconds: SECONDS, seed, protocol })
      const { lost, lostByServer, doubled, disordered } = summary
      const { published, heapGrowthBytes } = summary
      deepEqual(
        { lost, lostByServer, doubled, disordered },
        { lost: [], lostByServer: [], doubled: [], disordered: [] },
      )
      deepEqual(strangeOutcomes(summary, protocol), [])
      ok(published > 500, `Only ${published} messages were published`)
      ok(heapGrowthBytes < HEAP_GROWTH_BYTES_MAX, `The heap grew by ${heapGrowthBytes} bytes`)
    })
  }
})
