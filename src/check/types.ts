// The public types of `umqtt/check`: what is asked, and the report, which is plain data: it survives JSON.
// Units are in the names. What a check does is in checks/, what it means for you in verdict.ts.

import type { Payload, TlsOptions, TransportFactory } from '../simple.node.ts'
import type { CheckId } from './ids.ts'

export type { CheckId } from './ids.ts'

/**
 * How a check ended. `ok`: as a robust client needs it. `limited`: it works, within a bound that you should
 * know, or it is an extra that this server does without. `bad`: what a robust client relies on is missing or
 * wrong. `unknown`: it could not be found out. `skipped`: it was not asked for, or does not apply here.
 */
export type CheckVerdict = 'ok' | 'bad' | 'limited' | 'unknown' | 'skipped'

/** What one check found. */
export interface CheckResult {
  readonly id: CheckId
  /** A few words for the line of a report. */
  readonly title: string
  readonly verdict: CheckVerdict
  /** What was seen, in a sentence without a full stop. */
  readonly seen: string
  /** What to do about it, for the server recognised where it is known. */
  readonly advice?: string
  /** The numbers behind `seen`. */
  readonly facts: Facts
  readonly durationMs: number
}

/** Numbers and words by name. */
export type Facts = Readonly<Record<string, number | string | boolean>>

/** Which server it is, as far as it shows. */
export interface RecognisedServer {
  /** Such as `mosquitto`; `unknown` when nothing told. */
  readonly product: string
  readonly version?: string
  /** What told it. */
  readonly evidence: string
}

/** One thing that follows from the results, the gravest first. */
export interface Conclusion {
  readonly code: string
  /** Whether guaranteed delivery can rely on the server: yes, yes within a bound, not found out, or no. */
  readonly level: 'fit' | 'limited' | 'unknown' | 'unfit'
  readonly text: string
}

/** Everything that was found. */
export interface CheckReport {
  /** The address without credentials. */
  readonly url: string
  readonly server: RecognisedServer
  /** The versions of MQTT that it speaks, of those that were tried. */
  readonly protocols: readonly (4 | 5)[]
  /** The version that the other checks used. */
  readonly protocol: 4 | 5
  /** The gravest of `conclusions`. */
  readonly verdict: Conclusion
  readonly conclusions: readonly Conclusion[]
  /** In the order of the table, whatever came first. */
  readonly results: readonly CheckResult[]
  /** What no client can find out, said plainly. */
  readonly unknowable: readonly string[]
  /** What may still be on the server because it could not be removed: client ids and topics. */
  readonly leftovers: readonly string[]
  readonly durationMs: number
}

/** What becomes of the server for a moment, so that the check sees what it kept. */
export interface Restarts {
  /**
   * Restarts the server in good order; settles when that is done, or under way. The check then waits for its
   * own connection to end and for the server to answer again.
   */
  readonly orderly?: (signal: AbortSignal) => Promise<void>
  /** Kills the server, as a power cut would, and starts it again. */
  readonly kill?: (signal: AbortSignal) => Promise<void>
}

/** How far the check goes where it has to stop somewhere. */
export interface CheckBounds {
  /** Messages for an absent subscriber, 1 to 100,000. @default 1500 — more than the 1,000 that Mosquitto keeps unless it is told */
  readonly queuedMessages?: number
  /** The largest payload that is tried, in bytes, 1,024 to 16,777,216. @default 1,048,576 — firmware comes in such pieces */
  readonly payloadBytes?: number
  /** Checks at once, 1 to 50; each has up to three connections. @default 8 */
  readonly concurrency?: number
}

/** Bounds on every wait, in ms, 1 to 2,147,483,647. */
export interface CheckTimeouts {
  /** From the dial to CONNACK. @default 10,000 */
  readonly connectMs?: number
  /** For any answer, and any message that is due. @default 5,000 */
  readonly answerMs?: number
  /** For all checks but those of a restart; those not done by then are `unknown`. @default 30,000 */
  readonly totalMs?: number
  /** For each restart: until our connection has ended, and again until the server answers. @default 60,000 */
  readonly restartMs?: number
  /** For removing what was left on the server. @default 5,000 */
  readonly cleanUpMs?: number
}

/** Options of {@link check}; who we are and how the server is reached is said as to a client. */
export interface CheckOptions {
  readonly port?: number
  readonly user?: string
  readonly password?: Payload
  readonly tls?: TlsOptions
  /** Another byte pipe than the address implies. */
  readonly transport?: TransportFactory
  /** The version to check with. @default 5 where the server speaks it, else 4 (MQTT 3.1.1) */
  readonly protocol?: 4 | 5
  /** What all our topics begin with, for a server that allows only some; no wildcards. @default '' */
  readonly topicPrefix?: string
  /** Only these checks. @default all */
  readonly only?: readonly CheckId[]
  /** Not these. @default none */
  readonly except?: readonly CheckId[]
  readonly restart?: Restarts
  readonly bounds?: CheckBounds
  readonly timeouts?: CheckTimeouts
  /** Is told each result as it comes. */
  readonly onResult?: (result: CheckResult) => void
  /** Is told what could not be removed from the server, also when `check` rejects. */
  readonly onLeftover?: (what: string) => void
  /** Ends the check; what it left on the server is removed before `check` rejects with its reason. */
  readonly signal?: AbortSignal
}
