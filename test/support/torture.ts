// kill -9, again and again: a writer or a reader with an outbox on disk is killed at moments that dice and
// the packets on its link choose, and started again. Says what was lost or doubled, and which moments the
// kills fell in: by what the outbox holds afterwards, and by the record of the link.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { PacketType, type ProtocolVersion } from '../../src/codec/packets.ts'
import { FileStore } from '../../src/outbox/file.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import { EntryRecords, readJson, type StoredStage } from '../../src/robust/entry-record.ts'
import { MQTTClient } from '../../src/simple.node.ts'
import { FaultProxy } from '../../src/testing/fault-proxy.ts'
import { dice, type Dice } from './simulated-disk.ts'

/** Where a message, or the log, can be when the process dies. */
export const MOMENTS = [
  'queued',
  'id bound',
  'PUBLISH sent',
  'PUBREC known',
  'PUBREL sent',
  'compacting',
] as const
export type Moment = (typeof MOMENTS)[number]

/** How a torture is run. */
export interface TortureOptions {
  /** The port of the server on 127.0.0.1; anybody may come in. */
  readonly port: number
  readonly rounds: number
  readonly seed: number
  readonly protocol?: ProtocolVersion
  /** Told of each round. */
  readonly log?: (line: string) => void
}

/** What came of a writer. */
export interface WriterSummary {
  readonly kills: number
  readonly stored: number
  readonly received: number
  /** Stored, and never received. */
  readonly lost: readonly string[]
  /** Received twice at QoS 2. */
  readonly doubled: readonly string[]
  /** Received twice at QoS 1, which may be. */
  readonly doubledAtOne: number
  /** Received before one that was published earlier to the same topic. */
  readonly disordered: readonly string[]
  /** Kills in which a message, or the log, was in each moment. */
  readonly moments: Readonly<Record<Moment, number>>
  /** Outcomes that are not "delivered". */
  readonly outcomes: Readonly<Record<string, number>>
  readonly warnings: readonly string[]
}

/** What came of a reader. */
export interface ReaderSummary {
  readonly kills: number
  readonly sent: number
  readonly lost: readonly string[]
  /** Handled again after a PUBREC of theirs was seen on the link. */
  readonly doubled: readonly string[]
  /** Handled again, because the process died between the handler and PUBREC. */
  readonly repeated: number
  readonly warnings: readonly string[]
}

/** Messages that are on their way to a reader at a time. */
const UNDERWAY_MAX = 60
/** Packets of an exchange that a kill may follow. */
const TRIGGERS = [
  PacketType.PUBLISH,
  PacketType.PUBREC,
  PacketType.PUBREL,
  PacketType.PUBCOMP,
] as const

/** A program that is killed. */
class Victim {
  readonly closed: Promise<unknown>
  readonly #child: ChildProcess

  constructor(program: string, args: readonly string[], hear: (line: string) => void) {
    const path = fileURLToPath(new URL(`./${program}.js`, import.meta.url))
    this.#child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface(this.#child.stdout!)
    lines.on('line', hear)
    this.closed = Promise.all([once(this.#child, 'close'), once(lines, 'close')])
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

/** Publishes, is killed and publishes on; a subscriber beside it must have all that was stored. */
export async function tortureWriter(options: TortureOptions): Promise<WriterSummary> {
  const { port, rounds, seed, protocol = 5, log = () => undefined } = options
  const roll = dice(seed)
  const folder = await mkdtemp(join(tmpdir(), 'umqtt-torture-'))
  const proxy = await FaultProxy.start({ port })
  const witness = new MQTTClient('torture-witness', `mqtt://127.0.0.1:${port}`)
  const times = new Map<string, number>()
  const newest = new Map<string, readonly [round: number, count: number]>()
  const disordered: string[] = []
  const stored = new Set<string>()
  const moments = Object.fromEntries(MOMENTS.map((moment) => [moment, 0])) as Record<Moment, number>
  const outcomes: Record<string, number> = {}
  const warnings: string[] = []
  let ended = (): void => undefined
  const end = new Promise<void>((resolve) => (ended = resolve))
  await witness.connect()
  await witness.subscribe('torture/#', { qos: 2 }, (topic, payload) => {
    const text = Buffer.from(payload).toString()
    if (text === 'end') return ended()
    const key = `${topic} ${text}`
    const seen = times.get(key) ?? 0
    times.set(key, seen + 1)
    if (seen > 0) return
    const [round = 0, count = 0] = text.split('-').map(Number)
    const [lastRound, lastCount] = newest.get(topic) ?? [-1, -1]
    if (round < lastRound || (round === lastRound && count < lastCount)) disordered.push(key)
    else newest.set(topic, [round, count])
  })

  /** One life of the writer. @returns whether the log was freeing a file at its end */
  const live = async (round: number, last: boolean): Promise<boolean> => {
    let isCompacting = false
    let isDrained = false
    let trigger: (what: string) => void = () => undefined
    const args = [proxy.url, join(folder, 'outbox'), `${protocol}`, `${round}`]
    const victim = new Victim('torture-writer', last ? [...args, 'drain'] : args, (line) => {
      const [what = '', ...rest] = line.split(' ')
      if (what === 'stored') stored.add(rest.join(' '))
      else if (what === 'compacting') isCompacting = true
      else if (what === 'compacted') isCompacting = false
      else if (what === 'drained') isDrained = true
      else if (what === 'outcome') outcomes[rest[1] ?? ''] = (outcomes[rest[1] ?? ''] ?? 0) + 1
      else if (what === 'warning') warnings.push(rest.join(' '))
      trigger(what)
    })
    if (!last) trigger = armed(roll, proxy, victim, ['stored', 'compacting', 'opened'])
    await victim.closed
    await proxy.until(() => proxy.links === 0)
    if (last && !isDrained) throw new Error('The writer ended before it was drained')
    return isCompacting
  }

  try {
    for (let round = 0; round < rounds; round += 1) {
      proxy.clear()
      const isCompacting = await live(round, false)
      const found = await momentsOf(join(folder, 'outbox'), proxy)
      if (isCompacting) found.add('compacting')
      for (const moment of found) moments[moment] += 1
      log(`round ${round}: ${stored.size} stored; ${[...found].join(', ')}`)
    }
    await live(rounds, true)
    await witness.publish('torture/2/end', 'end', { qos: 2 })
    await end
  } finally {
    await witness.disconnect()
    await proxy.close()
    await rm(folder, { recursive: true })
  }
  const twice = [...times].filter(([, count]) => count > 1).map(([key]) => key)
  return {
    kills: rounds,
    stored: stored.size,
    received: times.size,
    lost: [...stored].filter((key) => !times.has(key)),
    doubled: twice.filter((key) => key.startsWith('torture/2/')),
    doubledAtOne: twice.filter((key) => key.startsWith('torture/1/')).length,
    disordered,
    moments,
    outcomes,
    warnings,
  }
}

/** Receives, is killed and receives on: handled again is only what it had not said that it has. */
export async function tortureReader(options: TortureOptions): Promise<ReaderSummary> {
  const { port, rounds, seed, protocol = 5, log = () => undefined } = options
  const roll = dice(seed)
  const folder = await mkdtemp(join(tmpdir(), 'umqtt-torture-'))
  const proxy = await FaultProxy.start({ port })
  const sender = new MQTTClient('torture-sender', `mqtt://127.0.0.1:${port}`)
  const handled = new Map<string, number>()
  /** Those whose PUBREC was seen on the link, whether or not it went on. */
  const answered = new Set<string>()
  const texts = new Map<number, string>()
  const doubled: string[] = []
  const warnings: string[] = []
  let repeated = 0
  let sent = 0
  proxy.watch(({ packet }) => {
    if (packet.type === PacketType.PUBLISH) {
      texts.set(packet.packetId, Buffer.from(packet.payload).toString())
    } else if (packet.type === PacketType.PUBREC) answered.add(texts.get(packet.packetId) ?? '')
  })
  await sender.connect()

  const send = (): void => {
    void sender.publish(`torture/in/${protocol}`, `${sent}`, { qos: 2 })
    sent += 1
  }
  const sendSome = (): void => {
    for (let i = 0; i < 4 && sent - handled.size < UNDERWAY_MAX; i += 1) send()
  }
  const live = async (last: boolean): Promise<void> => {
    const before = new Set(answered)
    const handledNow = new Set<string>()
    let trigger: (what: string) => void = () => undefined
    let timer: ReturnType<typeof setInterval> | undefined
    /** Nothing is sent to one that has gone: it may have handled all that waited before it says so. */
    let isReady = false
    const args = [proxy.url, join(folder, 'inbox'), `${protocol}`]
    const victim = new Victim('torture-reader', args, (line) => {
      const [what = '', ...rest] = line.split(' ')
      if (what === 'warning') warnings.push(rest.join(' '))
      if (what === 'ready') {
        isReady = true
        send()
        if (!last) timer = setInterval(sendSome, 1)
      }
      if (what === 'got') {
        const text = rest.join(' ')
        const count = handled.get(text) ?? 0
        handled.set(text, count + 1)
        // A crash between the handler and PUBREC hands a message out again, and nothing else does.
        if (count > 0 && (before.has(text) || handledNow.has(text))) doubled.push(text)
        else if (count > 0) repeated += 1
        handledNow.add(text)
      }
      if (!last) trigger(what)
      else if (isReady && what !== 'warning' && handled.size === sent) victim.kill()
    })
    if (!last) trigger = armed(roll, proxy, victim, ['got', 'ready'])
    if (!last && roll(2) === 0) {
      // It has said that it has a message, and the server has not heard it.
      const point = { direction: 'to-server', when: 'before', type: PacketType.PUBREC } as const
      void proxy.cutAt({ ...point, nth: 1 + roll(40) }).then(() => victim.kill())
    }
    await victim.closed
    clearInterval(timer)
    await proxy.until(() => proxy.links === 0)
  }

  try {
    for (let round = 0; round < rounds; round += 1) {
      await live(false)
      log(`round ${round}: ${handled.size} of ${sent} handled, ${repeated} repeated`)
    }
    await live(true)
  } finally {
    await sender.disconnect()
    await proxy.close()
    await rm(folder, { recursive: true })
  }
  const all = Array.from({ length: sent }, (_, i) => `${i}`)
  const lost = all.filter((text) => !handled.has(text))
  return { kills: rounds, sent, lost, doubled, repeated, warnings }
}

/**
 * Chooses what kills a victim: the nth packet of a type, or the nth line that begins with a word; at once,
 * or a moment later.
 * @returns to be told of each line
 */
function armed(
  roll: Dice,
  proxy: FaultProxy,
  victim: Victim,
  words: readonly string[],
): (what: string) => void {
  const choice = roll(TRIGGERS.length + words.length)
  const packet = TRIGGERS[choice]
  const word = words[choice - TRIGGERS.length]
  const isAtOnce = roll(4) === 0
  const delayMs = roll(3) === 0 ? roll(6) : 0
  let turns = roll(30)
  let left = 1 + roll(word === 'opened' || word === 'ready' ? 1 : 40)
  const count = (): void => {
    left -= 1
    if (left !== 0) return
    if (isAtOnce) victim.kill()
    else if (delayMs > 0) setTimeout(() => victim.kill(), delayMs)
    else killSoon()
  }
  // Less than the milliseconds of a timer.
  const killSoon = (): void => {
    turns -= 1
    if (turns < 0) victim.kill()
    else setImmediate(killSoon)
  }
  const stop = proxy.watch(({ packet: { type } }) => {
    if (type === packet) count()
  })
  void victim.closed.then(stop)
  return (what) => {
    if (what === word) count()
  }
}

/** Where the messages are that a dead writer has left. */
async function momentsOf(folder: string, proxy: FaultProxy): Promise<Set<Moment>> {
  const moments = new Set<Moment>()
  const copy = `${folder}-copy`
  // Not the lock: it names a dead process, and its socket is no file that could be copied.
  const filter = (path: string): boolean => !basename(path).startsWith('lock')
  await cp(folder, copy, { recursive: true, filter })
  const outbox = new Outbox(new FileStore(copy, { segmentBytes: 4096, reserveBytes: 0 }))
  const { state, lowest } = await outbox.open()
  const records = new EntryRecords()
  const packetIds = new Map<number, number>()
  const released = new Set<number>()
  for (const [key, value] of state) {
    if (!key.startsWith('o')) continue
    const { seq, state: stage } = readJson<StoredStage>(value)
    packetIds.set(seq, Number(key.slice(1)))
    if (stage === 'released') released.add(seq)
  }
  const { published, releases } = seenBy(proxy)
  for (const [seq, body] of await outbox.read(lowest, 10_000)) {
    const { payload } = records.decode(body, { now: 0, epoch: 0 })
    const isSent = published.has(Buffer.from(payload as Uint8Array).toString())
    const packetId = packetIds.get(seq)
    if (released.has(seq)) {
      moments.add(releases.has(packetId as number) ? 'PUBREL sent' : 'PUBREC known')
    } else if (isSent) moments.add('PUBLISH sent')
    else moments.add(packetId === undefined ? 'queued' : 'id bound')
  }
  await outbox.close()
  await rm(copy, { recursive: true })
  return moments
}

/** What the link has seen in one life: payloads, and packet ids whose last exchange got to PUBREL. */
function seenBy(proxy: FaultProxy): {
  readonly published: ReadonlySet<string>
  readonly releases: ReadonlySet<number>
} {
  const published = new Set<string>()
  const releases = new Set<number>()
  for (const { packet, direction } of proxy.record) {
    if (direction !== 'to-server') continue
    if (packet.type === PacketType.PUBLISH) {
      published.add(Buffer.from(packet.payload).toString())
      releases.delete(packet.packetId)
    } else if (packet.type === PacketType.PUBREL) releases.add(packet.packetId)
  }
  return { published, releases }
}
