// `umqtt sub`: prints the messages of some filters, as mosquitto_sub does, and comes back after every outage.
// Rule: a message is acknowledged when what it prints is with the system, and not before; what comes after
// the last one that was asked for stays with the server.

import { readDuration } from '../duration.ts'
import { topicMatches } from '../../codec/index.ts'
import {
  ConnectRefusedError,
  type Message,
  MQTTClient,
  RejectedError,
  type Subscription,
} from '../../robust.node.ts'
import { CLIENT_OPTIONS, newClientId, readClient } from '../client-options.ts'
import { type Command, command, type Context } from '../command.ts'
import { CONNECTION_OPTIONS } from '../connection-options.ts'
import { reportConnection, reportSessionLoss } from '../connection-report.ts'
import type { EndingName } from '../exit-codes.ts'
import type { Values } from '../options.ts'
import type { GivenProperties } from '../properties.ts'
import { usableFilter } from '../topics.ts'
import { UsageError } from '../usage-error.ts'
import { madeOf } from '../words.ts'
import { printed, printerOf } from './printer.ts'
import type { Format } from './format.ts'

const OPTIONS = {
  topic: {
    kind: 'text',
    short: 't',
    placeholder: 'FILTER',
    multiple: true,
    essential: true,
    help: 'what to subscribe to; may be repeated',
  },
  ...CONNECTION_OPTIONS,
  ...CLIENT_OPTIONS,
  qos: { kind: 'choice', short: 'q', words: ['0', '1', '2'], essential: true, help: 'QoS [0]' },
  count: {
    kind: 'integer',
    short: 'C',
    placeholder: 'N',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    essential: true,
    help: 'end after so many messages',
  },
  wait: {
    kind: 'duration',
    read: readDuration,
    short: 'W',
    placeholder: 'TIME',
    essential: true,
    help: 'end after so long, with 27; seconds, or such as 2m',
  },
  verbose: {
    kind: 'flag',
    short: 'v',
    essential: true,
    help: 'print the topic before the payload',
  },
  format: {
    kind: 'text',
    short: 'F',
    placeholder: 'FORMAT',
    essential: true,
    help: 'print so: %t topic, %p payload, %x hex, %j JSON, %I time …',
  },
  json: {
    kind: 'flag',
    essential: true,
    help: 'print lines of JSON, which umqtt pub --json takes',
  },
  noEol: { kind: 'flag', short: 'N', help: 'print no end of line after a message' },
  retained: { kind: 'flag', short: 'R', help: 'leave out what the server had retained' },
  retainedOnly: {
    kind: 'flag',
    help: 'print what the server had retained, and end at the first other message',
  },
  removeRetained: { kind: 'flag', help: 'remove from the server each retained message that comes' },
  filterOut: {
    kind: 'text',
    short: 'T',
    placeholder: 'FILTER',
    multiple: true,
    help: 'leave out what matches; may be repeated',
  },
  unsubscribe: {
    kind: 'text',
    short: 'U',
    placeholder: 'FILTER',
    multiple: true,
    help: 'unsubscribe from it first, with -c; may be repeated',
  },
  exitSubscribed: { kind: 'flag', short: 'E', help: 'end when the server has answered' },
  receiveMaximum: {
    kind: 'integer',
    short: 'M',
    placeholder: 'N',
    min: 1,
    max: 65_535,
    help: 'how many of QoS 1 and 2 may be on the way to it at once, with MQTT 5.0 [1024]',
  },
  noLocal: { kind: 'flag', help: 'not what this client publishes' },
  retainAsPublished: { kind: 'flag', help: 'the flag "retain" as it was published' },
  retainHandling: {
    kind: 'choice',
    words: ['0', '1', '2'],
    help: 'retained messages: always, for a new subscription, never [0]',
  },
} as const

type Given = Values<typeof OPTIONS>

/** How long the removal of retained messages may take at the end. */
const REMOVAL_MS = 5_000

/** What is printed, and when it is enough. */
interface Plan {
  readonly print: Format
  readonly given: Given
  readonly properties: GivenProperties
}

export const subCommand: Command = command({
  name: 'sub',
  summary: 'Subscribes and prints what comes; connects again whenever the connection ends.',
  examples: [
    "umqtt sub -t 'hall/#' -v",
    "umqtt sub -t 'hall/#' -C 1 -W 10s",
    "umqtt sub -t 'hall/#' -q 1 -c -i hall-log --json",
    "umqtt sub -t 'hall/+' -F '@F @T %t %p'",
  ],
  options: OPTIONS,
  endings: ['refused', 'timedOut', 'closedPipe'],
  run: (context, { values }) => run(context, values),
})

async function run(context: Context, given: Given): Promise<EndingName> {
  const plan = readClient(given, context.env, [
    'connect',
    'disconnect',
    'subscribe',
    'unsubscribe',
    'will',
  ])
  const filters = [...given.topic, ...(plan.topic === undefined ? [] : [plan.topic])]
  for (const filter of filters) usableFilter('-t', filter)
  for (const filter of given.unsubscribe) usableFilter('-U', filter)
  if (filters.length === 0 && given.unsubscribe.length === 0) {
    throw new UsageError('-t FILTER is missing: what shall be subscribed to?')
  }
  if (given.json && given.format !== undefined) {
    throw new UsageError('Cannot use --json with -F: leave one')
  }
  if (given.receiveMaximum !== undefined && plan.properties.connect.receiveMaximum !== undefined) {
    throw new UsageError('Cannot use -M with -D connect receive-maximum: leave one')
  }
  if (given.retained && given.retainedOnly) {
    throw new UsageError('Cannot use -R with --retained-only: leave one')
  }
  const print = printerOf(
    {
      format: given.format,
      json: given.json === true,
      verbose: given.verbose === true,
      line: given.noEol !== true,
    },
    context.out,
  )
  context.stopped.throwIfAborted()
  const client = madeOf(
    () =>
      new MQTTClient(plan.clientId ?? newClientId(), plan.server, {
        ...plan.options,
        limits: {
          ...plan.options.limits,
          ...(given.receiveMaximum !== undefined && { receiveMaximum: given.receiveMaximum }),
        },
        acknowledge: 'manual',
      }),
  )
  const { debug = false, quiet = false } = given
  reportConnection(client, context.err, { debug, quiet })
  if (!quiet) reportSessionLoss(client, context.err)
  try {
    return await listen(context, client, filters, {
      print,
      given,
      properties: plan.properties,
    })
  } finally {
    await client.disconnect({ properties: plan.properties.disconnect })
    await client[Symbol.asyncDispose]()
  }
}

async function listen(
  context: Context,
  client: MQTTClient,
  filters: readonly string[],
  plan: Plan,
): Promise<EndingName> {
  const { given } = plan
  const ended = new Ended(context.stopped, given.wait)
  // Before the connection: a session that was kept sends at once.
  client.setCallback((_topic, _payload, message) => take(context, client, message, plan, ended))
  try {
    const asked = ask(context, client, filters, plan)
    const ending = (await Promise.race([asked, ended.promise])) ?? (await ended.promise)
    if (given.removeRetained) await finishRemoval(client, context.err)
    return ending
  } catch (error) {
    if (!(error instanceof ConnectRefusedError) && !(error instanceof RejectedError)) throw error
    await context.err.say('red', error.message)
    return 'refused'
  } finally {
    ended.clear()
  }
}

/** Connects and subscribes. Gives how it ends, if that is all. */
async function ask(
  { err }: Context,
  client: MQTTClient,
  filters: readonly string[],
  { given, properties }: Plan,
): Promise<EndingName | undefined> {
  await client.connect()
  if (given.unsubscribe.length > 0) {
    await client.unsubscribe(given.unsubscribe, { properties: properties.unsubscribe })
  }
  if (filters.length > 0) {
    const { qos, noLocal, retainAsPublished, retainHandling } = given
    const subscription = await client.subscribe(filters, {
      qos: Number(qos ?? 0) as 0 | 1 | 2,
      ...(noLocal && { noLocal }),
      ...(retainAsPublished && { retainAsPublished }),
      ...(retainHandling && { retainHandling: Number(retainHandling) as 0 | 1 | 2 }),
      properties: properties.subscribe,
    })
    if (!given.quiet) await tellRefused(err, subscription)
  }
  return given.exitSubscribed ? 'done' : undefined
}

/** What is to be removed from the server is, if it still answers. */
async function finishRemoval(client: MQTTClient, err: Context['err']): Promise<void> {
  const signal = AbortSignal.timeout(REMOVAL_MS)
  await client.drain({ signal }).catch(async (error: unknown) => {
    if (!signal.aborted) throw error
    await err.say('yellow', 'the server has not said that it removed all that was retained')
  })
}

async function tellRefused(err: Context['err'], { granted }: Subscription): Promise<void> {
  for (const { filter, qos, reasonCode } of granted) {
    if (qos !== undefined) continue
    const reason = `0x${reasonCode.toString(16)}`
    await err.say('yellow', `the server refused the filter "${filter}" with reason ${reason}`)
  }
}

/** One message, which is acknowledged when it is printed; what comes too late stays with the server. */
async function take(
  { out, err }: Context,
  client: MQTTClient,
  message: Message,
  { print, given }: Plan,
  ended: Ended,
): Promise<void> {
  const { topic, retain } = message
  if (ended.isOver) return
  if (given.filterOut.some((filter) => topicMatches(filter, topic))) return message.acknowledge()
  if (retain && given.removeRetained) client.publish(topic, '', { retain: true })
  if (retain && given.retained) return message.acknowledge()
  if (!retain && given.retainedOnly) return ended.end('done')
  const isLast = ended.count(given.count)
  if (!(await out.handOver(printed({ message, at: new Date() }, print, err)))) return
  message.acknowledge()
  if (isLast) ended.end('done')
}

/** How the command ends, decided once. */
class Ended {
  readonly promise: Promise<EndingName>
  #isOver = false
  #left: number | undefined
  #resolve: (ending: EndingName) => void = () => undefined
  readonly #timer: NodeJS.Timeout | undefined

  constructor(stopped: AbortSignal, waitMs: number | undefined) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      stopped.addEventListener('abort', () => {
        this.#isOver = true
        reject(stopped.reason as Error)
      })
    })
    // It may be over before anybody waits for it.
    this.promise.catch(() => undefined)
    if (waitMs !== undefined) this.#timer = setTimeout(() => this.end('timedOut'), waitMs)
  }

  /** Whether what comes now is too late. */
  get isOver(): boolean {
    return this.#isOver || this.#left === 0
  }

  /** Counts a message. @returns whether it is the last of them */
  count(most: number | undefined): boolean {
    if (most === undefined) return false
    this.#left = (this.#left ?? most) - 1
    return this.#left === 0
  }

  /** What was acknowledged in this turn is sent before the end. */
  end(ending: EndingName): void {
    setImmediate(() => {
      this.#isOver = true
      this.#resolve(ending)
    })
  }

  clear(): void {
    clearTimeout(this.#timer)
  }
}
