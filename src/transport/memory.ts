// A byte pipe inside one process, for tests and the simulator: one end is a transport, the other a peer
// to hold in the hand. Whatever happens, happens in a step that the owner takes or schedules, so that
// stalls, cuts and single bytes come exactly when asked for. Knows no clock.

import { ConnectionLostError } from '../errors.ts'
import { GatedTransport } from './gated-transport.ts'
import type { ServerAddress, Transport, TransportFactory, TransportHandler } from './transport.ts'

/** How a memory pair behaves. */
export interface MemoryPairOptions {
  /** Takes a step later, never at once. Without it steps wait for `deliver`. */
  readonly schedule?: (step: () => void) => void
  /**
   * How many bytes of the client's writes the pipe takes before they are delivered, as a kernel does;
   * at 0 `written` comes only when the peer has everything. @default 65,536
   */
  readonly bufferBytes?: number
  /** What becomes of the dial; `ignore` never answers. @default "accept" */
  readonly dialling?: 'accept' | 'refuse' | 'ignore'
}

/** One direction of the pipe; its faults may be changed at any time. */
export interface MemoryLane {
  /** While true nothing arrives. @default false */
  stalled: boolean
  /** The most that arrives in one step, in bytes; 1 delivers byte by byte. @default Infinity */
  pieceBytes: number
  /** The pipe breaks when this many bytes have arrived; what is under way is lost. @default Infinity */
  cutAfterBytes: number
  /** Bytes that have arrived. */
  readonly deliveredBytes: number
  /** Bytes under way. */
  readonly waitingBytes: number
}

/** The other end. */
export interface MemoryPeer {
  /** Called when the pipe is open. */
  onOpen: (() => void) | undefined
  /** Called with what arrives; without it, `take` gives it. */
  onData: ((bytes: Uint8Array) => void) | undefined
  /** Called once when the client has ended, with an error when the pipe broke. */
  onEnd: ((error: Error | undefined) => void) | undefined
  /** Whether it ends too when the client has, as a server does. @default true */
  answersEnd: boolean
  /** Everything that arrived while there was no `onData`, once. */
  take(): Uint8Array
  /** Sends a copy. */
  write(bytes: Uint8Array): void
  /** Ends in good order after what was written. */
  close(): void
  /** Breaks the pipe: both ends are told in the next step, what is under way is lost. */
  destroy(): void
}

/** Both ends and what is between them. */
export interface MemoryPair {
  /** Dials this pipe, once. */
  readonly dial: TransportFactory
  readonly peer: MemoryPeer
  readonly toPeer: MemoryLane
  readonly toClient: MemoryLane
  /** Takes the next step; false when nothing can happen. */
  deliver(): boolean
  /** Takes steps until nothing can happen. @returns how many */
  deliverAll(): number
}

const BUFFER_BYTES = 65_536

/** Makes a pipe. */
export function memoryPair(options: MemoryPairOptions = {}): MemoryPair {
  return new Pair(options)
}

class Lane implements MemoryLane {
  deliveredBytes = 0
  waitingBytes = 0
  /** `asked`: the end of the stream follows the bytes. */
  end: 'none' | 'asked' | 'arrived' = 'none'
  readonly #changed: () => void
  #stalled = false
  #pieceBytes = Infinity
  #cutAfterBytes = Infinity
  #chunks: Uint8Array[] = []

  constructor(changed: () => void) {
    this.#changed = changed
  }

  get stalled(): boolean {
    return this.#stalled
  }

  set stalled(stalled: boolean) {
    this.#stalled = stalled
    this.#changed()
  }

  get pieceBytes(): number {
    return this.#pieceBytes
  }

  set pieceBytes(bytes: number) {
    if (!(bytes >= 1)) throw new RangeError(`Cannot deliver pieces of ${bytes} bytes: at least 1`)
    this.#pieceBytes = bytes
  }

  get cutAfterBytes(): number {
    return this.#cutAfterBytes
  }

  set cutAfterBytes(bytes: number) {
    this.#cutAfterBytes = bytes
    this.#changed()
  }

  get isCut(): boolean {
    return this.deliveredBytes >= this.#cutAfterBytes
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#chunks.push(bytes.slice())
    this.waitingBytes += bytes.length
  }

  /** The next piece, at most up to the cut. */
  take(): Uint8Array {
    const first = this.#chunks[0] as Uint8Array
    const room = Math.min(this.#pieceBytes, this.#cutAfterBytes - this.deliveredBytes)
    const piece = first.length <= room ? first : first.subarray(0, room)
    if (piece === first) this.#chunks.shift()
    else this.#chunks[0] = first.subarray(piece.length)
    this.waitingBytes -= piece.length
    this.deliveredBytes += piece.length
    return piece
  }

  clear(): void {
    this.#chunks = []
    this.waitingBytes = 0
  }
}

class Peer implements MemoryPeer {
  onOpen: (() => void) | undefined
  onData: ((bytes: Uint8Array) => void) | undefined
  onEnd: ((error: Error | undefined) => void) | undefined
  answersEnd = true
  readonly #pair: Pair
  #inbox: Uint8Array[] = []

  constructor(pair: Pair) {
    this.#pair = pair
  }

  take(): Uint8Array {
    const chunks = this.#inbox
    this.#inbox = []
    return concatenate(chunks)
  }

  write(bytes: Uint8Array): void {
    this.#pair.sendToClient(bytes)
  }

  close(): void {
    this.#pair.endToClient()
  }

  destroy(): void {
    this.#pair.breakOff('the peer reset it')
  }

  receive(bytes: Uint8Array): void {
    if (this.onData === undefined) this.#inbox.push(bytes)
    else this.onData(bytes)
  }
}

/** The transport end. */
class Client extends GatedTransport {
  readonly href: string
  reading = true
  /** A write whose `written` is due once the pipe has room. */
  sending = false
  readonly #pair: Pair

  constructor(pair: Pair, address: ServerAddress, handler: TransportHandler) {
    super(handler)
    this.#pair = pair
    this.href = address.href
  }

  open(): void {
    this.sourceOpened()
  }

  receive(bytes: Uint8Array): void {
    this.sourceReceived(bytes, bytes.length)
  }

  sent(): void {
    this.sending = false
    this.sourceSent()
  }

  end(error: Error | undefined): void {
    this.sourceClosed(error)
  }

  protected override sendChunks(chunks: readonly Uint8Array[]): void {
    this.sending = true
    this.#pair.sendToPeer(chunks)
  }

  protected override pauseSource(): void {
    this.reading = false
  }

  protected override resumeSource(): void {
    this.reading = true
    this.#pair.wake()
  }

  protected override endSource(): void {
    this.#pair.endToPeer()
  }

  protected override destroySource(): void {
    this.#pair.breakOff(undefined)
  }
}

type Phase = 'unused' | 'dialling' | 'open' | 'breaking' | 'over'

class Pair implements MemoryPair {
  readonly toPeer: Lane
  readonly toClient: Lane
  readonly peer: Peer
  readonly #schedule: ((step: () => void) => void) | undefined
  readonly #bufferBytes: number
  readonly #dialling: 'accept' | 'refuse' | 'ignore'
  #client: Client | undefined
  #phase: Phase = 'unused'
  #opened = false
  /** Why the pipe breaks; undefined when the client wished it. */
  #reason: string | undefined
  /** Both directions get their turn. */
  #peerFirst = true
  #scheduled = false

  constructor({ schedule, bufferBytes = BUFFER_BYTES, dialling = 'accept' }: MemoryPairOptions) {
    this.toPeer = new Lane(() => this.wake())
    this.toClient = new Lane(() => this.wake())
    this.peer = new Peer(this)
    this.#schedule = schedule
    this.#bufferBytes = bufferBytes
    this.#dialling = dialling
  }

  readonly dial: TransportFactory = (address, handler): Transport => {
    if (this.#client !== undefined) throw new Error('Cannot dial a memory pair twice: make another')
    this.#client = new Client(this, address, handler)
    this.#phase = 'dialling'
    this.wake()
    return this.#client
  }

  deliver(): boolean {
    const client = this.#client
    if (client === undefined) return false
    switch (this.#phase) {
      case 'dialling':
        return this.#answerDial(client)
      case 'open':
        return this.#deliverOpen(client)
      case 'breaking':
        this.#finish(client)
        return true
      case 'unused':
      case 'over':
        return false
    }
  }

  deliverAll(): number {
    let steps = 0
    while (this.deliver()) steps++
    return steps
  }

  sendToPeer(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.toPeer.push(chunk)
    this.wake()
  }

  sendToClient(bytes: Uint8Array): void {
    if (this.#phase !== 'open' || this.toClient.end !== 'none') return
    this.toClient.push(bytes)
    this.wake()
  }

  endToPeer(): void {
    if (this.toPeer.end === 'none') this.toPeer.end = 'asked'
    this.wake()
  }

  endToClient(): void {
    if (this.toClient.end === 'none') this.toClient.end = 'asked'
    this.wake()
  }

  breakOff(reason: string | undefined): void {
    if (this.#phase !== 'dialling' && this.#phase !== 'open') return
    this.#phase = 'breaking'
    this.#reason = reason
    this.toPeer.clear()
    this.toClient.clear()
    this.wake()
  }

  wake(): void {
    if (this.#schedule === undefined || this.#scheduled) return
    this.#scheduled = true
    this.#schedule(() => {
      this.#scheduled = false
      if (this.deliver()) this.wake()
    })
  }

  #answerDial(client: Client): boolean {
    if (this.#dialling === 'ignore') return false
    if (this.#dialling === 'refuse') {
      this.breakOff('the peer refuses')
      this.#finish(client)
      return true
    }
    this.#phase = 'open'
    this.#opened = true
    this.peer.onOpen?.()
    client.open()
    return true
  }

  #deliverOpen(client: Client): boolean {
    if (this.toPeer.isCut || this.toClient.isCut) {
      this.breakOff('the pipe was cut')
      this.#finish(client)
      return true
    }
    if (client.sending && this.toPeer.waitingBytes <= this.#bufferBytes) {
      client.sent()
      return true
    }
    this.#peerFirst = !this.#peerFirst
    return this.#peerFirst
      ? this.#deliverToPeer(client) || this.#deliverToClient(client)
      : this.#deliverToClient(client) || this.#deliverToPeer(client)
  }

  #deliverToPeer(client: Client): boolean {
    const lane = this.toPeer
    if (lane.stalled) return false
    if (lane.waitingBytes > 0) {
      this.peer.receive(lane.take())
      return true
    }
    if (lane.end !== 'asked' || client.sending) return false
    lane.end = 'arrived'
    if (this.peer.answersEnd) this.endToClient()
    this.peer.onEnd?.(undefined)
    this.#finishIfEnded(client)
    return true
  }

  #deliverToClient(client: Client): boolean {
    const lane = this.toClient
    if (lane.stalled || !client.reading) return false
    if (lane.waitingBytes > 0) {
      client.receive(lane.take())
      return true
    }
    if (lane.end !== 'asked') return false
    lane.end = 'arrived'
    // A client has nothing more to say to a server that has ended.
    this.endToPeer()
    this.#finishIfEnded(client)
    return true
  }

  #finishIfEnded(client: Client): void {
    if (this.toPeer.end !== 'arrived' || this.toClient.end !== 'arrived') return
    this.#phase = 'over'
    client.end(undefined)
  }

  #finish(client: Client): void {
    this.#phase = 'over'
    const what = this.#opened ? 'Lost the connection to' : 'Cannot connect to'
    const error =
      this.#reason === undefined
        ? undefined
        : // No end of the stream, which has no cause at all.
          new ConnectionLostError(`${what} "${client.href}": ${this.#reason}`, { cause: null })
    if (this.#opened && this.toPeer.end !== 'arrived') {
      this.peer.onEnd?.(error ?? new ConnectionLostError('The client has destroyed the connection'))
    }
    client.end(error)
  }
}

function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let offset = 0
  for (const chunk of chunks) {
    all.set(chunk, offset)
    offset += chunk.length
  }
  return all
}
