// The bytes of an input: a file or standard input, as they are or written as hex. Which of the two it is, the
// first bytes say: MQTT is never text alone, and hex is nothing else.
// Rule: nothing is read faster than it is used.

import { createReadStream } from 'node:fs'
import { addAbortSignal, type Readable } from 'node:stream'
import type { Context } from '../command.ts'
import { joined } from './frames.ts'
import { HexText } from './hex-text.ts'

/** As much as tells text from bytes. */
const SNIFFED_BYTES = 512

/** What an input is. */
export type Form = 'raw' | 'hex'

/**
 * Opens an input and gives its bytes.
 *
 * @param name a file; `-` is standard input
 * @param form undefined when it is to be found out
 * @throws {HexError} it is text and no hex
 */
export async function* bytesOf(
  name: string,
  form: Form | undefined,
  { stdin, stopped }: Pick<Context, 'stdin' | 'stopped'>,
): AsyncGenerator<Uint8Array, void> {
  const stream: Readable = name === '-' ? stdin : createReadStream(name)
  addAbortSignal(stopped, stream)
  try {
    yield* form === 'raw' ? (stream as AsyncIterable<Uint8Array>) : decoded(stream, form)
  } catch (cause) {
    stopped.throwIfAborted()
    const { code, syscall } = cause as NodeJS.ErrnoException
    if (code === undefined || syscall === undefined) throw cause
    throw new Error(`Cannot read ${JSON.stringify(name)}: ${REASONS[code] ?? code}`)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'you may not read it',
  EISDIR: 'it is a folder; give a file',
}

async function* decoded(
  stream: AsyncIterable<Uint8Array>,
  form: Form | undefined,
): AsyncGenerator<Uint8Array, void> {
  let found = form
  let start = new Uint8Array(0)
  const hex = new HexText()
  for await (const chunk of stream) {
    let bytes: Uint8Array = chunk
    if (found === undefined) {
      bytes = start = joined(start, chunk)
      if (start.length < SNIFFED_BYTES) continue
      found = formOf(start)
    }
    if (found === 'raw') yield bytes
    else yield* hex.push(Buffer.from(bytes).toString('latin1'))
  }
  if (found === undefined && formOf(start) === 'raw') {
    yield start
    return
  }
  if (found === undefined) yield* hex.push(Buffer.from(start).toString('latin1'))
  if (found !== 'raw') yield* hex.end()
}

/** Hex is text, and no packet begins as HTTP does. */
function formOf(start: Uint8Array): Form {
  const text = Buffer.from(start).toString('latin1')
  return /^[\t\n\r -~]*$/.test(text) && !/\bHTTP\/\d/.test(text) ? 'hex' : 'raw'
}
