// Any character of Unicode, for strings of `unit: anyCharacter()`. fast-check's own unit `binary` is the same, and makes
// a table of all characters for each kind of string: that takes a third of a second, and seconds on an interpreter. It
// knows some words that are dangerous as keys, such as `__proto__`, which these strings are not made of.

import fc from 'fast-check'

/** A character with any code point but those of surrogates. */
export function anyCharacter(): fc.Arbitrary<string> {
  return fc
    .oneof(fc.nat(0xd7ff), fc.integer({ min: 0xe000, max: 0x10_ffff }))
    .map((code) => String.fromCodePoint(code))
}
