// Enhanced authentication: the server's data goes to the application, its answer goes back. §4.12
// An answer that comes late never goes to another connection than the one that asked.

import { type Deferred, deferred } from '../driver/deferred.ts'
import type { Driver } from '../driver/driver.ts'
import { unconnectedError } from '../engine/endings.ts'
import type { AuthOutput } from '../engine/types.ts'
import { MqttError, NotSupportedError, ProtocolError } from '../errors.ts'
import { NO_ANSWER } from './constants.ts'
import type { Authentication } from './types.ts'

export class Authenticator {
  readonly #authentication: Authentication
  readonly #driver: Driver
  /** A re-authentication of ours that the server has not finished. */
  #again: Deferred<void> | undefined
  /** Counts connections, so that a late answer does not go to another one. */
  #connection = 0

  constructor(authentication: Authentication, driver: Driver) {
    this.#authentication = authentication
    this.#driver = driver
  }

  /** Begins a re-authentication. [MQTT-4.12.1-1] */
  begin(data: Uint8Array | undefined): Promise<void> {
    const { engine, now } = this.#driver
    const error =
      engine.state === 'connected'
        ? engine.authenticate(data, true, now)
        : unconnectedError('reauthenticate')
    if (error !== undefined) return Promise.reject(error)
    this.#again ??= deferred<void>()
    this.#driver.touch()
    return this.#again.promise
  }

  async handleAuth({ packet }: AuthOutput): Promise<void> {
    if (packet.reasonCode === 0) {
      this.#again?.resolve()
      this.#again = undefined
      return
    }
    const connection = this.#connection
    const driver = this.#driver
    try {
      const { respond } = this.#authentication
      const limit = 'authentication.respond'
      if (respond === undefined) {
        throw new NotSupportedError(`Cannot answer AUTH: ${limit} is not set`, { limit })
      }
      const data = await respond(packet.properties.authenticationData)
      if (connection !== this.#connection) return
      const error = driver.engine.authenticate(data, false, driver.now)
      if (error !== undefined) throw error
    } catch (error) {
      if (connection !== this.#connection) return
      driver.engine.fail(asMqttError(error), NO_ANSWER, driver.now)
    }
    driver.touch()
  }

  handleClosed(error: Error): void {
    this.#connection += 1
    this.#again?.reject(error)
    this.#again = undefined
  }
}

function asMqttError(cause: unknown): MqttError {
  if (cause instanceof MqttError) return cause
  const text = `Cannot answer AUTH: ${cause instanceof Error ? cause.message : String(cause)}`
  return new ProtocolError(text, { clause: '§4.12', reasonCode: NO_ANSWER, cause })
}
