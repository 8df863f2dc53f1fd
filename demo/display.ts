// The display: shows what the sensor says, gives commands, asks.

import { MQTTClient, type ClientOptions, type ConnectResult, type QoS } from 'umqtt/simple'
import { Arrivals } from './ledger.ts'
import { type Note, type Topics, note, readNote } from './topics.ts'

/** What the display is told, each at the QoS that suits it. */
export const COMMANDS: readonly { readonly name: string; readonly qos: QoS }[] = [
  { name: 'blink', qos: 0 },
  { name: 'calibrate', qos: 1 },
  { name: 'add-water', qos: 2 },
]

/** One message that the display has got. */
export interface Shown extends Note {
  /** The last part of the topic. */
  readonly name: string
  readonly topic: string
  readonly qos: QoS
  readonly retain: boolean
  /** From the call to here; undefined for what the server kept. */
  readonly tookMs: number | undefined
  /** What the request was given as its mark, in MQTT 5.0. */
  readonly correlation: string | undefined
}

export class Display {
  readonly client: MQTTClient
  readonly shown: Arrivals<Shown> = new Arrivals<Shown>()
  /** The server's words about the filters, for those that it did not grant in full. */
  readonly lowered: string[] = []
  readonly #topics: Topics
  readonly #show: (shown: Shown) => void

  constructor(
    clientId: string,
    server: string,
    options: ClientOptions,
    topics: Topics,
    show: (shown: Shown) => void,
  ) {
    this.client = new MQTTClient(clientId, server, options)
    this.#topics = topics
    this.#show = show
  }

  /** Connects and listens. */
  async start(): Promise<ConnectResult> {
    const { client } = this
    client.setCallback((topic, payload, { qos, retain, properties }) => {
      const { correlationData } = properties
      const said = readNote(payload)
      const shown = {
        ...said,
        name: topic.slice(topic.lastIndexOf('/') + 1),
        topic,
        qos,
        retain,
        tookMs: said.number === 0 ? undefined : performance.now() - said.at,
        correlation: correlationData && new TextDecoder().decode(correlationData),
      }
      this.#show(shown)
      this.shown.add(shown)
    })
    const result = await client.connect()
    const qos = result.limits.maximumQoS
    const { granted } = await client.subscribe(this.#filters, { qos })
    for (const grant of granted) {
      if (grant.qos !== qos) this.lowered.push(`${grant.filter} ${grant.qos ?? 'refused'}`)
    }
    return result
  }

  /** What comes later is not shown. */
  stopListening(): Promise<void> {
    return this.client.unsubscribe(this.#filters)
  }

  /** What has come for one topic, in order. */
  of(topic: string): readonly Shown[] {
    return this.shown.all.filter((shown) => shown.topic === topic)
  }

  /** Gives each command once. */
  async command(number: number, qosMax: QoS): Promise<void> {
    for (const { name, qos } of COMMANDS) {
      await this.client.publish(this.#topics.command(name), note(number, name), {
        qos: qos > qosMax ? qosMax : qos,
      })
    }
  }

  /** Asks; the answer comes like any other message. */
  async ask(number: number, protocol: 4 | 5, qos: QoS): Promise<void> {
    const properties = {
      responseTopic: this.#topics.response,
      correlationData: new TextEncoder().encode(`request ${number}`),
    }
    await this.client.publish(this.#topics.request, note(number, 'how much memory?'), {
      qos,
      ...(protocol === 5 && { properties }),
    })
  }

  get #filters(): string[] {
    const { status, state, response, reading, answer } = this.#topics
    return [status, state, response, reading('+'), answer('+')]
  }
}
