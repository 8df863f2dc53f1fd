// A program for the tests of a full disk, and of one that may only be read: what a store and a client meet on
// the disk in a folder, as facts in JSON. It judges nothing; small-disk.ts mounts the disk and starts it.

import { execFileSync } from 'node:child_process'
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileStore } from '../../src/outbox/file.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import { SqliteStore } from '../../src/outbox/sqlite.ts'
import type { Op, OutboxStore } from '../../src/outbox/store.ts'
import { guaranteed, MQTTClient } from '../../src/robust.node.ts'
import { FaultProxy } from '../../src/testing/fault-proxy.ts'

/** How something was refused; the code is empty for what was not. */
export interface Refusal {
  readonly code: string
  readonly message: string
}

/** What a store met on a disk that became full. */
export interface FullStoreFacts {
  /** How many records were told stored. */
  readonly stored: number
  readonly refusal: Refusal
  /** How many of them are not there as they were, when it is full; and when it was opened again, without any room. */
  readonly lost: number
  readonly lostAgain: number
  /** What was found damaged at that opening. */
  readonly quarantined: number
  /** Of a new record after that, and of a new outbox in another folder of that disk. */
  readonly refusalAgain: Refusal
  readonly refusalOfAnother: Refusal
  /** How many are left when each was deleted, with no more room than before. */
  readonly left: number
  /** When there is room: the size of the reserve behind a new record, and what is there at the next opening. */
  readonly reserveBytes: number
  readonly found: readonly number[]
}

/** What a client met on a disk that became full. */
export interface FullClientFacts {
  readonly stored: number
  /** Of `stored` of the message that found no room. */
  readonly refusal: Refusal
  /** Its outcome, and the code of the error in that. */
  readonly outcome: readonly [status: string, code: string | undefined]
  /** By status, of those before it. */
  readonly outcomes: Readonly<Record<string, number>>
  /** How one ended that was published when there was room. */
  readonly last: string
}

/** What was refused on a disk that may only be read, and the files before and after. */
export interface ReadOnlyFacts {
  /** Of an outbox that was there, and of a new one. */
  readonly known: Refusal
  readonly fresh: Refusal
  readonly before: readonly string[]
  readonly after: readonly string[]
}

const RECORD_BYTES = 3000
const CHUNK = new Uint8Array(4096).fill(1)

const bytesOf = (seq: number): Uint8Array => new Uint8Array(RECORD_BYTES).fill(seq)
const put = (seq: number): Op => ['put', seq, bytesOf(seq)]

async function refusalOf(action: Promise<unknown>): Promise<Refusal> {
  try {
    await action
    return { code: '', message: '' }
  } catch (error) {
    const { code = 'none', message } = error as Error & { code?: string }
    return { code, message }
  }
}

/** What another program leaves of a disk: nothing. @returns to give it back */
function takeRest(disk: string): () => void {
  const path = join(disk, 'other')
  for (let isFull = false; !isFull;) {
    try {
      writeFileSync(path, CHUNK, { flag: 'a' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      isFull = true
    }
  }
  return () => rmSync(path)
}

/** How many records from 1 on are there and as they were. */
async function wholeOf(outbox: Outbox): Promise<number> {
  const records = await outbox.read(0, 1_000_000)
  const isWhole = ([seq, bytes]: readonly [number, Uint8Array], index: number): boolean =>
    seq === index + 1 && Buffer.from(bytes).equals(bytesOf(seq))
  return records.filter(isWhole).length
}

async function fullStore(disk: string, engine: string): Promise<FullStoreFacts> {
  // With the defaults: the reserve is what everybody has.
  const make = (name: string): OutboxStore =>
    engine === 'sqlite' ? new SqliteStore(join(disk, name)) : new FileStore(join(disk, name))
  const first = new Outbox(make('outbox'))
  await first.open()
  let stored = 0
  const fill = async (outbox: Outbox): Promise<Refusal> => {
    for (;;) {
      const refusal = await refusalOf(outbox.write([put(stored + 1)], 'power'))
      if (refusal.code !== '') return refusal
      stored += 1
    }
  }
  const refusal = await fill(first)
  const lost = stored - (await wholeOf(first))
  await first.close()

  const giveBack = takeRest(disk)
  const refusalOfAnother = await refusalOf(make('another').open())
  const second = new Outbox(make('outbox'))
  const { quarantined } = await second.open()
  const lostAgain = stored - (await wholeOf(second))
  // SQLite may have found room meanwhile: its log is in the database now.
  const refusalAgain = await fill(second)
  for (let seq = 1; seq <= stored; seq += 1) await second.write([['delete', seq]], 'power')
  const left = second.count

  giveBack()
  await second.write([put(stored + 1)], 'power')
  const reserveBytes = statSync(join(disk, 'outbox', 'reserve')).size
  await second.close()
  const third = new Outbox(make('outbox'))
  await third.open()
  const found = (await third.read(0, 10)).map(([seq]) => seq)
  await third.close()
  return {
    stored,
    refusal,
    lost,
    lostAgain,
    quarantined: quarantined.length,
    refusalAgain,
    refusalOfAnother,
    left,
    reserveBytes,
    found,
  }
}

async function fullClient(disk: string, url: string): Promise<FullClientFacts> {
  // A device without a network, whose messages wait.
  const proxy = await FaultProxy.start({ port: Number(new URL(url).port) })
  await proxy.refuse()
  const client = new MQTTClient('full-disk', proxy.url, {
    outbox: join(disk, 'outbox'),
    reconnect: { floorMs: 10, capMs: 40 },
  })
  const outcomes: Record<string, number> = {}
  const publish = (seq: number): ReturnType<typeof client.publish> =>
    client.publish('disk', `${seq}`.padEnd(RECORD_BYTES), { delivery: guaranteed() })
  await client.open()
  let stored = 0
  let receipt = publish(1)
  let refusal = await refusalOf(receipt.stored)
  while (refusal.code === '') {
    stored += 1
    receipt = publish(stored + 1)
    refusal = await refusalOf(receipt.stored)
  }
  const { status, error } = await receipt.settled
  client.on('settled', (one) => {
    outcomes[one.outcome.status] = (outcomes[one.outcome.status] ?? 0) + 1
  })
  const giveBack = takeRest(disk)
  await proxy.heal()
  await client.drain()
  const counted = { ...outcomes }
  giveBack()
  const last = (await publish(stored + 2).settled).status
  await client[Symbol.asyncDispose]()
  await proxy.close()
  const outcome = [status, (error as { code?: string } | undefined)?.code] as const
  return { stored, refusal, outcome, outcomes: counted, last }
}

async function readOnly(disk: string): Promise<ReadOnlyFacts> {
  const folder = join(disk, 'outbox')
  // Smaller than the disk.
  const options = { reserveBytes: 4096 }
  const store = new FileStore(folder, options)
  await store.open()
  await store.commit([put(1)], 'power')
  await store.close()
  const before = readdirSync(folder).sort()
  execFileSync('mount', ['-o', 'remount,bind,ro', disk])
  const known = await refusalOf(new FileStore(folder, options).open())
  const fresh = await refusalOf(new FileStore(join(disk, 'another'), options).open())
  return { known, fresh, before, after: readdirSync(folder).sort() }
}

const SCENARIOS: Readonly<Record<string, (disk: string, given: string) => Promise<object>>> = {
  store: fullStore,
  client: fullClient,
  'read-only': readOnly,
}

const [, , disk = '', scenario = '', given = ''] = process.argv
const play = SCENARIOS[scenario]
if (play === undefined) throw new RangeError(`Unknown scenario "${scenario}"`)
process.stdout.write(`${JSON.stringify(await play(disk, given))}\n`)
