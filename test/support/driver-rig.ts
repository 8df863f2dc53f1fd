// A driver with a transport held in the hand: every call that the driver makes is noted, every report
// of the transport is made by the test. Also a driver over the pipes of scripted-memory.ts. Portable.

import { deepEqual } from 'node:assert/strict'
import { CLIENT_PACKETS, Decoder } from '../../src/codec/decode.ts'
import { encode } from '../../src/codec/encode.ts'
import type { Packet } from '../../src/codec/packets.ts'
import { TopicCache, utf8Length } from '../../src/codec/utf8.ts'
import { Driver, type DriverHandler } from '../../src/driver/driver.ts'
import { Engine } from '../../src/engine/engine.ts'
import { PublishOperation } from '../../src/engine/operations.ts'
import { makeRuntime } from '../../src/engine/runtime.ts'
import type { ConnectSettings, EngineOptions, Output } from '../../src/engine/types.ts'
import type {
  ServerAddress,
  Transport,
  TransportFactory,
  TransportHandler,
} from '../../src/transport/transport.ts'
import { connack, OPTIONS, SETTINGS } from './engine-rig.ts'
import { settle } from './scripted-memory.ts'
import { VirtualClock } from './virtual-clock.ts'

export const ADDRESS: ServerAddress = {
  scheme: 'mqtt',
  host: 'server.example',
  port: 1883,
  path: '',
  href: 'mqtt://server.example:1883',
}

/** A transport whose every report is made by hand. */
export class HandTransport implements Transport {
  readonly handler: TransportHandler
  /** What the driver has called, in order. */
  readonly calls: string[] = []
  /** The chunks of each write. */
  readonly writes: (readonly Uint8Array[])[] = []
  /** Every packet that was written. */
  readonly packets: Packet[] = []
  readonly #decoder = new Decoder({
    reads: CLIENT_PACKETS,
    version: 5,
    maximumPacketSizeBytes: 268_435_460,
    topics: new TopicCache(),
  })

  constructor(handler: TransportHandler) {
    this.handler = handler
  }

  write(chunks: readonly Uint8Array[]): void {
    this.calls.push('write')
    this.writes.push(chunks)
    for (const chunk of chunks) {
      this.#decoder.push(chunk, chunk.length)
      for (let packet = this.#decoder.next(); packet; packet = this.#decoder.next()) {
        this.packets.push(packet)
      }
    }
  }

  pause(): void {
    this.calls.push('pause')
  }

  resume(): void {
    this.calls.push('resume')
  }

  close(): void {
    this.calls.push('close')
  }

  destroy(): void {
    this.calls.push('destroy')
  }

  /** Packets come in as one piece of bytes. */
  receiveTogether(...packets: Packet[]): void {
    const bytes = Uint8Array.from(packets.flatMap((packet) => [...encode(packet, 5)]))
    this.handler.received(bytes, bytes.length)
  }

  /** Packets come in, each as a piece of bytes. */
  receive(...packets: Packet[]): void {
    for (const packet of packets) {
      const bytes = encode(packet, 5)
      this.handler.received(bytes, bytes.length)
    }
  }
}

/** A driver and what came of it. */
export class DriverRig {
  readonly clock: VirtualClock
  readonly driver: Driver
  readonly transports: HandTransport[] = []
  outputs: Output[] = []
  /** How often everything was polled. */
  drained = 0
  /** Called for each output, so that a test can answer in the middle. */
  onOutput: ((output: Output) => void) | undefined
  onDrained: (() => void) | undefined

  readonly dial: TransportFactory = (_address, handler) => {
    const transport = new HandTransport(handler)
    this.transports.push(transport)
    return transport
  }

  constructor(options: Partial<EngineOptions> = {}, clock = new VirtualClock(1_000)) {
    this.clock = clock
    const engine = new Engine({ ...OPTIONS, ...options }, makeRuntime())
    const handler: DriverHandler = {
      handleOutput: (output) => {
        this.outputs.push(output)
        this.onOutput?.(output)
      },
      handleDrained: () => {
        this.drained += 1
        this.onDrained?.()
      },
    }
    this.driver = new Driver(engine, this.clock, handler)
  }

  get transport(): HandTransport {
    return this.transports.at(-1) as HandTransport
  }

  connect(settings: Partial<ConnectSettings> = {}, dial: TransportFactory = this.dial): void {
    const options = { readBuffer: new Uint8Array(1_024) }
    this.driver.connect(dial, ADDRESS, options, { ...SETTINGS, ...settings })
  }

  /** Connects, up to CONNACK and the end of its tick. */
  async connected(settings: Partial<ConnectSettings> = {}): Promise<HandTransport> {
    this.connect(settings)
    this.transport.handler.opened()
    await settle()
    this.transport.handler.written()
    this.transport.receive(connack())
    await settle()
    deepEqual(this.transport.calls, ['write'], 'CONNECT alone goes out')
    this.transport.calls.length = 0
    this.transport.writes.length = 0
    this.transport.packets.length = 0
    this.outputs = []
    return this.transport
  }

  publish(topic: string, qos: 0 | 1 | 2, sizeBytes = 1): PublishOperation {
    const payload = new Uint8Array(sizeBytes)
    const operation = new PublishOperation(topic, utf8Length(topic), payload, sizeBytes, qos, false)
    operation.context = topic
    this.driver.engine.publish(operation, true, this.driver.now)
    this.driver.touch()
    return operation
  }

  disconnect(closeMs = 500): void {
    this.driver.engine.disconnect(0, closeMs, this.driver.now)
    this.driver.touch()
  }

  kinds(): string[] {
    return this.outputs.map(({ kind }) => kind)
  }
}
