// The network between one device and its servers: every connection is two lanes of bytes in virtual time,
// which faults slow down, hold up, swallow or cut. Rule: bytes of one lane arrive in their order or not at
// all; once some were swallowed, the connection is reset as soon as anything passes again, as TCP ends one
// whose bytes are missing. It knows bytes and no packets.

import { memoryPair, type MemoryPair } from '../transport/memory.ts'
import type {
  ServerAddress,
  Transport,
  TransportFactory,
  TransportHandler,
  TransportOptions,
} from '../transport/transport.ts'
import type { LinkFaults } from './faults.ts'
import type { LifeView } from './life.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

/** What a network holds of one lane before it makes the sender wait, as kernels do. */
const BUFFER_BYTES = 65_536
/** The most pieces that are made of what is sent at once. */
const PIECES_MAX = 64
/** One way without faults, ms. */
const LATENCY_MS = 10

/** The server's end of a connection, given to it. */
export interface ServerPipe {
  write(bytes: Uint8Array): void
  /** Ends in good order after what was written. */
  close(): void
  /** Resets the connection. */
  destroy(): void
}

/** What the server makes of a connection. */
export interface ServerEnd {
  received(bytes: Uint8Array): void
  /** The connection has ended. @param orderly by the other side, after what it had sent */
  closed(orderly: boolean): void
}

/** A server as the network sees it. */
export interface Endpoint {
  readonly up: boolean
  accept(pipe: ServerPipe): ServerEnd
}

/** All servers by the name of their host. */
export type Internet = ReadonlyMap<string, Endpoint>

/** What becomes of who dials. */
type Dialling = 'accept' | 'acceptThenClose' | 'refuse' | 'ignore'

/** The network of one device. */
export class Link {
  readonly #world: World
  readonly #internet: Internet
  readonly #random: Random
  readonly #faults: LinkFaults
  readonly #connections = new Set<Connection>()
  /** How many episodes of each kind are under way. */
  readonly #episodes = new Map<keyof LinkFaults, number>()
  readonly #name: string

  constructor(world: World, internet: Internet, random: Random, faults: LinkFaults, name: string) {
    this.#world = world
    this.#internet = internet
    this.#random = random
    this.#faults = faults
    this.#name = name
  }

  /** Gives what a process dials with. */
  factory(user: LifeView): TransportFactory {
    return (address, handler, options) => this.#dial(address, handler, options, user)
  }

  /** Whether nothing reaches the device because it sleeps. */
  asleep = false

  wake(): void {
    this.asleep = false
    for (const connection of this.#connections) connection.handleChange()
  }

  isOn(kind: keyof LinkFaults): boolean {
    return !this.#world.healed && (this.#episodes.get(kind) ?? 0) > 0
  }

  begin(kind: keyof LinkFaults): void {
    this.#episodes.set(kind, (this.#episodes.get(kind) ?? 0) + 1)
  }

  end(kind: keyof LinkFaults): void {
    this.#episodes.set(kind, (this.#episodes.get(kind) ?? 1) - 1)
    for (const connection of this.#connections) connection.handleChange()
  }

  /** Resets what is connected. */
  cut(): void {
    for (const connection of this.#connections) connection.reset()
  }

  /** How long nothing has come in on the connection that the process has, ms; 0 without one. */
  silentMs(awakeSince: number): number {
    for (const { heardAt, isAbandoned } of this.#connections) {
      if (heardAt === undefined || isAbandoned) continue
      return Math.max(0, this.#world.now - Math.max(heardAt, awakeSince))
    }
    return 0
  }

  /** Nothing is wrong any more; what was swallowed is gone. */
  heal(): void {
    this.#episodes.clear()
    for (const connection of this.#connections) connection.handleChange()
  }

  /** The process has died: its kernel resets its connections, unless the power is gone with it. */
  handleCrash(power: boolean): void {
    for (const connection of this.#connections) connection.abandon(power)
  }

  /** How long one way takes now. */
  delayMs(): number {
    const { latency } = this.#faults
    if (this.#world.healed || latency === undefined) return LATENCY_MS
    this.#world.count('link.latency')
    return latency.latencyMs + this.#random.integer(0, latency.jitterMs)
  }

  /** How long it takes to send so many bytes, ms. */
  sendingMs(bytes: number): number {
    const { bandwidth } = this.#faults
    if (this.#world.healed || bandwidth === undefined) return 0
    this.#world.count('link.bandwidth')
    return (bytes * 1000) / bandwidth.bytesPerSecond
  }

  /** How many bytes pass at a time: few in a drip, and a quarter of a second of what a slow link carries. */
  pieceBytes(length: number): number {
    const { drip, bandwidth } = this.#faults
    const least = Math.ceil(length / PIECES_MAX)
    if (this.isOn('drip')) return Math.max(drip?.bytes ?? 1, least)
    if (this.#world.healed || bandwidth === undefined) return length
    return Math.max(Math.ceil(bandwidth.bytesPerSecond / 4), least)
  }

  #dial(
    address: ServerAddress,
    handler: TransportHandler,
    options: TransportOptions,
    user: LifeView,
  ): Transport {
    const endpoint = this.#internet.get(address.host)
    const dialling = this.#dialling(endpoint)
    const { cutAtByte } = this.#faults
    const cutAt =
      cutAtByte !== undefined && !this.#world.healed && this.#random.chance(cutAtByte.probability)
        ? this.#random.exponential(cutAtByte.bytes)
        : Infinity
    const connection = new Connection({
      world: this.#world,
      link: this,
      name: `${this.#name} ${address.host}`,
      endpoint,
      dialling,
      cutAt,
      cutsToServer: this.#random.chance(0.5),
      user,
      over: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
    return connection.dial(address, handler, options)
  }

  #dialling(endpoint: Endpoint | undefined): Dialling {
    if (this.isOn('partition') || this.isOn('blackHole')) return 'ignore'
    if (this.isOn('refuse') || endpoint?.up !== true) return 'refuse'
    return this.isOn('acceptThenClose') ? 'acceptThenClose' : 'accept'
  }
}

interface ConnectionOptions {
  readonly world: World
  readonly link: Link
  readonly name: string
  readonly endpoint: Endpoint | undefined
  readonly dialling: Dialling
  /** Bytes of one direction after which it is reset. */
  readonly cutAt: number
  readonly cutsToServer: boolean
  readonly user: LifeView
  readonly over: () => void
}

/** One connection: the client's transport, two lanes, and the server's end. */
class Connection {
  readonly #options: ConnectionOptions
  readonly #pair: MemoryPair
  readonly #toServer: Lane
  readonly #toDevice: Lane
  #server: ServerEnd | undefined
  #dialled = false
  #isOver = false
  isAbandoned = false
  /** When the process last heard anything on it; undefined before it is open, and when it is over. */
  heardAt: number | undefined
  #cutToServer: number
  #cutToDevice: number

  constructor(options: ConnectionOptions) {
    this.#options = options
    const { world, link, dialling, cutAt, cutsToServer } = options
    this.#cutToServer = cutsToServer ? cutAt : Infinity
    this.#cutToDevice = cutsToServer ? Infinity : cutAt
    this.#toServer = new Lane(world, link, 'halfOpenToServer', {
      deliver: (bytes) => this.#deliverToServer(bytes),
      end: () => this.#endToServer(true),
      reset: () => this.#endToServer(false),
      changed: () => this.#handleLane(),
    })
    this.#toDevice = new Lane(world, link, 'halfOpenToDevice', {
      deliver: (bytes) => this.#deliverToDevice(bytes),
      end: () => this.#pair.peer.close(),
      reset: () => this.#pair.peer.destroy(),
      changed: () => undefined,
    })
    this.#pair = memoryPair({
      schedule: (step) => this.#schedule(step),
      bufferBytes: BUFFER_BYTES,
      dialling: dialling === 'acceptThenClose' ? 'accept' : dialling,
    })
    const { peer } = this.#pair
    peer.answersEnd = false
    peer.onOpen = () => this.#handleOpened()
    peer.onData = (bytes) => this.#send(bytes)
    peer.onEnd = (error) => this.#handleClientEnd(error === undefined)
  }

  dial(address: ServerAddress, handler: TransportHandler, options: TransportOptions): Transport {
    return this.#pair.dial(address, this.#guard(handler), options)
  }

  /** Both ends are told that it is over, where anything still passes. */
  reset(): void {
    if (this.#isOver) return
    this.#toServer.cut()
    this.#toDevice.cut()
    this.#pair.peer.destroy()
    this.#endToServer(false)
    this.#finish()
  }

  /** Something about the link is different now. */
  handleChange(): void {
    if (this.#isOver) return
    if (this.#toServer.isBroken || this.#toDevice.isBroken) {
      if (this.isAbandoned) this.#endToServer(false)
      else this.reset()
      return
    }
    this.#toServer.pump()
    this.#toDevice.pump()
  }

  /** The device's end has died. */
  abandon(power: boolean): void {
    this.isAbandoned = true
    this.#toDevice.cut()
    if (power) this.#toServer.cut()
    else this.#toServer.reset()
  }

  /** Dialling takes a way there and back; everything within the device takes no time. */
  #schedule(step: () => void): void {
    if (this.#dialled) {
      void Promise.resolve().then(step)
      return
    }
    this.#dialled = true
    const { user, link } = this.#options
    user.later(2 * link.delayMs(), step)
  }

  #handleOpened(): void {
    const { world, endpoint, dialling, link } = this.#options
    if (dialling === 'acceptThenClose') {
      world.agenda.after(link.delayMs(), () => this.reset())
      return
    }
    if (endpoint?.up !== true) {
      this.reset()
      return
    }
    this.#server = endpoint.accept({
      write: (bytes) => this.#toDevice.push(bytes),
      close: () => this.#toDevice.end(),
      destroy: () => this.#toDevice.reset(),
    })
  }

  #send(bytes: Uint8Array): void {
    this.#options.user.step()
    this.#toServer.push(bytes)
    this.#handleLane()
  }

  /** The client waits while the network has no room. */
  #handleLane(): void {
    const stalled = this.#toServer.waitingBytes > BUFFER_BYTES
    if (this.#pair.toPeer.stalled !== stalled) this.#pair.toPeer.stalled = stalled
  }

  #deliverToServer(bytes: Uint8Array): void {
    if (this.#options.world.healed) this.#cutToServer = Infinity
    const passing = bytes.subarray(0, Math.max(0, this.#cutToServer))
    this.#cutToServer -= bytes.length
    if (passing.length > 0) this.#server?.received(passing)
    if (this.#cutToServer <= 0) this.#cutAtByte(this.#toServer)
  }

  #deliverToDevice(bytes: Uint8Array): void {
    this.#options.user.step()
    if (this.#options.world.healed) this.#cutToDevice = Infinity
    const passing = bytes.subarray(0, Math.max(0, this.#cutToDevice))
    this.#cutToDevice -= bytes.length
    if (passing.length > 0) this.#pair.peer.write(passing)
    if (this.#cutToDevice <= 0) this.#cutAtByte(this.#toDevice)
  }

  #cutAtByte(lane: Lane): void {
    const { world, name } = this.#options
    lane.cut()
    world.fire('link.cutAtByte', name)
    // The device is told after it has got what passed.
    world.agenda.after(0, () => this.reset())
  }

  #handleClientEnd(orderly: boolean): void {
    if (orderly) this.#toServer.end()
    else {
      this.#toDevice.cut()
      this.#toServer.reset()
    }
  }

  #endToServer(orderly: boolean): void {
    const server = this.#server
    this.#server = undefined
    server?.closed(orderly)
    if (!orderly) this.#finish()
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.over()
  }

  /** A process that has died hears nothing more. */
  #guard(handler: TransportHandler): TransportHandler {
    const { user, world } = this.#options
    return {
      opened: () => {
        this.heardAt = world.now
        if (user.alive()) handler.opened()
      },
      received: (bytes, length) => {
        this.heardAt = world.now
        if (user.alive()) handler.received(bytes, length)
      },
      written: () => void (user.alive() && handler.written()),
      closed: (error) => {
        this.heardAt = undefined
        this.#toDevice.cut()
        if (this.#server === undefined) this.#finish()
        if (user.alive()) handler.closed(error)
      },
    }
  }
}

/** What a lane does at its far end. */
interface LaneEnd {
  deliver(bytes: Uint8Array): void
  end(): void
  reset(): void
  /** Something has arrived. */
  changed(): void
}

/** One direction: bytes that arrive later. */
class Lane {
  waitingBytes = 0
  /** Whether some were swallowed while others may pass. */
  get isBroken(): boolean {
    return this.#hasLost && !this.#isSwallowing
  }
  readonly #world: World
  readonly #link: Link
  readonly #halfOpen: 'halfOpenToServer' | 'halfOpenToDevice'
  readonly #far: LaneEnd
  /** What has come to the far end while it was held up, in order. */
  readonly #held: (() => void)[] = []
  #arrivesAt = 0
  #hasLost = false
  #isCut = false

  constructor(
    world: World,
    link: Link,
    halfOpen: 'halfOpenToServer' | 'halfOpenToDevice',
    far: LaneEnd,
  ) {
    this.#world = world
    this.#link = link
    this.#halfOpen = halfOpen
    this.#far = far
  }

  push(bytes: Uint8Array): void {
    if (this.#swallows()) return
    const piece = this.#link.pieceBytes(bytes.length)
    for (let start = 0; start < bytes.length; start += piece) {
      const part = piece < bytes.length ? bytes.subarray(start, start + piece) : bytes
      this.waitingBytes += part.length
      this.#later(this.#link.sendingMs(part.length) + (piece < bytes.length ? 1 : 0), () => {
        this.waitingBytes -= part.length
        this.#far.deliver(part)
        this.#far.changed()
      })
    }
  }

  /** The end of the stream, after what was pushed. */
  end(): void {
    if (!this.#swallows()) this.#later(0, () => this.#far.end())
  }

  /** A reset, which overtakes nothing here. */
  reset(): void {
    if (!this.#swallows()) this.#later(0, () => this.#far.reset())
  }

  /** Nothing arrives any more. */
  cut(): void {
    this.#isCut = true
    this.#held.length = 0
    this.waitingBytes = 0
  }

  /** Delivers what was held up. */
  pump(): void {
    while (this.#held.length > 0 && !this.#isHeldUp) this.#held.shift()?.()
  }

  get #isHeldUp(): boolean {
    const sleeps = this.#link.asleep && this.#halfOpen === 'halfOpenToDevice'
    return sleeps || this.#link.isOn('stall')
  }

  get #isSwallowing(): boolean {
    return this.#link.isOn(this.#halfOpen) || this.#link.isOn('partition')
  }

  #swallows(): boolean {
    if (this.#isCut) return true
    this.#hasLost ||= this.#isSwallowing
    return this.#hasLost
  }

  #later(moreMs: number, arrive: () => void): void {
    const { now, agenda } = this.#world
    // No later one arrives before an earlier one.
    this.#arrivesAt = Math.max(this.#arrivesAt + moreMs, now + this.#link.delayMs() + moreMs)
    agenda.at(this.#arrivesAt, () => {
      if (this.#isCut) return
      // On its way when the network went.
      if (this.#link.isOn('partition')) {
        this.#hasLost = true
        return
      }
      if (this.#isHeldUp || this.#held.length > 0) this.#held.push(arrive)
      else arrive()
    })
  }
}
