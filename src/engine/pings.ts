// The pings that somebody waits for: one PINGRESP answers all that were sent before it. §3.12, §3.13
// It knows neither the connection nor when to ping: that is the liveness.

import type { MqttError } from '../errors.ts'
import type { Deque } from './deque.ts'
import { timeoutError } from './endings.ts'
import type { PingOperation } from './operations.ts'
import type { Output } from './types.ts'

export class Pings {
  readonly #outputs: Deque<Output>
  readonly #operationMs: number
  #waiting: PingOperation[] = []

  constructor(outputs: Deque<Output>, operationMs: number) {
    this.#outputs = outputs
    this.#operationMs = operationMs
  }

  /** True while somebody waits. */
  get open(): boolean {
    return this.#waiting.length > 0
  }

  add(operation: PingOperation, now: number): void {
    operation.sentAt = now
    operation.deadline = now + this.#operationMs
    this.#waiting.push(operation)
  }

  /** PINGRESP is in at `now`, or none will come because of an error. */
  settle(answer: number | MqttError): void {
    for (const operation of this.#waiting) {
      operation.answer = typeof answer === 'number' ? answer - operation.sentAt : answer
      this.#outputs.push(operation)
    }
    this.#waiting = []
  }

  /** Hands back what has passed its deadline; gives the earliest deadline that is left. */
  expire(now: number): number {
    const left = this.#waiting.filter(({ deadline }) => deadline > now)
    this.#waiting = this.#waiting.filter(({ deadline }) => deadline <= now)
    this.settle(timeoutError('ping', this.#operationMs))
    this.#waiting = left
    return left[0]?.deadline ?? Infinity
  }
}
