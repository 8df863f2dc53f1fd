// Enhanced authentication: the server's data goes to the application, its answer goes back. §4.12
// An answer that comes late never goes to another connection than the one that asked.

import type { Driver } from '../driver/driver.ts'
import type { AuthOutput } from '../engine/types.ts'
import { ClosedError, MqttError, NotSupportedError, ProtocolError } from '../errors.ts'
import type { Authentication } from './types.ts'
import { type Deferred, deferred } from './waiting.ts'

/** 0x80 Unspecified error, in DISCONNECT: 0x87 is for servers alone. §3.14.2.1 [MQTT-3.14.2-1] */
const NO_ANSWER = 0x80

export class Authenticator {
  readonly #authentication: Authentication | undefined
  readonly #driver: Driver
  /** A re-authentication of ours that the server has not finished. */
  #again: Deferred<void> | undefined
  /** Counts connections, so that a late answer does not go to another one. */
  #connection = 0

  constructor(authentication: Authentication | undefined, driver: Driver) {
    this.#authentication = authentication
    this.#driver = driver
  }

  /** Begins a re-authentication. [MQTT-4.12.1-1] */
  begin(data: Uint8Array | undefined): Promise<void> {
    if (this.#authentication === undefined) {
      throw new TypeError('Cannot reauthenticate: the option properties.authentication is not set')
    }
    const { engine } = this.#driver
    if (engine.state !== 'connected') {
      return Promise.reject(new ClosedError('Cannot reauthenticate: the client is not connected'))
    }
    const error = engine.authenticate(data, true, this.#driver.now)
    if (error !== undefined) return Promise.reject(error)
    this.#again ??= deferred<void>()
    this.#driver.touch()
    return this.#again.promise
  }

  handleAuth({ packet }: AuthOutput): void {
    const { reasonCode, properties } = packet
    if (reasonCode === 0) {
      this.#again?.resolve()
      this.#again = undefined
      return
    }
    const connection = this.#connection
    const answered = async (): Promise<void> => {
      const respond = this.#authentication?.respond
      if (respond === undefined) {
        throw new NotSupportedError('Cannot answer AUTH: authentication.respond is not set', {
          limit: 'authentication.respond',
        })
      }
      const data = await respond(properties.authenticationData)
      if (connection !== this.#connection) return
      const error = this.#driver.engine.authenticate(data, false, this.#driver.now)
      if (error !== undefined) throw error
      this.#driver.touch()
    }
    answered().catch((error: unknown) => {
      if (connection !== this.#connection) return
      this.#driver.engine.fail(asMqttError(error), NO_ANSWER, this.#driver.now)
      this.#driver.touch()
    })
  }

  handleClosed(error: Error): void {
    this.#connection += 1
    this.#again?.reject(error)
    this.#again = undefined
  }
}

function asMqttError(cause: unknown): MqttError {
  if (cause instanceof MqttError) return cause
  const text = `Cannot answer the server's authentication: ${cause instanceof Error ? cause.message : String(cause)}`
  return Object.assign(new ProtocolError(text, { clause: '§4.12', reasonCode: NO_ANSWER }), {
    cause,
  })
}
