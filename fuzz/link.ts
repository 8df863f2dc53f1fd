// Where the client of a run dials: memory pairs whose every step the fuzzer takes, with a model server at
// the other end. A client that has ended gets its last step by itself, as every platform gives it.

import { packetName } from '../src/codec/carriers.ts'
import { CLIENT_PACKETS, Decoder } from '../src/codec/decode.ts'
import { encode } from '../src/codec/encode.ts'
import type { Packet } from '../src/codec/packets.ts'
import { TopicCache } from '../src/codec/utf8.ts'
import { MqttError } from '../src/errors.ts'
import { type MemoryPair, memoryPair } from '../src/transport/memory.ts'
import type { Transport, TransportFactory } from '../src/transport/transport.ts'
import { numberIn } from './content.ts'
import type { PlantedBug } from './plants.ts'
import { ModelConnection, type ModelServer } from './server.ts'
import { Violation } from './violation.ts'

const LARGEST_PACKET_BYTES = 268_435_460

/** What becomes of a dial. */
export type Dialling = 'accept' | 'refuse' | 'ignore'

/** The pipes of one run. */
export class Link {
  /** The newest pipe and the server's end of it. */
  pair: MemoryPair | undefined
  connection: ModelConnection | undefined
  dialling: Dialling = 'accept'
  bufferBytes = 65_536
  /** The first rule that the server saw broken. */
  violation: Violation | undefined
  readonly #server: ModelServer
  readonly #plant: PlantedBug | undefined
  readonly #trace: ((line: string) => void) | undefined
  #ending = false

  constructor(
    server: ModelServer,
    plant: PlantedBug | undefined,
    trace: ((line: string) => void) | undefined,
  ) {
    this.#server = server
    this.#plant = plant
    this.#trace = trace
  }

  readonly dial: TransportFactory = (address, handler, options) => {
    const { dialling, bufferBytes } = this
    const pair = memoryPair({ dialling, bufferBytes })
    const connection = new ModelConnection(
      this.#server,
      (packet, version) => {
        this.#trace?.(`  server: ${describePacket(packet)}`)
        pair.peer.write(encode(packet, version))
      },
      () => pair.peer.close(),
    )
    this.pair = pair
    this.connection = connection
    this.#ending = false
    const change = this.#plant?.packets?.() ?? ((packet: Packet): Packet[] => [packet])
    const handle = (packet: Packet): void => {
      for (const one of change(packet)) {
        this.#trace?.(`  client: ${describePacket(one)}`)
        connection.handle(one)
      }
    }
    pair.peer.onData = reader(handle, (violation) => {
      this.violation ??= violation
    })
    pair.peer.onEnd = () => connection.handleEnded()
    const transport = pair.dial(address, handler, options)
    return this.#watched(transport)
  }

  /** Takes some steps. @returns how many there were */
  deliver(most: number): number {
    let steps = 0
    while (steps < most && this.pair?.deliver() === true) steps += 1
    return steps
  }

  /** Gives a client that has broken off its last step. */
  finish(): void {
    if (!this.#ending) return
    this.#ending = false
    this.pair?.deliver()
  }

  #watched(transport: Transport): Transport {
    return {
      write: (chunks) => transport.write(chunks),
      pause: () => transport.pause(),
      resume: () => transport.resume(),
      close: () => transport.close(),
      destroy: () => {
        this.#ending = true
        transport.destroy()
      },
    }
  }
}

/** Reads what the client sends, strictly. */
function reader(
  handle: (packet: Packet) => void,
  found: (violation: Violation) => void,
): (bytes: Uint8Array) => void {
  const decoder = new Decoder({
    reads: CLIENT_PACKETS,
    version: 5,
    maximumPacketSizeBytes: LARGEST_PACKET_BYTES,
    topics: new TopicCache(),
  })
  let isOver = false
  return (bytes) => {
    if (isOver) return
    try {
      decoder.push(bytes, bytes.length)
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
        handle(packet)
      }
    } catch (error) {
      isOver = true
      if (error instanceof Violation) found(error)
      else if (MqttError.is(error)) found(new Violation('valid packets', error.message, error))
      else throw error
    }
  }
}

function describePacket(packet: Packet): string {
  const {
    type,
    payload,
    topic: _topic,
    ...rest
  } = packet as Packet & {
    payload?: Uint8Array
    topic?: string
  }
  const number = payload === undefined ? '' : ` message ${numberIn(payload)}, ${payload.length} B`
  return `${packetName(type)}${number} ${JSON.stringify(rest)}`
}
