// What sensor and display agree on: the topics of one run, and what a message says.

/** The topics of one run. */
export interface Topics {
  /** `online`, or `offline` by the will; retained. */
  readonly status: string
  /** What kind of sensor it is; retained. */
  readonly state: string
  readonly request: string
  /** Where answers go when the request cannot say it, as in MQTT 3.1.1. */
  readonly response: string
  reading(sort: string): string
  command(name: string): string
  answer(name: string): string
}

/** Everything is below one topic, so that runs do not meet. */
export function topicsBelow(base: string): Topics {
  return {
    status: `${base}/status`,
    state: `${base}/state`,
    request: `${base}/request`,
    response: `${base}/response`,
    reading: (sort) => `${base}/reading/${sort}`,
    command: (name) => `${base}/command/${name}`,
    answer: (name) => `${base}/answer/${name}`,
  }
}

/** What a message of the demo says. */
export interface Note {
  /** Its place in its row, from 1; 0 for what is kept at the server. */
  readonly number: number
  /** For people. */
  readonly value: string
  /** When it was written, ms since the process began. */
  readonly at: number
}

export function note(number: number, value: string): string {
  return JSON.stringify({ number, value, at: performance.now() } satisfies Note)
}

/** @throws {SyntaxError} the payload is none of ours */
export function readNote(payload: Uint8Array): Note {
  return JSON.parse(new TextDecoder().decode(payload)) as Note
}
