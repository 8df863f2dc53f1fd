// What the browser tests run in a page: the store contract, a store by name, a client that waits to connect, and
// one that talks to a server. Bundled by serve-page.ts; its functions are called from the test.

import { IndexedDbStore, type IndexedDbTraits } from '../../../src/outbox/indexeddb.ts'
import { guaranteed, MQTTClient } from '../../../src/robust.browser.ts'
import type { Op } from '../../../src/outbox/store.ts'
import { outboxContract } from '../../../src/testing/outbox-contract.ts'
import { heard, leave, left, say, talk } from './talking.ts'

/** What became of one check. */
export interface Result {
  readonly name: string
  readonly error: string | undefined
}

async function runContract(): Promise<readonly Result[]> {
  const checks: { readonly name: string; readonly check: () => Promise<void> }[] = []
  let made = 0
  outboxContract((name, check) => checks.push({ name, check }), {
    make: async () => new IndexedDbStore(`contract ${++made}`),
    reopen: async () => new IndexedDbStore(`contract ${made}`),
  })
  const results: Result[] = []
  for (const { name, check } of checks) {
    const error = await check().then(
      () => undefined,
      (reason: unknown) => String(reason),
    )
    results.push({ name, error })
  }
  return results
}

const stores = new Map<string, IndexedDbStore>()

async function open(name: string): Promise<string> {
  const store = new IndexedDbStore(name)
  try {
    const { count } = await store.open()
    stores.set(name, store)
    return `opened ${count}`
  } catch (error) {
    const { code, message } = error as Error & { code: string }
    return `${code}: ${message}`
  }
}

/** Puts records, or deletes those numbers. @returns the code of the error, or how many are there */
async function write(
  name: string,
  what: 'put' | 'delete',
  seqs: readonly number[],
  sizeBytes = 0,
): Promise<string> {
  const store = stores.get(name)!
  // Chance, which cannot be compressed.
  const body = new Uint8Array(sizeBytes).map(() => Math.random() * 256)
  try {
    const ops = seqs.map((seq): Op => (what === 'put' ? ['put', seq, body] : ['delete', seq]))
    // As the core above a store does with its counters.
    await store.commit([...ops, ['set', 'counters', new Uint8Array(32)]], 'power')
    return `holds ${(await store.scan(0, 100_000)).length}`
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** Settles when nobody has the outbox "door" any more. */
async function waitForDoor(): Promise<void> {
  const { navigator } = globalThis as unknown as {
    navigator: { locks: { request(name: string, granted: () => void): Promise<void> } }
  }
  await navigator.locks.request('umqtt outbox door', () => undefined)
}

async function close(name: string): Promise<void> {
  await stores.get(name)!.close()
}

function traits(name: string): IndexedDbTraits {
  return stores.get(name)!.traits
}

const clients: { readonly client: MQTTClient; attempts: number }[] = []

/** An hour between attempts, unless something wakes it. */
class PatientClient extends MQTTClient {
  protected override delayMs(): number {
    return 3_600_000
  }
}

/** Makes a client that cannot connect. */
async function startClient(url: string): Promise<void> {
  const client = new PatientClient('page', url, { outbox: 'page', reconnect: { floorMs: 1 } })
  const entry = { client, attempts: 0 }
  clients.push(entry)
  client.on('attempt', () => (entry.attempts += 1))
  client.publish('door', 'open')
  await waitsAfter(1)
}

/** Waits until it waits after so many attempts. */
async function waitsAfter(attempts: number): Promise<void> {
  const entry = clients[0]!
  while (entry.attempts < attempts || entry.client.state !== 'waiting') {
    await new Promise((go) => entry.client.on('state', go))
  }
}

/** Says that the page became visible, as far as a page can. */
function show(): void {
  const { document, Event } = globalThis as unknown as {
    document: { dispatchEvent(event: unknown): void }
    Event: new (type: string) => unknown
  }
  document.dispatchEvent(new Event('visibilitychange'))
}

function attempts(): number {
  return clients[0]!.attempts
}

/** Disposes of a client and makes it again at once, twice. @returns what became of the message of each */
async function remount(url: string): Promise<string> {
  const told: string[] = []
  for (const last of [false, false, true]) {
    const client = new PatientClient('page', url, { outbox: 'remount' })
    client.on('warning', ({ code, message }) => void (code === 'outbox' && told.push(message)))
    const { stored } = client.publish('door', 'open', { delivery: guaranteed() })
    // Before it is disposed of this waits for a server that there is not.
    const code = (error: { code: string }): string => error.code
    const subscribed = client.subscribe('door').then(() => 'subscribed', code)
    if (last) told.push(await stored.catch(code))
    void client[Symbol.asyncDispose]()
    told.push(await subscribed)
  }
  return told.join()
}

/** Opens an outbox in which nothing was ever stored, and publishes in the last moment of the page. */
async function publishAtEnd(url: string): Promise<void> {
  const client = new PatientClient('page', url, { outbox: 'last' })
  await client.open()
  const { addEventListener } = globalThis as unknown as {
    addEventListener(type: string, listener: () => void): void
  }
  addEventListener('pagehide', () => {
    client.publish('door', 'left', { delivery: guaranteed() })
  })
}

/** What waits in that outbox. */
async function waitingAfterEnd(url: string): Promise<readonly string[]> {
  const client = new PatientClient('page', url, { outbox: 'last' })
  await client.open()
  const topics: string[] = []
  for await (const { topic } of client.outbox.entries()) topics.push(topic)
  await client[Symbol.asyncDispose]()
  return topics
}

/** The code of each refusal, and the warnings. */
export interface Unkept {
  readonly stored: readonly string[]
  readonly told: readonly string[]
}

let kept: MQTTClient | undefined
const told: string[] = []

/** Opens an outbox whose database is going to be taken away. */
async function keep(url: string): Promise<void> {
  kept = new PatientClient('page', url, { outbox: 'kept' })
  kept.on('warning', ({ code, message }) => void (code === 'outbox' && told.push(message)))
  await kept.open()
}

/** What is told when two messages are published that cannot be kept. */
async function publishUnkept(): Promise<Unkept> {
  const stored: string[] = []
  for (let i = 0; i < 2; i++) {
    const receipt = kept!.publish('door', 'open', { delivery: guaranteed() })
    stored.push(await receipt.stored.catch((error: { code: string }) => error.code))
  }
  await kept![Symbol.asyncDispose]()
  return { stored, told }
}

/** Deletes that database. @returns what the browser says first */
async function deleteKept(): Promise<string> {
  interface Request {
    addEventListener(name: string, listener: () => void): void
  }
  const { indexedDB } = globalThis as unknown as {
    indexedDB: { deleteDatabase(name: string): Request }
  }
  const request = indexedDB.deleteDatabase('umqtt outbox kept')
  return new Promise((done) => {
    for (const name of ['success', 'blocked', 'error']) {
      request.addEventListener(name, () => done(name))
    }
  })
}

async function endClient(): Promise<void> {
  await clients[0]!.client[Symbol.asyncDispose]()
}

/** What a test may call. */
export const page = {
  runContract,
  open,
  write,
  close,
  traits,
  waitForDoor,
  startClient,
  waitsAfter,
  show,
  attempts,
  keep,
  publishUnkept,
  deleteKept,
  remount,
  publishAtEnd,
  waitingAfterEnd,
  endClient,
  talk,
  say,
  heard,
  left,
  leave,
}

Object.assign(globalThis, { page })
