// The life of an outgoing PUBLISH as a table, from the call to its last acknowledgement. §4.3
// A pair that is absent is illegal: from the server it is a protocol error, from us a bug.
// The payload is kept until `done`: after PUBREC a server that forgets would lose it otherwise.

import type { QoS } from '../codec/packets.ts'

/**
 * `new` just made · `waiting` for the window or the connection · `bound` has a packet id, which is
 * recorded before it is used · `clearing` sends PUBREL first, for a packet id that an adopted session
 * may still hold · `sent` PUBLISH is out · `received` PUBREC is in, which is recorded before it is
 * answered · `released` PUBREL is out · `done`.
 */
export type PublishState =
  'new' | 'waiting' | 'bound' | 'clearing' | 'sent' | 'received' | 'released' | 'done'

/** `fail` is every end but a successful acknowledgement; `resend` follows a resumed session. */
export type PublishEvent =
  | 'wait'
  | 'bind'
  | 'clear'
  | 'send'
  | 'puback'
  | 'receive'
  | 'release'
  | 'pubrec'
  | 'pubcomp'
  | 'refuse'
  | 'fail'

type Row = { readonly [E in PublishEvent]?: PublishState }

/** Where each event leads, by QoS and state. */
export const PUBLISH_TRANSITIONS: {
  readonly [Q in QoS]: { readonly [S in PublishState]: Row }
} = {
  0: {
    new: { wait: 'waiting', send: 'done', fail: 'done' },
    waiting: { send: 'done', fail: 'done' },
    bound: {},
    clearing: {},
    sent: {},
    received: {},
    released: {},
    done: {},
  },
  1: {
    new: { wait: 'waiting', send: 'sent', fail: 'done' },
    waiting: { send: 'sent', fail: 'done' },
    bound: {},
    clearing: {},
    sent: { send: 'sent', puback: 'done', refuse: 'done', fail: 'done' },
    received: {},
    released: {},
    done: {},
  },
  2: {
    new: { wait: 'waiting', bind: 'bound', clear: 'clearing', send: 'sent', fail: 'done' },
    waiting: { bind: 'bound', clear: 'clearing', send: 'sent', fail: 'done' },
    bound: { send: 'sent', fail: 'done' },
    clearing: { bind: 'bound', clear: 'clearing', pubcomp: 'sent', fail: 'done' },
    sent: { send: 'sent', receive: 'received', pubrec: 'released', refuse: 'done', fail: 'done' },
    // From here on nothing but the server's answers can end it, whatever its limits are by then.
    received: { receive: 'received', release: 'released' },
    // A PUBREC that comes again is answered again. §4.3.3
    released: { pubrec: 'released', pubcomp: 'done' },
    done: {},
  },
}

/**
 * Where an event leads, if it may come. The steps that most messages take are said once more: to look
 * a step up by two names costs as much as the rest of it.
 */
export function nextState(
  qos: QoS,
  state: PublishState,
  event: PublishEvent,
): PublishState | undefined {
  if (qos > 0 && state === 'new' && event === 'send') return 'sent'
  if (qos === 1 && state === 'sent' && event === 'puback') return 'done'
  if (qos === 2 && state === 'sent' && event === 'pubrec') return 'released'
  if (qos === 2 && state === 'released' && event === 'pubcomp') return 'done'
  return PUBLISH_TRANSITIONS[qos][state][event]
}
