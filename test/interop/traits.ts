// What each server does and does not, as data: the one suite asks here what to expect, and fails when a
// server does otherwise, also when it does better. docs/servers.md is written from what the runs saw.

import type { Route, ServerName } from '../support/servers.ts'

/** What the suite has to know of a server. */
export interface Traits {
  /** The versions of MQTT that it speaks; the client prefers the first. */
  readonly protocols: readonly (4 | 5)[]
  readonly routes: readonly Route[]
  /** The highest QoS that it grants to a subscription. */
  readonly qosGranted: 1 | 2
  /**
   * What it does to a message at QoS 2: `exactly once`, or it `closes` the connection, or `answers as at 1`,
   * with PUBACK, which MQTT does not allow.
   */
  readonly qosTwo: 'exactly once' | 'closes' | 'answers as at 1'
  /** What it does at PUBREL of a packet id that it does not hold, where PUBCOMP is due. [MQTT-4.3.3-11] */
  readonly released: keyof typeof RELEASED
  /** Whether a message at QoS 2 reaches a subscription of QoS 1 at QoS 1. [MQTT-3.8.4-8] */
  readonly lowersToOne: boolean
  /** Whether what is sent again has the flag that says so. [MQTT-3.3.1-1] */
  readonly setsDup: boolean
  /** How a server of 3.1.1 turns a client of 5.0 away: by CONNACK, or without a word. */
  readonly refusesFive?: 'with a reason' | 'without a word'
  /** The longest topic that a test should try, in bytes. */
  readonly topicBytesMax: number
  readonly topics: keyof typeof TOPICS
  /** Over a WebSocket: whether a wrong password gets its CONNACK, and no will follows a DISCONNECT. */
  readonly webSocketAsTcp: boolean
  /** How many messages it sends before the first of them is acknowledged. */
  readonly window: number
  /** Whether what it sends again after a lost connection comes before what is new. [MQTT-4.6.0-6] */
  readonly keepsOrder: boolean
  /** What it does when links break all the time. */
  readonly inChaos: keyof typeof IN_CHAOS
  /** The gravest conclusion of `umqtt check` without a restart, by its code. */
  readonly checked: 'restart-untested' | 'not-exactly-once' | 'session-short'
  /** Of MQTT 5.0. */
  readonly topicAliasMaximum: number
  readonly sharesSubscriptions: boolean
}

/** How that is written down. */
export const IN_CHAOS = {
  'keeps all': 'nothing lost',
  repeats: 'nothing lost; what is sent again looks new',
  'reuses ids':
    'what is sent again looks new; at QoS 2 an id in use is given to another message at times, which hides it',
  'loses sessions': 'loses sessions, and messages with them; the client says so',
} as const

/** What topics must not have to arrive as they were. */
export const TOPICS = {
  any: /(?!)/g,
  'neither blanks nor dots': /[ .\u{feff}]/gu,
  'a dot arrives as a slash': /\./g,
} as const

/** How that is written down. */
export const RELEASED = {
  PUBCOMP: 'PUBCOMP',
  closes: 'closes the connection',
  silence: 'says nothing any more, not to a ping either',
} as const

const PLAIN = {
  qosGranted: 2,
  qosTwo: 'exactly once',
  released: 'PUBCOMP',
  lowersToOne: true,
  setsDup: true,
  topicBytesMax: 65_535,
  topics: 'any',
  webSocketAsTcp: true,
  window: Infinity,
  keepsOrder: true,
  inChaos: 'keeps all',
  checked: 'restart-untested',
  topicAliasMaximum: 0,
  sharesSubscriptions: false,
} as const satisfies Partial<Traits>

export const TRAITS: Readonly<Record<ServerName, Traits>> = {
  mosquitto: {
    ...PLAIN,
    protocols: [5, 4],
    routes: ['tcp', 'tls', 'mutual-tls', 'ws', 'wss', 'unix'],
    topicAliasMaximum: 10,
    sharesSubscriptions: true,
  },
  aedes: {
    ...PLAIN,
    protocols: [4],
    routes: ['tcp', 'tls', 'ws', 'wss', 'unix'],
    // Aedes 1.2 lowers a QoS to 0 and to nothing else.
    lowersToOne: false,
    // It sends again without DUP, so that QoS 1 looks new; QoS 2 comes once all the same.
    setsDup: false,
    // So that what it sends again cannot be told from what is new.
    inChaos: 'reuses ids',
    refusesFive: 'with a reason',
  },
  nats: {
    ...PLAIN,
    checked: 'not-exactly-once',
    protocols: [4],
    routes: ['tcp', 'tls', 'ws', 'wss'],
    qosGranted: 1,
    qosTwo: 'closes',
    released: 'closes',
    refusesFive: 'with a reason',
    // It sends what was not acknowledged again after its "ack_wait", under another id.
    setsDup: false,
    keepsOrder: false,
    inChaos: 'repeats',
    // Topics become its subjects, where a dot is what a slash is here. A topic of 65,535 bytes ends the
    // whole server: 2.9.10 has a bound on the line of its own protocol.
    topics: 'neither blanks nor dots',
    topicBytesMax: 16_000,
  },
  rabbitmq: {
    ...PLAIN,
    checked: 'not-exactly-once',
    protocols: [4],
    routes: ['tcp', 'tls', 'ws', 'wss'],
    qosGranted: 1,
    qosTwo: 'answers as at 1',
    released: 'silence',
    refusesFive: 'without a word',
    // It numbers anew with each connection, and sets DUP for what another connection may have had.
    setsDup: false,
    // Topics become routing keys, where a dot is what a slash is here.
    topics: 'a dot arrives as a slash',
    webSocketAsTcp: false,
  },
  ejabberd: {
    ...PLAIN,
    checked: 'session-short',
    protocols: [5, 4],
    routes: ['tcp', 'tls', 'ws', 'wss'],
    topicAliasMaximum: 100,
    // The next message comes when the one before is acknowledged.
    window: 1,
    // When another connection takes a session over whose link stalls, it is gone at times.
    inChaos: 'loses sessions',
  },
}
