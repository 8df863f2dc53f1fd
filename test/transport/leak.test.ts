// Sockets and timers after ten thousand connections, however they end: as many as before.

import { deepEqual, equal } from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { parseServer } from '../../src/transport/address.ts'
import { tcp } from '../../src/transport/tcp.ts'
import type { ServerAddress, Transport, TransportHandler } from '../../src/transport/transport.ts'
import { OPTIONS, refusedPort } from '../support/peers.ts'

const CONNECTS = 10_000
const BATCH = 250

/** How a connection ends; each takes its turn. */
const ENDINGS = ['close', 'destroy', 'peer ends', 'peer resets', 'destroy while dialling'] as const
type Ending = (typeof ENDINGS)[number]

/** What the client sends, so that the server knows how to end. */
const CODES: Readonly<Record<Ending, number>> = {
  close: 0,
  destroy: 0,
  'peer ends': 1,
  'peer resets': 2,
  'destroy while dialling': 0,
}

/** One connection from dial to `closed`. @returns how it ended */
function connectOnce(address: ServerAddress, ending: Ending): Promise<string> {
  return new Promise((resolve) => {
    const handler: TransportHandler = {
      opened: () => transport.write([Uint8Array.of(CODES[ending])]),
      received: () => undefined,
      written: () => {
        if (ending === 'close' || ending === 'destroy') transport[ending]()
      },
      closed: (error) => resolve(error === undefined ? 'ended' : 'failed'),
    }
    const transport: Transport = tcp(address, handler, OPTIONS)
    if (ending === 'destroy while dialling') process.nextTick(() => transport.destroy())
  })
}

/** Everything that keeps the process alive, counted by kind. */
function activeResources(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Turns of the event loop within which everything that was closed must be freed. */
const TURNS_MAX = 1000

/** Fails unless what keeps the process alive comes to be what it was. */
async function freed(before: Record<string, number>): Promise<void> {
  const same = (): boolean => isDeepStrictEqual(activeResources(), before)
  for (let turn = 0; turn < TURNS_MAX && !same(); turn++) await turnOfTheLoop()
  deepEqual(activeResources(), before)
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Connects in batches, and waits until each has closed. @returns how often each end came */
async function connectMany(address: ServerAddress, count: number): Promise<Record<string, number>> {
  const ends: Record<string, number> = {}
  for (let done = 0; done < count; done += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, i) =>
      connectOnce(address, ENDINGS[i % ENDINGS.length] as Ending),
    )
    for (const end of await Promise.all(batch)) ends[end] = (ends[end] ?? 0) + 1
  }
  return ends
}

describe('tcp', () => {
  it(`leaves nothing behind after ${CONNECTS} connections, however they end`, async (t) => {
    let accepted = 0
    const server = createServer((socket) => {
      accepted++
      socket.on('error', () => socket.destroy())
      socket.on('data', ([code]: Buffer) => {
        if (code === CODES['peer ends']) socket.end()
        if (code === CODES['peer resets']) socket.resetAndDestroy()
      })
    })
    server.listen({ host: '127.0.0.1', port: 0, backlog: BATCH })
    await once(server, 'listening')
    t.after(() => server.close())
    for (let turn = 0; turn < 3; turn++) await turnOfTheLoop()
    const before = activeResources()
    const { port } = server.address() as AddressInfo
    const ends = await connectMany(parseServer(`127.0.0.1:${port}`), CONNECTS)
    t.diagnostic(`accepted ${accepted}, ${JSON.stringify(ends)}`)
    deepEqual(ends, { ended: (CONNECTS * 4) / 5, failed: CONNECTS / 5 })
    await freed(before)
  })

  it('leaves nothing behind after 1000 dials that are refused', async () => {
    const address = parseServer(`127.0.0.1:${await refusedPort()}`)
    for (let turn = 0; turn < 3; turn++) await turnOfTheLoop()
    const before = activeResources()
    const ends = await connectMany(address, 1000)
    equal(ends['failed'], 800)
    await freed(before)
  })
})
