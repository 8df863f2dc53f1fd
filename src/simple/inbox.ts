// Where received messages are until the application is done with them: handed to the callback, the
// handlers of matching subscriptions and the iterators, finished when all of them are done, and kept
// in order for who asks later. It discards nothing; its owner stops reading when it grows heavy.

import { topicMatches } from '../codec/topics.ts'
import type { Clock, TimerHandle } from '../driver/clock.ts'
import { type Deferred, deferred } from '../driver/deferred.ts'
import { Deque } from '../engine/deque.ts'
import { unconnectedError } from '../engine/endings.ts'
import type { InboundMessage } from '../engine/inbound-message.ts'
import { TimeoutError } from '../errors.ts'
import { INBOX_EXEMPT, MESSAGE_OVERHEAD_BYTES } from './constants.ts'
import { type Acknowledger, ReceivedMessage } from './message.ts'
import { MessageStream, type StreamOwner } from './message-stream.ts'
import type { ResolvedOptions } from './options.ts'
import { type Route, Routes } from './routes.ts'
import type { MessageHandler } from './types.ts'
import { watch } from './waiting.ts'

/** What a handler may give: a promise is waited for. */
type Answer = Partial<PromiseLike<unknown>> | null | undefined

/** Not frozen: to go through a frozen list costs thirty times as much. */
const NONE: readonly never[] = []

/** What a client has kept that keeps nothing: shared, and never written. */
const NOTHING_KEPT = new Deque<InboundMessage>()

/** What the inbox asks of the client around it. */
export interface InboxOwner {
  readonly platform: { readonly clock: Clock }
  readonly options: Pick<ResolvedOptions, 'acknowledge' | 'bounds'>
  /** Whether there is a connection, or will be soon. */
  readonly mayConnect: boolean
  /** A message is done with, or one of its handlers `failed`. */
  settle(message: InboundMessage, reasonCode: number, failed: boolean): void
  handlerError(error: unknown, message: ReceivedMessage): void
  /** A message came that nobody takes or asks for; it is acknowledged. */
  unclaimed(message: InboundMessage): void
}

export class Inbox implements Acknowledger, StreamOwner {
  /** Weight of the messages that the application has or has still to get, bytes. */
  sizeBytes = 0
  /** Those at QoS 1 and 2 among them, whose number a server bounds, and their weight. */
  #numbered = 0
  #numberedBytes = 0
  readonly #owner: InboxOwner
  readonly #clock: Clock
  #callback: MessageHandler | undefined
  #routes: Routes | undefined
  /** Those that are open; none at a client that has never iterated. */
  #streams: Set<MessageStream> | undefined
  /** How the last connection ended, while there is no other. */
  #ended: 'in order' | 'lost' | undefined
  /** Who waits for one message, in the order of asking. */
  #waiters: Set<Deferred<ReceivedMessage>> | undefined
  /** Kept before, and wanted now: they go before what comes in. */
  #arrived: Deque<InboundMessage> | undefined
  /** Kept for whoever asks. */
  #kept = NOTHING_KEPT
  /** Whether the program has shown that it asks for messages of any topic, so that they are kept for it. */
  #asking = false
  /** Messages that handlers or loops have, in the order of their start. */
  #running: Set<ReceivedMessage> | undefined
  #timer: TimerHandle | undefined

  constructor(owner: InboxOwner) {
    this.#owner = owner
    this.#clock = owner.platform.clock
  }

  /** Messages that nobody has asked for yet. */
  get kept(): number {
    return this.#kept.length
  }

  /**
   * Weight of what counts against the hard limit: QoS 0, and of QoS 1 and 2 what exceeds so many times that limit, or
   * all where there are more than the Receive Maximum.
   */
  get unboundedBytes(): number {
    const { receiveMaximum, inboxHardBytes } = this.#owner.options.bounds
    const isExempt = this.#numbered <= receiveMaximum
    const exemptBytes = Math.min(this.#numberedBytes, INBOX_EXEMPT * inboxHardBytes)
    return this.sizeBytes - (isExempt ? exemptBytes : 0)
  }

  setCallback(handler: MessageHandler | undefined): void {
    this.#callback = handler
    if (handler !== undefined) this.#offerKept(() => true)
  }

  addRoute(route: Route): void {
    this.#routes ??= new Routes()
    this.#routes.add(route)
    if (route.handler !== undefined) this.#offerKept((topic) => topicMatches(route.filter, topic))
  }

  /** @param letGo whether what was kept for them, and for nobody else, is done with */
  removeRoutes(routes: readonly Route[], letGo: boolean): void {
    for (const route of routes) this.#routes?.delete(route)
    const asking = routes.filter(({ handler }) => handler === undefined)
    if (!letGo || asking.length === 0) return
    // Handed out once more, to nobody: after the current call, which is to ask the server first.
    this.#offerKept(
      // In this order: who else wants them costs a search for each topic anew, since a route has gone.
      (topic) => asking.some(({ filter }) => topicMatches(filter, topic)) && !this.#isKept(topic),
    )
  }

  /** Whether messages without a handler are kept for who asks, and not all of them are the callback's. */
  get keeps(): boolean {
    return this.#callback === undefined
  }

  /** Every message, one after the other. */
  messages(): MessageStream {
    this.#asking = true
    return this.addStream(new MessageStream(undefined, this))
  }

  /** It gets what is kept first; when no connection is to come any more, it ends then as the open ones have. */
  addStream(stream: MessageStream): MessageStream {
    this.#streams ??= new Set()
    this.#streams.add(stream)
    this.#offerKept((topic) => stream.wants(topic))
    // After what is kept, and after the current call: it may go on to connect.
    if (this.#ended !== undefined) void Promise.resolve().then(() => this.#endLate(stream))
    return stream
  }

  #endLate(stream: MessageStream): void {
    if (this.#ended === undefined || this.#owner.mayConnect) return
    stream.end(this.#ended === 'lost' ? unconnectedError('wait for a message') : undefined)
  }

  removeStream(stream: MessageStream, left: Iterable<ReceivedMessage>): void {
    this.#streams?.delete(stream)
    for (const message of left) {
      // Nobody else has it: it waits for whoever asks next.
      if (message.consumers === 1 && this.#isKept(message.topic)) this.#keep(message.inbound)
      else this.finish(message)
    }
  }

  /** Takes the message that waits longest, and is done with it. */
  take(): ReceivedMessage | undefined {
    this.#asking = true
    const inbound = this.#kept.shift()
    if (inbound === undefined) return undefined
    const message = new ReceivedMessage(inbound, this)
    this.finish(message)
    return message
  }

  /** Waits for the next message; the signal gives it up. */
  wait(signal: AbortSignal | undefined): Promise<ReceivedMessage> {
    this.#asking = true
    const waiters = (this.#waiters ??= new Set())
    const waiter = deferred<ReceivedMessage>()
    waiters.add(waiter)
    const stopWatching = watch(signal, (reason) => {
      waiters.delete(waiter)
      waiter.reject(reason)
    })
    return waiter.promise.finally(stopWatching)
  }

  /** There will be a connection: who begins to iterate waits for it. */
  reopen(): void {
    this.#ended = undefined
  }

  /** The connection is over: who waits is told, and streams end after what they have. */
  end(error: Error | undefined, closed: Error): void {
    this.#ended = error === undefined ? 'in order' : 'lost'
    for (const stream of this.#streams ?? NONE) {
      // Nothing is held up any more by a loop that was left without a word.
      const { current } = stream
      if (current?.consumers === 1) this.#unwatch(current)
      stream.end(error)
    }
    for (const waiter of this.#waiters ?? NONE) waiter.reject(error ?? closed)
    this.#waiters = undefined
  }

  /** A message has come in. What a handler calls never comes back in here. */
  offer(message: InboundMessage): void {
    this.#weigh(message, 1)
    if (this.#arrived === undefined) this.#handOut(message)
    else this.#arrived.push(message)
  }

  /** Hands out what was kept and is wanted now. */
  #dispatch(): void {
    for (let next = this.#arrived?.shift(); next !== undefined; next = this.#arrived?.shift()) {
      this.#handOut(next)
    }
    this.#arrived = undefined
  }

  finish(message: ReceivedMessage): void {
    message.consumers -= 1
    if (message.consumers > 0) return
    if (message.since >= 0) this.#unwatch(message)
    message.waiter?.resolve(message)
    const isManual = this.#owner.options.acknowledge === 'manual'
    if (!isManual || message.inbound.packet.qos === 0) this.#leave(message, 0)
  }

  acknowledge(message: ReceivedMessage, reasonCode: number): void {
    if (this.#owner.options.acknowledge !== 'manual') {
      throw new TypeError("Cannot acknowledge by hand: the option acknowledge is not 'manual'")
    }
    if (message.inbound.packet.qos > 0) this.#leave(message, reasonCode)
  }

  #handOut(inbound: InboundMessage): void {
    const routes = this.#routesFor(inbound.topic)
    const streams =
      this.#streams === undefined || this.#streams.size === 0
        ? NONE
        : [...this.#streams].filter((stream) => stream.wants(inbound.topic))
    const waiter = this.#nextWaiter()
    const consumed =
      this.#callback !== undefined ||
      streams.length > 0 ||
      waiter !== undefined ||
      routes.some(handles)
    if (!consumed && (this.#asking || routes.length > 0)) return this.#keep(inbound)
    const message = new ReceivedMessage(inbound, this)
    if (!consumed) {
      this.#owner.unclaimed(inbound)
      return this.#leave(message, 0)
    }
    message.waiter = waiter
    if (this.#callback !== undefined) this.#run(this.#callback, message)
    for (const { handler } of routes) if (handler !== undefined) this.#run(handler, message)
    for (const stream of streams) {
      message.consumers += 1
      stream.push(message)
    }
    this.finish(message)
  }

  /** Whether a message that nobody takes is kept: somebody asks for all, or for those of such a topic. */
  #isKept(topic: string): boolean {
    return this.#asking || this.#routesFor(topic).some((route) => !handles(route))
  }

  #keep(inbound: InboundMessage): void {
    if (this.#kept === NOTHING_KEPT) this.#kept = new Deque()
    this.#kept.push(inbound)
  }

  #run(handler: MessageHandler, message: ReceivedMessage): void {
    const { inbound } = message
    try {
      const result = handler(inbound.topic, inbound.packet.payload, message) as Answer
      if (typeof result?.then !== 'function') return
      message.consumers += 1
      this.watch(message)
      result.then(
        () => this.finish(message),
        (error: unknown) => {
          this.#fail(error, message)
          this.finish(message)
        },
      )
    } catch (error) {
      this.#fail(error, message)
    }
  }

  #fail(error: unknown, message: ReceivedMessage): void {
    message.failed = true
    this.#owner.handlerError(error, message)
  }

  #leave(message: ReceivedMessage, reasonCode: number): void {
    if (message.finished) return
    message.finished = true
    this.#weigh(message.inbound, -1)
    this.#owner.settle(message.inbound, reasonCode, message.failed)
  }

  #weigh(message: InboundMessage, sign: 1 | -1): void {
    const weight = sign * weightOf(message)
    this.sizeBytes += weight
    if (message.packet.qos === 0) return
    this.#numbered += sign
    this.#numberedBytes += weight
  }

  /** A consumer has come: what was kept and concerns it is handed out, after the current call. */
  #offerKept(wanted: (topic: string) => boolean): void {
    let { length } = this.#kept
    if (length === 0) return
    const arrived = (this.#arrived ??= new Deque())
    for (; length > 0; length -= 1) {
      const inbound = this.#kept.shift() as InboundMessage
      if (wanted(inbound.topic)) arrived.push(inbound)
      else this.#keep(inbound)
    }
    void Promise.resolve().then(() => this.#dispatch())
  }

  #nextWaiter(): Deferred<ReceivedMessage> | undefined {
    const waiters = this.#waiters
    if (waiters === undefined || waiters.size === 0) return undefined
    const [waiter] = waiters
    waiters.delete(waiter as Deferred<ReceivedMessage>)
    return waiter
  }

  #routesFor(topic: string): readonly Route[] {
    return this.#routes === undefined ? NONE : this.#routes.of(topic)
  }

  /** Watches over handlers and loops that take long: one timer, for the one that began first. */
  watch(message: ReceivedMessage): void {
    if (message.since >= 0) return
    this.#running ??= new Set()
    message.since = this.#clock.now()
    this.#running.add(message)
    if (this.#timer === undefined) this.#setTimer(this.#owner.options.bounds.handlerTimeoutMs)
  }

  /** A handler is done; after the last one no timer keeps the process. */
  #unwatch(message: ReceivedMessage): void {
    this.#running?.delete(message)
    if (this.#timer === undefined || this.#running?.size !== 0) return
    this.#clock.clearTimer(this.#timer)
    this.#timer = undefined
  }

  #setTimer(delayMs: number): void {
    this.#timer = this.#clock.setTimer(() => this.#reportSlow(), delayMs)
  }

  #reportSlow(): void {
    this.#timer = undefined
    const afterMs = this.#owner.options.bounds.handlerTimeoutMs
    const now = this.#clock.now()
    for (const message of this.#running ?? []) {
      const left = message.since + afterMs - now
      if (left > 0) return this.#setTimer(left)
      this.#running?.delete(message)
      const text = `Not done with "${message.topic}" after ${afterMs} ms: a handler or the body of a loop holds it`
      const details = { operation: 'handler', afterMs }
      this.#owner.handlerError(new TimeoutError(text, details), message)
    }
  }
}

function handles({ handler }: Route): boolean {
  return handler !== undefined
}

function weightOf(message: InboundMessage): number {
  return message.packet.payload.length + message.topic.length + MESSAGE_OVERHEAD_BYTES
}
