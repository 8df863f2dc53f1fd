// The three stories together: everybody in the house, what happens to the link, and what it is worth in the
// end. The timeline says when; the ledger counts; this plays and judges.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type ClientOptions, MQTTClient as SimpleClient } from 'umqtt/simple'
import type { MQTTClient, RobustState } from 'umqtt/robust'
import { Button } from './button.ts'
import { Display } from './display.ts'
import { Ledger, type Published } from './ledger.ts'
import type { Link } from './link.ts'
import type { Narrator } from './narrator.ts'
import type { DemoServer } from './server.ts'
import { Temperature } from './temperature.ts'
import {
  type Action,
  CLIENT_OPTIONS,
  CONNECT_MS,
  DEADLINE_SLACK_MS,
  ENDS_MS,
  LEFT_OVER_MS,
  type LinkState,
  PRESS_DEADLINE_MS,
  READING_EVERY_MS,
  STEPS,
} from './timeline.ts'
import { Window } from './window.ts'

const LINK: Readonly<Record<LinkState, string>> = {
  up: '━━━━━━━━ up',
  silent: '━━━  ━━━ silent: nobody knows',
  cut: '━━━╳╳━━━ cut',
}

export class House {
  readonly ledger = new Ledger()
  readonly #narrator: Narrator
  readonly #server: DemoServer
  readonly #run: string
  readonly #link: Link
  #closed = false
  readonly #folder: string
  readonly #display: Display
  readonly #temperature: Temperature
  readonly #button: Button
  readonly #window: Window
  /** The window does one thing after the other. */
  #windowWork: Promise<void> = Promise.resolve()
  readonly #presses: Promise<void>[] = []
  /** Messages that the second process of the window found in its outbox. */
  #foundAfterKill = 0
  #failure: Error | undefined

  /** @param run a name that no other run has */
  constructor(narrator: Narrator, server: DemoServer, link: Link, run: string) {
    const account = {
      ...(server.user !== undefined && { user: server.user }),
      ...(server.password !== undefined && { password: server.password }),
    }
    const { servername, url } = link
    const options = {
      ...CLIENT_OPTIONS,
      ...account,
      ...(servername !== undefined && { tls: { servername } }),
    }
    const setting = { run, url, options }
    this.#narrator = narrator
    this.#server = server
    this.#run = run
    this.#link = link
    this.#folder = mkdtempSync(join(tmpdir(), 'umqtt-demo-'))
    this.#display = new Display(run, server.url, this.#simpleOptions, this.ledger)
    this.#temperature = new Temperature(setting, this.ledger)
    this.#button = new Button(setting, this.ledger, (text) => narrator.says('button', text))
    const says = (text: string): void => narrator.says('window', text)
    this.#window = new Window(setting, this.#folder, this.ledger, says)
  }

  /** Plays everything, and gives the ledger its verdicts. */
  async play(): Promise<void> {
    this.#watch()
    await this.#connect()
    const ticker = setInterval(() => this.#temperature.measure(), READING_EVERY_MS)
    try {
      const start = performance.now()
      for (const { atMs, action } of STEPS) {
        await this.#rest(start + atMs)
        if (this.#closed) return
        this.#act(action)
      }
      await this.#rest(start + ENDS_MS)
    } finally {
      clearInterval(ticker)
    }
    await this.#finish()
    this.#judge()
  }

  /** Lets go of everything, whatever happened; leaves nothing at the server. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#window.kill()
    await this.#display.client.disconnect()
    for (const { client } of [this.#temperature, this.#button]) await client.disconnect()
    await this.#link.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #connect(): Promise<void> {
    const { protocol } = await this.#display.start()
    this.#narrator.says('display', `connected, MQTT ${protocol === 5 ? '5.0' : '3.1.1'}`)
    const signal = AbortSignal.timeout(CONNECT_MS)
    for (const [name, { client }] of this.#clients) await this.#join(name, client, signal)
    await this.#window.start()
    await this.#window.connected()
    this.#narrator.says('window', this.#window.status)
  }

  async #join(name: string, client: MQTTClient, signal: AbortSignal): Promise<void> {
    await client.connect({ signal })
    client.on('connection-lost', ({ message }) => this.#narrator.says(name, message))
    client.on('connected', () => this.#narrator.says(name, 'connected again'))
  }

  /** Waits until a moment. @throws what went wrong meanwhile */
  async #rest(at: number): Promise<void> {
    await pause(Math.max(0, at - performance.now()))
    if (this.#failure !== undefined) throw this.#failure
  }

  #act(action: Action): void {
    const { kind } = action
    if (kind === 'scene') this.#begin(action.text)
    else if (kind === 'link') this.#link.set(action.state)
    else if (kind === 'press') this.#presses.push(this.#button.press())
    else if (kind === 'window') this.#atWindow(() => this.#window.report(action.news))
    else if (kind === 'kill') {
      this.#atWindow(async () => {
        this.#narrator.says('window', `kill -9: ${this.#window.status}`)
        await this.#window.kill()
      })
    } else {
      this.#atWindow(async () => {
        const found = await this.#window.start()
        this.#narrator.says('window', `started again, and found ${found} on disk`)
        this.#foundAfterKill = found
      })
    }
  }

  #begin(scene: string): void {
    if (this.#temperature.value !== '') this.#narrator.says('temperature', this.#readings)
    this.#narrator.scene(scene)
  }

  #atWindow(work: () => Promise<void>): void {
    this.#windowWork = this.#windowWork.then(work).catch((error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error))
    })
  }

  /** Waits for what is left, within a bound, and says goodbye. */
  async #finish(): Promise<void> {
    this.#begin('What is left goes through')
    await this.#windowWork
    const { ledger } = this
    const done = (): boolean => ledger.open().length === 0 && ledger.lost().length === 0
    await ledger.until(done, LEFT_OVER_MS)
    if (done()) await Promise.all(this.#presses)
    // What was sent at QoS 0 and is still on the way comes before this answer.
    await this.#display.client.ping()
    await this.#window.leave()
    for (const [, { client }] of this.#clients) await client.disconnect()
    await this.#forgetSessions()
    this.#narrator.stop()
  }

  /** The server would keep the sessions for a while: they begin anew, and end. */
  async #forgetSessions(): Promise<void> {
    for (const name of ['temperature', 'button', 'window']) {
      const clientId = `${this.#run}-${name}`
      const client = new SimpleClient(clientId, this.#server.url, this.#simpleOptions)
      await client.connect({ cleanStart: true })
      await client.disconnect()
    }
  }

  #judge(): void {
    const { ledger } = this
    const all = (row: Published['row'], bad: (one: Published) => boolean): readonly Published[] =>
      ledger.of(row).filter(bad)
    const status = ({ ending }: Published): string => ending?.status ?? 'open'
    const some = (row: Published['row'], wanted: string): string | undefined =>
      ledger.of(row).some((one) => status(one) === wanted) ? undefined : 'there was none'

    ledger.none('Every message came to an end', ledger.open())
    ledger.none(
      'Each reading was sent at once or dropped, and none came late',
      all('reading', (one) =>
        one.arrivals === 0 ? !['sent', 'dropped'].includes(status(one)) : status(one) !== 'sent',
      ),
    )
    ledger.judge('Readings were dropped while there was no connection', some('reading', 'dropped'))
    ledger.none(
      'A temperature that a newer one had replaced never came',
      all('state', (one) => status(one) === 'superseded' && one.arrivals > 0),
    )
    ledger.judge('Old temperatures were replaced while they waited', some('state', 'superseded'))
    const last = ledger.of('state').at(-1)
    ledger.none('The last temperature came', last === undefined || last.arrivals > 0 ? [] : [last])
    ledger.none(
      'No press was called delivered after its deadline',
      all(
        'press',
        ({ ending }) => ending?.status === 'delivered' && ending.latencyMs > this.#deadlineMs,
      ),
    )
    ledger.none(
      'Each press had its end by its deadline',
      all('press', ({ ending }) => (ending?.latencyMs ?? Infinity) > this.#deadlineMs),
    )
    ledger.judge('A press expired while the link was cut', some('press', 'expired'))
    ledger.none(
      'A press that expired never switched the light',
      all('press', (one) => status(one) === 'expired' && one.arrivals > 0),
    )
    const afterCut = ledger.of('press').slice(-2)
    ledger.none(
      'The press before the link was healed got through in time, and the one after it',
      afterCut.filter((one) => status(one) !== 'delivered'),
    )
    ledger.judge(
      'What the killed process had on disk was found again',
      this.#foundAfterKill > 0 ? undefined : 'nothing was found',
    )
    ledger.none(
      'Everything that happened at the window was delivered',
      all('alarm', (one) => status(one) !== 'delivered'),
    )
    ledger.none('Nothing is lost that was promised', ledger.lost())
    ledger.none(
      'Nothing came twice that was sent once',
      (['reading', 'state', 'press', 'alarm'] as const).flatMap((row) =>
        all(row, ({ arrivals, ending }) => {
          const often = (ending?.attempts ?? 1) > 1 || ending?.possiblyDuplicated === true
          return arrivals > 1 && !often
        }),
      ),
    )
    ledger.judge(
      'Nothing came that nobody had published',
      ledger.strangers === 0 ? undefined : `${ledger.strangers} messages`,
    )
  }

  get #readings(): string {
    const { sent, dropped } = this.ledger.count('reading')
    const { superseded } = this.ledger.count('state')
    const counts = `readings: ${sent} sent, ${dropped} dropped, ${superseded} replaced by newer ones`
    return `${this.#temperature.value}; ${counts}`
  }

  get #deadlineMs(): number {
    return PRESS_DEADLINE_MS + DEADLINE_SLACK_MS
  }

  get #clients(): [name: string, who: { readonly client: MQTTClient }][] {
    return [
      ['temperature', this.#temperature],
      ['button', this.#button],
    ]
  }

  get #simpleOptions(): ClientOptions {
    const { user, password } = this.#server
    return {
      timeouts: CLIENT_OPTIONS.timeouts,
      ...(user !== undefined && { user }),
      ...(password !== undefined && { password }),
    }
  }

  #watch(): void {
    const of = ({ state }: { readonly state: RobustState }): string => `(${state})`
    this.#narrator.watch('link', () => LINK[this.#link.state])
    const { client } = this.#temperature
    this.#narrator.watch('temperature', () => `${this.#readings} ${of(client)}`)
    this.#narrator.watch('button', () => `${this.#button.lamp} ${of(this.#button.client)}`)
    this.#narrator.watch('window', () => this.#window.status)
    this.#narrator.watch('display', () => this.#display.shown)
  }
}
