// What to do about what was found: for the servers recognised the settings by the names in their manuals,
// for others the thing to look for. A table; a result that needs no advice gets none.

import type { CheckId } from './ids.ts'
import type { CheckVerdict, Facts } from './types.ts'

/** One piece of advice. */
interface Advice {
  readonly id: CheckId
  readonly on: readonly CheckVerdict[]
  /** Needed of the facts. */
  readonly when?: (facts: Facts) => boolean
  /** By product; `any` for the rest. */
  readonly text: { readonly any?: string } & Readonly<Record<string, string>>
}

const QUEUE: Advice['text'] = {
  mosquitto: 'set max_queued_messages (0: no limit) and max_queued_bytes in mosquitto.conf',
  emqx: 'raise mqtt.max_mqueue_len',
  ejabberd: 'raise max_queue of mod_mqtt',
  vernemq: 'raise max_offline_messages',
  hivemq: 'raise persistence.queued-messages max-queued-messages',
  any: 'look for the limit of messages that wait for an offline client',
}

const PERSISTENCE: Advice['text'] = {
  mosquitto: 'set "persistence true" and persistence_location in mosquitto.conf',
  aedes: 'give it a persistence module that writes to a disk, such as aedes-persistence-level',
  emqx: 'switch on durable sessions (durable_sessions.enable)',
  hivemq: 'set persistence to file instead of in-memory',
  any: 'look for persistence of sessions and messages to a disk',
}

/** The queue was tried, and not only refused. */
const counted = (facts: Facts): boolean => facts['kept'] !== undefined

const ADVICE: readonly Advice[] = [
  {
    id: 'session',
    on: ['bad'],
    when: (facts) => facts['lies'] === true,
    text: {
      any: 'a proxy or cluster that does not share sessions can do this: connect to the server itself, and report it to those who make it',
    },
  },
  {
    id: 'session',
    on: ['bad'],
    text: {
      aedes: 'give it a persistence module',
      any: 'look for sessions, or clean start, in its settings; without sessions use QoS 1 and expect gaps',
    },
  },
  {
    id: 'session-expiry',
    on: ['limited'],
    text: {
      emqx: 'raise mqtt.session_expiry_interval',
      hivemq: 'raise mqtt.session-expiry.max-interval',
      ejabberd: 'raise session_expiry of mod_mqtt',
      rabbitmq: 'raise mqtt.max_session_expiry_interval_seconds',
      'aws-iot': 'ask for a higher limit of persistent session expiry',
      mosquitto: 'raise persistent_client_expiration, or leave it out',
      any: 'raise the longest session expiry that it grants, or let clients come back sooner',
    },
  },
  { id: 'queue-qos1', on: ['bad', 'limited'], when: counted, text: QUEUE },
  { id: 'queue-qos2', on: ['bad', 'limited'], when: counted, text: QUEUE },
  { id: 'qos2-resent', on: ['bad'], text: { any: 'use QoS 1, and messages that may come twice' } },
  {
    id: 'qos2-unconfirmed',
    on: ['bad'],
    text: { any: 'use QoS 1, and messages that may come twice' },
  },
  {
    id: 'qos2',
    on: ['bad', 'limited'],
    text: { any: 'use QoS 1, and messages that may come twice' },
  },
  {
    id: 'client-id',
    on: ['limited'],
    text: {
      mosquitto: 'name every client; "allow_zero_length_clientid true" allows empty ones',
      any: 'name every client, as sessions need it anyway',
    },
  },
  {
    id: 'keep-alive',
    on: ['bad', 'limited'],
    text: { any: 'wills and takeovers come late: let clients end their connections in good order' },
  },
  {
    id: 'receive-maximum',
    on: ['limited'],
    text: {
      mosquitto: 'harmless where clients keep up; Mosquitto 2.0 is known for it',
      any: 'clients with little memory need room for more than they allow',
    },
  },
  {
    id: 'packet-size',
    on: ['bad', 'limited'],
    text: {
      mosquitto: 'raise max_packet_size, or message_size_limit',
      emqx: 'raise mqtt.max_packet_size',
      any: 'raise the largest packet that it takes, or send less at once',
    },
  },
  {
    id: 'tls',
    on: ['bad'],
    when: (facts) => facts['trusted'] === false,
    text: {
      any: 'give the clients the authority that signed it, or get one from an authority that they trust',
    },
  },
  {
    id: 'tls',
    on: ['limited', 'bad'],
    when: (facts) => facts['encrypted'] === true,
    text: { any: 'renew the certificate' },
  },
  { id: 'tls', on: ['limited'], text: { any: 'give it a certificate, and use "mqtts:"' } },
  { id: 'restart', on: ['bad', 'limited'], text: PERSISTENCE },
  {
    id: 'kill',
    on: ['bad', 'limited'],
    text: {
      ...PERSISTENCE,
      mosquitto:
        'set "persistence true", "autosave_on_changes true" and "autosave_interval 1" in mosquitto.conf: it saves now and then, not at each message',
    },
  },
]

/** What to do about a result. */
export function adviceFor(
  id: CheckId,
  { verdict, facts }: { readonly verdict: CheckVerdict; readonly facts: Facts },
  product: string,
): string | undefined {
  const row = ADVICE.find(
    (one) => one.id === id && one.on.includes(verdict) && one.when?.(facts) !== false,
  )
  return row?.text[product] ?? row?.text.any
}
