// How a message is printed: the payload alone, with its topic, by a format, or as a line of JSON.
// On a terminal, control characters of strangers are shown and not obeyed; elsewhere bytes stay as they are.

import { writeMessage } from '../message-json.ts'
import type { Terminal } from '../terminal.ts'
import { type Format, readFormat } from './format.ts'

/** What a person asked for. */
export interface Wish {
  readonly format: string | undefined
  readonly json: boolean
  readonly verbose: boolean
  /** Whether a line ends after each message. */
  readonly line: boolean
}

/** All that a terminal may obey, but the end of a line and the tabulator. */
const CONTROLS = /[^\P{Cc}\t\n]/gu

/** Makes what prints a message. @throws {UsageError} the format has something unknown */
export function printerOf({ format, json, verbose, line }: Wish, out: Terminal): Format {
  const end = line ? '\n' : ''
  if (format !== undefined) return readFormat(format, end)
  if (json) return ({ message, at }) => Buffer.from(`${writeMessage(message, at)}\n`)
  return ({ message: { topic, payload } }) => {
    const head = verbose ? `${out.paint('cyan', harmless(topic, out))} ` : ''
    const body = out.isTerminal ? harmless(new TextDecoder().decode(payload), out) : payload
    return Buffer.concat([Buffer.from(head), Buffer.from(body), Buffer.from(end)])
  }
}

function harmless(text: string, { isTerminal }: Terminal): string {
  if (!isTerminal) return text
  return text.replace(
    CONTROLS,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
