// Bytes and texts of strangers as a person can read them: nothing in them moves the cursor, changes a colour or
// turns the direction of writing, and what is long is cut with its length. Knows no packet.

/** How much of a value is shown; Infinity: all of it. */
export interface Cut {
  /** Letters of a text. */
  readonly letters: number
  /** Bytes of what is no text. */
  readonly bytes: number
}

/** Three lines of a terminal for a text, and one and a half for hex. */
export const SHORT: Cut = { letters: 240, bytes: 40 }

/** Nothing is cut. */
export const WHOLE: Cut = { letters: Infinity, bytes: Infinity }

/** Controls, separators of lines, what turns the direction of writing, and halves of pairs. */
const HIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"\\]/gu

/** What a terminal obeys, C1 included: U+009B begins a sequence too. ECMA-48 §5.3 */
const CONTROLS = /\p{Cc}/gu

const ESCAPES: Readonly<Record<string, string>> = {
  '\t': String.raw`\t`,
  '\n': String.raw`\n`,
  '\r': String.raw`\r`,
  '"': String.raw`\"`,
  '\\': String.raw`\\`,
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Controls beside white space: more than one in so many letters, and it was no text. */
const CONTROLS_SHARE = 8

/**
 * The text with what a terminal obeys as `\x1b`.
 * @param kept control characters that stay as they are
 */
export function harmless(text: string, kept: string = '\n\t'): string {
  return text.replace(CONTROLS, (character) =>
    kept.includes(character)
      ? character
      : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

/** The same for JSON, which has an escape of its own: that of the C0 controls is there already. */
export function harmlessJson(json: string): string {
  return json.replace(CONTROLS, (character) => `\\u00${character.charCodeAt(0).toString(16)}`)
}

/** The text with escapes for what cannot be seen, cut with an ellipsis. */
export function plain(text: string, letters: number = Infinity): string {
  const isCut = text.length > letters
  const start = isCut
    ? Array.from(text.slice(0, letters + 1))
        .slice(0, -1)
        .join('')
    : text
  const escaped = start.replaceAll(
    HIDDEN,
    (letter) => ESCAPES[letter] ?? `\\u{${(letter.codePointAt(0) ?? 0).toString(16)}}`,
  )
  return isCut ? `${escaped}…` : escaped
}

/** The same between quotes, cut with its length. */
export function quoted(text: string, { letters }: Cut = SHORT): string {
  const length = text.length > letters ? ` (${count(text.length, 'letter')})` : ''
  return `"${plain(text, letters)}"${length}`
}

/** What strict UTF-8 says, with a mark of the order of bytes left where it is; undefined for other bytes. */
export function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes)
  } catch {
    return undefined
  }
}

/** Bytes in an object of JSON: `payload` for UTF-8, `payloadBase64` for others. */
export function bytesJson(name: string, bytes: Uint8Array): Readonly<Record<string, string>> {
  const text = utf8Of(bytes)
  return text === undefined ? { [`${name}Base64`]: base64Of(bytes) } : { [name]: text }
}

/** The same for bytes that are no text by their meaning. */
export function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

/** The text that bytes are; undefined when a person could not read it. */
export function textOf(bytes: Uint8Array): string | undefined {
  const text = utf8Of(bytes)
  if (text === undefined) return undefined
  const controls = text.match(/(?![\t\n\r])\p{Cc}/gu)?.length ?? 0
  return text.includes('\0') || controls * CONTROLS_SHARE > text.length ? undefined : text
}

/** Bytes as hex, cut with their length. */
export function hexOf(bytes: Uint8Array, { bytes: limit }: Cut = SHORT): string {
  const start = bytes.length > limit ? bytes.subarray(0, limit) : bytes
  const hex = Array.from(start, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
  return start === bytes ? hex : `${hex}…`
}

/** A payload: its text where it is one, else hex. */
export function shownBytes(bytes: Uint8Array, cut: Cut = SHORT): string {
  if (bytes.length === 0) return 'empty'
  const text = textOf(bytes)
  return text === undefined
    ? `${hexOf(bytes, cut)} (${count(bytes.length, 'byte')})`
    : quoted(text, cut)
}

/** A number and what it counts: `1 byte`, `2 bytes`. */
export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
