// Behind the public client: calls become operations of the engine, outputs of the engine become
// settled promises, events and messages. Arguments are checked when they get here. It knows no
// platform and no packet: the one is given, the other is below.

import type { Properties, ProtocolVersion, WillFields } from '../codec/packets.ts'
import { type Deferred, deferred } from '../driver/deferred.ts'
import { guarded } from '../driver/guarded-transport.ts'
import type { Platform } from '../driver/platform.ts'
import { textOf } from '../driver/thrown.ts'
import { unconnectedError } from '../engine/endings.ts'
import { Engine } from '../engine/engine.ts'
import type { InboundMessage } from '../engine/inbound-message.ts'
import { type Operation, PingOperation, type PublishOperation } from '../engine/operations.ts'
import type { RequestOperation } from '../engine/requests.ts'
import type { ClosedOutput, ConnectedOutput, Output, ReleaseOutput } from '../engine/types.ts'
import { ClosedError, MqttError } from '../errors.ts'
import { requestAnswer } from './answers.ts'
import { Authenticator } from './authenticator.ts'
import {
  type ConnectRequest,
  connectResult,
  connectSettings,
  isBareClose,
  isClean,
  isVersionRefused,
  sessionExpiryOf,
} from './connecting.ts'
import { DEFAULT_FRAME_BYTES, HANDLER_FAILED, WARNINGS_KEPT } from './constants.ts'
import { Emitter } from './events.ts'
import { Inbox, type InboxOwner } from './inbox.ts'
import type { ReceivedMessage } from './message.ts'
import type { ResolvedOptions } from './options.ts'
import type { FilterRequest } from './subscription.ts'
import { Subscriptions, type SubscriptionsOwner } from './subscriptions.ts'
import type {
  ClientState,
  ConnectResult,
  Message,
  MessageHandler,
  SimpleEvents,
  Statistics,
  Subscription,
} from './types.ts'
import { promiseOf, reasonOf, type Settle, watch } from './waiting.ts'
import { Driver, type DriverHandler } from '../driver/driver.ts'

/** A call of `connect` that is not settled. */
interface Attempt extends Deferred<ConnectResult> {
  readonly request: ConnectRequest
  readonly stopWatching: () => void
  /** False while an earlier connection is still closing. */
  dialled: boolean
}

/** A client that holds on, above this one: it takes over what one connection cannot know. */
export interface Layer {
  /** Whether a client that is not connected now will be. */
  readonly mayConnect: boolean
  handleConnected(output: ConnectedOutput, result: ConnectResult): void
  /** The event `connection-lost` is the layer's to tell. */
  handleClosed(output: ClosedOutput, wasConnected: boolean): void
  handlePublish(operation: PublishOperation): void
  /** A QoS 2 id is to be forgotten. */
  handleRelease(output: ReleaseOutput): void
  /** What is kept of these ids of messages to us means nothing any more. */
  forgetIds(packetIds: readonly number[]): void
  /** Keeps a QoS 2 id, then calls `acknowledge`; false when it needs not be kept. */
  keepId(message: InboundMessage, reasonCode: number): boolean
  /** The outputs of the moment, or the messages of the application, are handled. */
  handleDrained(): void
  /** Makes a request on a connection, whenever there is one. */
  persist<T>(request: () => Promise<T>, signal: AbortSignal | undefined): Promise<T>
}

export class ClientCore implements DriverHandler, InboxOwner, SubscriptionsOwner {
  /** Those of the next connection. */
  options: ResolvedOptions
  readonly inbox: Inbox
  readonly events: Emitter<SimpleEvents>
  will: WillFields | undefined
  readonly platform: Platform
  readonly clientId: string
  readonly engine: Engine
  readonly driver: Driver
  readonly subscriptions: Subscriptions
  readonly #layer: Layer | undefined
  readonly #authenticator: Authenticator | undefined
  /** Whether the last `connect` asked for a session beyond the connection; the next asks anew. */
  asksForSession = true
  /** Of the next CONNECT, or of the connection of the moment. */
  version: ProtocolVersion
  #attempt: Attempt | undefined
  /** Settled when the connection that is closing is gone. */
  #closing: Deferred<void> | undefined
  /** Whether CONNACK has accepted the connection of the moment. */
  #wasConnected = false
  /** Whether the server has accepted the version for good: a guess is tried once more. */
  #isVersionKnown = false
  /** How often it has closed at 5.0 without a word, since it last did so at 3.1.1. */
  #bareCloses = 0
  #bytesSentBefore = 0
  /** The state that listeners were told last. */
  #announced: ClientState = 'idle'
  #unclaimedMessages = 0
  #handlerErrors = 0
  /** The codes that the platform was told, each once. */
  #warned: Set<string> | undefined
  /** What listeners were told, each text once; forgotten when there is too much of it. */
  #told: Set<string> | undefined

  constructor(clientId: string, options: ResolvedOptions, platform: Platform, layer?: Layer) {
    this.#layer = layer
    this.clientId = clientId
    this.options = options
    this.will = options.will
    this.platform = platform
    this.version = options.protocol ?? 5
    this.engine = new Engine(options.bounds, platform.runtime)
    this.driver = new Driver(this.engine, platform.clock, this)
    this.events = new Emitter<SimpleEvents>(this)
    this.inbox = new Inbox(this)
    this.subscriptions = new Subscriptions(this)
    const { authentication } = options.properties
    this.#authenticator = authentication && new Authenticator(authentication, this.driver)
  }

  get state(): ClientState {
    if (this.#attempt !== undefined) return 'connecting'
    const { state } = this.engine
    return state === 'dialling' || state === 'handshaking' ? 'connecting' : state
  }

  get statistics(): Statistics {
    const { receivedAt, ...counters } = this.engine.counters
    const { bytesSent, bytesReceived, now } = this.driver
    return {
      bytesSent,
      bytesReceived,
      lastReceivedAgeMs: receivedAt < 0 ? -1 : now - receivedAt,
      ...counters,
      inboxBytes: this.inbox.sizeBytes,
      unclaimedMessages: this.#unclaimedMessages,
      handlerErrors: this.#handlerErrors,
    }
  }

  connect(request: ConnectRequest): Promise<ConnectResult> {
    const { signal } = request
    const { state } = this
    if (state === 'connecting' || state === 'connected') {
      throw new TypeError(`Cannot connect: the client is ${state} already`)
    }
    if (this.clientId === '' && this.version === 4 && !isClean(request, 4)) {
      throw new TypeError('Cannot connect without a client id and cleanStart [MQTT-3.1.3-7]')
    }
    if (signal?.aborted) return Promise.reject(reasonOf(signal))
    this.asksForSession = sessionExpiryOf(request) > 0
    const ends = deferred<ConnectResult>()
    const stopWatching = watch(signal, (reason) => {
      this.#takeAttempt()?.reject(reason)
      this.#stop()
    })
    const attempt = { ...ends, request, stopWatching, dialled: false }
    this.#attempt = attempt
    this.inbox.reopen()
    // A connection that is still closing goes first; its end is bounded.
    if (this.engine.state === 'closing') this.#announce()
    else this.#dial(attempt)
    return ends.promise
  }

  subscribe(
    requests: readonly FilterRequest[],
    handler: MessageHandler | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Subscription> {
    if (signal?.aborted) return Promise.reject(reasonOf(signal))
    return this.subscriptions.subscribe(requests, handler, signal)
  }

  unsubscribe(filters: readonly string[], properties?: Properties): Promise<void> {
    return this.subscriptions.unsubscribe(filters, properties)
  }

  ping(): Promise<number> {
    return this.ask(new PingOperation())
  }

  /** Sends a request; settles when it is answered, or when the signal aborts. */
  ask<T>(
    operation: PingOperation | RequestOperation,
    signal?: AbortSignal,
    abandoned?: () => Settle<T>,
  ): Promise<T> {
    const driver = this.driver
    const promise = promiseOf<T>(operation, signal, abandoned)
    if (operation.kind === 'ping') this.engine.ping(operation, driver.now)
    else this.engine.request(operation, driver.now)
    if (operation.answer !== undefined) this.#settleOperation(operation)
    driver.touch()
    if (driver.paused) this.weigh()
    return promise
  }

  reauthenticate(data: Uint8Array | undefined): Promise<void> {
    if (this.#authenticator === undefined) {
      throw new TypeError('Cannot reauthenticate: the option properties.authentication is not set')
    }
    const settles = this.#authenticator.begin(data)
    if (this.driver.paused) this.weigh()
    return settles
  }

  waitMsg(signal: AbortSignal | undefined): Promise<Message> {
    if (signal?.aborted) return Promise.reject(reasonOf(signal))
    const waiting = this.inbox.take()
    if (waiting !== undefined) return Promise.resolve(waiting)
    return this.mayConnect
      ? this.inbox.wait(signal)
      : Promise.reject(unconnectedError('wait for a message'))
  }

  disconnect(reasonCode?: number, timeoutMs?: number, properties?: Properties): Promise<void> {
    this.#takeAttempt()?.reject(
      new ClosedError('Connect was given up: disconnect was called', { sent: 'no' }),
    )
    this.#stop(reasonCode, timeoutMs, properties)
    if (this.engine.state === 'idle' || this.engine.state === 'closed') return Promise.resolve()
    this.#closing ??= deferred<void>()
    return this.#closing.promise
  }

  /**
   * Tells a person: a listener of `warning` every different text, or else the platform once for each code.
   * @param subject what is told once, where the texts may be as many as the messages
   */
  warn(code: string, message: string, subject: string = message): void {
    if (this.events.has('warning')) {
      const told = (this.#told ??= new Set())
      const key = `${code} ${subject}`
      if (told.has(key)) return
      if (told.size >= WARNINGS_KEPT) told.clear()
      told.add(key)
      this.events.emit('warning', { code, message })
    } else {
      this.#warned ??= new Set()
      if (this.#warned.has(code)) return
      this.#warned.add(code)
      this.platform.warn(code, message)
    }
  }

  handleOutput(output: Output): void {
    switch (output.kind) {
      case 'message':
        return this.inbox.offer(output)
      case 'connected':
        return this.#handleConnected(output)
      case 'auth':
        return void this.#authenticator?.handleAuth(output)
      case 'closed':
        return this.#handleClosed(output)
      case 'close':
        return
      case 'release':
        return this.#layer?.handleRelease(output)
      case 'forgotten':
        return this.#layer?.forgetIds(output.packetIds)
      default:
        return this.#settleOperation(output)
    }
  }

  handleDrained(): void {
    this.#layer?.handleDrained()
    this.#announce()
    this.weigh()
  }

  settle(message: InboundMessage, reasonCode: number, failed: boolean): void {
    const { qos } = message.packet
    if (qos > 0) {
      const { onHandlerError } = this.options
      const code = failed && onHandlerError === 'reject' ? HANDLER_FAILED : reasonCode
      if (failed && onHandlerError === 'hold') this.engine.hold(message)
      else {
        const isAccepted = qos === 2 && code < 0x80 && message.connection > 0
        if (!isAccepted || !this.#layer?.keepId(message, code)) {
          this.engine.acknowledge(message, code, this.driver.now)
        }
      }
    }
    if (this.driver.draining) return
    this.driver.touch()
    this.weigh()
    if (this.inbox.sizeBytes === 0) this.#layer?.handleDrained()
  }

  /** Acknowledges a message whose id is kept now. */
  acknowledge(message: InboundMessage, reasonCode: number): void {
    this.engine.acknowledge(message, reasonCode, this.driver.now)
    this.driver.touch()
  }

  /** Reading stops at a weight, at a higher one while somebody waits for an answer of the server. */
  weigh(): void {
    const { inboxBytes, inboxHardBytes } = this.options.bounds
    const { sizeBytes } = this.inbox
    const { paused } = this.driver
    if (sizeBytes < inboxBytes && !paused) return
    const isAwaited = this.engine.busy
    const limit = isAwaited ? inboxHardBytes : inboxBytes
    // The answer may be behind all that a server sends before it waits for us: handlers would wait for it for ever.
    if ((isAwaited ? this.inbox.unboundedBytes : sizeBytes) >= limit) {
      if (paused) return
      this.driver.pause()
      const text = `Reading is paused: ${sizeBytes} bytes of messages wait for the application`
      // Where handlers wait for the answer, nothing would move any more.
      const more = isAwaited ? ', an answer of the server may be behind limits.inboxHardBytes' : ''
      if (isAwaited || this.inbox.kept > 0) this.warn('inbox-full', text + more, more)
    } else if (sizeBytes * 2 <= inboxBytes || limit > inboxBytes) {
      this.driver.resume()
    }
  }

  handlerError(error: unknown, message: ReceivedMessage): void {
    this.#handlerErrors += 1
    if (this.events.emit('handler-error', { error, message })) return
    this.warn('handler-error', `A handler of "${message.topic}" failed: ${textOf(error)}`, '')
  }

  unclaimed(message: InboundMessage): void {
    this.#unclaimedMessages += 1
    const text = `Nobody takes the messages of "${message.topic}": set a callback or a handler`
    this.warn('unclaimed-message', text, '')
  }

  /** Whether there is a connection, or will be soon. */
  get mayConnect(): boolean {
    const begun = this.engine.connected || this.#attempt !== undefined
    return begun || this.#layer?.mayConnect === true
  }

  #dial(attempt: Attempt): void {
    const { address, transport, tls } = this.options
    const { clock, readBuffer, transports } = this.platform
    const { request } = attempt
    attempt.dialled = true
    this.#bytesSentBefore = this.driver.bytesSent
    const settings = connectSettings(this.clientId, this.options, this.will, request, this.version)
    const dial = transport ? guarded(transport, clock) : transports[address.scheme]!
    const maxFrameBytes = Math.max(DEFAULT_FRAME_BYTES, this.options.bounds.maximumPacketSizeBytes)
    this.driver.connect(dial, address, { tls, readBuffer, maxFrameBytes }, settings)
    this.#announce()
  }

  #handleConnected(output: ConnectedOutput): void {
    const result = connectResult(output, this.version, this.engine.clientId)
    this.#wasConnected = true
    // Once may have been by chance: the next connection begins with 5.0 again.
    this.#isVersionKnown ||= this.version === 5 || this.#bareCloses !== 1
    const attempt = this.#takeAttempt()
    if (this.#layer !== undefined) this.#layer.handleConnected(output, result)
    else if (!result.sessionPresent) this.subscriptions.clear()
    attempt?.resolve(result)
  }

  #handleClosed(output: ClosedOutput): void {
    const { error } = output
    const closedError = error ?? new ClosedError('The client disconnected')
    const wasConnected = this.#wasConnected
    const closing = this.#closing
    this.#wasConnected = false
    this.#closing = undefined
    this.#authenticator?.handleClosed(closedError)
    if (this.#attempt?.dialled) {
      if (this.#isOtherVersionWorthTrying(error, this.#attempt.request)) {
        const isRefused = isVersionRefused(error)
        if (!isRefused) this.#bareCloses = this.version === 5 ? this.#bareCloses + 1 : 0
        this.version = this.version === 5 ? 4 : 5
        // Who holds on has a schedule of attempts; a refusal without a word may be something else.
        const now = isRefused || this.#layer === undefined
        if (now && this.version === 4) return this.#dial(this.#attempt)
      }
      this.#takeAttempt()?.reject(closedError)
    } else if (wasConnected && !this.#isVersionKnown) this.version = 5
    if (!this.mayConnect) this.inbox.end(error, closedError)
    this.#layer?.handleClosed(output, wasConnected)
    this.#announce()
    closing?.resolve()
    if (error !== undefined && wasConnected && this.#layer === undefined) {
      this.events.emit('connection-lost', error)
    }
    if (this.#attempt?.dialled === false) this.#dial(this.#attempt)
  }

  /**
   * A clean fall-back: the server does not know MQTT 5.0, and nothing is asked for that 3.1.1 lacks:
   * the version by name, authentication, a password without a user name [MQTT-3.1.2-22], or a
   * session without a client id. [MQTT-3.1.3-7]
   *
   * A server may also close without CONNACK when it does not want the version [MQTT-3.1.2-2]. So may one
   * that has other troubles: the versions take turns, until one is accepted.
   */
  #isOtherVersionWorthTrying(error: MqttError | undefined, request: ConnectRequest): boolean {
    const { protocol, properties, user, password } = this.options
    const lacking =
      protocol !== undefined ||
      properties.authentication !== undefined ||
      (password !== undefined && user === undefined) ||
      (this.clientId === '' && !isClean(request, 4))
    if (lacking) return false
    if (isVersionRefused(error)) return this.version === 5 || !this.#isVersionKnown
    const hasAsked = this.driver.bytesSent > this.#bytesSentBefore
    return !this.#isVersionKnown && hasAsked && error !== undefined && isBareClose(error)
  }

  /** Tells whoever waits for an operation, if anybody does. */
  #settleOperation(operation: Operation): void {
    if (operation.kind === 'publish') return this.settlePublish(operation)
    const settle = operation.context as Settle<unknown> | undefined
    operation.context = undefined
    if (settle === undefined) return
    const answer = operation.kind === 'ping' ? operation.answer : requestAnswer(operation)
    settle(answer instanceof MqttError ? Promise.reject(answer) : answer)
  }

  /** The engine is done with a message, or tells a step of it. */
  protected settlePublish(operation: PublishOperation): void {
    this.#layer?.handlePublish(operation)
  }

  /** Runs a request now, or when the connection that is being opened is there. */
  whenConnected<T>(request: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#layer !== undefined) return this.#layer.persist(request, signal)
    const attempt = this.#attempt
    if (attempt === undefined) return request()
    return new Promise<T>((resolve, reject) => {
      const stopWatching = watch(signal, reject)
      attempt.promise.then(
        () => {
          stopWatching()
          if (!signal?.aborted) resolve(request())
        },
        (error: unknown) => {
          stopWatching()
          // The signal that gave the connection up is not this caller's.
          const mine = new ClosedError('Not sent: connect was given up', { sent: 'no' })
          reject(MqttError.is(error) ? error : mine)
        },
      )
    })
  }

  #stop(reasonCode = 0, closeMs = this.options.bounds.closeMs, properties?: Properties): void {
    this.engine.disconnect(reasonCode, closeMs, this.driver.now, properties)
    this.driver.touch()
  }

  #takeAttempt(): Attempt | undefined {
    const attempt = this.#attempt
    this.#attempt = undefined
    attempt?.stopWatching()
    return attempt
  }

  #announce(): void {
    const { state } = this
    if (state === this.#announced) return
    this.#announced = state
    this.events.emit('state', state)
  }
}
