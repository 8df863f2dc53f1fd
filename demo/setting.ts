// What every device of one run is told: where the server is, how to reach it, and below which topic to speak.
// Plain data, so that it can be handed to another process.

import type { RobustOptions } from 'umqtt/robust'

export interface Setting {
  /** Everything is below this topic, and client ids begin with it, so that runs do not meet. */
  readonly run: string
  /** The server through the link. */
  readonly url: string
  readonly options: RobustOptions
}

/** What a message of the demo says. */
export interface Note {
  /** Its place in its row, from 1. */
  readonly number: number
  /** For people. */
  readonly value: string
}

export function note(number: number, value: string): string {
  return JSON.stringify({ number, value } satisfies Note)
}

/** @throws {SyntaxError} the payload is none of ours */
export function readNote(payload: Uint8Array): Note {
  return JSON.parse(new TextDecoder().decode(payload)) as Note
}
