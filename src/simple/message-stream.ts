// Messages as an async iterator: the next one is asked for when the one before is done with, and
// that is when the one before is acknowledged.

import { topicMatches } from '../codec/topics.ts'
import { Deque } from '../engine/deque.ts'
import type { ReceivedMessage } from './message.ts'
import type { Message } from './types.ts'

/** What a stream asks of the inbox. */
export interface StreamOwner {
  /** The application has it, and is told when that takes long. */
  watch(message: ReceivedMessage): void
  finish(message: ReceivedMessage): void
  /** The stream takes no more; `left` are the messages that it has not handed out. */
  removeStream(stream: MessageStream, left: Iterable<ReceivedMessage>): void
}

/** Answers a call of `next` that waits. */
type Pull = (result: IteratorResult<Message> | Promise<IteratorResult<Message>>) => void

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined })

/** The messages of some filters, or all of them. */
export class MessageStream implements AsyncIterableIterator<Message> {
  readonly #filters: readonly string[] | undefined
  readonly #owner: StreamOwner
  readonly #queue = new Deque<ReceivedMessage>()
  readonly #pulls = new Deque<Pull>()
  #current: ReceivedMessage | undefined
  #ended = false
  #error: Error | undefined

  constructor(filters: readonly string[] | undefined, owner: StreamOwner) {
    this.#filters = filters
    this.#owner = owner
  }

  /** Handed out last, and with the application. */
  get current(): ReceivedMessage | undefined {
    return this.#current
  }

  wants(topic: string): boolean {
    return (
      this.#filters === undefined || this.#filters.some((filter) => topicMatches(filter, topic))
    )
  }

  push(message: ReceivedMessage): void {
    const pull = this.#pulls.shift()
    if (pull === undefined) return this.#queue.push(message)
    pull(this.#handOut(message))
  }

  /** No message will come any more: what is here is handed out, then it is over, or the error thrown. */
  end(error: Error | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    this.#owner.removeStream(this, [])
    this.#answerPulls()
  }

  next(): Promise<IteratorResult<Message>> {
    this.#finishCurrent()
    const message = this.#queue.shift()
    if (message !== undefined) {
      return Promise.resolve(this.#handOut(message))
    }
    if (this.#ended) return this.#over()
    return new Promise((resolve) => this.#pulls.push(resolve))
  }

  return(): Promise<IteratorResult<Message>> {
    this.#finishCurrent()
    this.#error = undefined
    const left = [...this.#queue]
    this.#queue.clear()
    if (this.#ended) {
      for (const message of left) this.#owner.finish(message)
    } else {
      this.#owner.removeStream(this, left)
    }
    this.#ended = true
    this.#answerPulls()
    return this.#over()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** What `next` gives after the last message: the error once, if there is one. */
  #over(): Promise<IteratorResult<Message>> {
    const error = this.#error
    this.#error = undefined
    return error === undefined ? Promise.resolve(DONE) : Promise.reject(error)
  }

  #answerPulls(): void {
    for (let pull = this.#pulls.shift(); pull !== undefined; pull = this.#pulls.shift()) {
      pull(this.#over())
    }
  }

  #handOut(message: ReceivedMessage): IteratorResult<Message> {
    this.#current = message
    this.#owner.watch(message)
    return { done: false, value: message }
  }

  #finishCurrent(): void {
    const current = this.#current
    this.#current = undefined
    if (current !== undefined) this.#owner.finish(current)
  }
}
