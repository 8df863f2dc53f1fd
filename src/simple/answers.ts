// What the server's answers mean to the caller: a result, or an error that says what was refused.
// Expected outcomes are values here; who waits for them is not known.

import { PacketType, type QoS } from '../codec/packets.ts'
import { reasonName } from '../codec/reason-codes.ts'
import type {
  PublishOperation,
  SubscribeOperation,
  UnsubscribeOperation,
} from '../engine/operations.ts'
import { type MqttError, RejectedError } from '../errors.ts'
import type { Grant, PublishResult } from './types.ts'

const SUCCESS: PublishResult = Object.freeze({ reasonCode: 0 })
/** 0x10 No matching subscribers. §3.4.2.1 */
const NO_SUBSCRIBERS: PublishResult = Object.freeze({ reasonCode: 0x10, subscribers: 'none' })

/** How a publish at QoS 1 or 2 ended. */
export function publishAnswer(operation: PublishOperation): PublishResult | MqttError {
  const { answer, topic, qos } = operation
  if (typeof answer !== 'number') return answer as MqttError
  if (answer === 0) return SUCCESS
  if (answer === 0x10) return NO_SUBSCRIBERS
  if (answer < 0x80) return { reasonCode: answer }
  const packetType = qos === 1 ? PacketType.PUBACK : PacketType.PUBREC
  return rejected(`publish to "${topic}"`, answer, packetType)
}

/** What each filter was granted; an error when none was. */
export function subscribeAnswer(operation: SubscribeOperation): readonly Grant[] | MqttError {
  const { answer, subscriptions } = operation
  if (answer === undefined || !isCodes(answer)) return answer as MqttError
  const grants = subscriptions.map(({ filter }, index): Grant => {
    const reasonCode = answer[index] as number
    return { filter, reasonCode, qos: reasonCode < 0x80 ? (reasonCode as QoS) : undefined }
  })
  if (grants.some(({ qos }) => qos !== undefined)) return grants
  const { filter, reasonCode } = grants[0] as Grant
  return rejected(`subscribe to "${filter}"`, reasonCode, PacketType.SUBACK)
}

/** Undefined when every filter is gone from the server. */
export function unsubscribeAnswer(operation: UnsubscribeOperation): MqttError | undefined {
  const { answer, filters } = operation
  if (answer === undefined || !isCodes(answer)) return answer
  const refused = answer.findIndex((reasonCode) => reasonCode >= 0x80)
  if (refused < 0) return undefined
  const what = `unsubscribe from "${filters[refused] ?? ''}"`
  return rejected(what, answer[refused] as number, PacketType.UNSUBACK)
}

function isCodes(answer: readonly number[] | MqttError): answer is readonly number[] {
  return Array.isArray(answer)
}

function rejected(what: string, reasonCode: number, packetType: number): RejectedError {
  const code = `0x${reasonCode.toString(16)} (${reasonName(reasonCode)})`
  return new RejectedError(`Cannot ${what}: server refused with reason ${code}`, {
    reasonCode,
    packetType,
  })
}
