// Where text goes: a terminal, a pipe or a file. Colours and lines that are written over exist on a terminal
// alone; NO_COLOR and FORCE_COLOR have the last word (no-color.org). Writing waits for a slow reader.
// Rule: what is said to a person is one line, whatever a server has put into it.

import type { Writable } from 'node:stream'
import { harmless } from './readable.ts'

/** Escape sequences of the styles, on and off. ECMA-48 §8.3.117 */
const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const

/** A style of text. */
export type Style = keyof typeof STYLES

/** The width where the terminal does not say one, or there is none. */
const COLUMNS = 80

/** One place for text. */
export class Terminal {
  readonly isTerminal: boolean
  readonly #stream: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly #colours: boolean
  readonly #beside: Terminal | undefined
  #statusShown = false
  #failure: Error | undefined

  /** @param beside writes to the same terminal, if both do: its status line makes room for what is written here */
  constructor(
    stream: Writable,
    env: Readonly<Record<string, string | undefined>>,
    beside?: Terminal,
  ) {
    this.#stream = stream
    this.#beside = beside
    this.isTerminal = this.#stream.isTTY === true && env['TERM'] !== 'dumb'
    this.#colours = wantsColours(this.isTerminal, env)
    stream.on('error', (error) => (this.#failure ??= error))
  }

  /** Why something that was written is lost, such as by a full disk; undefined when nothing is. */
  get failure(): Error | undefined {
    return this.#failure
  }

  get columns(): number {
    return this.#stream.columns ?? COLUMNS
  }

  /** How wide a line may be: where a program reads, a line is not broken. */
  get room(): number {
    return this.isTerminal ? this.columns : Infinity
  }

  /** The text in a style, or as it is where there are no colours. */
  paint(style: Style, text: string): string {
    if (!this.#colours) return text
    const [on, off] = STYLES[style]
    return `\u001b[${on}m${text}\u001b[${off}m`
  }

  /** Writes; settles when more may be written. Never rejects: a reader that went away stops the command. */
  write(bytes: string | Uint8Array): Promise<void> {
    this.#clearStatus()
    if (this.#stream.destroyed || this.#stream.write(bytes)) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        this.#stream.off('drain', done).off('close', done).off('error', done)
        resolve()
      }
      this.#stream.on('drain', done).on('close', done).on('error', done)
    })
  }

  /** Writes; settles when the system has it. Gives whether it has: a reader may have gone away. */
  handOver(bytes: Uint8Array): Promise<boolean> {
    this.#clearStatus()
    if (this.#stream.destroyed) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.#stream.write(bytes, (error) => resolve(error === undefined || error === null))
    })
  }

  /** Writes a line. */
  line(text = ''): Promise<void> {
    return this.write(`${text}\n`)
  }

  /** Says something to a person: in one line, with the name of the command before it. */
  say(style: Style, text: string): Promise<void> {
    return this.line(`${this.paint(style, 'umqtt:')} ${harmless(text.trim(), '')}`)
  }

  /** A line that the next one replaces; shown on a terminal alone, and cut at its edge. */
  status(text: string): void {
    if (!this.isTerminal) return
    this.#clearStatus()
    this.#stream.write(
      Array.from(harmless(text, ''))
        .slice(0, this.columns - 1)
        .join(''),
    )
    this.#statusShown = true
  }

  /** Takes the status line away. */
  #clearStatus(): void {
    if (this.isTerminal && this.#beside !== undefined) this.#beside.#clearStatus()
    if (this.#statusShown) this.#stream.write('\r\u001b[K')
    this.#statusShown = false
  }

  /** Settles when everything has been handed to the system. */
  flush(): Promise<void> {
    this.#clearStatus()
    if (this.#stream.destroyed || this.#stream.writableLength === 0) return Promise.resolve()
    return new Promise((resolve) => this.#stream.write('', () => resolve()))
  }
}

function wantsColours(
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  const { NO_COLOR: no = '', FORCE_COLOR: force } = env
  if (no !== '') return false
  if (force !== undefined) return force !== '0' && force !== 'false'
  return isTerminal
}
