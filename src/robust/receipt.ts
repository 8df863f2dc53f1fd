// What `publish` gives: where the message is, and how it ended. It is deliberately no promise itself.
// Promises and iterators are made when somebody asks for them; a message that nobody looks at costs none.

import { type Deferred, deferred } from '../driver/deferred.ts'
import { checkWait } from '../simple/requests.ts'
import { reasonOf, watch } from '../simple/waiting.ts'
import type { Entry, EntryWatcher } from './entry.ts'
import type { Outcome, Receipt, Stage, Stored } from './types.ts'

/** What a receipt asks of the client. */
export interface ReceiptOwner {
  cancel(entry: Entry): boolean
  /** What a message is said to be kept on by what keeps it. */
  readonly place: Stored
}

export class MessageReceipt implements Receipt {
  #of: Entry | (() => Entry)
  readonly #owner: ReceiptOwner
  #stored: Promise<Stored> | undefined

  /** @param of the message, or what makes it when somebody looks */
  constructor(of: Entry | (() => Entry), owner: ReceiptOwner) {
    this.#of = of
    this.#owner = owner
  }

  /** A method: V8 calls a private getter through its runtime. */
  #entry(): Entry {
    if (typeof this.#of === 'function') this.#of = this.#of()
    return this.#of
  }

  get id(): string {
    return this.#entry().id
  }

  get topic(): string {
    return this.#entry().topic
  }

  get stage(): Stage {
    return stageOf(this.#entry())
  }

  get stored(): Promise<Stored> {
    return (this.#stored ??= storedOf(this.#entry(), this.#owner))
  }

  get settled(): Promise<Outcome> {
    const entry = this.#entry()
    return watcherOf(entry).settled(entry)
  }

  stages(): AsyncIterable<Stage> {
    return { [Symbol.asyncIterator]: () => watcherOf(this.#entry()).follow(this.#entry()) }
  }

  wait(options: { readonly signal: AbortSignal }): Promise<Outcome> {
    const { signal } = checkWait('options', options)
    if (signal?.aborted) return Promise.reject(reasonOf(signal))
    const entry = this.#entry()
    if (entry.status !== undefined) return this.settled
    const wait = deferred<Outcome>()
    const leave = watcherOf(entry).join(wait.resolve)
    const stopWatching = watch(signal, wait.reject)
    // A message may be open for days, and be waited for again and again.
    return wait.promise.finally(() => {
      leave()
      stopWatching()
    })
  }

  cancel(): boolean {
    return this.#owner.cancel(this.#entry())
  }
}

/** Where a message is kept; a promise that costs its watcher nothing when it is known already. */
function storedOf(entry: Entry, owner: ReceiptOwner): Promise<Stored> {
  const { storeError, status, durable, onDisk } = entry
  if (storeError !== undefined) return ignored(Promise.reject(storeError))
  if (status !== undefined) return Promise.resolve('settled')
  if (durable && !onDisk) return watcherOf(entry).stored(owner)
  return Promise.resolve(durable ? owner.place : 'memory')
}

/** Who does not look at it has nothing to handle: the outcome says the same. */
function ignored<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

export function stageOf(entry: Entry): Stage {
  return entry.status ?? entry.stage
}

/** How a message ended that has its `status`. */
export function outcomeOf(entry: Entry): Outcome {
  const { status, attempts, acceptedAt, settledAt, possiblyDuplicated, answer, error } = entry
  const latencyMs = settledAt - acceptedAt
  const outcome = { status, attempts, latencyMs, possiblyDuplicated } as Writable<Outcome>
  if (entry.hasNoSubscribers) outcome.subscribers = 'none'
  if (typeof answer === 'number' && entry.qos > 0) outcome.reasonCode = answer
  if (error !== undefined) outcome.error = error
  return outcome
}

/** Everybody who looks at one message. */
class Watcher implements EntryWatcher {
  #settled: Promise<Outcome> | undefined
  /** Settles that one: most messages are waited for by it alone, and a Set of one costs an eighth of all. */
  #settle: ((outcome: Outcome) => void) | undefined
  #stored: Deferred<Stored> | undefined
  #followers: Set<Follower> | undefined
  #waiting: Set<(outcome: Outcome) => void> | undefined
  #owner: ReceiptOwner | undefined

  handleStage(entry: Entry): void {
    const stage = stageOf(entry)
    for (const follower of this.#followers ?? []) follower.push(stage, entry.status !== undefined)
    const stored = this.#stored
    if (entry.status !== undefined) {
      const outcome = outcomeOf(entry)
      this.#settle?.(outcome)
      for (const settle of this.#waiting ?? []) settle(outcome)
      if (entry.storeError === undefined) stored?.resolve('settled')
      else if (stored !== undefined) {
        void ignored(stored.promise)
        stored.reject(entry.storeError)
      }
    } else if (entry.onDisk && stored !== undefined) {
      stored.resolve(this.#owner?.place ?? 'memory')
      // A message may wait for long, and nobody waits for its place any more.
      this.#stored = undefined
      const isAlone = !this.#settled && !this.#followers?.size && !this.#waiting?.size
      if (isAlone) entry.watcher = undefined
    }
  }

  settled(entry: Entry): Promise<Outcome> {
    this.#settled ??=
      entry.status === undefined
        ? new Promise((resolve) => (this.#settle = resolve))
        : Promise.resolve(outcomeOf(entry))
    return this.#settled
  }

  /** Where it is kept; asked before that is known. */
  stored(owner: ReceiptOwner): Promise<Stored> {
    this.#owner = owner
    this.#stored ??= deferred()
    return this.#stored.promise
  }

  /** Calls with the outcome once, for as long as it is not left by what is returned. */
  join(settle: (outcome: Outcome) => void): () => void {
    const waiting = (this.#waiting ??= new Set())
    waiting.add(settle)
    return () => waiting.delete(settle)
  }

  follow(entry: Entry): AsyncIterator<Stage> {
    const followers = (this.#followers ??= new Set())
    const follower = new Follower(() => followers.delete(follower))
    // On a connection it is sent before anybody can ask, and each that is followed begins alike.
    if (entry.status === undefined) follower.push('accepted', false)
    follower.push(stageOf(entry), entry.status !== undefined)
    followers.add(follower)
    return follower
  }
}

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined })

/** One iteration over the stages: those that come faster than they are asked for are kept. */
class Follower implements AsyncIterator<Stage> {
  #kept: Stage[] = []
  #last: Stage | undefined
  #ended = false
  #waiting: Deferred<IteratorResult<Stage>> | undefined
  readonly #left: () => void

  /** @param left called when nobody iterates any more */
  constructor(left: () => void) {
    this.#left = left
  }

  push(stage: Stage, last: boolean): void {
    if (this.#ended) return
    this.#ended = last
    // At QoS 0 the outcome has the name of a stage.
    const isNew = stage !== this.#last
    this.#last = stage
    if (this.#waiting === undefined) {
      if (isNew) this.#kept.push(stage)
    } else if (isNew || last) {
      this.#waiting.resolve(isNew ? { done: false, value: stage } : DONE)
      this.#waiting = undefined
    }
  }

  next(): Promise<IteratorResult<Stage>> {
    const stage = this.#kept.shift()
    if (stage !== undefined) return Promise.resolve({ done: false, value: stage })
    if (this.#ended) return this.return()
    this.#waiting ??= deferred()
    return this.#waiting.promise
  }

  return(): Promise<IteratorResult<Stage>> {
    this.#left()
    this.#ended = true
    this.#kept = []
    this.#waiting?.resolve(DONE)
    this.#waiting = undefined
    return Promise.resolve(DONE)
  }
}

function watcherOf(entry: Entry): Watcher {
  entry.watcher ??= new Watcher()
  return entry.watcher as Watcher
}
