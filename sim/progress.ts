// How far a long command is, on the error output: one line that is drawn anew on a terminal, a line now and
// then elsewhere.

/** How often a line is written where there is no terminal, ms. */
const LINE_MS = 20_000
const DRAW_MS = 200
const BAR_CHARACTERS = 30

export class Progress {
  readonly #all: number
  readonly #start = performance.now()
  #told = performance.now()
  readonly #terminal = process.stderr.isTTY

  /** @param all how many there are */
  constructor(all: number) {
    this.#all = all
  }

  /** @param text what else there is to say, short */
  show(done: number, text: string): void {
    const now = performance.now()
    if (now - this.#told < (this.#terminal ? DRAW_MS : LINE_MS)) return
    this.#told = now
    const perSecond = (done * 1000) / (now - this.#start)
    const left = Math.ceil((this.#all - done) / perSecond)
    const line = `${done}/${this.#all} runs, ${perSecond.toFixed(1)}/s, ${timeText(left)} left, ${text}`
    if (!this.#terminal) {
      console.error(line)
      return
    }
    const full = Math.round((BAR_CHARACTERS * done) / this.#all)
    const bar = '#'.repeat(full).padEnd(BAR_CHARACTERS, '.')
    process.stderr.write(`\r[${bar}] ${line}\u001b[K`)
  }

  /** Makes room for what is printed now. */
  clear(): void {
    if (this.#terminal) process.stderr.write('\r\u001b[K')
  }
}

function timeText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
