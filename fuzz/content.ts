// Messages that can be told apart and checked: a payload begins with its number and goes on with bytes
// that follow from it, so that a byte of another message, or of a buffer used again, shows.

import { Violation } from './violation.ts'

const NUMBER_BYTES = 4

/** Topics of all lengths; a number has always the same one. */
const TOPICS: readonly string[] = [
  'a',
  'a/b',
  'sensor/temperature',
  'grüße/日本語',
  't/'.padEnd(300, 'long/'),
]

/** The topic of a message. */
export function topicOf(number: number): string {
  return TOPICS[number % TOPICS.length] as string
}

/** The payload of a message, of at least 4 bytes. */
export function payloadOf(number: number, length: number): Uint8Array {
  const payload = new Uint8Array(Math.max(length, NUMBER_BYTES))
  for (let i = NUMBER_BYTES; i < payload.length; i += 1) payload[i] = byteOf(number, i)
  for (let i = 0; i < NUMBER_BYTES; i += 1) payload[i] = number >>> (8 * (NUMBER_BYTES - 1 - i))
  return payload
}

/** Reads the number of a message and checks the rest. @throws {Violation} when it was damaged */
export function numberOf(topic: string, payload: Uint8Array): number {
  if (payload.length < NUMBER_BYTES) throw new Violation('content', `${payload.length} bytes`)
  const number = numberIn(payload)
  for (let i = NUMBER_BYTES; i < payload.length; i += 1) {
    if (payload[i] !== byteOf(number, i)) {
      throw new Violation('content', `byte ${i} of message ${number} is damaged`)
    }
  }
  if (topic !== topicOf(number)) {
    throw new Violation('content', `message ${number} came under "${topic}"`)
  }
  return number
}

/** The number of a message, without any check. */
export function numberIn(payload: Uint8Array): number {
  let number = 0
  for (let i = 0; i < NUMBER_BYTES; i += 1) number = number * 256 + (payload[i] ?? 0)
  return number
}

function byteOf(number: number, index: number): number {
  return (number * 7 + index * 13) & 255
}
