// One model server of a scenario, as its test sees it: what it has received, and what it can be told to do.
// The server itself is the one of every run; nothing of MQTT is decided here.

import { topicMatches } from '../../codec/topics.ts'
import { encodeUtf8 } from '../../codec/utf8.ts'
import {
  checkBoolean,
  checkKeys,
  checkPublishTopic,
  checkSubscribeFilter,
  integer,
  oneOf,
  payloadBytes,
} from '../../simple/checks.ts'
import type { Payload, QoS } from '../../simple/types.ts'
import type { ModelServer } from '../server/server.ts'
import type { ServerSession } from '../server/session.ts'
import type { MutableFaults } from './controls.ts'
import type { ReceivedByServer, ScenarioServer } from './types.ts'

/** 0x98 Administrative action. §3.14.2.1 */
const ADMINISTRATIVE = 0x98

const checkReason = integer(0x00, 0xff)
const checkRefusal = integer(0x80, 0xff)
const checkQos = oneOf<QoS>(0, 1, 2)
const checkSessions = oneOf<'kept' | 'lost'>('kept', 'lost')
const PUBLISH_OPTIONS = { qos: checkQos, retain: checkBoolean }
const START_OPTIONS = { sessions: checkSessions }

export interface ServerSettings {
  readonly url: string
  readonly model: ModelServer
  readonly faults: MutableFaults['server']
  readonly received: readonly ReceivedByServer[]
  /** Called when the test breaks something by hand. */
  readonly acted: (fault: string, target: string, detail?: string) => void
}

export class SimulatedServer implements ScenarioServer {
  readonly #settings: ServerSettings
  #stopped = false

  constructor(settings: ServerSettings) {
    this.#settings = settings
  }

  get url(): string {
    return this.#settings.url
  }

  get up(): boolean {
    return this.#settings.model.up
  }

  get clients(): readonly string[] {
    return this.#settings.model.clientIds
  }

  get sessions(): readonly string[] {
    return [...this.#sessions.keys()]
  }

  received(filter = '#'): readonly ReceivedByServer[] {
    checkSubscribeFilter('filter', filter)
    return this.#settings.received.filter(({ topic }) => topicMatches(filter, topic))
  }

  publish(
    topic: string,
    payload: Payload,
    options: { readonly qos?: QoS; readonly retain?: boolean } = {},
  ): number {
    checkPublishTopic('topic', topic)
    payloadBytes('payload', payload)
    checkKeys('options', options, PUBLISH_OPTIONS)
    const { qos = 0, retain = false } = options
    checkQos('options.qos', qos)
    checkBoolean('options.retain', retain)
    const bytes = typeof payload === 'string' ? encodeUtf8(payload) : payload.slice()
    const { cluster } = this.#settings.model.options
    const publication = { number: 0, topic, qos, payload: bytes }
    if (retain) cluster.retain(publication)
    return cluster.route(publication)
  }

  stop(): void {
    if (this.#stopped) throw new Error(`Cannot stop "${this.url}": it is down`)
    this.#act('server.restart')
    this.#stopped = true
    this.#settings.model.begin('restart')
  }

  start(options: { readonly sessions?: 'kept' | 'lost' } = {}): void {
    checkKeys('options', options, START_OPTIONS)
    const { sessions = 'kept' } = options
    checkSessions('options.sessions', sessions)
    if (!this.#stopped) throw new Error(`Cannot start "${this.url}": it was not stopped`)
    const { model } = this.#settings
    if (sessions === 'lost') {
      this.#act('server.restartEmpty')
      model.loseSessions()
    }
    this.#stopped = false
    model.end('restart')
  }

  forget(clientId: string): void {
    const session = this.#session(clientId, 'forget the session of')
    this.#act('server.forgetSession', clientId)
    session.owner?.lose(0)
    this.#settings.model.options.cluster.forget(session, 'forgotten')
  }

  kick(clientId: string, reasonCode: number = ADMINISTRATIVE): void {
    checkReason('reasonCode', reasonCode)
    const { owner } = this.#session(clientId, 'kick')
    if (owner === undefined) throw new RangeError(`Cannot kick "${clientId}": it is not connected`)
    this.#act('server.kick', `${clientId} 0x${reasonCode.toString(16)}`)
    owner.lose(reasonCode)
  }

  refuse(reasonCode: number): void {
    checkRefusal('reasonCode', reasonCode)
    const { model, faults } = this.#settings
    this.#act('server.refuseConnect', `0x${reasonCode.toString(16)}`)
    faults.refuseConnect = { everyMs: 1, forMs: 1, reasonCodes: [reasonCode] }
    if (!model.isOn('refuseConnect')) model.begin('refuseConnect')
  }

  accept(): void {
    const { model } = this.#settings
    if (model.isOn('refuseConnect')) model.end('refuseConnect')
  }

  /** Nothing is wrong any more. */
  heal(): void {
    this.#stopped = false
    this.#settings.model.heal()
  }

  get #sessions(): ReadonlyMap<string, ServerSession> {
    return this.#settings.model.options.cluster.sessions
  }

  #session(clientId: string, what: string): ServerSession {
    const session = this.#sessions.get(clientId)
    if (session !== undefined) return session
    const known = this.sessions.map((one) => `"${one}"`).join(', ')
    throw new RangeError(
      `Cannot ${what} "${clientId}": the server has no session for it, but for ${known || 'nobody'}`,
    )
  }

  #act(fault: string, detail?: string): void {
    this.#settings.acted(fault, this.#settings.model.options.host, detail)
  }
}
