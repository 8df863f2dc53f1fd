// A link that fails on demand: a TCP proxy on the loopback interface between an MQTT client and a server.
// It cuts before or after a packet or at a byte, stalls, drips, swallows, refuses, and heals again; and
// keeps a record of the packets that came by, which says what either side can have known.
// It changes no byte and answers nothing by itself; it knows packets, but no sessions. Plain TCP alone:
// within TLS or WebSocket it sees bytes and no packets.

import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { PacketType } from '../codec/packets.ts'
import { checkKeys, integer, oneOf, refuse } from '../simple/checks.ts'
import { LONGEST_TIMER_MS } from '../simple/constants.ts'
import { type Drip, type Flow, Link, type UnjudgedPacket } from './fault-link.ts'
import type {
  CutPoint,
  Direction,
  FaultProxyOptions,
  PassedPacket,
  ProxyTarget,
} from './fault-types.ts'

const LOOPBACK = '127.0.0.1'
const DEFAULT_RECORD_MAX = 100_000

const checkDirection = oneOf<Direction>('to-server', 'to-client')
const checkPort = integer(1, 65_535)
const checkPositive = integer(1, Number.MAX_SAFE_INTEGER)
const checkByte = integer(0, Number.MAX_SAFE_INTEGER)
const checkEveryMs = integer(0, LONGEST_TIMER_MS)
const checkWhen = oneOf<'before' | 'after'>('before', 'after')

/** What new connections meet. */
type Door = 'open' | 'closing' | 'silent'

interface ArmedCut {
  readonly point: CutPoint
  /** How many of the type are still to come. */
  left: number
  readonly done: () => void
}

/**
 * A proxy in front of one server, whose link fails when it is told to. It listens on 127.0.0.1, reads MQTT over
 * plain TCP, and passes on every byte as it came until a fault is asked for; within TLS or WebSocket it sees bytes
 * and no packets. Faults hold for all connections until `heal`.
 *
 * @example
 * ```js types
 * import { PacketType } from 'umqtt/codec'
 * import { MQTTClient } from 'umqtt/robust'
 * import { FaultProxy } from 'umqtt/testing'
 *
 * const proxy = await FaultProxy.start({ port: 1883 })
 * const client = new MQTTClient('hall-1', proxy.url)
 * const cut = proxy.cutAt({ direction: 'to-client', when: 'before', type: PacketType.PUBACK })
 * const receipt = client.publish('hall/light', 'on')
 * await cut // the server has it, the client cannot know
 * console.log(await receipt.settled)
 * await Promise.all([client.disconnect(), proxy.close()])
 * ```
 */
export class FaultProxy {
  readonly #target: { readonly host: string; readonly port: number }
  readonly #server: Server
  readonly #links = new Set<Link>()
  readonly #unlinked = new Set<Socket>()
  readonly #recordMax: number
  readonly #flows: Record<Direction, Flow> = { 'to-server': 'open', 'to-client': 'open' }
  readonly #watchers = new Set<(passed: PassedPacket) => void>()
  #record: PassedPacket[] = []
  #cuts: ArmedCut[] = []
  #waiting: { readonly condition: () => boolean; readonly resolve: () => void }[] = []
  #door: Door = 'open'
  #drip: Drip | undefined
  #port = 0
  #connections = 0

  private constructor(host: string, port: number, recordMax: number) {
    this.#target = { host, port }
    this.#recordMax = recordMax
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client))
  }

  /**
   * Listens on a free port of 127.0.0.1. The server need not be there yet: it is dialled for each connection.
   * @param target the server
   * @param options as {@link FaultProxyOptions} says
   * @returns the proxy, which listens; to be closed
   * @throws {TypeError} @throws {RangeError} the target or an option cannot be used
   * @throws what the system says when it cannot listen
   */
  static async start(target: ProxyTarget, options: FaultProxyOptions = {}): Promise<FaultProxy> {
    if (typeof target !== 'object' || target === null) refuse('target', target, 'give an object')
    const { host = LOOPBACK, port } = target
    if (typeof host !== 'string' || host === '')
      refuse('target.host', host, 'give a name or address')
    checkKeys('options', options, { recordMax: true })
    const { recordMax = DEFAULT_RECORD_MAX } = options
    checkPositive('options.recordMax', recordMax)
    const proxy = new FaultProxy(host, checkPort('target.port', port), recordMax)
    await proxy.#listen()
    return proxy
  }

  /** Where it listens; the same over `refuse` and `heal`. */
  get port(): number {
    return this.#port
  }

  /** `mqtt://127.0.0.1:` and the port: what a client is given. */
  get url(): string {
    return `mqtt://${LOOPBACK}:${this.#port}`
  }

  /** The packets that came by, in the order in which the proxy had them. */
  get record(): readonly PassedPacket[] {
    return this.#record
  }

  /** Connections so far, those included that came to nothing. */
  get connections(): number {
    return this.#connections
  }

  /** Connections that both sides have now. */
  get links(): number {
    return this.#links.size
  }

  /** Forgets the record. */
  clear(): void {
    this.#record = []
  }

  /**
   * Told of each packet after it went on, or was cut off.
   * @param listener gets the packet
   * @returns what ends it
   */
  watch(listener: (passed: PassedPacket) => void): () => void {
    this.#watchers.add(listener)
    return () => void this.#watchers.delete(listener)
  }

  /**
   * Waits for a condition, which is looked at whenever a connection comes or goes and after each packet.
   * @param condition such as `() => proxy.links === 0`
   */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ condition, resolve }))
  }

  /** Cuts every connection; both sides see it. */
  cut(): void {
    for (const link of [...this.#links]) link.destroy()
    for (const socket of this.#unlinked) socket.destroy()
  }

  /**
   * Cuts a connection, once, when it gets to a point. What went before it arrives; of what comes after
   * it, nothing does. Several may be asked for; each happens once.
   * @param point a packet or a byte
   * @returns settles when it has happened; never, if the point is not reached before `close`
   * @throws {TypeError} @throws {RangeError} at the call: there can be no such point
   */
  cutAt(point: CutPoint): Promise<void> {
    checkPoint(point)
    const left = 'byte' in point ? 0 : (point.nth ?? 1)
    return new Promise((done) => this.#cuts.push({ point, left, done }))
  }

  /**
   * Holds back the bytes of one direction, or of both when none is named; nobody is told. New connections
   * meet it too.
   * @param directions those that are held back. @default both
   * @throws {TypeError} that is no direction
   */
  stall(...directions: readonly Direction[]): void {
    for (const direction of directions) checkDirection('direction', direction)
    this.#setFlows('stalled', directions)
  }

  /** As `stall`, but what is sent is gone, and new connections are accepted and hear nothing. */
  blackHole(): void {
    this.#setFlows('swallowed', [])
    this.#door = 'silent'
  }

  /**
   * Lets a few bytes pass at a time, in both directions.
   * @param bytes how many, 1 and up
   * @param everyMs after how many milliseconds each time, 0 to 2,147,483,647
   * @throws {TypeError} @throws {RangeError} one of them is no such number
   */
  drip(bytes: number, everyMs: number): void {
    checkPositive('bytes', bytes)
    checkEveryMs('everyMs', everyMs)
    this.#drip = { bytes, everyMs }
    for (const link of this.#links) link.pump()
  }

  /** New connections are refused by the kernel; those that there are go on. */
  async refuse(): Promise<void> {
    if (!this.#server.listening) return
    // It is closed for others at once; its event waits for the connections that there are.
    this.#server.close()
  }

  /** New connections are accepted and closed at once; those that there are go on. */
  acceptThenClose(): void {
    this.#door = 'closing'
  }

  /** All is well again: what was held back goes on; connections that have lost bytes are cut. */
  async heal(): Promise<void> {
    this.#door = 'open'
    this.#drip = undefined
    this.#setFlows('open', [])
    for (const socket of this.#unlinked) socket.destroy()
    if (!this.#server.listening) await this.#listen()
  }

  /** Ends everything. */
  async close(): Promise<void> {
    this.#cuts = []
    this.cut()
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }

  async #listen(): Promise<void> {
    this.#server.listen({ host: LOOPBACK, port: this.#port })
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (typeof address === 'object' && address !== null) this.#port = address.port
  }

  #accept(client: Socket): void {
    this.#connections += 1
    const connection = this.#connections
    client.on('error', ignore)
    if (this.#door === 'open') {
      const link = new Link(client, this.#dial(), connection, {
        flow: (direction) => this.#flows[direction],
        drip: () => this.#drip,
        judge: (passed, bytes) => this.#judge(passed, bytes),
        handleLost: (passed) => this.#keep({ ...passed, forwarded: false }),
        over: (over) => {
          this.#links.delete(over)
          this.#look()
        },
      })
      this.#links.add(link)
    } else if (this.#door === 'closing') client.destroy()
    else {
      this.#unlinked.add(client.resume())
      client.once('close', () => this.#unlinked.delete(client))
    }
    this.#look()
  }

  #dial(): Socket {
    return connect({ ...this.#target, noDelay: true }).on('error', ignore)
  }

  #setFlows(flow: Flow, directions: readonly Direction[]): void {
    const both: readonly Direction[] = ['to-server', 'to-client']
    for (const one of directions.length > 0 ? directions : both) this.#flows[one] = flow
    for (const link of [...this.#links]) link.handleFlow()
  }

  /** Writes a packet down. Gives how many of its bytes may pass when the link is cut there. */
  #judge(passed: UnjudgedPacket, bytes: readonly [number, number]): number | undefined {
    const found = this.#cuts.find((cut) => isAt(cut, passed, bytes))
    const verdict = found === undefined ? undefined : allowed(found.point, bytes)
    this.#keep({ ...passed, forwarded: verdict === undefined || verdict === bytes[1] - bytes[0] })
    if (found === undefined) return undefined
    this.#cuts = this.#cuts.filter((cut) => cut !== found)
    found.done()
    return verdict
  }

  #keep(passed: PassedPacket): void {
    this.#record.push(passed)
    if (this.#record.length > this.#recordMax) {
      this.#record = this.#record.slice(-Math.ceil(this.#recordMax / 2))
    }
    for (const watcher of this.#watchers) watcher(passed)
    this.#look()
  }

  #look(): void {
    this.#waiting = this.#waiting.filter(({ condition, resolve }) => {
      const met = condition()
      if (met) resolve()
      return !met
    })
  }
}

/** @throws {TypeError} @throws {RangeError} there can be no such point */
function checkPoint(point: CutPoint): void {
  if (typeof point !== 'object' || point === null) refuse('point', point, 'give an object')
  checkDirection('point.direction', point.direction)
  if ('byte' in point) {
    checkKeys('point', point, { direction: true, byte: true })
    checkByte('point.byte', point.byte)
    return
  }
  const type = oneOf<number>(...Object.values(PacketType))
  checkKeys('point', point, { direction: true, when: true, type: true, nth: true })
  checkWhen('point.when', point.when)
  type('point.type', point.type)
  checkPositive('point.nth', point.nth ?? 1)
}

function isAt(
  cut: ArmedCut,
  { direction, packet }: UnjudgedPacket,
  [start, end]: readonly [number, number],
): boolean {
  const { point } = cut
  if (point.direction !== direction) return false
  if ('byte' in point) return point.byte >= start && point.byte < end
  if (point.type !== packet.type) return false
  cut.left -= 1
  return cut.left === 0
}

function allowed(point: CutPoint, [start, end]: readonly [number, number]): number {
  if ('byte' in point) return point.byte - start
  return point.when === 'before' ? 0 : end - start
}

function ignore(): void {
  // Its close tells.
}
