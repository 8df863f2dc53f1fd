// Prints the demo for a person: aligned columns, colours where they can be seen, plain lines elsewhere.
// Knows nothing of MQTT.

/** Where the lines go. */
export interface Screen {
  readonly isTTY?: boolean
  write(text: string): unknown
}

type Environment = Readonly<Record<string, string | undefined>>

/** One message that went from one to the other. */
export interface Passage {
  readonly from: string
  readonly to: string
  readonly what: string
  readonly value: string
  readonly how: string
  /** From the call to the arrival; undefined when that says nothing. */
  readonly tookMs: number | undefined
}

const STYLES = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const

type Style = keyof typeof STYLES

const WHO_COLUMNS = 21

/** Whether the reader sees colours. See https://no-color.org */
export function hasColours(screen: Screen, environment: Environment): boolean {
  const { NO_COLOR: refused = '', TERM: terminal } = environment
  return screen.isTTY === true && refused === '' && terminal !== 'dumb'
}

export class Narrator {
  readonly #screen: Screen
  readonly #colours: boolean

  constructor(screen: Screen, environment: Environment) {
    this.#screen = screen
    this.#colours = hasColours(screen, environment)
  }

  title(text: string): void {
    this.#line(this.#style('bold', text))
  }

  /** Begins a part of the story. */
  scene(text: string): void {
    this.#line('')
    this.#line(this.#style('bold', text))
  }

  /** What somebody does or learns. */
  says(who: string, text: string): void {
    this.#line(`  ${this.#style('cyan', who.padEnd(WHO_COLUMNS))} ${text}`)
  }

  /** Something that this server cannot do. */
  without(text: string): void {
    this.#line(`  ${this.#style('yellow', 'left out'.padEnd(WHO_COLUMNS))} ${text}`)
  }

  /** A message has arrived. */
  passes({ from, to, what, value, how, tookMs }: Passage): void {
    const way = this.#style('cyan', `${from} → ${to}`.padEnd(WHO_COLUMNS))
    const took = tookMs === undefined ? '' : `${tookMs.toFixed(1)} ms`
    const columns = `${what.padEnd(12)} ${value.padEnd(21)} ${how.padEnd(16)}`
    this.#line(`  ${way} ${columns} ${this.#style('dim', took.padStart(8))}`)
  }

  /** Columns of figures: the first to the left, the others to the right. */
  table(rows: readonly (readonly string[])[]): void {
    const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? []
    rows.forEach((row, y) => {
      const cells = row.map((cell, x) =>
        x === 0 ? cell.padEnd(widths[x] ?? 0) : cell.padStart((widths[x] ?? 0) + 2),
      )
      this.#line(`  ${y === 0 ? this.#style('dim', cells.join('')) : cells.join('')}`)
    })
  }

  kept(text: string): void {
    this.#line(`  ${this.#style('green', 'kept')}    ${text}`)
  }

  broken(text: string, why: string): void {
    this.#line(`  ${this.#style('red', 'BROKEN')}  ${text}: ${why}`)
  }

  /** Why it ends here. */
  fails(text: string): void {
    this.#line('')
    this.#line(`${this.#style('red', 'The demo failed.')} ${text}`)
  }

  /** What to do about it. */
  hint(text: string): void {
    this.#line(this.#style('dim', text))
  }

  ends(text: string): void {
    this.#line('')
    this.#line(this.#style('bold', text))
  }

  #line(text: string): void {
    this.#screen.write(`${text.trimEnd()}\n`)
  }

  #style(style: Style, text: string): string {
    return this.#colours ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text
  }
}
