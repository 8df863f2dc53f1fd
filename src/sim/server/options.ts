// What a model server is made of, and what its connections see of it. Types alone: a server has connections,
// and those know no more of it than this.

import type { PublishPacket } from '../../codec/packets.ts'
import type { ServerFaults } from '../faults.ts'
import type { ConnectionView, Delivery, SentMessage } from '../observations.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'
import type { Cluster, Counters } from './session.ts'

/** What servers look up: every message of the run, and what their payloads say. */
export interface Catalogue {
  /** By the number in its payload. */
  message(number: number): SentMessage | undefined
  /** The number in the payload of a device; 0 when it says none. */
  numberIn(payload: Uint8Array): number
  /** What is wrong with the payload of a device, where that can be told. */
  faultOf?(payload: Uint8Array): string | undefined
  /** What a server passes on of a payload. */
  passedOn(payload: Uint8Array): Uint8Array
  /** What a device is sent. */
  payloadTo(delivery: Delivery, payload: Uint8Array): Uint8Array
  /** A server became the owner of something that a client published. */
  take?(taken: TakenPublish): void
  /** A message on its way to a device, from now on known by its number. */
  deliver(delivery: Delivery): void
}

/** What a client published, when a server became its owner. */
export interface TakenPublish {
  readonly packet: PublishPacket
  /** The topic, also where the packet has an alias for it. */
  readonly topic: string
  readonly connection: ConnectionView
  /** 0 when its payload says none. */
  readonly number: number
}

export interface ServerOptions {
  readonly world: World
  readonly random: Random
  /** The name of its host. */
  readonly host: string
  readonly faults: ServerFaults
  readonly cluster: Cluster
  readonly counters: Counters
  readonly catalogue: Catalogue
  /** Hosts that it may send a client to. */
  readonly others: readonly string[]
  /** Whether it speaks MQTT 3.1.1 alone. */
  readonly only311: boolean
}

/** Faults that befall an answer, each with its probability. */
export type OddFault = 'withhold' | 'delay' | 'misnumber' | 'refusePublish' | 'refuseSubscribe'

/** A server as its connections see it. */
export interface ServerView {
  readonly options: ServerOptions
  readonly faults: ServerFaults
  isOn(kind: keyof ServerFaults): boolean
  /** Whether a fault befalls what is about to be done; it is told when it does. */
  befalls(kind: OddFault): boolean
  /** A packet was read or sent: the server may go down after any of them. */
  handlePacket(): void
  /** The Receive Maximum of one connection, where each has its own. */
  drawReceiveMaximum(): number | undefined
  /** When, and with which reason, a connection is to be ended that has just begun. */
  kickAfter(): { readonly afterMs: number; readonly reasonCode: number } | undefined
  /** The reason with which the connection ends that brings this message, if it is such a one. */
  poisonedBy(message: SentMessage): number | undefined
}
