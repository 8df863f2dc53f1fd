// What a model server is made of, and what its connections see of it. Types alone: a server has connections,
// and those know no more of it than this.

import type { ServerFaults } from '../faults.ts'
import type { Delivery, SentMessage } from '../observations.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'
import type { Cluster, Counters } from './session.ts'

/** What servers look up: every message of the run. */
export interface Catalogue {
  /** By the number in its payload. */
  message(number: number): SentMessage | undefined
  /** A message on its way to a device, from now on known by its number. */
  deliver(delivery: Delivery): void
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
}
