// The pings that somebody waits for: one PINGRESP answers all that were sent before it. §3.12, §3.13
// It knows neither the connection nor when to ping: that is the liveness.

import { type MqttError, TimeoutError } from '../errors.ts'
import type { Deque } from './deque.ts'
import type { PingOperation } from './operations.ts'
import type { Output } from './types.ts'

export class Pings {
  readonly #outputs: Deque<Output>
  readonly #operationMs: number
  #waiting: PingOperation[] | undefined

  constructor(outputs: Deque<Output>, operationMs: number) {
    this.#outputs = outputs
    this.#operationMs = operationMs
  }

  /** True while somebody waits. */
  get open(): boolean {
    return this.#waiting !== undefined
  }

  add(operation: PingOperation, now: number): void {
    operation.sentAt = now
    operation.deadline = now + this.#operationMs
    this.#waiting = [...(this.#waiting ?? []), operation]
  }

  handleResponse(now: number): void {
    this.#answer(({ sentAt }) => now - sentAt)
  }

  handleClosed(error: MqttError): void {
    this.#answer(() => error)
  }

  /** Hands back what has passed its deadline; gives the earliest deadline that is left. */
  expire(now: number): number {
    const left = this.#waiting?.filter(({ deadline }) => deadline > now) ?? []
    const afterMs = this.#operationMs
    const details = { operation: 'ping', afterMs }
    this.#answer(({ deadline }) =>
      deadline > now
        ? undefined
        : new TimeoutError(`No answer to ping within ${afterMs} ms`, details),
    )
    this.#waiting = left.length === 0 ? undefined : left
    return left[0]?.deadline ?? Infinity
  }

  #answer(answerOf: (operation: PingOperation) => number | MqttError | undefined): void {
    for (const operation of this.#waiting ?? []) {
      operation.answer = answerOf(operation)
      if (operation.answer !== undefined) this.#outputs.push(operation)
    }
    this.#waiting = undefined
  }
}
