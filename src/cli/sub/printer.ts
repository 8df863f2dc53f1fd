// How a message is printed: the payload alone, with its topic, by a format, or as a line of JSON.
// On a terminal, control characters of strangers are shown and not obeyed; elsewhere bytes stay as they are.

import { writeMessage } from '../message-json.ts'
import { harmless, harmlessJson } from '../readable.ts'
import type { Terminal } from '../terminal.ts'
import { type Arrival, type Format, readFormat } from './format.ts'

/** What a person asked for. */
export interface Wish {
  readonly format: string | undefined
  readonly json: boolean
  readonly verbose: boolean
  /** Whether a line ends after each message. */
  readonly line: boolean
}

/** Makes what prints a message. @throws {UsageError} the format has something unknown */
export function printerOf({ format, json, verbose, line }: Wish, out: Terminal): Format {
  const end = line ? '\n' : ''
  const { isTerminal } = out
  if (format !== undefined) return readFormat(format, end, isTerminal)
  if (json) {
    return ({ message, at }) => {
      const text = writeMessage(message, at)
      return Buffer.from(`${isTerminal ? harmlessJson(text) : text}\n`)
    }
  }
  return ({ message: { topic, payload } }) => {
    const head = verbose ? `${out.paint('cyan', isTerminal ? harmless(topic, '') : topic)} ` : ''
    const body = isTerminal ? harmless(new TextDecoder().decode(payload)) : payload
    return Buffer.concat([Buffer.from(head), Buffer.from(body), Buffer.from(end)])
  }
}

/** What is printed of a message; nothing of one that cannot be printed so, which a person is told. */
export function printed(arrival: Arrival, print: Format, err: Terminal): Uint8Array {
  try {
    return print(arrival)
  } catch (error) {
    // That it is no JSON, or that what it becomes is longer than a text can be.
    if (!(error instanceof TypeError) && !(error instanceof RangeError)) throw error
    void err.say('yellow', `"${arrival.message.topic}" is left out: ${error.message}`)
    return new Uint8Array(0)
  }
}
