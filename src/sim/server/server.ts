// A model of an MQTT server: it obeys the specification, keeps what it promised, and breaks what its faults
// say. Rule: it becomes the owner of a message when its PUBLISH is read (§4.3), and tells so; what the
// client does wrong it tells too, and ends the connection. One connection is in connection.ts.

import type { Endpoint, ServerEnd, ServerPipe } from '../link.ts'
import type { ServerFaults } from '../faults.ts'
import type { SentMessage } from '../observations.ts'
import { Random } from '../random.ts'
import { ServerConnection } from './connection.ts'
import type { OddFault, ServerOptions, ServerView } from './options.ts'
import type { ServerSession } from './session.ts'

/** What a server is down for. */
const DOWN = ['restart', 'restartEmpty', 'fallAtPacket'] as const

export class ModelServer implements Endpoint, ServerView {
  readonly options: ServerOptions
  up = true
  readonly #connections = new Set<ServerConnection>()
  readonly #episodes = new Map<keyof ServerFaults, number>()
  /** Until it falls; undefined: not drawn yet. */
  #packetsLeft: number | undefined

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

  handlePacket(): void {
    const { world, random, faults, host } = this.options
    const { fallAtPacket } = faults
    if (fallAtPacket === undefined || world.healed) return
    this.#packetsLeft ??= random.exponential(fallAtPacket.packets)
    this.#packetsLeft -= 1
    if (this.#packetsLeft > 0) return
    this.#packetsLeft = undefined
    const isEmpty = random.chance(fallAtPacket.forgets)
    const forMs = random.exponential(fallAtPacket.forMs)
    world.fire(
      'server.fallAtPacket',
      host,
      `${forMs} ms${isEmpty ? ', back without sessions' : ''}`,
    )
    this.#episodes.set('fallAtPacket', (this.#episodes.get('fallAtPacket') ?? 0) + 1)
    this.#goDown(isEmpty)
    world.agenda.after(forMs, () => this.end('fallAtPacket'))
  }

  drawReceiveMaximum(): number | undefined {
    const { world, random, faults, host } = this.options
    const { changingMaximum } = faults
    if (changingMaximum === undefined) return undefined
    world.fire('server.changingMaximum', host)
    return random.pick(changingMaximum.receiveMaximums)
  }

  kickAfter(): { readonly afterMs: number; readonly reasonCode: number } | undefined {
    const { random, faults } = this.options
    const { acceptThenKick } = faults
    if (acceptThenKick === undefined || !this.isOn('acceptThenKick')) return undefined
    const { afterMs, reasonCodes } = acceptThenKick
    return { afterMs: random.exponential(afterMs), reasonCode: random.pick(reasonCodes) }
  }

  poisonedBy(message: SentMessage): number | undefined {
    const { world, random, faults, host } = this.options
    const { poison } = faults
    if (poison === undefined || world.healed) return undefined
    // Of the message, and not of the moment: it ends every connection.
    if (!new Random(`poison ${message.number}`).chance(1 / poison.oneIn)) return undefined
    world.fire('server.poison', host, `#${message.number}`)
    message.kills += 1
    return random.pick(poison.reasonCodes)
  }

  begin(kind: keyof ServerFaults): void {
    this.#episodes.set(kind, (this.#episodes.get(kind) ?? 0) + 1)
    if (kind === 'restart' || kind === 'restartEmpty') this.#goDown(kind === 'restartEmpty')
  }

  end(kind: keyof ServerFaults): void {
    this.#episodes.set(kind, (this.#episodes.get(kind) ?? 1) - 1)
    this.up = !DOWN.some((one) => this.isOn(one))
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
