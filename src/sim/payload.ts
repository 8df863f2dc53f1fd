// What the payloads of a run say: which message it is, and on its way back to a device which delivery. Text,
// so that a trace can be read.

/** The payload of a message. @param sizeBytes its length; never below what its number takes */
export function payloadOf(number: number, sizeBytes: number): string {
  return `#${number} `.padEnd(sizeBytes, '.')
}

/** The number of a delivery; 0 when it says none. */
export function deliveryOf(payload: string): number {
  return Number(/^(\d+)>/.exec(payload)?.[1] ?? 0)
}

const HASH = 0x23
const ZERO = 0x30

/** The number of a message, from the bytes of its payload; 0 when it says none. */
export function numberIn(payload: Uint8Array): number {
  if (payload[0] !== HASH) return 0
  let number = 0
  for (let i = 1; i < payload.length; i += 1) {
    const digit = (payload[i] as number) - ZERO
    if (digit < 0 || digit > 9) break
    number = number * 10 + digit
  }
  return number
}
