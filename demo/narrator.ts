// Tells the demo to a person: plain lines, one for each thing that happens. Colours where they can be seen.
// Knows nothing of MQTT; live-narrator.ts is the same on a terminal that can be written over.

/** Where the lines go. */
export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

export type Environment = Readonly<Record<string, string | undefined>>

const STYLES = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const

export type Style = keyof typeof STYLES

const WHO_COLUMNS = 12

/** Whether the reader sees colours. See https://no-color.org */
export function hasColours(screen: Screen, environment: Environment): boolean {
  const { NO_COLOR: refused = '', TERM: terminal } = environment
  return screen.isTTY === true && refused === '' && terminal !== 'dumb'
}

export class Narrator {
  readonly #screen: Screen
  readonly #colours: boolean
  readonly #now: () => number

  /** @param now ms since the demo began */
  constructor(screen: Screen, colours: boolean, now: () => number) {
    this.#screen = screen
    this.#colours = colours
    this.#now = now
  }

  title(text: string): void {
    this.line(this.style('bold', text))
  }

  /** Begins a part of the story. */
  scene(text: string): void {
    this.line('')
    this.line(this.style('bold', text))
  }

  /** What somebody does or learns. */
  says(who: string, text: string): void {
    this.line(this.told(who, text, Infinity))
  }

  /** What is to be seen of somebody at any moment; for who can show it. */
  watch(_who: string, _look: () => string): void {
    // A plain line for each look would drown the story.
  }

  /** The story is over: from here on there are plain lines alone. */
  stop(): void {
    // There is nothing to be written over.
  }

  /** Columns of figures: the first to the left, the others to the right. */
  table(rows: readonly (readonly string[])[]): void {
    const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? []
    for (const row of rows) {
      const cells = row.map((cell, i) => {
        const width = widths[i] ?? 0
        return i === 0 ? cell.padEnd(width) : cell.padStart(width + 3)
      })
      const head = row[0] === ''
      this.line(`  ${head ? this.style('dim', cells.join('')) : cells.join('')}`)
    }
  }

  kept(text: string): void {
    this.line(`  ${this.style('green', 'kept')}    ${text}`)
  }

  broken(text: string, why: string): void {
    this.line(`  ${this.style('red', 'BROKEN')}  ${text}: ${why}`)
  }

  /** Why it ends here. */
  fails(text: string): void {
    this.line('')
    this.line(`${this.style('red', 'The demo failed.')} ${text}`)
  }

  /** A remark on what stands above. */
  hint(text: string): void {
    this.line(this.style('dim', text))
  }

  ends(text: string): void {
    this.line('')
    this.line(this.style('bold', text))
  }

  protected line(text: string): void {
    this.#screen.write(`${text.trimEnd()}\n`)
  }

  protected style(style: Style, text: string): string {
    return this.#colours ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text
  }

  /** When who said what, within so many columns. */
  protected told(who: string, text: string, columns: number): string {
    const at = `${(this.#now() / 1000).toFixed(1)} s`.padStart(7)
    const rest = text.slice(0, Math.max(0, columns - at.length - WHO_COLUMNS - 3))
    return `${this.style('dim', at)}  ${this.style('cyan', who.padEnd(WHO_COLUMNS))} ${rest}`
  }
}
