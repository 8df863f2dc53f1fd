// What the server's answers mean to the caller: a result, or an error that says what was refused.
// Expected outcomes are values here; who waits for them is not known.

import * as PacketType from '../codec/packet-type.ts'
import type { QoS } from '../codec/packets.ts'
import { reasonName } from '../codec/reason-codes.ts'
import type { PublishOperation } from '../engine/operations.ts'
import type { RequestOperation } from '../engine/requests.ts'
import { MqttError, RejectedError } from '../errors.ts'
import { PACKET_ID_NOT_FOUND } from './constants.ts'
import type { Grant, PublishResult } from './types.ts'

const SUCCESS: PublishResult = /* @__PURE__ */ Object.freeze({ reasonCode: 0 })
/** 0x10 No matching subscribers. §3.4.2.1 */
const NO_SUBSCRIBERS: PublishResult = /* @__PURE__ */ Object.freeze({
  reasonCode: 0x10,
  subscribers: 'none',
})

/** How a publish at QoS 1 or 2 ended. */
export function publishAnswer(operation: PublishOperation): PublishResult | MqttError {
  const { answer, topic, qos } = operation
  if (typeof answer !== 'number') return answer as MqttError
  if (answer === 0) return SUCCESS
  if (answer === 0x10) return NO_SUBSCRIBERS
  if (answer < 0x80) return { reasonCode: answer }
  const atFirst = qos === 1 ? PacketType.PUBACK : PacketType.PUBREC
  const packetType = answer === PACKET_ID_NOT_FOUND ? PacketType.PUBCOMP : atFirst
  return rejected(`publish to "${topic}"`, answer, packetType, operation)
}

/**
 * What the server made of each filter. A subscribe fails when every filter is refused, an unsubscribe
 * when one is.
 */
export function requestAnswer(operation: RequestOperation): readonly Grant[] | MqttError {
  const answer = operation.answer as readonly number[] | MqttError
  if (answer instanceof MqttError) return answer
  const subscribes = operation.kind === 'subscribe'
  const filters = subscribes
    ? operation.subscriptions.map(({ filter }) => filter)
    : operation.filters
  const grants = filters.map((filter, index): Grant => {
    const reasonCode = answer[index] as number
    return { filter, reasonCode, qos: reasonCode < 0x80 ? (reasonCode as QoS) : undefined }
  })
  const refused = grants.filter(({ qos }) => qos === undefined)
  const [first] = refused
  if (first === undefined || (subscribes && refused.length < grants.length)) return grants
  return subscribes
    ? rejected(`subscribe to "${first.filter}"`, first.reasonCode, PacketType.SUBACK, operation)
    : rejected(
        `unsubscribe from "${first.filter}"`,
        first.reasonCode,
        PacketType.UNSUBACK,
        operation,
      )
}

function rejected(
  what: string,
  reasonCode: number,
  packetType: number,
  { reasonString }: PublishOperation | RequestOperation,
): RejectedError {
  const code = `0x${reasonCode.toString(16)} (${reasonName(reasonCode)})`
  const said = reasonString === undefined ? '' : `: ${reasonString}`
  return new RejectedError(`Cannot ${what}: server refused with reason ${code}${said}`, {
    reasonCode,
    reasonString,
    packetType,
    // PUBREC has taken the message before that.
    sent: packetType === PacketType.PUBCOMP ? 'maybe' : undefined,
  })
}
