// The third story: a window sensor, seen from outside. It is a process of its own, so that it can be killed
// in the middle of its work; what it was told is on disk before it says so.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { RobustState, Stored } from 'umqtt/robust'
import type { Ending, Ledger, Published } from './ledger.ts'
import type { Setting } from './setting.ts'
import { CHILD_MS } from './timeline.ts'

/** What the process is told. */
export type Order =
  | { readonly kind: 'begin'; readonly setting: Setting; readonly folder: string }
  | { readonly kind: 'publish'; readonly number: number; readonly news: string }
  | { readonly kind: 'leave' }

/** What the process tells. Ids are those of receipts, which outlive it. */
export type Report =
  | { readonly kind: 'opened'; readonly waiting: number }
  | { readonly kind: 'state'; readonly state: RobustState }
  | {
      readonly kind: 'stored'
      readonly number: number
      readonly id: string
      readonly stored: Stored
    }
  | { readonly kind: 'settled'; readonly id: string; readonly ending: Ending }

const PROGRAM = new URL('./window-sensor.js', import.meta.url)

export class Window {
  readonly #setting: Setting
  readonly #folder: string
  readonly #ledger: Ledger
  readonly #says: (text: string) => void
  /** By the ids of their receipts. */
  readonly #alarms = new Map<string, Published>()
  /** An outcome may be told before the id that it belongs to. */
  readonly #early = new Map<string, Ending>()
  #child: ChildProcess | undefined
  #state: RobustState = 'idle'
  #heard: (report: Report) => void = () => undefined
  #failed: (error: Error) => void = () => undefined
  #number = 0

  /** @param folder for the outbox of the process */
  constructor(setting: Setting, folder: string, ledger: Ledger, says: (text: string) => void) {
    this.#setting = setting
    this.#folder = folder
    this.#ledger = ledger
    this.#says = says
  }

  /** What is to be seen of it from outside. */
  get status(): string {
    if (this.#child === undefined) return 'no process'
    const open = this.#ledger.of('alarm').filter(({ ending }) => ending === undefined).length
    return `process ${this.#child.pid}, ${this.#state}, ${open} on disk`
  }

  /** Starts the process; gives how many messages it found in its outbox. */
  async start(): Promise<number> {
    const child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child = child
    child.on('message', (report) => this.#handle(report as Report))
    child.on('exit', (code, signal) => {
      if (this.#child === child) this.#failed(new Error(`Its process ended: ${code ?? signal}`))
    })
    const opened = this.#until('opened')
    this.#tell({ kind: 'begin', setting: this.#setting, folder: this.#folder })
    return (await opened).waiting
  }

  /** Settles when it has a connection. */
  async connected(): Promise<void> {
    while (this.#state !== 'connected') await this.#until('state')
  }

  /** Something happens at the window; settles when it is on disk. */
  async report(news: string): Promise<void> {
    this.#number += 1
    const number = this.#number
    const published = this.#ledger.publish('alarm', number, news)
    const told = this.#until('stored')
    this.#tell({ kind: 'publish', number, news })
    const { id, stored } = await told
    published.stored = stored
    this.#alarms.set(id, published)
    this.#says(`"${news}": ${stored === 'disk' ? 'on disk' : 'delivered at once'}`)
    const ending = this.#early.get(id)
    if (ending !== undefined) this.#end(published, ending)
  }

  /** Kills the process: it cannot do anything about it. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** Ends the process in good order. */
  async leave(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    const ended = once(child, 'exit')
    child.send({ kind: 'leave' } satisfies Order)
    const timer = setTimeout(() => child.kill('SIGKILL'), CHILD_MS)
    await ended
    clearTimeout(timer)
  }

  #tell(order: Order): void {
    if (this.#child === undefined) throw new Error('The window has no process')
    this.#child.send(order)
  }

  /** Waits for a report. @throws {Error} the process ended, or took too long */
  #until<K extends Report['kind']>(kind: K): Promise<Extract<Report, { kind: K }>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#failed(new Error(`No word of "${kind}"`)), CHILD_MS)
      this.#heard = (report): void => {
        if (report.kind !== kind) return
        clearTimeout(timer)
        resolve(report as Extract<Report, { kind: K }>)
      }
      this.#failed = (error): void => {
        clearTimeout(timer)
        reject(new Error(`The window did not do its work. ${error.message}`))
      }
    })
  }

  #handle(report: Report): void {
    if (report.kind === 'state') this.#state = report.state
    if (report.kind === 'settled') {
      const published = this.#alarms.get(report.id)
      if (published === undefined) this.#early.set(report.id, report.ending)
      else this.#end(published, report.ending)
    }
    this.#heard(report)
  }

  #end(published: Published, ending: Ending): void {
    this.#ledger.end(published, ending)
    const tookS = (ending.latencyMs / 1000).toFixed(1)
    this.#says(`"${published.value}": ${ending.status}, ${tookS} s after it happened`)
  }
}
