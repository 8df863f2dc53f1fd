// The narrator on a terminal: what is to be seen of everybody stays at one place and is written over, and
// below it the last lines of the story. When it stops, the last picture stays.

import { type Environment, Narrator, type Screen, hasColours } from './narrator.ts'

const COLUMNS_MIN = 72
const LINES_KEPT = 10
/** Lines beside those that are kept and those that are watched. */
const LINES_BESIDE = 8
const FRAME_EVERY_MS = 100
const WHO_COLUMNS = 13

/** Whether the terminal has the room and the abilities for a live picture. */
export function canBeLive(screen: Screen, environment: Environment): boolean {
  const { columns = 0, rows = 0 } = screen
  const high = rows > LINES_KEPT + LINES_BESIDE + 4
  return hasColours(screen, environment) && columns >= COLUMNS_MIN && high
}

export class LiveNarrator extends Narrator {
  readonly #screen: Screen
  readonly #watched = new Map<string, () => string>()
  readonly #timer: NodeJS.Timeout
  #scene = ''
  #told: string[] = []
  /** Lines of the picture on the screen. */
  #drawn = 0
  #stopped = false

  constructor(screen: Screen, now: () => number) {
    super(screen, true, now)
    this.#screen = screen
    this.#timer = setInterval(() => this.#draw(), FRAME_EVERY_MS).unref()
  }

  override scene(text: string): void {
    if (this.#stopped) return super.scene(text)
    this.#scene = text
    this.#draw()
  }

  override says(who: string, text: string): void {
    if (this.#stopped) return super.says(who, text)
    this.#told = [...this.#told, this.told(who, text, this.#columns)].slice(-LINES_KEPT)
    this.#draw()
  }

  override watch(who: string, look: () => string): void {
    this.#watched.set(who, look)
  }

  override stop(): void {
    if (this.#stopped) return
    this.#draw()
    this.#stopped = true
    clearInterval(this.#timer)
  }

  get #columns(): number {
    return this.#screen.columns ?? COLUMNS_MIN
  }

  #draw(): void {
    if (this.#stopped) return
    const seen = Array.from(this.#watched, ([who, look]) => {
      const text = look().slice(0, this.#columns - WHO_COLUMNS - 3)
      return `  ${this.style('cyan', who.padEnd(WHO_COLUMNS))}${text}`
    })
    const lines = ['', ...seen, '', this.style('bold', this.#scene), ...this.#told]
    const above = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : ''
    const text = lines.map((line) => `\u001b[2K${line}\n`).join('')
    this.#screen.write(above + text)
    this.#drawn = lines.length
  }
}
