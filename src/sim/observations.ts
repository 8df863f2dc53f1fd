// What happened in a run, as somebody sees it who sees everything: what the application asked for, what the
// server took, what went over the links, which faults fired. Oracles judge by this alone, and the trace
// prints it. Data; nothing is decided here.

import type { Packet } from '../codec/packets.ts'
import type { ResolvedPolicy } from '../robust/policies.ts'
import type { Outcome, Stage, Stored } from '../robust/types.ts'

/** One message of a device, from `publish` to the last that is ever known of it. */
export interface SentMessage {
  /** Counts over the whole run; its payload says it. */
  readonly number: number
  /** The name of the device, whatever its client identifier is at the moment. */
  readonly device: string
  readonly topic: string
  readonly policy: ResolvedPolicy
  readonly sizeBytes: number
  /** Which process of the device published it; they count from 1. */
  readonly life: number
  readonly publishedAt: number
  /** By the device's wall clock, as it was set at the latest when the outbox had it. */
  publishedEpoch: number
  /** When it is worth nothing any more, by the monotonic clock of its process; Infinity: never. */
  readonly deadline: number
  receiptId: string
  /** What `stored` gave; `failed` when it rejected. */
  stored: Stored | 'failed' | undefined
  stage: Stage | undefined
  outcome: Outcome | undefined
  /** The process that told the outcome. */
  settledIn: number
  /** Whether `cancel` was called for it. */
  cancelled: boolean
  /** The server turned it away for now: it is tried again later, behind others. */
  turnedAway: boolean
  /** How many connections it has ended: a server that cannot bear it. */
  kills: number
  /** Each time that a server became its owner, in order. §4.3 */
  readonly takes: Take[]
}

/** A server became the owner of a message. */
export interface Take {
  readonly at: number
  /** The server's session; sessions count over the whole run. */
  readonly session: number
  readonly connection: number
  readonly dup: boolean
}

/** One message on its way from a server to a device, within one session. */
export interface Delivery {
  /** Counts over the whole run; the payload says it. */
  readonly serial: number
  /** Of the message that it carries. */
  readonly message: number
  readonly topic: string
  readonly qos: 0 | 1 | 2
  readonly device: string
  readonly session: number
  /** Each time that a handler was given it, in order. */
  readonly handled: Handling[]
  /** Whether the server has its PUBACK or PUBREC. */
  acknowledged: boolean
}

/** A handler was given a message. */
export interface Handling {
  readonly life: number
  /** Handlers count in their process; of `umqtt/simple`, what its client takes for a session does. */
  readonly handler: number
  /** When it was done with it, which is at once for one that throws; undefined: it is not. */
  doneAt: number | undefined
}

/** One connection of a server, as far as others may know it. */
export interface ConnectionView {
  /** Counts over the whole run. */
  readonly serial: number
  readonly server: string
  readonly clientId: string
  /** 0 before CONNECT is read. */
  readonly session: number
  readonly version: 4 | 5
  /** What CONNACK said, or the default. */
  readonly receiveMaximum: number
}

/** How often devices are looked at, virtual ms. */
export const SNAPSHOT_MS = 60_000

/** How a device is at one moment. */
export interface DeviceSnapshot {
  readonly device: string
  /** The process, or 0 while there is none. */
  readonly life: number
  /** Whether time stands still for it. */
  readonly asleep: boolean
  /** Its monotonic clock, and where it stood when it last woke. */
  readonly clock: number
  readonly wokeAt: number
  readonly open: number
  readonly openBytes: number
  readonly inflight: number
  readonly diskBytes: number
  /** How long nothing has come in on the connection that it has, awake, ms; 0 without one. */
  readonly silentMs: number
}

/** What is told while a run goes on, each with the virtual time at which it happened. */
export type Observation =
  | { readonly kind: 'boot'; readonly device: string; readonly life: number }
  | { readonly kind: 'crash'; readonly device: string; readonly power: boolean }
  | {
      readonly kind: 'attempt'
      readonly device: string
      readonly life: number
      readonly number: number
      readonly server: string
    }
  | {
      readonly kind: 'waiting'
      readonly device: string
      readonly delayMs: number
      readonly slowLane: boolean
      readonly why: string
    }
  | { readonly kind: 'connected'; readonly device: string; readonly sessionPresent: boolean }
  | { readonly kind: 'lost'; readonly device: string; readonly why: string }
  | { readonly kind: 'publish'; readonly message: SentMessage }
  | { readonly kind: 'stored'; readonly message: SentMessage }
  | { readonly kind: 'absent'; readonly message: SentMessage }
  | {
      readonly kind: 'found'
      readonly message: SentMessage
      readonly life: number
      /** By the monotonic clock of the process that found it. */
      readonly deadline: number
    }
  | {
      readonly kind: 'given up'
      readonly message: SentMessage
      /** What `cancel()` said: that the server certainly has it not. */
      readonly absent: boolean
    }
  | { readonly kind: 'stage'; readonly message: SentMessage; readonly stage: Stage }
  | {
      readonly kind: 'settled'
      readonly message: SentMessage
      readonly outcome: Outcome
      readonly life: number
      /** The monotonic clock of the process, and where it stood when the process last woke. */
      readonly clock: number
      readonly wokeAt: number
    }
  | {
      readonly kind: 'packet'
      readonly from: 'client' | 'server'
      readonly connection: ConnectionView
      readonly packet: Packet
    }
  | {
      readonly kind: 'closed'
      readonly connection: ConnectionView
      /** Whether it was the server who ended it. */
      readonly byServer: boolean
    }
  | { readonly kind: 'session'; readonly session: number; readonly gone: string | undefined }
  | { readonly kind: 'breach'; readonly connection: ConnectionView; readonly text: string }
  | { readonly kind: 'taken'; readonly message: SentMessage; readonly take: Take }
  | { readonly kind: 'handled'; readonly delivery: Delivery; readonly life: number }
  | { readonly kind: 'acknowledged'; readonly delivery: Delivery }
  | {
      readonly kind: 'warning'
      readonly device: string
      readonly code: string
      readonly text: string
    }
  | {
      readonly kind: 'fault'
      readonly fault: string
      readonly target: string
      readonly detail: string
    }
  | { readonly kind: 'act'; readonly device: string; readonly what: string }
  | {
      readonly kind: 'deaf'
      readonly device: string
      readonly filter: string
      readonly why: string
    }
  | { readonly kind: 'snapshot'; readonly snapshot: DeviceSnapshot }
  | { readonly kind: 'healed' }
  | { readonly kind: 'over' }
