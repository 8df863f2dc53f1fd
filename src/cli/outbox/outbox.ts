// `umqtt outbox DIR`: looks into a durable outbox that no process has open. Rule: nothing is changed but by
// `cancel`, and what is damaged is told by every action, with its own way to end.

import { inspectOutbox, type OutboxInspection, type StoredMessage } from '../../outbox/inspect.ts'
import { command, type Command, type Context } from '../command.ts'
import type { EndingName } from '../exit-codes.ts'
import { listed } from '../options.ts'
import { count, plain, quoted, SHORT, WHOLE } from '../readable.ts'
import { shown, UsageError } from '../usage-error.ts'
import { cancel } from './cancel.ts'
import { tabbed, writeTable } from './list.ts'
import { exportOf, fieldsOf, jsonOf, wholeJsonOf } from './words.ts'

/** What a person wrote. */
interface Request {
  readonly folder: string
  readonly ids: ReadonlySet<string>
  readonly json: boolean
  readonly whole: boolean
  readonly all: boolean
  readonly yes: boolean
}

type Action = (context: Context, outbox: OutboxInspection, request: Request) => Promise<EndingName>

const ACTIONS: Readonly<Record<string, Action>> = {
  list,
  count: countAll,
  verify,
  export: exportAll,
  show,
  cancel: cancelSome,
}

/** Actions that are about some messages. */
const NAMING: ReadonlySet<string> = new Set(['show', 'cancel'])
const ARGUMENTS_MAX = 100_000
/** Findings that a person is told one by one; a folder can have millions. */
const FINDINGS_TOLD = 100

const CORRUPT = 'ERR_MQTT_STORE_CORRUPT'
const INTACT = 'intact: every record could be read'
/** A write that was cut off and one that was damaged later look the same when nothing comes after it. */
const INTACT_BUT_FOR_ITS_END = 'intact but for its torn end: every record before it could be read'

/** The command. */
export const outboxCommand: Command = command({
  name: 'outbox',
  summary: 'Lists, shows, exports, cancels or verifies what waits in an outbox.',
  examples: [
    'umqtt outbox ./spool',
    'umqtt outbox ./spool verify',
    'umqtt outbox ./spool show ID',
    'umqtt outbox ./spool export | umqtt pub --json -h other-server',
    'umqtt outbox ./spool cancel --all --yes',
  ],
  options: {
    json: {
      kind: 'flag',
      essential: true,
      help: 'lines of JSON [a table on a terminal, else tabs]',
    },
    whole: { kind: 'flag', essential: true, help: 'cut nothing that is long, with show' },
    all: { kind: 'flag', essential: true, help: 'all messages, with cancel' },
    yes: { kind: 'flag', short: 'y', essential: true, help: 'cancel without a question' },
  },
  positionals: {
    placeholder: 'DIR [list|count|verify|export|show ID…|cancel ID…]',
    min: 1,
    max: ARGUMENTS_MAX,
    offers: 'folder',
  },
  endings: ['unfinished', 'maybe', 'damaged', 'closedPipe'],
  async run(context, { values, positionals: [folder = '', name = 'list', ...ids] }) {
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
    if (action === undefined) {
      const order = Object.hasOwn(ACTIONS, folder) ? `; the folder comes first` : ''
      throw new UsageError(
        `There is no action ${shown(name)}: write ${listed(Object.keys(ACTIONS))}${order}`,
      )
    }
    const all = values.all === true
    if (NAMING.has(name) ? ids.length === 0 && !all : ids.length > 0) {
      throw new UsageError(
        NAMING.has(name)
          ? `${name} needs the ids of messages: umqtt outbox DIR says them`
          : `Cannot use the argument ${shown(ids[0] ?? '')}: ${name} is about all messages`,
      )
    }
    if (all && (name !== 'cancel' || ids.length > 0)) {
      throw new UsageError('Cannot use --all with ids, or with anything but cancel')
    }
    const { json = false, whole = false, yes = false } = values
    const request = { folder, ids: new Set(ids), json, whole, all, yes }
    try {
      const outbox = await inspectOutbox(folder)
      try {
        return await action(context, outbox, request)
      } finally {
        await outbox.close()
      }
    } catch (error) {
      // So damaged that nothing of it can be read.
      if (!(error instanceof Error && 'code' in error && error.code === CORRUPT)) throw error
      await context.err.line(`${context.err.paint('red', 'damaged:')} ${reasonOf(error.message)}`)
      return 'damaged'
    }
  },
})

/** The messages, until the command has to stop. */
async function* messagesOf(
  { stopped }: Context,
  outbox: OutboxInspection,
): AsyncGenerator<StoredMessage, void> {
  for await (const message of outbox.messages()) {
    stopped.throwIfAborted()
    yield message
  }
}

/** Words of ours with names of files in quotes, of which nothing moves the cursor. */
const reasonOf = (text: string): string => plain(text).replaceAll(String.raw`\"`, '"')

/** Says what is damaged, and ends accordingly. */
async function endingOf({ err }: Context, { damaged }: OutboxInspection): Promise<EndingName> {
  for (const { reason } of damaged.slice(0, FINDINGS_TOLD)) {
    await err.line(`${err.paint('red', 'damaged:')} ${reasonOf(reason)}`)
  }
  const more = damaged.length - FINDINGS_TOLD
  if (more > 0) await err.line(`and ${count(more, 'more finding')}: verify --json names them all`)
  return damaged.length > 0 ? 'damaged' : 'done'
}

async function list(
  context: Context,
  outbox: OutboxInspection,
  { json }: Request,
): Promise<EndingName> {
  const { out, err } = context
  const messages = messagesOf(context, outbox)
  if (!json && out.isTerminal) await writeTable(messages, out, Date.now())
  else
    for await (const one of messages)
      await out.line(json ? JSON.stringify(jsonOf(one)) : tabbed(one))
  if (outbox.count === 0 && err.isTerminal) await err.line('No message waits in it')
  return endingOf(context, outbox)
}

async function show(
  context: Context,
  outbox: OutboxInspection,
  { ids, json, whole }: Request,
): Promise<EndingName> {
  const { out, err } = context
  const missing = new Set(ids)
  for await (const message of messagesOf(context, outbox)) {
    if (!ids.has(message.id)) continue
    if (json) await out.line(JSON.stringify(wholeJsonOf(message)))
    else {
      const fields = fieldsOf(message, Date.now(), whole ? WHOLE : SHORT)
      if (missing.size < ids.size) await out.line()
      for (const [name, value] of fields)
        await out.line(`${out.paint('cyan', `${name}:`)} ${value}`)
    }
    missing.delete(message.id)
    if (missing.size === 0) return 'done'
  }
  const ending = await endingOf(context, outbox)
  for (const id of missing) await err.line(`There is no message ${shown(id)} in it`)
  return ending === 'done' ? 'failed' : ending
}

/** What is counted of an outbox. */
interface Sums {
  messages: number
  bytes: number
  expired: number
  readonly stages: Record<string, number>
  readonly priorities: Record<string, number>
  readonly setAside: { readonly id: string; readonly reason: string }[]
}

async function sumsOf(context: Context, outbox: OutboxInspection): Promise<Sums> {
  const sums: Sums = {
    messages: 0,
    bytes: 0,
    expired: 0,
    stages: {},
    priorities: {},
    setAside: [],
  }
  const add = (counts: Record<string, number>, key: string): void =>
    void (counts[key] = (counts[key] ?? 0) + 1)
  for await (const { id, stage, policy, sizeBytes, expiresInMs, reason } of messagesOf(
    context,
    outbox,
  )) {
    sums.messages++
    sums.bytes += sizeBytes
    if (expiresInMs === 0) sums.expired++
    add(sums.stages, stage)
    add(sums.priorities, String(policy.priority))
    if (reason !== undefined) sums.setAside.push({ id, reason })
  }
  return sums
}

const wordsOf = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([key, number]) => `${number} ${key}`)
    .join(', ') || 'none'

const linesOf = ({ messages, bytes, expired, stages, priorities, setAside }: Sums): string[] => [
  `messages: ${messages}${expired > 0 ? `, ${expired} of them expired` : ''}`,
  `bytes: ${bytes}`,
  `stages: ${wordsOf(stages)}`,
  `priorities: ${wordsOf(Object.fromEntries(Object.entries(priorities).map(([key, number]) => [`of ${key}`, number])))}`,
  `set aside: ${setAside.length}`,
]

async function countAll(
  context: Context,
  outbox: OutboxInspection,
  { json }: Request,
): Promise<EndingName> {
  const sums = await sumsOf(context, outbox)
  const { damaged } = outbox
  const text = json
    ? JSON.stringify({ ...sums, setAside: sums.setAside.length, damaged: damaged.length })
    : [...linesOf(sums), `damaged: ${damaged.length}`].join('\n')
  await context.out.line(text)
  return endingOf(context, outbox)
}

async function verify(
  context: Context,
  outbox: OutboxInspection,
  { json }: Request,
): Promise<EndingName> {
  const { out } = context
  const sums = await sumsOf(context, outbox)
  const { engine, formatVersion, clientId, count: records, tornBytes, damaged } = outbox
  if (json) {
    const about = { engine, formatVersion, clientId, records, tornBytes }
    await out.line(JSON.stringify({ ...about, ...sums, damaged, intact: damaged.length === 0 }))
    return damaged.length > 0 ? 'damaged' : 'done'
  }
  const torn =
    tornBytes === 0
      ? 'none'
      : `${count(tornBytes, 'byte')} of a last write that is not whole: cut off before it was safe, or damaged since`
  const lines = [
    `kept by: ${engine}, format version ${formatVersion}`,
    `client: ${clientId === undefined ? 'none yet' : quoted(clientId)}`,
    `records: ${records}`,
    ...linesOf(sums),
    ...sums.setAside.map(({ id, reason }) => `  ${id}: ${reasonOf(reason)}`),
    `torn end: ${torn}`,
    damaged.length === 0
      ? out.paint('green', tornBytes === 0 ? INTACT : INTACT_BUT_FOR_ITS_END)
      : out.paint('red', `damaged: ${count(damaged.length, 'finding')}; the rest can be read`),
  ]
  await out.line(lines.join('\n'))
  return endingOf(context, outbox)
}

async function exportAll(context: Context, outbox: OutboxInspection): Promise<EndingName> {
  const { out, err } = context
  let expired = 0
  for await (const message of messagesOf(context, outbox)) {
    if (message.expiresInMs === 0) expired++
    else await out.line(JSON.stringify(exportOf(message)))
  }
  if (expired > 0) await err.line(`${count(expired, 'message')} left out: expired`)
  return endingOf(context, outbox)
}

async function cancelSome(
  context: Context,
  outbox: OutboxInspection,
  { folder, ids, all, yes, json }: Request,
): Promise<EndingName> {
  let found = 0
  for await (const { id } of messagesOf(context, outbox)) if (all || ids.has(id)) found++
  await outbox.close()
  return cancel(context, { folder, ids: all ? 'all' : ids, found, yes, json })
}
