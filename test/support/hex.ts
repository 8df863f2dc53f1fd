// Bytes as one reads them in the specification: hex`10 02 'MQTT' // flags` with comments and quoted ASCII.

/** What may stand in a `${}`: a byte, bytes, or a text to be repeated is not among them. */
type Part = number | readonly number[] | Uint8Array

/**
 * Bytes from hexadecimal digits in pairs. Blanks separate, `//` begins a comment up to the end of its
 * line, ASCII in single quotes stands for itself, and `${}` inserts a byte or bytes.
 */
export function hex(strings: TemplateStringsArray, ...parts: readonly Part[]): Uint8Array {
  const bytes: number[] = []
  strings.raw.forEach((text, i) => {
    for (const [token] of text.replace(/\/\/[^\n]*/g, '').matchAll(/'[^']*'|\S+/g)) {
      if (token.startsWith("'")) {
        for (const c of token.slice(1, -1)) bytes.push(c.charCodeAt(0))
      } else if (/^([0-9a-f]{2})+$/i.test(token)) {
        for (const [pair] of token.matchAll(/../g)) bytes.push(Number.parseInt(pair, 16))
      } else {
        throw new SyntaxError(`Cannot read "${token}" as pairs of hexadecimal digits`)
      }
    }
    const part = parts[i]
    if (typeof part === 'number') bytes.push(part)
    else if (part !== undefined) bytes.push(...part)
  })
  return Uint8Array.from(bytes)
}

/** The same bytes as hexadecimal digits in pairs, for messages. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
}
