// Which handlers get the messages of a topic: filters by their levels, so that a message costs what its topic has of
// levels, and not what there are of subscriptions. §4.7
// It knows no message and no subscription.

import { parseSharedFilter } from '../codec/topics.ts'
import { ROUTED_TOPICS_KEPT } from './constants.ts'
import type { MessageHandler } from './types.ts'

/** Who wants the messages of one filter. */
export interface Route {
  readonly filter: string
  /** Without one the messages are kept for who iterates or asks. */
  readonly handler: MessageHandler | undefined
  /** Whose it is: of those of one owner the first alone gets a message. */
  readonly owner: object
}

/** One level of filters, and those that end here. */
interface Level {
  below?: Map<string, Level>
  routes?: Set<Route>
}

/** The routes of one client. */
export class Routes {
  readonly #root: Level = {}
  /** In the order of coming, with their numbers. */
  readonly #numbers = new Map<Route, number>()
  #added = 0
  /** Topics that were asked for since the last change. */
  readonly #known = new Map<string, readonly Route[]>()

  add(route: Route): void {
    this.#added += 1
    this.#numbers.set(route, this.#added)
    let level = this.#root
    for (const name of levelsOf(route.filter)) {
      level.below ??= new Map()
      let next = level.below.get(name)
      if (next === undefined) level.below.set(name, (next = {}))
      level = next
    }
    level.routes ??= new Set()
    level.routes.add(route)
    this.#known.clear()
  }

  delete(route: Route): void {
    if (!this.#numbers.delete(route)) return
    const names = levelsOf(route.filter)
    const path = [this.#root]
    for (const name of names) path.push(path.at(-1)?.below?.get(name) as Level)
    path.at(-1)?.routes?.delete(route)
    // Levels that lead to nothing go too.
    for (let at = names.length; at > 0; at -= 1) {
      const { routes, below } = path[at] as Level
      if (routes?.size || below?.size) break
      path[at - 1]?.below?.delete(names[at - 1] as string)
    }
    this.#known.clear()
  }

  /** Those whose filters match a topic, one for each owner, in the order of coming. */
  of(topic: string): readonly Route[] {
    const known = this.#known.get(topic)
    if (known !== undefined) return known
    const found = routesIn(this.#root, topic.split('/'))
    if (found.length > 1) found.sort((a, b) => this.#numberOf(a) - this.#numberOf(b))
    const owners = new Set<object>()
    const routes = found.filter(({ owner }) => owners.size < owners.add(owner).size)
    if (this.#known.size >= ROUTED_TOPICS_KEPT) this.#known.clear()
    this.#known.set(topic, routes)
    return routes
  }

  #numberOf(route: Route): number {
    return this.#numbers.get(route) as number
  }
}

function levelsOf(filter: string): readonly string[] {
  return (parseSharedFilter(filter)?.filter ?? filter).split('/')
}

/** A level at a time, without recursion: how many there are is for others to say. */
function routesIn(root: Level, names: readonly string[]): Route[] {
  const found: Route[] = []
  const take = (level: Level | undefined): void => {
    for (const route of level?.routes ?? []) found.push(route)
  }
  // What begins with a wildcard matches no topic that begins with "$". [MQTT-4.7.2-1]
  let isOpen = names[0]?.[0] !== '$'
  let levels: Level[] = [root]
  for (const name of names) {
    const next: Level[] = []
    for (const { below } of levels) {
      if (isOpen) take(below?.get('#'))
      for (const key of isOpen ? [name, '+'] : [name]) {
        const level = below?.get(key)
        if (level !== undefined) next.push(level)
      }
    }
    levels = next
    isOpen = true
  }
  for (const level of levels) {
    take(level)
    // "a/#" also matches its parent level "a".
    take(level.below?.get('#'))
  }
  return found
}
