// A model of an MQTT server: it obeys the specification, keeps what it promised, and breaks what its faults
// say. Rule: it becomes the owner of a message when its PUBLISH is read (§4.3), and tells so; what the
// client does wrong it tells too, and ends the connection. One connection is in connection.ts.

import type { Endpoint, ServerEnd, ServerPipe } from '../link.ts'
import type { ServerFaults } from '../faults.ts'
import { ServerConnection } from './connection.ts'
import type { OddFault, ServerOptions, ServerView } from './options.ts'
import type { ServerSession } from './session.ts'

export class ModelServer implements Endpoint, ServerView {
  readonly options: ServerOptions
  up = true
  readonly #connections = new Set<ServerConnection>()
  readonly #episodes = new Map<keyof ServerFaults, number>()

  constructor(options: ServerOptions) {
    this.options = options
  }

  get faults(): ServerFaults {
    return this.options.faults
  }

  accept(pipe: ServerPipe): ServerEnd {
    const connection = new ServerConnection(this, pipe, () => this.#connections.delete(connection))
    this.#connections.add(connection)
    return connection
  }

  isOn(kind: keyof ServerFaults): boolean {
    return !this.options.world.healed && (this.#episodes.get(kind) ?? 0) > 0
  }

  /** True with the probability of a fault that is armed, and tells that it fired. */
  befalls(kind: OddFault): boolean {
    const { world, random, faults, host } = this.options
    const odds = faults[kind]
    if (odds === undefined || world.healed || !random.chance(odds.probability)) return false
    world.fire(`server.${kind}`, host)
    return true
  }

  begin(kind: keyof ServerFaults): void {
    this.#episodes.set(kind, (this.#episodes.get(kind) ?? 0) + 1)
    if (kind === 'restart' || kind === 'restartEmpty') this.#goDown(kind === 'restartEmpty')
  }

  end(kind: keyof ServerFaults): void {
    this.#episodes.set(kind, (this.#episodes.get(kind) ?? 1) - 1)
    this.up = !this.isOn('restart') && !this.isOn('restartEmpty')
  }

  /** From now on it is a good server. */
  heal(): void {
    this.#episodes.clear()
    this.up = true
  }

  /** One of the sessions that it has a connection for, or any. */
  forgetSession(): void {
    const { random, cluster } = this.options
    const sessions = [...cluster.sessions.values()]
    if (sessions.length === 0) return
    const session = random.pick(sessions)
    session.owner?.lose(0)
    cluster.forget(session, 'forgotten')
  }

  /** Ends one connection with a reason. */
  kick(reasonCode: number): void {
    const connected = this.#connected
    if (connected.length > 0) this.options.random.pick(connected).disconnect(reasonCode)
  }

  /** Sends something that is no packet. */
  sendGarbage(): void {
    const connected = this.#connected
    if (connected.length > 0) this.options.random.pick(connected).sendGarbage()
  }

  #goDown(empty: boolean): void {
    this.up = false
    for (const connection of this.#connections) connection.reset()
    if (empty) this.loseSessions()
  }

  /** Everything is forgotten that it had for its clients. */
  loseSessions(): void {
    const { cluster } = this.options
    cluster.forgetRetained()
    const sessions: ServerSession[] = [...cluster.sessions.values()]
    for (const session of sessions) {
      session.owner?.lose(0)
      cluster.forget(session, 'the server was started empty')
    }
  }

  /** Clients that are connected to it. */
  get clientIds(): string[] {
    return this.#connected.map(({ clientId }) => clientId)
  }

  get #connected(): ServerConnection[] {
    return [...this.#connections].filter(({ connected }) => connected)
  }
}
