// `umqtt decode`: bytes of a connection to packets that a person or a program can read, with the clause for
// what is wrong in them. It connects to nothing.

import { command, type Command, type Context, isTyped } from '../command.ts'
import { count, SHORT, WHOLE } from '../readable.ts'
import { shown, UsageError } from '../usage-error.ts'
import { Batch } from './batch.ts'
import { Conversation } from './conversation.ts'
import { type Foreign, foreignName } from './foreign.ts'
import { Framer } from './frames.ts'
import { HexError } from './hex-text.ts'
import { bytesOf, type Form } from './input.ts'
import { jsonOf } from './json.ts'
import { linesOf } from './lines.ts'
import { type Dialect, type Item, type NoteItem, Reader } from './reader.ts'
import { WebSocketError, withoutFrames } from './websocket.ts'

/** More than servers take by default; what is held is one packet. */
const LARGEST_BYTES = 16_777_216
/** Of a packet: four bytes of length, and a header of five bytes. §2.1.4 */
const PACKET_BYTES_MAX = 268_435_460

/** What is the same for all inputs. */
interface Decoding {
  readonly context: Context
  readonly names: readonly string[]
  readonly form: Form | undefined
  readonly from: 'client' | 'server' | undefined
  readonly largestBytes: number
  /** Whether the packets are in frames, even if no HTTP says so. */
  readonly isWebSocket: boolean
  readonly dialect: Dialect
  readonly conversation: Conversation
  readonly write: (item: Item, input: number) => void
  readonly batch: Batch
}

const FRAMED: NoteItem = {
  kind: 'note',
  offset: 0,
  text: 'WebSocket: its HTTP and its frames are taken off, and offsets count what was inside of them',
}

/** The command. */
export const decodeCommand: Command = command({
  name: 'decode',
  summary: 'Shows the packets in captured bytes, and what is wrong with them.',
  examples: [
    "echo '30 05 00 01 61 68 69' | umqtt decode",
    'umqtt decode capture.bin',
    'umqtt decode --json from-client.bin from-server.bin',
    'tcpdump -nr capture.pcap -X port 1883 | umqtt decode',
  ],
  options: {
    from: {
      kind: 'choice',
      words: ['client', 'server'],
      essential: true,
      help: 'who sent the bytes [told by the packets]',
    },
    mqttVersion: {
      kind: 'choice',
      short: 'V',
      words: ['5', 'mqttv5', '311', 'mqttv311'],
      essential: true,
      help: 'version of MQTT [told by the packets]',
    },
    raw: { kind: 'flag', essential: true, help: 'the input is bytes, and no hex [found out]' },
    hex: { kind: 'flag', help: 'the input is hex [found out]' },
    websocket: {
      kind: 'flag',
      help: 'the packets are in frames of WebSocket [told by the HTTP before them]',
    },
    whole: { kind: 'flag', essential: true, help: 'cut nothing that is long' },
    showSecrets: {
      kind: 'flag',
      essential: true,
      help: 'show passwords and data of authentications too',
    },
    json: { kind: 'flag', essential: true, help: 'a line of JSON for each packet' },
    largest: {
      kind: 'integer',
      placeholder: 'BYTES',
      min: 1,
      max: PACKET_BYTES_MAX,
      help: `the largest packet that is held to be shown [${LARGEST_BYTES}]`,
    },
  },
  positionals: { placeholder: '[FILE [FILE]]', min: 0, max: 2, offers: 'file' },
  endings: ['damaged', 'closedPipe'],
  async run(context, { values, positionals }) {
    if (values.raw && values.hex) throw new UsageError('Cannot use --raw and --hex: leave one')
    if (positionals.length > 1 && values.from !== undefined) {
      throw new UsageError('Cannot use --from with two files: the packets in them tell')
    }
    const names = positionals.length > 0 ? positionals : ['-']
    const { out, err } = context
    const { json, whole, showSecrets, mqttVersion } = values
    const secrets = showSecrets === true
    const showing = { cut: whole ? WHOLE : SHORT, secrets }
    const batch = new Batch(out)
    const write = (item: Item, input: number): void => {
      const name = names.length > 1 ? names[input] : undefined
      if (json) batch.line(JSON.stringify(jsonOf(item, { secrets, input: name })))
      else batch.line(linesOf(item, { out, showing, inputs: names }))
    }
    if (names.includes('-') && isTyped(context)) {
      await err.line('Waiting for hex on standard input; Ctrl-D ends it.')
    }
    const decoding: Decoding = {
      context,
      names,
      form: values.raw ? 'raw' : values.hex ? 'hex' : undefined,
      from: values.from,
      isWebSocket: values.websocket === true,
      largestBytes: values.largest ?? LARGEST_BYTES,
      dialect: { version: mqttVersion && (mqttVersion.endsWith('5') ? 5 : 4) },
      conversation: new Conversation(),
      write,
      batch,
    }
    let isDamaged = false
    for (const [input, name] of names.entries()) {
      if (!json && names.length > 1) await out.line(out.paint('bold', `==> ${shown(name)} <==`))
      isDamaged = (await decodeInput(decoding, input)) || isDamaged
    }
    return isDamaged ? 'damaged' : 'done'
  },
})

/** Decodes one input. @returns whether something is wrong with it */
async function decodeInput(decoding: Decoding, input: number): Promise<boolean> {
  const { context, names, form, from, largestBytes, dialect, conversation, write, batch } = decoding
  const { err, stopped } = context
  const framer = new Framer(largestBytes)
  const reader = new Reader({ from, dialect, conversation, input })
  let foreign: Foreign | undefined
  let told: Foreign | undefined
  /** What follows from a fault at the very beginning on, until it is known whether this is MQTT at all. */
  let held: Item[] | undefined
  const isOver = (): boolean => held === undefined && (reader.stopped || foreign?.isMqtt === false)
  const take = (item: Item): void => {
    if (item.kind === 'fault' && item.offset === 0) held = []
    if (held !== undefined) held.push(item)
    else write(item, input)
  }
  const judge = (): void => {
    if (held === undefined) return
    foreign = foreignName(framer.opening)
    if (foreign?.isMqtt !== false) for (const item of held) write(item, input)
    held = undefined
  }
  const handOver = async (): Promise<void> => {
    await batch.flush()
    stopped.throwIfAborted()
    if (foreign === told) return
    told = foreign
    await err.line(foreign?.what)
  }
  let unread: Error | undefined
  try {
    const bytes = bytesOf(names[input] ?? '-', form, context)
    for await (const chunk of withoutFrames(bytes, decoding.isWebSocket, () => take(FRAMED))) {
      for (const frame of framer.push(chunk)) {
        if (!reader.stopped) for (const item of reader.read(frame)) take(item)
        if (framer.isOpened) judge()
        if (isOver()) break
        if (batch.isFull) await handOver()
      }
      if (framer.isOpened) judge()
      // Whoever records at this moment sees what there is.
      await handOver()
      if (isOver()) break
    }
  } catch (error) {
    if (stopped.aborted) {
      judge()
      await batch.flush()
    }
    stopped.throwIfAborted()
    if (!(error instanceof HexError) && !(error instanceof WebSocketError)) throw error
    unread = error
  }
  const rest = reader.stopped || isOver() ? undefined : framer.end()
  if (rest !== undefined) for (const item of reader.read(rest)) take(item)
  judge()
  await handOver()
  if (unread !== undefined) {
    await err.say('red', unread.message)
    return true
  }
  if (foreign?.isMqtt === false) return true
  if (reader.packets + reader.faults === 0) await err.line('There are no bytes in it')
  if (reader.faults > 0) {
    await err.line(`${count(reader.packets, 'packet')} read, ${reader.faults} not`)
  }
  return reader.faults > 0
}
