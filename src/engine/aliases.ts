// Topic aliases of one connection, both ways; they die with it. §3.3.2.3.4 [MQTT-3.3.2-7]
// Outbound: the topics used last have an alias, the one used longest ago gives its alias away.

import { violation } from './endings.ts'

/** Our aliases: at most `maximum` topics, least recently used first. */
export class OutboundAliases {
  readonly #maximum: number
  readonly #aliases = new Map<string, number>()
  #last = ''
  #lastAlias = 0
  /** Whether the server knows the alias that `use` gave already. */
  known = false

  /** @param maximum 1 to 65,535. */
  constructor(maximum: number) {
    this.#maximum = maximum
  }

  /** The alias for a topic; `known` tells whether the topic itself can be left out. */
  use(topic: string): number {
    if (topic === this.#last) {
      this.known = true
      return this.#lastAlias
    }
    let alias = this.#aliases.get(topic)
    this.known = alias !== undefined
    if (alias !== undefined) {
      this.#aliases.delete(topic)
    } else if (this.#aliases.size < this.#maximum) {
      alias = this.#aliases.size + 1
    } else {
      const [oldest, freed] = this.#aliases.entries().next().value as [string, number]
      this.#aliases.delete(oldest)
      alias = freed
    }
    this.#aliases.set(topic, alias)
    this.#last = topic
    this.#lastAlias = alias
    return alias
  }
}

/** The server's aliases towards us. */
export class InboundAliases {
  readonly #maximum: number
  readonly #topics = new Map<number, string>()

  /** @param maximum The Topic Alias Maximum that we announced. */
  constructor(maximum: number) {
    this.#maximum = maximum
  }

  /** The topic of a PUBLISH with an alias; a topic that comes with it is remembered. */
  resolve(alias: number, topic: string): string {
    if (alias > this.#maximum) {
      const text = `Topic alias ${alias} is above our maximum ${this.#maximum}`
      throw violation(text, 'MQTT-3.1.2-26', 0x94)
    }
    if (topic !== '') this.#topics.set(alias, topic)
    const known = this.#topics.get(alias)
    if (known === undefined) {
      throw violation(`Topic alias ${alias} stands for no topic`, '§3.3.2.3.4')
    }
    return known
  }
}
