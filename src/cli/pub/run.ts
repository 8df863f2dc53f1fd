// One run of `umqtt pub`: opens, connects, hands over what is sent, waits for what becomes of it, and says so.
// Everything that ends it early (a signal, the time of -W, a refusal) is one signal with a reason, so that every
// phase ends in the same way.

import { setTimeout as sleep } from 'node:timers/promises'
import {
  ConnectRefusedError,
  type DisconnectProperties,
  MQTTClient,
  type PublishProperties,
  type QoS,
  type RobustOptions,
  type RobustPublishOptions,
  StoreError,
} from '../../robust.node.ts'
import { type ClientPlan, type ClientValues, newClientId, readClient } from '../client-options.ts'
import { type Context, isTyped, Stop } from '../command.ts'
import { reportConnection } from '../connection-report.ts'
import type { EndingName } from '../exit-codes.ts'
import { readMessage } from '../message-json.ts'
import { usableTopic } from '../topics.ts'
import { UsageError } from '../usage-error.ts'
import { inOptions, madeOf } from '../words.ts'
import { Feed } from './feed.ts'
import { type Line, linesOf, LongLineError, orAborted, until, wholeOf } from './lines.ts'
import { outboxClientId } from './outbox-id.ts'
import {
  readSource,
  readWorth,
  MESSAGE_BYTES_MAX,
  type Source,
  type SourceValues,
  type Worth,
  type WorthValues,
} from './plan.ts'
import { bytesFrom, checkInput, type Input, isFile, resumeFile, resumePipe } from './position.ts'
import { Tally } from './tally.ts'

/** What was given. */
export interface PubValues extends SourceValues, Omit<WorthValues, never> {
  readonly topic: string | undefined
  readonly retain: true | undefined
  readonly wait: number | undefined
  readonly window: number | undefined
  readonly progress: number | undefined
  readonly firstLine: number | undefined
  readonly restart: true | undefined
  readonly outboxMessages: number | undefined
  readonly outboxBytes: number | undefined
  readonly repeatDelay: number | undefined
}

/** How long a message without an outbox is tried for when nobody says it: as long as one attempt may take. */
const WAIT_MS = 30_000

/** Lines that are in the air: some commits of the outbox, and nothing that a feeder minds repeating. */
const WINDOW = 1_000

/** How often it is looked whether a full disk has room again. */
const ROOM_MS = 1_000

/** As the client has them. */
const OUTBOX_MESSAGES = 250_000
const OUTBOX_BYTES = 67_108_864

/** How long the server keeps the session of an outbox: a week-end. */
const OUTBOX_SESSION_SECONDS = 259_200

/** For who sits at a terminal and wonders. */
const HINTS = {
  lines: 'Each line that you type is sent; Ctrl-D ends it.',
  input: 'What you type is sent as one message; Ctrl-D ends it.',
} as const

/** Packets whose properties may be given. */
const PACKETS = ['connect', 'disconnect', 'publish', 'will'] as const

/** How often a terminal is told how it goes. */
const STATUS_MS = 200

/** The time of -W is over. */
class TimeIsUp extends Error {
  override readonly name = 'TimeIsUp'
}

/** A line cannot be read. */
class BadLineError extends Error {
  override readonly name = 'BadLineError'
}

/** @throws {UsageError} options that contradict each other */
export async function publish(
  context: Context,
  values: PubValues & ClientValues,
): Promise<EndingName> {
  const source = readSource(values)
  const worth = readWorth(values)
  const { outbox } = values
  const keptSeconds = outbox === undefined ? 0 : OUTBOX_SESSION_SECONDS
  const plan = readClient(values, context.env, PACKETS, keptSeconds)
  const topic = values.topic ?? plan.topic
  if (topic === undefined && !(source.kind === 'lines' && source.json)) {
    throw new UsageError('-t TOPIC is missing: where shall it be published?')
  }
  if (topic !== undefined) usableTopic('-t', topic)
  checkLineOptions(values, source)
  context.stopped.throwIfAborted()
  return new Run(context, values, plan, source, worth, topic).run()
}

function checkLineOptions(values: PubValues, source: Source): void {
  const isSpool = source.kind === 'lines' && values.outbox !== undefined
  for (const [name, value] of [
    ['--progress', values.progress],
    ['--first-line', values.firstLine],
    ['--restart', values.restart],
  ] as const) {
    if (value !== undefined && !isSpool) throw new UsageError(`${name} needs -l and --outbox DIR`)
  }
}

class Run {
  readonly #context: Context
  readonly #values: PubValues & ClientValues
  readonly #source: Source
  readonly #worth: Worth
  readonly #topic: string | undefined
  readonly #properties: PublishProperties
  /** Of DISCONNECT. */
  readonly #farewell: DisconnectProperties
  readonly #client: MQTTClient
  readonly #halt = new AbortController()
  readonly #tally = new Tally()
  /** Messages of an earlier run that were in the outbox. */
  #before = 0
  #published = 0
  /** What found no room, and is handed over again. */
  #putBack = 0
  #blank = 0
  /** Unknown until the outbox is open. */
  #lastStored: number | undefined
  #saidFull = false
  /** Whether nothing is done any more but to close and to tell. */
  #isOver = false
  #progress: ((line: number) => void) | undefined

  constructor(
    context: Context,
    values: PubValues & ClientValues,
    plan: ClientPlan,
    source: Source,
    worth: Worth,
    topic: string | undefined,
  ) {
    this.#context = context
    this.#values = values
    this.#source = source
    this.#worth = worth
    this.#topic = topic
    this.#properties = plan.properties.publish
    this.#farewell = plan.properties.disconnect
    const { outbox, outboxMessages, outboxBytes } = values
    const clientId =
      outbox === undefined
        ? (plan.clientId ?? newClientId())
        : outboxClientId(outbox, plan.clientId)
    // One message that is here already takes no more memory by waiting.
    const isAlone = outbox === undefined && source.kind !== 'lines'
    const bytes = outboxBytes ?? (isAlone ? MESSAGE_BYTES_MAX * 2 : undefined)
    const options: RobustOptions = {
      ...plan.options,
      ...(outbox !== undefined && { outbox }),
      limits: {
        ...plan.options.limits,
        ...(outboxMessages !== undefined && { outboxMessages }),
        ...(bytes !== undefined && { outboxBytes: bytes }),
      },
    }
    this.#client = madeOf(() => new MQTTClient(clientId, plan.server, options))
  }

  async run(): Promise<EndingName> {
    const { stopped, err } = this.#context
    const { debug = false, quiet = false } = this.#values
    const signal = this.#halt.signal
    const stop = (): void => this.#halt.abort(stopped.reason)
    stopped.addEventListener('abort', stop)
    reportConnection(this.#client, err, { debug, quiet })
    this.#client.on('settled', ({ outcome }) => {
      if (this.#isPutBack(outcome.error)) this.#putBack += 1
      else this.#tally.count(outcome)
    })
    const clearTimer = this.#startTimer()
    const status = this.#startStatus()
    let failure: Error | undefined
    try {
      await this.#work(signal)
    } catch (error) {
      failure = error as Error
    } finally {
      this.#isOver = true
      clearTimer()
      clearInterval(status)
      stopped.removeEventListener('abort', stop)
      await this.#client.disconnect({ properties: this.#farewell })
      await this.#client[Symbol.asyncDispose]()
    }
    return this.#end(failure)
  }

  async #work(signal: AbortSignal): Promise<void> {
    const client = this.#client
    await orAborted(signal, client.open())
    this.#before = client.outbox.count
    const connected = client.connect()
    // It is given up too when all is done.
    connected.catch((error: unknown) => {
      if (!this.#isOver) this.#halt.abort(error)
    })
    if (this.#worth.needsConnection) await orAborted(signal, connected)
    if (this.#source.kind !== 'payload') checkInput(this.#context.stdinDescriptor)
    if (this.#source.kind !== 'payload' && isTyped(this.#context) && !this.#values.quiet) {
      await this.#context.err.line(HINTS[this.#source.kind])
    }
    if (this.#source.kind === 'lines') await this.#sendLines(this.#source.json, signal)
    else await this.#sendWhole(this.#source, signal)
    await client.drain({ signal })
  }

  async #sendWhole(source: Exclude<Source, { kind: 'lines' }>, signal: AbortSignal): Promise<void> {
    const payload =
      source.kind === 'payload' ? source.payload : await wholeOf(until(signal, this.#context.stdin))
    const { repeatDelay } = this.#values
    for (let time = 0; time < source.times; time += 1) {
      if (time > 0 && repeatDelay !== undefined) await orAborted(signal, sleep(repeatDelay))
      const receipt = madeOf(() => this.#publish(this.#topic as string, payload, {}))
      // One at a time: many of them shall not fill the memory.
      if (this.#values.outbox !== undefined) await orAborted(signal, receipt.stored)
      else if (source.times > 1) await orAborted(signal, receipt.settled)
    }
  }

  async #sendLines(json: boolean, signal: AbortSignal): Promise<void> {
    const { outbox, window = WINDOW } = this.#values
    const { outboxMessages = OUTBOX_MESSAGES, outboxBytes = OUTBOX_BYTES } = this.#values
    const bounds = { window, messages: outboxMessages, bytes: outboxBytes, roomMs: ROOM_MS }
    const input = outbox === undefined ? undefined : await this.#openInput()
    const feed = new Feed(
      this.#client,
      bounds,
      outbox !== undefined,
      (number) => this.#handleStored(number),
      (error) => this.#handleFull(error),
    )
    const start = input?.start ?? { offset: 0, line: 0 }
    const isResumable = input?.isFile === true
    const chunks = isResumable
      ? bytesFrom(this.#context.stdinDescriptor, start.offset)
      : until(signal, this.#context.stdin)
    const { firstLine = start.line + 1 } = this.#values
    if (firstLine > start.line + 1) {
      throw new UsageError(
        `Cannot begin at --first-line ${firstLine}: line ${start.line} is the last that is stored; feed from ${start.line + 1}`,
      )
    }
    this.#handleStored(start.line)
    const from = isResumable ? start : { offset: 0, line: firstLine - 1 }
    try {
      for await (const line of linesOf(chunks, from)) {
        signal.throwIfAborted()
        if (line.number <= start.line) continue
        if (line.payload.length === 0) this.#blank += 1
        else await feed.add(this.#parcelOf(line, json, input), signal)
      }
    } finally {
      // What was read before something that is no line is kept, or sent, all the same.
      if (!signal.aborted) await feed.stored(signal)
      if (!signal.aborted && outbox === undefined) await this.#client.drain({ signal })
    }
  }

  async #openInput(): Promise<Input & { readonly isFile: boolean }> {
    const { outbox } = this.#client
    const { restart = false, firstLine, progress } = this.#values
    if (progress !== undefined) {
      const stream = this.#context.openDescriptor(progress)
      // Whoever listened has gone: the lines go on.
      stream.on('error', () => (this.#progress = undefined))
      this.#progress = (line) => void stream.write(`${line}\n`)
    }
    const read = (name: string): Promise<Uint8Array | undefined> => outbox.mark(name)
    const descriptor = this.#context.stdinDescriptor
    if (!isFile(descriptor)) return { ...(await resumePipe(read, restart)), isFile: false }
    if (firstLine !== undefined) {
      throw new UsageError('Cannot use --first-line with a file: it is read on by itself')
    }
    const input = await resumeFile(read, { descriptor, topic: this.#topic ?? '', restart })
    return { ...input, isFile: true }
  }

  #parcelOf(line: Line, json: boolean, input: Input | undefined): Parameters<Feed['add']>[0] {
    const { number, endsAt, payload } = line
    const message = json ? this.#readJson(line) : { topic: undefined, payload, options: {} }
    const topic = message.topic ?? this.#topic
    if (topic === undefined) {
      throw new BadLineError(`Line ${number} has no "topic", and there is no -t`)
    }
    return {
      number,
      // The lines of a pipe have no place but their number.
      endsAt: number,
      mark: input?.markOf({ number, endsAt, payload }),
      sizeBytes: payload.length + topic.length * 3,
      publish: (mark) => {
        try {
          return this.#publish(topic, message.payload, {
            ...message.options,
            ...(mark !== undefined && { mark }),
          })
        } catch (error) {
          throw badLine(number, error)
        }
      },
    }
  }

  #readJson({ payload, number }: Line): {
    readonly topic: string | undefined
    readonly payload: Uint8Array | string
    readonly options: RobustPublishOptions
  } {
    try {
      const read = readMessage(new TextDecoder().decode(payload))
      const qos = this.#values.qos ?? read.qos
      return {
        topic: this.#topic ?? read.topic,
        payload: read.payload,
        options: {
          ...(qos !== undefined && { qos: this.#keptQos(Number(qos) as QoS) }),
          ...(read.retain !== undefined && { retain: read.retain }),
          properties: { ...this.#properties, ...read.properties },
        },
      }
    } catch (error) {
      throw badLine(number, error)
    }
  }

  /** What is kept is acknowledged: at QoS 0 nothing would say when to let it go. */
  #keptQos(qos: QoS): QoS {
    return this.#values.outbox !== undefined && qos === 0 ? 1 : qos
  }

  #publish(
    topic: string,
    payload: Uint8Array | string,
    options: RobustPublishOptions,
  ): ReturnType<MQTTClient['publish']> {
    const receipt = this.#client.publish(topic, payload, {
      delivery: this.#worth.policy,
      properties: this.#properties,
      retain: this.#values.retain === true,
      ...options,
    })
    this.#published += 1
    return receipt
  }

  #handleStored(number: number): void {
    this.#saidFull = false
    this.#lastStored = number
    this.#progress?.(number)
  }

  #handleFull(error: StoreError): void {
    if (this.#saidFull) return
    this.#saidFull = true
    void this.#say(`${error.message}: waiting for room`)
  }

  /** A line that found no room is handed over again. */
  #isPutBack(error: Error | undefined): boolean {
    return this.#source.kind === 'lines' && error instanceof StoreError
  }

  #startTimer(): () => void {
    const { wait, outbox } = this.#values
    const { expiresAfterMs } = this.#worth.policy
    const isBounded = outbox !== undefined || expiresAfterMs !== Infinity
    const waitMs = wait ?? (isBounded ? undefined : WAIT_MS)
    if (waitMs === undefined) return () => undefined
    const timer = setTimeout(() => this.#halt.abort(new TimeIsUp()), waitMs)
    const clear = (): void => clearTimeout(timer)
    // Lines may take as long as they come; only the server has to be there.
    if (wait === undefined && this.#source.kind === 'lines') this.#client.on('connected', clear)
    return clear
  }

  #startStatus(): NodeJS.Timeout | undefined {
    const { err } = this.#context
    if (!err.isTerminal || this.#source.kind !== 'lines' || this.#values.quiet) return undefined
    // It would write over what somebody types.
    if (isTyped(this.#context)) return undefined
    return setInterval(
      () => err.status(`${this.#published} lines read, ${this.#waiting} wait`),
      STATUS_MS,
    ).unref()
  }

  get #waiting(): number {
    return this.#before + this.#published - this.#putBack - this.#tally.settled
  }

  #say(text: string): Promise<void> {
    return this.#context.err.say('yellow', text)
  }

  async #end(failure: Error | undefined): Promise<EndingName> {
    const { signal } = this.#halt
    const cause = signal.aborted ? (signal.reason as Error) : failure
    await this.#summarise(cause)
    const isBad = cause instanceof BadLineError || cause instanceof LongLineError
    if (cause instanceof ConnectRefusedError || isBad) {
      await this.#context.err.say('red', cause.message)
      return isBad ? 'damaged' : 'refused'
    }
    if (cause !== undefined && !(cause instanceof TimeIsUp)) throw cause
    if (this.#tally.ending !== undefined) return this.#tally.ending
    if (this.#waiting > 0) return 'unfinished'
    if (cause === undefined) return 'done'
    return this.#published === 0 && this.#source.kind !== 'lines' ? 'expired' : 'timedOut'
  }

  async #summarise(cause: Error | undefined): Promise<void> {
    const { quiet, outbox } = this.#values
    const isLines = this.#source.kind === 'lines'
    if (cause instanceof TimeIsUp) await this.#say('the time of -W is over')
    for (const reason of this.#tally.reasons) {
      // What ends the command is said at its end.
      if (reason !== cause?.message) await this.#say(inOptions(reason))
    }
    const isWell = cause === undefined && this.#tally.ending === undefined && this.#before === 0
    if (quiet || (!isLines && isWell)) return
    const lines = this.#published - this.#putBack
    const parts = [
      ...(isLines ? [`${lines} ${lines === 1 ? 'line' : 'lines'} read`] : []),
      ...(this.#before > 0 ? [`${this.#before} from before`] : []),
      ...(this.#blank > 0 ? [`${this.#blank} blank and not sent`] : []),
    ]
    const became = [
      ...this.#tally.words,
      ...(this.#waiting > 0 && outbox !== undefined
        ? [`${this.#waiting} wait in "${outbox}"`]
        : []),
    ]
    const all = [parts.join(', '), became.join(', ')].filter((text) => text !== '').join(': ')
    const stored =
      isLines && outbox !== undefined && this.#lastStored !== undefined && cause !== undefined
        ? `; the last stored is line ${this.#lastStored}`
        : ''
    const isNothing = this.#published === 0 && failureOfStart(cause)
    if (cause instanceof Stop && this.#published === 0 && !isLines) {
      await this.#say('interrupted before anything was published')
    }
    if (!isNothing && (all !== '' || stored !== '')) await this.#say(`${all}${stored}`)
  }
}

/** What cannot be sent of what was read. */
function badLine(number: number, error: unknown): unknown {
  if (!(error instanceof TypeError) && !(error instanceof RangeError)) return error
  return new BadLineError(`Line ${number} is no message: ${error.message}`)
}

/** Whether it is the reason alone that a person has to read. */
function failureOfStart(cause: Error | undefined): boolean {
  return cause !== undefined && !(cause instanceof Stop) && !(cause instanceof TimeIsUp)
}
