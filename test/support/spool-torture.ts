// `umqtt pub -l --outbox` under everything at once: a server that is restarted in good order, a link that is cut,
// and the command itself killed with -9 and started again, from a file or from a pipe. Every line has to reach
// the subscriber, in order, once.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { PacketType } from '../../src/codec/packets.ts'
import { MQTTClient } from '../../src/robust.node.ts'
import { FaultProxy } from '../../src/testing/fault-proxy.ts'
import { startServer, type TestServer } from './servers.ts'
import { type Dice, dice } from './simulated-disk.ts'

/** How it is run. */
export interface SpoolOptions {
  readonly source: 'file' | 'pipe'
  readonly lines: number
  readonly seed: number
  /** How often the command is killed, the server restarted, and the link cut. */
  readonly kills: number
  readonly restarts: number
  readonly cuts: number
  /** Told how it goes. */
  readonly log?: (line: string) => void
}

/** What came of it. */
export interface SpoolSummary {
  readonly received: number
  /** The first numbers that came when another was due. */
  readonly wrong: readonly string[]
  readonly kills: number
  readonly restarts: number
  readonly cuts: number
  /** Lines that were stored, and that the feeder had not been told of before the command was killed. */
  readonly untold: number
  /** What the last run said, and how it ended. */
  readonly said: string
  readonly code: number | null
  readonly seconds: number
}

const MAIN = 'dist/cli/main.js'
const TOPIC = 'spool/lines'
/** Deviations that are kept to be told. */
const WRONG_KEPT = 10
/** Bytes of a line beside its number: like a line of a log. */
const FILLING = ' 2026-01-01T00:00:00Z door opened and closed again by somebody'

const lineOf = (number: number): string => `${number}${FILLING}\n`

/** Moments, spread by dice over all that is to pass: sorted counts of packets. */
function moments(roll: Dice, count: number, over: number): number[] {
  return Array.from({ length: count }, () => 1 + roll(over)).sort((a, b) => a - b)
}

/** One life of the command. */
class Publisher {
  readonly closed: Promise<readonly [code: number | null]>
  /** The first number that it reports. */
  readonly begun: Promise<number>
  stored = 0
  said = ''
  readonly #child: ChildProcess

  constructor(args: readonly string[], stdin: number | 'pipe', handle: (stored: number) => void) {
    this.#child = spawn(process.execPath, [MAIN, 'pub', ...args], {
      stdio: [stdin, 'inherit', 'pipe', 'pipe'],
    })
    const progress = createInterface(this.#child.stdio[3] as Readable)
    this.begun = once(progress, 'line').then(([line]) => Number(line))
    // It may be killed before it reports anything.
    this.begun.catch(() => undefined)
    progress.on('line', (line) => {
      this.stored = Number(line)
      handle(this.stored)
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.said += text))
    const ended = Promise.all([once(this.#child, 'close'), once(progress, 'close')])
    this.closed = ended.then(([[code]]) => [code as number | null])
  }

  /** Feeds lines to its standard input, no faster than it takes them. */
  async feed(from: number, to: number): Promise<void> {
    const { stdin } = this.#child
    if (stdin === null) return
    // It may be killed in the middle.
    stdin.on('error', () => undefined)
    const gone = new Promise<void>((resolve) => stdin.once('close', resolve))
    for (let number = from; number <= to && !stdin.destroyed; number += 1) {
      if (!stdin.write(lineOf(number))) {
        await Promise.race([gone, new Promise<void>((resolve) => stdin.once('drain', resolve))])
      }
    }
    stdin.end()
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

/** Runs it to the end. */
export async function tortureSpool(options: SpoolOptions): Promise<SpoolSummary> {
  const { source, lines, seed, log = () => undefined } = options
  const begin = performance.now()
  const roll = dice(seed)
  const folder = await mkdtemp(join(tmpdir(), 'umqtt-spool-'))
  const server = await startServer('mosquitto', { anonymous: true, persistence: 'at-the-end' })
  const port = Number(new URL(server.urls.tcp as string).port)
  const proxy = await FaultProxy.start({ port }, { recordMax: 100 })
  const witness = new Witness(port, lines)
  const trouble = new Trouble(options, roll, proxy, server, log)
  const file = join(folder, 'lines')
  const args = ['-p', `${proxy.port}`, '-t', TOPIC, '-l', '-q', '2', '--progress', '3']
  args.push('--outbox', join(folder, 'outbox'), '--retry-min', '10ms', '--retry-max', '200ms')
  // Little waits, so that it is killed while it reads.
  args.push('--window', '50', '--outbox-messages', '300')
  let untold = 0
  let known = 0
  /** One life. @returns how it ended, if it was not killed */
  const live = async (round: number): Promise<Publisher | undefined> => {
    // One feeder knows what it has fed, the other asks.
    const asks = source === 'pipe' && round % 2 === 1
    const more = source === 'pipe' && !asks ? ['--first-line', `${known + 1}`] : []
    const handle = source === 'file' ? await open(file) : undefined
    const publisher = new Publisher([...args, ...more], handle?.fd ?? 'pipe', (stored) => {
      known = stored
    })
    trouble.victim = publisher
    if (source === 'pipe') {
      const before = known
      const from = asks ? await publisher.begun.catch(() => undefined) : before
      if (from !== undefined) void publisher.feed(from + 1, lines)
      await publisher.closed
      untold += (from ?? before) - before
    } else await publisher.closed
    await handle?.close()
    trouble.victim = undefined
    return trouble.takeKilled() ? undefined : publisher
  }
  try {
    if (source === 'file') {
      const all = Array.from({ length: lines }, (_, i) => lineOf(i + 1))
      await writeFile(file, all.join(''))
    }
    await witness.start()
    let last: Publisher | undefined
    for (let round = 0; last === undefined; round += 1) {
      last = await live(round)
      log(`life ${round}: ${known} stored, ${witness.received} received`)
    }
    await trouble.over()
    const [code] = await last.closed
    if (code === 0) await witness.complete
    return {
      received: witness.received,
      wrong: witness.wrong,
      ...trouble.counts,
      untold,
      said: last.said.trim(),
      code,
      seconds: (performance.now() - begin) / 1000,
    }
  } finally {
    await witness.stop()
    await proxy.close()
    await server.remove()
    await rm(folder, { recursive: true })
  }
}

/** The subscriber: every number is due once, in order. */
class Witness {
  readonly #client: MQTTClient
  readonly #lines: number
  readonly wrong: string[] = []
  readonly complete: Promise<void>
  received = 0
  #due = 1
  #done: () => void = () => undefined

  constructor(port: number, lines: number) {
    this.#client = new MQTTClient('spool-witness', `mqtt://127.0.0.1:${port}`, {
      reconnect: { floorMs: 10, capMs: 100 },
    })
    this.#lines = lines
    this.complete = new Promise((resolve) => (this.#done = resolve))
  }

  async start(): Promise<void> {
    await this.#client.connect()
    await this.#client.subscribe(TOPIC, { qos: 2 }, (_topic, payload) => this.#take(payload))
  }

  #take(payload: Uint8Array): void {
    const text = new TextDecoder().decode(payload)
    this.received += 1
    if (`${text}\n` !== lineOf(this.#due)) {
      if (this.wrong.length < WRONG_KEPT) this.wrong.push(`"${text}" when ${this.#due} was due`)
      this.#due = Number.parseInt(text, 10)
    }
    this.#due += 1
    if (this.#due > this.#lines) this.#done()
  }

  async stop(): Promise<void> {
    await this.#client[Symbol.asyncDispose]()
  }
}

/** What goes wrong, at counts of packets that dice have chosen. */
class Trouble {
  victim: Publisher | undefined
  readonly #proxy: FaultProxy
  readonly #server: TestServer
  readonly #log: (line: string) => void
  readonly #counts = { kills: 0, restarts: 0, cuts: 0 }
  #wasKilled = false
  #restarting: Promise<void> = Promise.resolve()

  constructor(
    { lines, kills, restarts, cuts }: SpoolOptions,
    roll: Dice,
    proxy: FaultProxy,
    server: TestServer,
    log: (line: string) => void,
  ) {
    this.#proxy = proxy
    this.#server = server
    this.#log = log
    // PUBLISH, PUBREC, PUBREL, PUBCOMP.
    const packets = lines * 4
    const plans: readonly (readonly [number[], () => void])[] = [
      [moments(roll, kills, packets), () => this.#kill(roll(30))],
      [moments(roll, restarts, packets), () => this.#restart()],
      [moments(roll, cuts, packets), () => this.#cut()],
    ]
    let passed = 0
    proxy.watch(({ packet: { type } }) => {
      if (type < PacketType.PUBLISH || type > PacketType.PUBCOMP) return
      passed += 1
      for (const [due, happen] of plans) {
        if (due[0] === undefined || passed < due[0]) continue
        due.shift()
        happen()
      }
    })
  }

  get counts(): { readonly kills: number; readonly restarts: number; readonly cuts: number } {
    return this.#counts
  }

  /** Whether the life that has ended was ended here. */
  takeKilled(): boolean {
    const was = this.#wasKilled
    this.#wasKilled = false
    return was
  }

  /** Nothing is under way any more. */
  over(): Promise<void> {
    return this.#restarting
  }

  /** @param turns of the event loop until then: less than the milliseconds of a timer */
  #kill(turns: number): void {
    const { victim } = this
    if (victim === undefined || this.#wasKilled) return
    if (turns > 0) {
      setImmediate(() => this.victim === victim && this.#kill(turns - 1))
      return
    }
    this.#wasKilled = true
    this.#counts.kills += 1
    victim.kill()
  }

  #cut(): void {
    this.#counts.cuts += 1
    this.#proxy.cut()
  }

  /** In good order, and again at once: it keeps what it has. */
  #restart(): void {
    this.#restarting = this.#restarting.then(async () => {
      this.#counts.restarts += 1
      this.#log(`restart ${this.#counts.restarts}`)
      await this.#server.stop()
      await this.#server.start()
    })
  }
}
