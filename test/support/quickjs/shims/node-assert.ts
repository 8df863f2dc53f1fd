// node:assert/strict for engines that are not Node: the assertions that portable tests use, no others.
// Fails as Node's do, with shorter words.

/** What a failed assertion throws. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

type Check = RegExp | (new (...args: never[]) => unknown) | ((error: unknown) => unknown) | object

/** Fails always. */
export function fail(message: string | Error = 'Failed'): never {
  throw message instanceof Error ? message : new AssertionError(message)
}

/** Fails unless the value is truthy. */
export function ok(value: unknown, message?: string | Error): asserts value {
  if (!value) fail(message ?? `Expected a truthy value, got ${show(value)}`)
}

/** Fails unless both are the same value. */
export function equal(actual: unknown, expected: unknown, message?: string | Error): void {
  if (!Object.is(actual, expected)) {
    fail(message ?? `Expected ${show(expected)}, got ${show(actual)}`)
  }
}

/** Fails when both are the same value. */
export function notEqual(actual: unknown, expected: unknown, message?: string | Error): void {
  if (Object.is(actual, expected)) fail(message ?? `Expected anything but ${show(actual)}`)
}

/** Fails unless both have the same types, members and elements. */
export function deepEqual(actual: unknown, expected: unknown, message?: string | Error): void {
  if (!same(actual, expected, new Map())) {
    fail(message ?? `Expected ${show(expected)}, got ${show(actual)}`)
  }
}

/** Fails when both have the same types, members and elements. */
export function notDeepEqual(actual: unknown, expected: unknown, message?: string | Error): void {
  if (same(actual, expected, new Map())) fail(message ?? `Expected anything but ${show(actual)}`)
}

/** Fails unless the text matches. */
export function match(text: string, pattern: RegExp, message?: string | Error): void {
  if (!pattern.test(text)) fail(message ?? `Expected ${show(text)} to match ${String(pattern)}`)
}

/** Fails unless the function throws, and what it throws passes the check. */
export function throws(action: () => unknown, check?: Check | string, message?: string): void {
  let error: unknown
  try {
    action()
  } catch (thrown) {
    error = thrown
    checkError(error, check, message)
    return
  }
  fail(typeof check === 'string' ? check : (message ?? 'Expected it to throw'))
}

/** Fails when the function throws. */
export function doesNotThrow(action: () => unknown, message?: string): void {
  try {
    action()
  } catch (error) {
    fail(message ?? `Expected it not to throw, it threw ${show(error)}`)
  }
}

/** Fails unless the promise rejects, and what it rejects with passes the check. */
export async function rejects(
  action: Promise<unknown> | (() => Promise<unknown>),
  check?: Check | string,
  message?: string,
): Promise<void> {
  try {
    await (typeof action === 'function' ? action() : action)
  } catch (error) {
    checkError(error, check, message)
    return
  }
  fail(typeof check === 'string' ? check : (message ?? 'Expected it to reject'))
}

function checkError(error: unknown, check: Check | string | undefined, message?: string): void {
  if (check === undefined || typeof check === 'string') return
  if (check instanceof RegExp) {
    match(String(error), check, message)
  } else if (typeof check === 'function') {
    if (isClass(check)) {
      if (!(error instanceof check)) fail(message ?? `Expected a ${check.name}, got ${show(error)}`)
    } else {
      equal((check as (error: unknown) => unknown)(error), true, message)
    }
  } else {
    checkMembers(error, check as Record<string, unknown>, message)
  }
}

/** Every member of `expected`, `message` and `name` of an Error among them. */
function checkMembers(error: unknown, expected: Record<string, unknown>, message?: string): void {
  const names = new Set(Object.keys(expected))
  if (expected instanceof Error) names.add('name').add('message')
  for (const name of names) {
    const actual = (error as Record<string, unknown> | undefined)?.[name]
    const wanted = expected[name]
    if (wanted instanceof RegExp && typeof actual === 'string') match(actual, wanted, message)
    else
      deepEqual(actual, wanted, message ?? `Expected ${name} ${show(wanted)}, got ${show(actual)}`)
  }
}

function isClass(value: unknown): value is new (...args: never[]) => unknown {
  return (
    typeof value === 'function' &&
    (value === Error || value.prototype instanceof Error || String(value).startsWith('class'))
  )
}

type Seen = Map<object, object>

function same(a: unknown, b: unknown, seen: Seen): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
  if (seen.get(a) === b) return true
  seen.set(a, b)
  if (ArrayBuffer.isView(a)) return sameBytes(bytesOf(a), bytesOf(b as ArrayBufferView))
  if (a instanceof ArrayBuffer)
    return sameBytes(new Uint8Array(a), new Uint8Array(b as ArrayBuffer))
  if (a instanceof Map) return sameMap(a, b as Map<unknown, unknown>, seen)
  if (a instanceof Set) return sameSet(a, b as Set<unknown>, seen)
  if (a instanceof RegExp && b instanceof RegExp) return String(a) === String(b)
  if (a instanceof Number || a instanceof String || a instanceof Boolean || a instanceof Date) {
    if (!Object.is(a.valueOf(), b.valueOf())) return false
  }
  if (a instanceof Error) {
    const other = b as Error
    if (a.message !== other.message || a.name !== other.name) return false
    if (!same(a.cause, other.cause, seen)) return false
  }
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false
  return sameMembers(a, b, seen)
}

function sameMembers(a: object, b: object, seen: Seen): boolean {
  const keys = members(a)
  if (keys.length !== members(b).length) return false
  return keys.every(
    (key) =>
      Object.prototype.propertyIsEnumerable.call(b, key) &&
      same(Reflect.get(a, key), Reflect.get(b, key), seen),
  )
}

function members(value: object): PropertyKey[] {
  return Reflect.ownKeys(value).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(value, key),
  )
}

function sameMap(a: Map<unknown, unknown>, b: Map<unknown, unknown>, seen: Seen): boolean {
  if (a.size !== b.size) return false
  const others = [...b]
  return [...a].every(([key, value]) => {
    if (b.has(key)) return same(value, b.get(key), seen)
    return others.some(([k, v]) => same(key, k, new Map(seen)) && same(value, v, new Map(seen)))
  })
}

function sameSet(a: Set<unknown>, b: Set<unknown>, seen: Seen): boolean {
  if (a.size !== b.size) return false
  const others = [...b]
  return [...a].every(
    (value) => b.has(value) || others.some((other) => same(value, other, new Map(seen))),
  )
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false
  return true
}

function show(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (value instanceof Uint8Array) return `bytes [${Array.from(value.subarray(0, 64)).join(' ')}]`
  if (typeof value === 'object' && value !== null) {
    return JSON.stringify(value, (_key, member: unknown) =>
      typeof member === 'bigint' ? `${member}n` : member,
    )
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

const strict = Object.assign(
  (value: unknown, message?: string | Error): void => ok(value, message),
  {
    AssertionError,
    fail,
    ok,
    equal,
    strictEqual: equal,
    notEqual,
    deepEqual,
    deepStrictEqual: deepEqual,
    notDeepEqual,
    match,
    throws,
    doesNotThrow,
    rejects,
  },
)
export default strict
