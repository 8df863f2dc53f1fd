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
  /** Packets without an answer. */
  open = 0
  /** What the others were answered, and whose filters they ask for. */
  readonly #answers = new Map<string, Grant>()
  #asking: readonly LiveSubscription[] = []

  constructor(core: ClientCore) {
    this.#core = core
  }

  /** The session of the server has none of the subscriptions. */
  handleLost(): void {
    for (const { filter } of wantedOf(this.#granted())) this.#missing.add(filter)
  }

  /** Asks for whatever is missing. */
  ask(): void {
    this.#asking = this.#granted()
    const requests = wantedOf(this.#asking).filter(({ filter }) => this.#missing.has(filter))
    for (const part of inParts(requests)) this.#ask(part)
  }

  /** Those that the server has granted; another one has its own request under way. */
  #granted(): readonly LiveSubscription[] {
    return [...this.#core.subscriptions.live].filter(({ granted }) => granted.length > 0)
  }

  #ask(requests: readonly FilterRequest[]): void {
    const highest = this.#core.subscriptions.atHighest(requests)
    const asked = new SubscribeOperation(highest, highest[0]?.properties)
    this.open += 1
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

  /**
   * What was refused is not asked for again, from now on: who subscribes to it meanwhile does so anew. It is reported,
   * and what was granted noted, when all is answered: for each packet by itself that would cost the square.
   */
  #handleAnswer(grants: readonly Grant[]): void {
    const answers = this.#answers
    for (const grant of grants) {
      this.#missing.delete(grant.filter)
      answers.set(grant.filter, grant)
    }
    this.#core.subscriptions.clear(refusedOf(grants))
    this.open -= 1
    if (this.open > 0) return
    for (const live of this.#asking) {
      live.granted = live.granted.map((old) => answers.get(old.filter) ?? old)
    }
    const filters = refusedOf(answers.values())
    answers.clear()
    this.#asking = []
    if (filters.length === 0) return
    this.#core.warn(
      'subscription-refused',
      `The server no longer grants "${filters.join('", "')}": subscribe again when it does`,
    )
  }
}

function refusedOf(grants: Iterable<Grant>): readonly string[] {
  return [...grants].filter(({ qos }) => qos === undefined).map(({ filter }) => filter)
}

/** What a server that holds none of it has to be asked for: a filter once. */
function wantedOf(subscriptions: readonly LiveSubscription[]): readonly FilterRequest[] {
  const requests = subscriptions.flatMap(({ filters, requests: all }) => {
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
