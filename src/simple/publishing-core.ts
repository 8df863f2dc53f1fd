// The core of `umqtt/simple`, with what a client that holds on does in its own way: a message goes to the
// engine at the call, and its promise is settled by what the engine says of it. Arguments are checked.

import { unconnectedError } from '../engine/endings.ts'
import type { PublishOperation } from '../engine/operations.ts'
import { MqttError } from '../errors.ts'
import { publishAnswer } from './answers.ts'
import { ClientCore } from './client-core.ts'
import type { Payload, PublishResult } from './types.ts'
import { answerTo, promiseOf, reasonOf, type Settle } from './waiting.ts'

export class PublishingCore extends ClientCore {
  /** Publishes what is nothing but a topic and a payload; undefined when that cannot be at once. */
  publishPlain(
    topic: string,
    topicBytes: number,
    payload: Payload,
    payloadLength: number,
  ): Promise<PublishResult> | undefined {
    const { driver } = this
    if (!this.engine.publishPlain(topic, topicBytes, payload, payloadLength)) return undefined
    const promise = driver.handedOver
    driver.touch()
    if (driver.paused) this.weigh()
    return promise
  }

  publish(
    operation: PublishOperation,
    owned: boolean,
    signal: AbortSignal | undefined,
  ): Promise<PublishResult> {
    if (signal?.aborted) return Promise.reject(reasonOf(signal))
    if (!this.mayConnect) {
      return Promise.reject(unconnectedError(`publish to "${operation.topic}"`))
    }
    const { driver } = this
    this.engine.publish(operation, owned, driver.now)
    let promise: Promise<PublishResult>
    if (operation.state === 'done') {
      promise = operation.answer === 0 ? driver.handedOver : Promise.reject(operation.answer)
    } else {
      promise = signal === undefined ? answerTo(operation) : this.#promise(operation, signal)
    }
    driver.touch()
    if (driver.paused) this.weigh()
    return promise
  }

  protected override settlePublish(operation: PublishOperation): void {
    const settle = operation.context as Settle<PublishResult> | undefined
    if (settle === undefined) return
    operation.context = undefined
    // At QoS 0 it has left the queue, and is handed over with the next write.
    if (operation.qos === 0 && operation.answer === 0) return settle(this.driver.handedOver)
    const answer = publishAnswer(operation)
    settle(answer instanceof MqttError ? Promise.reject(answer) : answer)
  }

  #promise(operation: PublishOperation, signal: AbortSignal): Promise<PublishResult> {
    return promiseOf<PublishResult>(operation, signal, () => {
      this.engine.cancel(operation)
      this.driver.touch()
      return undefined
    })
  }
}
