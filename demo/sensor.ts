// The sensor: measures, obeys commands, answers requests, and leaves a will.

import { MQTTClient, type ClientOptions, type ConnectResult, type QoS } from 'umqtt/simple'
import { type Note, type Topics, note, readNote } from './topics.ts'

/** What the sensor measures, each sort at the QoS that suits it. */
export const SORTS: readonly {
  readonly sort: string
  readonly qos: QoS
  readonly measure: (n: number) => string
}[] = [
  { sort: 'temperature', qos: 0, measure: (n) => `${(20.5 + n * 0.3).toFixed(1)} °C` },
  { sort: 'door', qos: 1, measure: (n) => (n % 2 === 0 ? 'opened' : 'closed') },
  { sort: 'rain', qos: 2, measure: (n) => `${n} × 0.2 mm` },
]

export class Sensor {
  readonly client: MQTTClient
  /** The commands that came, as `name number`, in order. */
  readonly obeyed: string[] = []
  readonly #topics: Topics
  readonly #show: (what: string, said: Note, qos: QoS) => void
  readonly #qosMax: QoS

  constructor(
    clientId: string,
    server: string,
    options: ClientOptions,
    topics: Topics,
    qosMax: QoS,
    show: (what: string, said: Note, qos: QoS) => void,
  ) {
    this.client = new MQTTClient(clientId, server, options)
    this.#topics = topics
    this.#qosMax = qosMax
    this.#show = show
  }

  /** Connects; the will is with the server then. */
  connect(retain: boolean): Promise<ConnectResult> {
    const will = note(0, 'offline')
    this.client.setLastWill(this.#topics.status, will, { qos: this.#atMost(1), retain })
    return this.client.connect()
  }

  /** Listens, and says that it is there. */
  async begin(retain: boolean): Promise<void> {
    const { client } = this
    const { status, state, command, request } = this.#topics
    await client.subscribe(
      command('+'),
      { qos: this.#atMost(2) },
      async (topic, payload, message) => {
        const name = topic.slice(topic.lastIndexOf('/') + 1)
        const said = readNote(payload)
        this.obeyed.push(`${name} ${said.number}`)
        this.#show(name, said, message.qos)
        await client.publish(
          this.#topics.answer(name),
          note(said.number, `no. ${said.number} is done`),
          {
            qos: message.qos,
          },
        )
      },
    )
    await client.subscribe(request, { qos: this.#atMost(1) }, async (_, payload, message) => {
      const said = readNote(payload)
      this.#show('request', said, message.qos)
      const { responseTopic = this.#topics.response, correlationData } = message.properties
      const megabytes = Math.round(process.memoryUsage.rss() / 1e6)
      await client.publish(responseTopic, note(said.number, `${megabytes} MB`), {
        qos: this.#atMost(1),
        ...(correlationData && { properties: { correlationData } }),
      })
    })
    await client.publish(status, note(0, 'online'), { qos: this.#atMost(1), retain })
    await client.publish(state, note(0, 'every 0.25 s, in °C'), { qos: this.#atMost(1), retain })
  }

  /** Publishes one reading of each sort. */
  async measure(n: number): Promise<void> {
    await Promise.all(
      SORTS.map(({ sort, qos, measure }) =>
        this.client.publish(this.#topics.reading(sort), note(n, measure(n)), {
          qos: this.#atMost(qos),
        }),
      ),
    )
  }

  #atMost(qos: QoS): QoS {
    return qos > this.#qosMax ? this.#qosMax : qos
  }
}
