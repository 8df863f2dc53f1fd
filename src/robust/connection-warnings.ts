// What a person is told of connections that do not come, or do not last: counts what happens again and again, and
// says it once it is more than an accident. An outage alone is not told: it is what the client is for.

import type { ServerDisconnectError } from '../errors.ts'
import type { ClientCore } from '../simple/client-core.ts'
import { FAILURES_TO_WARN, LOSSES_TO_WARN, TAKEN_OVER, UNANSWERED_TO_WARN } from './constants.ts'

export class ConnectionWarnings {
  readonly #core: ClientCore
  /** Attempts that failed before the first connection; undefined from then on. */
  #failed: number | undefined = 0
  #saidRefused = false
  /** Sessions in a row that were lost. */
  #lost = 0
  /** Connections in a row that ended before a request was answered. */
  #unanswered = 0

  constructor(core: ClientCore) {
    this.#core = core
  }

  /**
   * An attempt failed, or a connection was lost, and there will be another attempt; nobody listens to that.
   * @param hadSession whether this process or an earlier one was connected: what keeps it from it now is an outage
   */
  handleWaiting(error: Error, slowLane: boolean, hadSession: boolean): void {
    if (slowLane) {
      if (this.#saidRefused) return
      this.#saidRefused = true
      const text = 'The client tries rarely, since time alone does not help'
      return this.#core.warn('connection-refused', `${text}: ${error.message}`)
    }
    if (hadSession || this.#failed === undefined) return
    this.#failed += 1
    if (this.#failed !== FAILURES_TO_WARN) return
    const text = `There was no connection in ${FAILURES_TO_WARN} attempts, and the client tries on`
    this.#core.warn('connection-failed', `${text}: ${error.message}`)
  }

  /** @param isLost whether a session was lost */
  handleConnected(isLost: boolean): void {
    this.#failed = undefined
    this.#saidRefused = false
    if (!isLost) this.#lost = 0
  }

  /** A session was lost that was to go on. */
  handleSessionLost(): void {
    this.#lost += 1
    if (this.#lost < LOSSES_TO_WARN) return
    this.#core.warn(
      'session-not-kept',
      `The server "${this.#core.options.address.href}" forgets our session: let it keep sessions (Mosquitto: "persistence true")`,
    )
  }

  /**
   * A connection ended.
   * @param isAsking whether a SUBSCRIBE or UNSUBSCRIBE waits for its answer
   */
  handleClosed(error: Error | undefined, isAsking: boolean): void {
    this.#unanswered = isAsking && error !== undefined ? this.#unanswered + 1 : 0
    if (this.#unanswered === UNANSWERED_TO_WARN) {
      const text = `The connection has ended ${UNANSWERED_TO_WARN} times before a subscribe or unsubscribe was answered: it may have too many filters for the server`
      this.#core.warn('request-unanswered', text)
    }
    if ((error as Partial<ServerDisconnectError> | undefined)?.reasonCode !== TAKEN_OVER) return
    // Which says more than that the client tries rarely.
    this.#saidRefused = true
    const text = `Another client has the client id "${this.#core.clientId}": give each one its own`
    this.#core.warn('taken-over', text)
  }
}
