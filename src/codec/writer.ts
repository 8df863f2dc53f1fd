// One packet under the pen: fields go down in order, into a sink that has room for them.
// Rule: a field answers with what a reader would read of it, so that whoever wants to know can compare.
// A Writer without bytes measures: what falls outside is dropped and `length` alone moves on.

import { carriersOf, flagsOf, packetName } from './carriers.ts'
import type { Cursor, TextRule } from './cursor.ts'
import type { ProtocolVersion } from './packets.ts'
import { NO_BYTES, stringFault, utf8Length, writeUtf8 } from './utf8.ts'

/** How many bytes a variable byte integer takes, 1 to 4. §1.5.5 */
export function varintLength(value: number): number {
  let size = 1
  for (; value > 127; value >>= 7) size++
  return size
}

export class Writer implements Cursor {
  declare readonly type: number
  declare version: ProtocolVersion
  declare readonly carriers: number
  /** Where to write; nowhere, to measure. */
  bytes: Uint8Array = NO_BYTES
  length = 0
  /** The flags of the first byte, once they are known. */
  declare flags: number

  constructor(type: number, version: ProtocolVersion) {
    this.type = type
    this.version = version
    this.flags = flagsOf(type)
    this.carriers = carriersOf(type)
  }

  fail(field: string, state: unknown): never {
    throw new RangeError(`Cannot encode ${packetName(this.type)}: ${field} is ${String(state)}`)
  }

  more(some: unknown): boolean {
    return !!some
  }

  number(sizeBytes: number, value: number): number {
    if (value !== value >>> 0 || value >= 256 ** sizeBytes) this.fail('field', value)
    while (sizeBytes > 0) this.bytes[this.length++] = value >> (8 * --sizeBytes)
    return value
  }

  varint(value: number): number {
    if (value !== (value & 0xfffffff)) this.fail('field', value)
    let rest = value
    for (; rest > 127; rest >>= 7) this.number(1, (rest & 127) | 128)
    this.number(1, rest)
    return value
  }

  string(name: string, text: string, rule: TextRule = stringFault): string {
    const fault = rule(text)
    if (fault) this.fail(`${name} "${text}"`, fault[0])
    const size = this.number(2, utf8Length(text))
    if (this.bytes.length) writeUtf8(text, this.bytes, this.length)
    this.length += size
    return text
  }

  binary(bytes: Uint8Array): Uint8Array {
    this.number(2, bytes.length)
    return this.rest(bytes)
  }

  rest(bytes: Uint8Array): Uint8Array {
    if (!(bytes instanceof Uint8Array)) this.fail('field', bytes)
    if (this.bytes.length) this.bytes.set(bytes, this.length)
    this.length += bytes.length
    return bytes
  }

  open(): number {
    return this.length++
  }

  close(start: number): void {
    // Most lengths take one byte; for a longer one what was written moves up.
    const size = this.length - start - 1
    this.bytes.copyWithin(start + varintLength(size), start + 1, this.length)
    this.length = start
    this.varint(size)
    this.length += size
  }
}
