// What the contracts share: how a check is registered, and what it judges by. Two values are the same, or something
// holds; else an error says what differs. Knows no test runner: a check that throws has failed.

/** Registers one check, such as `test` of `node:test`. */
export type RegisterCheck = (name: string, check: () => Promise<void>) => unknown

/** @throws {Error} they differ, or hold what differs */
export function equal(actual: unknown, wanted: unknown, what: string): void {
  if (Object.is(actual, wanted)) return
  const [one, other] = [show(actual), show(wanted)]
  if (one !== other) throw new Error(`${what}: wanted ${other}, got ${one}`)
}

/** @throws {Error} it does not hold */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}

/** @throws {Error} with the first place where they differ */
export function sameBytes(actual: Uint8Array, wanted: Uint8Array, what: string): void {
  equal(actual.length, wanted.length, `The length of ${what}`)
  const different = actual.findIndex((byte, i) => byte !== wanted[i])
  holds(different === -1, `${what}: the bytes differ from offset ${different} on`)
}

function show(value: unknown): string {
  return String(
    JSON.stringify(value, (_, inner: unknown) => {
      if (inner instanceof Uint8Array) return `bytes ${inner.join(' ')}`
      if (inner instanceof Error) return `${inner.name}: ${inner.message}`
      return typeof inner === 'number' && !Number.isFinite(inner) ? `number ${inner}` : inner
    }),
  )
}
