// What the payloads of a run say: which message it is, and on its way back to a device which delivery. Text,
// so that a trace can be read.

/** The payload of a message. @param sizeBytes its length; never below what its number takes */
export function payloadOf(number: number, sizeBytes: number): string {
  return `#${number} `.padEnd(sizeBytes, '.')
}

/** The number of a message, from its payload; 0 when it says none. */
export function numberOf(payload: string): number {
  return Number(/#(\d+) /.exec(payload)?.[1] ?? 0)
}

/** The number of a delivery; 0 when it says none. */
export function deliveryOf(payload: string): number {
  return Number(/^(\d+)>/.exec(payload)?.[1] ?? 0)
}
