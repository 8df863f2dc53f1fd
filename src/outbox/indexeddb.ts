// An outbox in IndexedDB, for browsers. Rule: one transaction for each commit, strict for `power`, resolved
// when it has completed and not when its requests succeeded; one tab or worker owns it, by a lock of the
// platform. Factory, locks and storage are arguments. It knows no window and no document.

import { StoreError } from '../errors.ts'
import { FORMAT_VERSION, LOCK_WAIT_MS, PAGE, PULSE, RESERVE, RESERVE_BYTES } from './constants.ts'
import type { Op, OpenResult, OutboxStore, StoredRecord, StoreTraits, SyncLevel } from './store.ts'

/** What is used of an `IDBRequest`. */
interface IdbRequest<T> {
  readonly result: T
  readonly error: unknown
  onsuccess: ((event: never) => unknown) | null
  onerror: ((event: never) => unknown) | null
}

interface IdbStore {
  put(value: Uint8Array, key: number | string): unknown
  delete(key: number | string): unknown
  get(key: number): IdbRequest<unknown>
  getAll(range?: unknown, limit?: number): IdbRequest<unknown[]>
  getAllKeys(range?: unknown, limit?: number): IdbRequest<unknown[]>
}

interface IdbTransaction {
  readonly error: unknown
  readonly durability?: string
  oncomplete: ((event: never) => unknown) | null
  onabort: ((event: never) => unknown) | null
  objectStore(name: string): IdbStore
  commit?(): void
  abort(): void
}

interface IdbDatabase {
  onclose: ((event: never) => unknown) | null
  onversionchange: ((event: never) => unknown) | null
  createObjectStore(name: string): unknown
  transaction(
    stores: string[],
    mode: 'readonly' | 'readwrite',
    options: { durability: 'strict' | 'relaxed' },
  ): IdbTransaction
  close(): void
}

interface IdbOpenRequest extends IdbRequest<IdbDatabase> {
  onupgradeneeded: ((event: never) => unknown) | null
}

/** What an {@link IndexedDbStore} stands on; each is the platform's own where none is given. */
export interface IndexedDbPlatform {
  /** @default `indexedDB` */
  readonly factory?: { open(name: string, version: number): IdbOpenRequest } | undefined
  /** @default `IDBKeyRange` */
  readonly keyRange?: { lowerBound(value: number): unknown } | undefined
  /** @default `navigator.locks`, which only pages of `https:` and of this machine have */
  readonly locks?:
    | {
        request(
          name: string,
          options: { signal: AbortSignal },
          granted: (lock: unknown) => Promise<void>,
        ): Promise<unknown>
      }
    | undefined
  /** @default `navigator.storage`; without one nobody is asked */
  readonly storage?: { persist?(): Promise<boolean> } | undefined
}

/** What a store in a browser keeps of its promises. */
export interface IndexedDbTraits extends StoreTraits {
  /**
   * Whether the browser has promised not to clear it by itself when room runs short; undefined until it
   * has answered, which may take a person.
   */
  readonly persisted: boolean | undefined
}

const RECORDS = 'records'
const STATE = 'state'

/** The platform's own. */
function ownPlatform(): IndexedDbPlatform {
  const {
    indexedDB: factory,
    IDBKeyRange: keyRange,
    navigator,
  } = globalThis as unknown as {
    readonly indexedDB: IndexedDbPlatform['factory']
    readonly IDBKeyRange: IndexedDbPlatform['keyRange']
    readonly navigator?: Pick<IndexedDbPlatform, 'locks' | 'storage'>
  }
  const { locks, storage } = navigator ?? {}
  return { factory, keyRange, locks, storage }
}

/**
 * An outbox in the IndexedDB of a page's origin.
 *
 * It survives the end of the page and, where the browser knows strict transactions, the loss of power. A
 * second tab is refused. What is kept may be cleared by the person, and by the browser unless
 * `traits.persisted` is true.
 */
export class IndexedDbStore implements OutboxStore {
  readonly #name: string
  readonly #platform: IndexedDbPlatform
  #database: IdbDatabase | undefined
  /** Why the database can be used no more. */
  #lost: string | undefined
  #unlock: (() => Promise<unknown>) | undefined
  #strict = true
  /** Whether something was committed that is not synced. */
  #unsynced = false
  /** Whether there is a reserve for sure; else it is made with the next record that is added. */
  #reserved = false
  #persisted: boolean | undefined
  #last: Promise<unknown> = Promise.resolve()

  /**
   * Makes a store; nothing is opened or made before `open`, which the client calls.
   * @param name tells the outboxes of one origin apart
   * @param platform what it stands on. @default the page's own
   * @example
   * ```js types
   * import { IndexedDbStore } from 'umqtt/outbox/indexeddb'
   * import { MQTTClient } from 'umqtt/robust'
   *
   * const outbox = new IndexedDbStore('orders')
   * const client = new MQTTClient('page-1', 'wss://example.org/mqtt', { outbox })
   * await client.open()
   * if (outbox.traits.persisted === false) console.log('The browser may clear what waits')
   * ```
   */
  constructor(name: string, platform: IndexedDbPlatform = {}) {
    this.#name = `umqtt outbox ${name}`
    this.#platform = { ...ownPlatform(), ...platform }
  }

  /** What it keeps of its promises; `power` is known once it is open, `persisted` when the browser has answered. */
  get traits(): IndexedDbTraits {
    return {
      power: this.#strict,
      process: true,
      engine: 'indexeddb',
      formatVersion: FORMAT_VERSION,
      persisted: this.#persisted,
      evictable: this.#persisted !== true,
    }
  }

  async open(): Promise<OpenResult> {
    // Not in turn: who has it may be this very store, which is closed in its turn.
    await this.#lock()
    return this.#inTurn(() => this.#open())
  }

  async #open(): Promise<OpenResult> {
    // Not waited for: a browser may ask the person. One that does not has answered before the first commit.
    this.#platform.storage?.persist?.().then(
      (answer) => (this.#persisted = answer),
      () => (this.#persisted = false),
    )
    try {
      this.#lost = undefined
      this.#database = await this.#connect()
      this.#unsynced = false
      await this.#drain(() => this.#probe())
      // Here, because what is added in the last moment of a page can wait for nothing; without room it is made later.
      if (!this.#reserved) {
        await this.#write([], false, makeReserve()).then(
          () => (this.#reserved = true),
          (error: StoreError) => {
            if (error.code !== 'ERR_MQTT_STORE_FULL') throw error
          },
        )
      }
      return await this.#sums()
    } catch (error) {
      await this.#release()
      throw error instanceof StoreError ? error : this.#error('open', String(error), error)
    }
  }

  commit(ops: readonly Op[], sync: SyncLevel): Promise<void> {
    const power = sync === 'power'
    return this.#inTurn(async () => {
      if (!this.#reserved && (await this.#adds(ops))) {
        await this.#write(ops, power, makeReserve())
        this.#reserved = true
        return
      }
      await this.#drain(
        () => this.#write(ops, power),
        () => this.#adds(ops),
      )
    })
  }

  scan(from: number, limit: number): Promise<readonly StoredRecord[]> {
    return this.#inTurn(() => this.#page(from, limit))
  }

  state(): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#inTurn(async () => new Map(await this.#read<string>(STATE)))
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#database === undefined) return
      try {
        if (this.#unsynced) await this.#drain(() => this.#write([], true))
      } finally {
        await this.#release()
      }
    })
  }

  /** Does one thing at a time, in the order asked for. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action)
    this.#last = result.catch(() => undefined)
    return result
  }

  /** Does something that makes room in the end, at the cost of the reserve when there is none. */
  async #drain(
    action: () => Promise<void>,
    adds: () => Promise<boolean> = async () => false,
  ): Promise<void> {
    try {
      await action()
    } catch (error) {
      if ((error as StoreError).code !== 'ERR_MQTT_STORE_FULL' || (await adds())) throw error
      // What writes nothing is let through on a full disk.
      await this.#write([['delete', RESERVE]], false)
      this.#reserved = false
      await action()
    }
  }

  async #adds(ops: readonly Op[]): Promise<boolean> {
    for (const op of ops) {
      if (op[0] === 'put' && (await this.#page(op[1], 1))[0]?.[0] !== op[1]) return true
    }
    return false
  }

  async #write(ops: readonly Op[], power: boolean, reserve?: Uint8Array): Promise<void> {
    await this.#run<void>('write to', 'readwrite', power, (transaction, resolve) => {
      const records = transaction.objectStore(RECORDS)
      const state = transaction.objectStore(STATE)
      // A transaction that changes nothing syncs nothing, and would leave the ones before it unsafe.
      if (power && this.#unsynced) records.put(new Uint8Array(1), PULSE)
      if (reserve !== undefined) records.put(reserve, RESERVE)
      for (const op of ops) {
        // Copied, because a view would be stored with all that it is a view of.
        if (op[0] === 'put') records.put(op[2].slice(), op[1])
        else if (op[0] === 'delete') records.delete(op[1])
        else if (op[0] === 'set') state.put(op[2].slice(), op[1])
        else state.delete(op[1])
      }
      transaction.oncomplete = () => resolve()
      transaction.commit?.()
    })
    if (power || ops.length > 0) this.#unsynced = !power
  }

  #error(verb: string, words: string, cause?: unknown): StoreError {
    const full = (cause as Error | undefined)?.name === 'QuotaExceededError'
    return new StoreError(
      full ? 'ERR_MQTT_STORE_FULL' : 'ERR_MQTT_STORE_UNAVAILABLE',
      `Cannot ${verb} "${this.#name}": ${full ? 'the browser gives it no more room' : words}`,
      { cause },
    )
  }

  /** Takes the lock until `#unlock` is called, and waits a moment for who may be letting go of it. */
  #lock(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { locks, factory, keyRange } = this.#platform
      if (!locks || !factory || !keyRange) {
        const lacks = locks || !factory ? 'IndexedDB' : 'locks: serve the page over https'
        return reject(this.#error('open', `this page has no ${lacks}`))
      }
      const waiting = new AbortController()
      const { signal } = waiting
      const timer = setTimeout(() => waiting.abort(), LOCK_WAIT_MS)
      const held: Promise<unknown> = locks
        .request(this.#name, { signal }, () => {
          clearTimeout(timer)
          return new Promise<void>((release) => {
            this.#unlock = () => {
              release()
              return held
            }
            resolve()
          })
        })
        .catch((cause: unknown) => {
          clearTimeout(timer)
          if (signal.aborted) {
            const words = 'another tab, worker or client has it open; give each its own'
            return reject(this.#error('open', words))
          }
          reject(this.#error('open', 'its lock is not to be had', cause))
          // Stolen: what follows must not be written beside the thief.
          this.#database?.close()
        })
    })
  }

  async #release(): Promise<void> {
    this.#database?.close()
    this.#database = undefined
    await this.#unlock?.()
  }

  #connect(): Promise<IdbDatabase> {
    return new Promise((resolve, reject) => {
      const request = this.#platform.factory!.open(this.#name, FORMAT_VERSION)
      request.onupgradeneeded = () => {
        for (const name of [RECORDS, STATE]) request.result.createObjectStore(name)
      }
      request.onsuccess = () => {
        const database = request.result
        const lose = (why: string): void => {
          // Who deletes it waits for that.
          database.close()
          this.#lost = `${why}; reload the page`
        }
        database.onclose = () => lose('the browser has closed it, as when site data are cleared')
        database.onversionchange = () => lose('another page deletes it, or makes it a newer one')
        resolve(database)
      }
      request.onerror = () => {
        const cause = request.error as Error | null
        const words =
          cause?.name === 'VersionError'
            ? `it has a newer format than ${FORMAT_VERSION}, which this program knows; use a newer one`
            : (cause?.message ?? 'the browser does not say why')
        reject(this.#error('open', words, cause))
      }
    })
  }

  /** Makes one transaction. @param body makes its requests, and resolves when they are done */
  #run<T>(
    verb: string,
    mode: 'readonly' | 'readwrite',
    power: boolean,
    body: (transaction: IdbTransaction, resolve: (value: T) => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void =>
        reject(this.#error(verb, (cause as Error | null)?.message ?? 'the browser ended it', cause))
      const database = this.#database
      const lost = database === undefined ? 'open it first' : this.#lost
      if (database === undefined || lost !== undefined) return fail(new Error(lost))
      let transaction: IdbTransaction | undefined
      try {
        const durability = power ? 'strict' : 'relaxed'
        const made = database.transaction([RECORDS, STATE], mode, { durability })
        transaction = made
        made.onabort = () => fail(made.error)
        body(made, resolve)
      } catch (error) {
        transaction?.abort()
        fail(error)
      }
    })
  }

  /** Reads keys with their values, in order. */
  #read<K>(store: string, range?: unknown, limit?: number): Promise<[key: K, value: Uint8Array][]> {
    return this.#run('read', 'readonly', false, (transaction, resolve) => {
      const keys = transaction.objectStore(store).getAllKeys(range, limit)
      const values = transaction.objectStore(store).getAll(range, limit)
      // Not at the end of the transaction: Chromium tells it before it has large values at hand.
      values.onsuccess = () =>
        resolve(keys.result.map((key, i) => [key as K, values.result[i] as Uint8Array]))
    })
  }

  #page(from: number, limit: number): Promise<[seq: number, record: Uint8Array][]> {
    return this.#read<number>(RECORDS, this.#from(Math.max(from, 1)), limit)
  }

  #from(key: number): unknown {
    return this.#platform.keyRange!.lowerBound(key)
  }

  /** Finds out whether something can be written and read back, and how safe it is. */
  async #probe(): Promise<void> {
    let read: unknown
    await this.#run<void>('open', 'readwrite', true, (transaction, resolve) => {
      this.#strict = transaction.durability === 'strict'
      const records = transaction.objectStore(RECORDS)
      records.put(Uint8Array.of(1), PULSE)
      const found = records.get(PULSE)
      const lowest = records.getAllKeys(this.#from(RESERVE), 1)
      lowest.onsuccess = () => (this.#reserved = lowest.result[0] === RESERVE)
      found.onsuccess = () => (read = (found.result as Uint8Array | undefined)?.[0])
      records.delete(PULSE)
      transaction.oncomplete = () => resolve()
    })
    if (read !== 1) throw this.#error('open', 'what was written is not what is read back')
  }

  async #sums(): Promise<OpenResult> {
    let [count, lowest, highest, sizeBytes] = [0, 0, 0, 0]
    for (let more = true; more;) {
      const page = await this.#page(highest + 1, PAGE)
      for (const [seq, record] of page) {
        if (count++ === 0) lowest = seq
        highest = seq
        sizeBytes += record.length
      }
      more = page.length === PAGE
    }
    return { count, lowest, highest, sizeBytes, damaged: [] }
  }
}

/** Bytes that cannot be compressed. */
function makeReserve(): Uint8Array {
  return new Uint8Array(RESERVE_BYTES).map(() => Math.random() * 256)
}
