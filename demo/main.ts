// The demo: a sensor and a display that talk through a server, told to whoever watches, and checked.
// Ends by itself: exit code 0 when everything happened that was promised, else 1 and why.

import { setTimeout as pause } from 'node:timers/promises'
import { type ClientOptions, type ConnectResult, MqttError, type QoS } from 'umqtt/simple'
import { type Cable, layCable } from './cable.ts'
import { COMMANDS, Display, type Shown } from './display.ts'
import { Ledger } from './ledger.ts'
import { Narrator } from './narrator.ts'
import { SORTS, Sensor } from './sensor.ts'
import { type DemoServer, openServer } from './server.ts'
import { note, topicsBelow } from './topics.ts'

const READINGS = 4
const READING_EVERY_MS = 250
const COMMAND_ROUNDS = 2
const REQUESTS = 2
/** Longest wait for something to arrive. */
const ARRIVAL_MS = 3_000
/** The demo gives up then, whatever it waits for. */
const DEMO_MS = 14_000
const TIMEOUTS = { connectMs: 5_000, operationMs: 5_000, acknowledgementMs: 5_000, closeMs: 500 }

class Demo {
  readonly #narrator: Narrator
  readonly #ledger = new Ledger()
  readonly #server: DemoServer
  readonly #run = `umqtt-demo-${Math.random().toString(36).slice(2, 10)}`
  readonly #topics = topicsBelow(this.#run)
  readonly #display: Display
  readonly #lateDisplay: Display
  #sensor: Sensor | undefined
  #cable: Cable | undefined
  #qosMax: QoS = 2
  #retain = true
  #protocol: 4 | 5 = 5

  constructor(narrator: Narrator, server: DemoServer) {
    this.#narrator = narrator
    this.#server = server
    this.#display = this.#newDisplay('display')
    this.#lateDisplay = this.#newDisplay('late display')
  }

  /** Plays all scenes; gives the number of broken promises. */
  async play(): Promise<number> {
    try {
      await this.#connect()
      await this.#readings()
      await this.#commands()
      await this.#requests()
      await this.#joinLate()
      await this.#cutCable()
      await this.#leave()
      this.#statistics()
      return this.#judge()
    } finally {
      await this.#close()
    }
  }

  async #connect(): Promise<void> {
    this.#narrator.scene('The display connects, then the sensor')
    const result = await this.#display.start()
    const { limits, protocol } = result
    this.#protocol = protocol
    this.#qosMax = limits.maximumQoS
    this.#retain = limits.retainAvailable
    this.#narrator.says('display', `connected, ${describe(result)}`)
    for (const lowered of this.#display.lowered) this.#narrator.without(`granted only: ${lowered}`)
    if (protocol === 4) this.#narrator.without('MQTT 5.0, which this server does not speak')
    if (this.#qosMax < 2) this.#narrator.without(`QoS above ${this.#qosMax}, by the server's limit`)
    if (!this.#retain) this.#narrator.without('retained messages, which this server does not keep')

    this.#cable = await layCable(this.#server.url)
    const { url, servername } = this.#cable
    const options = {
      ...this.#options(),
      ...(servername !== undefined && { tls: { servername } }),
    }
    this.#sensor = new Sensor(
      `${this.#run}-sensor`,
      url,
      options,
      this.#topics,
      this.#qosMax,
      (what, { value, number, at }, qos) => {
        const tookMs = performance.now() - at
        const text = value === what ? `no. ${number}` : value
        this.#passes('display', 'sensor', what, text, qos, tookMs)
      },
    )
    const sensorResult = await this.#sensor.connect(this.#retain)
    this.#narrator.says('sensor', `connected, ${describe(sensorResult)}, will "offline"`)
    await this.#sensor.begin(this.#retain)
    const { status } = this.#topics
    await this.#display.shown.until(() => this.#display.of(status).length > 0, ARRIVAL_MS)
    const statuses = this.#display.of(status).map(({ value }) => value)
    this.#ledger.equal('The display saw the sensor come online', statuses, ['online'])
  }

  async #readings(): Promise<void> {
    const times = `${READINGS} times, ${READING_EVERY_MS} ms apart`
    this.#narrator.scene(`The sensor measures: ${times}`)
    const { reading } = this.#topics
    for (let n = 1; n <= READINGS; n += 1) {
      if (n > 1) await pause(READING_EVERY_MS)
      await this.#sensor?.measure(n)
    }
    const arrived = (sort: string): number[] =>
      this.#display.of(reading(sort)).map(({ number }) => number)
    await this.#display.shown.until(
      () => SORTS.every(({ sort }) => arrived(sort).includes(READINGS)),
      ARRIVAL_MS,
    )
    for (const { sort, qos } of SORTS) this.#row(`readings "${sort}"`, arrived(sort), qos, READINGS)
  }

  async #commands(): Promise<void> {
    this.#narrator.scene('The display gives commands, and the sensor answers')
    const { answer } = this.#topics
    for (let n = 1; n <= COMMAND_ROUNDS; n += 1) await this.#display.command(n, this.#qosMax)
    const answers = (name: string): number[] =>
      this.#display.of(answer(name)).map(({ number }) => number)
    await this.#display.shown.until(
      () => COMMANDS.every(({ name }) => answers(name).includes(COMMAND_ROUNDS)),
      ARRIVAL_MS,
    )
    for (const { name, qos } of COMMANDS) {
      const obeyed = this.#sensor?.obeyed
        .filter((one) => one.startsWith(`${name} `))
        .map((one) => Number(one.split(' ')[1]))
      this.#row(`commands "${name}"`, obeyed ?? [], qos, COMMAND_ROUNDS)
      this.#row(`answers to "${name}"`, answers(name), qos, COMMAND_ROUNDS)
    }
  }

  async #requests(): Promise<void> {
    const how =
      this.#protocol === 5
        ? 'response topic and correlation data of MQTT 5.0'
        : 'a number in the payload, since MQTT 3.1.1 has no response topic'
    this.#narrator.scene(`The display asks: ${how}`)
    const qos = this.#qosMax > 1 ? 1 : this.#qosMax
    for (let n = 1; n <= REQUESTS; n += 1) {
      await this.#display.ask(n, this.#protocol, qos)
      const responses = (): readonly Shown[] => this.#display.of(this.#topics.response)
      await this.#display.shown.until(() => responses().some((r) => r.number === n), ARRIVAL_MS)
    }
    const responses = this.#display.of(this.#topics.response)
    this.#row(
      'responses',
      responses.map(({ number }) => number),
      qos,
      REQUESTS,
    )
    if (this.#protocol === 5) {
      const matching = responses.every((r) => r.correlation === `request ${r.number}`)
      this.#ledger.judge(
        'Responses carried back the data of their requests',
        matching,
        'they differ',
      )
    }
  }

  async #joinLate(): Promise<void> {
    if (!this.#retain) return
    this.#narrator.scene('A second display joins late, and is told what was retained')
    const { status, state } = this.#topics
    const late = this.#lateDisplay
    await late.start()
    const told = (): string[] =>
      late.shown.all
        .filter(({ topic, retain }) => retain && (topic === status || topic === state))
        .map(({ name }) => name)
        .sort()
    await late.shown.until(() => told().length >= 2, ARRIVAL_MS)
    this.#ledger.equal('The late display got the retained messages', told(), ['state', 'status'])
  }

  async #cutCable(): Promise<void> {
    this.#narrator.scene("The sensor's cable is cut, without DISCONNECT")
    const { client } = this.#sensor as Sensor
    const cable = this.#cable as Cable
    client.on('connection-lost', (error) => this.#narrator.says('sensor', error.message))
    if (this.#qosMax > 0) {
      // What is on the way at that moment may have arrived or not: here it has not.
      const swallowed = cable.swallow()
      const qos = 1
      const lost = client
        .publish(this.#topics.reading('door'), note(READINGS + 1, 'never arrives'), { qos })
        .then(() => 'acknowledged', sentOf)
      await swallowed
      await cable.cut()
      const sent = await lost
      this.#narrator.says('sensor', `its last reading was on the way; sent: "${sent}"`)
      this.#ledger.equal('The reading on the way was not called delivered', sent, 'maybe')
    } else {
      await cable.cut()
    }
    const { status } = this.#topics
    for (const display of [this.#display, ...(this.#retain ? [this.#lateDisplay] : [])]) {
      const last = (): string | undefined => display.of(status).at(-1)?.value
      await display.shown.until(() => last() === 'offline', ARRIVAL_MS)
      const who = display === this.#display ? 'display' : 'late display'
      this.#ledger.equal(`The ${who} saw the will`, last(), 'offline')
    }
  }

  /** Takes back what the server would keep, and says goodbye. */
  async #leave(): Promise<void> {
    const displays = [this.#display, ...(this.#retain ? [this.#lateDisplay] : [])]
    for (const { client } of displays) await client.ping()
    const { client } = this.#display
    const { status, state } = this.#topics
    for (const display of displays) await display.stopListening()
    if (this.#retain) {
      for (const topic of [status, state]) {
        await client.publish(topic, '', { retain: true, qos: this.#qosMax > 0 ? 1 : 0 })
      }
    }
    for (const display of displays) await display.client.disconnect()
  }

  #statistics(): void {
    this.#narrator.scene('Statistics')
    const rows = [
      ['', 'packets sent', 'received', 'bytes sent', 'received', 'round trip'],
      ...this.#clients().map(([name, { statistics }]) => [
        name,
        `${statistics.packetsSent}`,
        `${statistics.packetsReceived}`,
        `${statistics.bytesSent}`,
        `${statistics.bytesReceived}`,
        statistics.roundTripMs < 0 ? '–' : `${statistics.roundTripMs} ms`,
      ]),
    ]
    this.#narrator.table(rows)
    const left = this.#clients().map(([, { statistics }]) => {
      const { handlerErrors, unclaimedMessages, waitingMessages, inboxBytes } = statistics
      return handlerErrors + unclaimedMessages + waitingMessages + inboxBytes
    })
    this.#ledger.equal(
      'No handler failed and nothing was left over',
      left,
      left.map(() => 0),
    )
  }

  #judge(): number {
    this.#narrator.scene('Promises')
    for (const { text, broken } of this.#ledger.entries) {
      if (broken === undefined) this.#narrator.kept(text)
      else this.#narrator.broken(text, broken)
    }
    return this.#ledger.broken
  }

  async #close(): Promise<void> {
    for (const [, client] of this.#clients()) await client.disconnect()
    await this.#cable?.cut()
  }

  #clients(): [name: string, client: Display['client']][] {
    const late: [string, Display['client']][] = this.#retain
      ? [['late display', this.#lateDisplay.client]]
      : []
    return [
      ...(this.#sensor === undefined
        ? []
        : [['sensor', this.#sensor.client] as [string, Display['client']]]),
      ['display', this.#display.client],
      ...late,
    ]
  }

  #newDisplay(name: string): Display {
    const clientId = `${this.#run}-${name.replace(' ', '-')}`
    const { url } = this.#server
    return new Display(clientId, url, this.#options(), this.#topics, (shown) => {
      const { value, qos, retain, tookMs } = shown
      this.#passes('sensor', name, shown.name, value, qos, tookMs, retain)
    })
  }

  #options(): ClientOptions {
    const { user, password } = this.#server
    return {
      timeouts: TIMEOUTS,
      ...(user !== undefined && { user }),
      ...(password !== undefined && { password }),
    }
  }

  #passes(
    from: string,
    to: string,
    what: string,
    value: string,
    qos: QoS,
    tookMs: number | undefined,
    retained = false,
  ): void {
    const how = `QoS ${qos}${retained ? ', retained' : ''}`
    this.#narrator.passes({ from, to, what, value, how, tookMs })
  }

  /** Judges a row of numbers by what its QoS promises. §4.3 */
  #row(what: string, numbers: readonly number[], qos: QoS, count: number): void {
    const wanted = Array.from({ length: count }, (_, i) => i + 1)
    const effective = qos > this.#qosMax ? this.#qosMax : qos
    if (effective === 1) {
      const text = `All ${count} ${what} arrived (QoS 1: at least once)`
      this.#ledger.equal(text, [...new Set(numbers)], wanted)
    } else if (effective === 2) {
      const text = `All ${count} ${what} arrived (QoS 2: exactly once)`
      this.#ledger.equal(text, numbers, wanted)
    } else if (this.#server.own) {
      this.#ledger.equal(`All ${count} ${what} arrived (QoS 0)`, numbers, wanted)
    } else {
      const text = `${numbers.length} of ${count} ${what} arrived (QoS 0: at most once)`
      const once = numbers.every((n, i) => n > (numbers[i - 1] ?? 0))
      this.#ledger.judge(text, once, `${JSON.stringify(numbers)} are not once and in order`)
    }
  }
}

function describe({ protocol }: ConnectResult): string {
  return protocol === 5 ? 'MQTT 5.0' : 'MQTT 3.1.1'
}

function sentOf(error: unknown): string {
  return MqttError.is(error) ? (error.sent ?? 'unknown') : String(error)
}

async function main(): Promise<number> {
  const narrator = new Narrator(process.stdout, process.env)
  const watchdog = setTimeout(() => {
    narrator.fails(`It was not done within ${DEMO_MS / 1000} s`)
    process.exit(1)
  }, DEMO_MS)
  const server = await openServer(process.env)
  try {
    narrator.title('A sensor and a display, each a client of umqtt/simple')
    narrator.says('server', server.description)
    const broken = await new Demo(narrator, server).play()
    const seconds = (performance.now() / 1000).toFixed(1)
    if (broken === 0) narrator.ends(`Everything promised has happened, in ${seconds} s`)
    else narrator.fails(`Broken promises: ${broken}`)
    return broken === 0 ? 0 : 1
  } catch (error) {
    narrator.fails(error instanceof Error ? error.message : String(error))
    if (!server.own) {
      narrator.hint(
        'UMQTT_SERVER, UMQTT_USER and UMQTT_PASSWORD say which server; without them, its own',
      )
    }
    return 1
  } finally {
    await server.close()
    clearTimeout(watchdog)
  }
}

process.exitCode = await main()
