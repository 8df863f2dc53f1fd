// Keeps the subscriptions of the session in step with those that the application has: what a lost session
// took along is asked for again, until the server has granted or refused it.
// It knows no handler and no message, and asks for nothing that the session has.

import { SubscribeOperation } from '../engine/operations.ts'
import { MqttError, type RejectedError } from '../errors.ts'
import type { ClientCore } from '../simple/client-core.ts'
import type { FilterRequest, LiveSubscription } from '../simple/subscription.ts'
import type { Grant } from '../simple/types.ts'
import { FILTERS_AT_ONCE, FILTER_BYTES_AT_ONCE } from './constants.ts'

/** Of a refusal without a reason of its own, such as one by a limit of the server. §3.9.3 */
const UNSPECIFIED = 0x80

export class Resubscriber {
  readonly #core: ClientCore
  /** What the session of the server lacks, as far as is known. */
  readonly #missing = new Set<string>()
  /** Packets without an answer, and what the others were answered. */
  #open = 0
  #answers = new Map<string, Grant>()

  constructor(core: ClientCore) {
    this.#core = core
  }

  /** The session of the server has none of the subscriptions. */
  handleLost(): void {
    for (const { filter } of wantedOf(this.#core.subscriptions.live)) this.#missing.add(filter)
  }

  /** Whether an answer is owed. */
  get asks(): boolean {
    return this.#open > 0
  }

  /** Asks for whatever is missing. */
  ask(): void {
    const wanted = wantedOf(this.#core.subscriptions.live)
    const requests = wanted.filter(({ filter }) => this.#missing.has(filter))
    for (const part of inParts(requests)) this.#ask(part)
  }

  #ask(requests: readonly FilterRequest[]): void {
    const highest = this.#core.subscriptions.atHighest(requests)
    const asked = new SubscribeOperation(highest, highest[0]?.properties)
    this.#open += 1
    this.#core.ask<readonly Grant[]>(asked).then(
      (grants) => this.#handleAnswer(grants),
      (error: unknown) => {
        const { reasonCode = UNSPECIFIED } = error as Partial<RejectedError>
        const refused = requests.map(({ filter }) => ({ filter, qos: undefined, reasonCode }))
        // Without an answer the next connection asks again.
        this.#handleAnswer(isUnanswered(error) ? [] : refused)
      },
    )
  }

  /** What was refused is reported, and not asked for again: when all is answered, for there may be thousands. */
  #handleAnswer(grants: readonly Grant[]): void {
    const answers = this.#answers
    for (const grant of grants) {
      this.#missing.delete(grant.filter)
      answers.set(grant.filter, grant)
    }
    this.#open -= 1
    if (this.#open > 0) return
    this.#answers = new Map()
    const { subscriptions } = this.#core
    for (const live of subscriptions.live) {
      live.granted = live.granted.map((old) => answers.get(old.filter) ?? old)
    }
    const filters = [...answers.values()]
      .filter(({ qos }) => qos === undefined)
      .map(({ filter }) => filter)
    if (filters.length === 0) return
    subscriptions.clear(filters)
    this.#core.warn(
      'subscription-refused',
      `The server no longer grants "${filters.join('", "')}": subscribe again when it does`,
    )
  }
}

/** What was granted, and a server that holds none of it has to be asked for: a filter once. */
function wantedOf(subscriptions: Iterable<LiveSubscription>): readonly FilterRequest[] {
  const granted = [...subscriptions].filter((live) => live.granted.length > 0)
  const requests = granted.flatMap(({ filters, requests: all }) => {
    const held = new Set(filters)
    return all.filter(({ filter }) => held.has(filter))
  })
  return [...new Map(requests.map((request) => [request.filter, request])).values()]
}

/** Whether a request may have ended without the server's word on it. */
export function isUnanswered(error: unknown): boolean {
  if (!MqttError.is(error)) return false
  const { code } = error
  return (
    code === 'ERR_MQTT_CONNECTION_LOST' || code === 'ERR_MQTT_CLOSED' || code === 'ERR_MQTT_TIMEOUT'
  )
}

function* inParts(requests: readonly FilterRequest[]): IterableIterator<readonly FilterRequest[]> {
  let part: FilterRequest[] = []
  let sizeBytes = 0
  for (const request of requests) {
    const { length } = request.filter
    if (
      part.length === FILTERS_AT_ONCE ||
      sizeBytes + length > FILTER_BYTES_AT_ONCE ||
      request.properties !== part[0]?.properties
    ) {
      if (part.length > 0) yield part
      part = []
      sizeBytes = 0
    }
    part.push(request)
    sizeBytes += length
  }
  if (part.length > 0) yield part
}
