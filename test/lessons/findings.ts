// Lists that sum up what one client was seen to do under faults, and what follows from that. A line over each row
// says what it asks for; the row names tests that fail without it. rows.test.ts finds names that are gone.

import type { Lessons } from './rows.ts'

const UMQTT = 'lessons/umqtt.test.ts'
const RECONNECTING = 'lessons/robust-reconnecting.test.ts'
const CHAOS = 'lessons/robust-chaos.test.ts'
const SCENARIOS = 'lessons/scenarios.test.ts'
const SOCKETS = 'lessons/sockets.test.ts'
const PUBLISHING = 'lessons/mqtt-js-publishing.test.ts'
const RECEIVING = 'lessons/mqtt-js-receiving.test.ts'
const SESSION_TABLE = 'robust/session-table.test.ts'
const SCHEDULE = 'robust/schedule.test.ts'
const NO_PROMISE = 'lesson mqtt.js 05: no situation leaves a promise open'
const ENDS = 'lesson mqtt.js 07: disconnect always settles, and a second one not before the first'
const REPLAY = 'lesson mqtt.js 10: what is sent again goes out at once, not one for each round trip'
const NEVER_ACKNOWLEDGED = 'lesson mqtt.js 11: a message that is never acknowledged blocks no other'
const BAD_ARGUMENTS =
  'lesson mqtt.js 20: 15 bad publish arguments throw at the call, and nothing is stuck'
const LIMITS =
  'lesson mqtt.js 21: they are obeyed before a byte is sent, and nothing else is held up'
const SLOW_LINK = 'lesson mqtt.js 44: a slow link that moves is left alone, in both directions'
const ILLEGAL = 'lesson mqtt.js 17: every illegal packet ends the connection, with its reason on 5'
const RARER = 'lesson mqtt.js 01: tries become rarer, are spread, and are never below the floor'
const FAIRLY_SPREAD = 'never undercuts the floor and never exceeds the cap, with any settings'
const SESSION_KEPT =
  'ours, and present: nothing is subscribed, all is sent again in its order with DUP'
const SESSION_LOST = 'ours, and lost: subscribed first, QoS 1 afresh without DUP, QoS 2 reported'
const ON_SESSION_LOSS = 'at QoS ${qos} with "${onSessionLoss}" comes to "${status}"'
const POISON = 'is found, and what came with it is delivered on ${protocol}'

const FINDINGS: Lessons = {
  list: 'finding',
  rows: 10,
  elsewhere: {},
  proofs: {
    // QoS 2 is not called delivered when it is lost.
    1: {
      [PUBLISHING]: [
        'lesson mqtt.js 08: a cut anywhere in QoS 1 and 2 loses nothing and reports no false success',
        'lesson mqtt.js 13: a QoS 2 message whose session is gone is never called delivered',
      ],
      [SESSION_TABLE]: [SESSION_LOST, ON_SESSION_LOSS],
    },
    // Packet ids are no identity of messages, in one process or over several.
    2: {
      [PUBLISHING]: [
        'lesson mqtt.js 04: 70,000 messages may wait for a connection, and none is lost',
        'lesson mqtt.js 19: with a silent server no packet id is used twice',
      ],
      'robust/courier.test.ts': ['ids begin above what a store holds'],
      'outbox/outbox.test.ts': ['a number is never used again, also when everything was deleted'],
    },
    // A backlog of small messages does not end the process.
    3: {
      [PUBLISHING]: ['lesson mqtt.js 40: 30,000 tiny messages that waited overflow no stack'],
    },
    // What is sent again is pipelined, and holds up nothing; what a cut finds there is not lost.
    4: {
      [PUBLISHING]: [REPLAY, NEVER_ACKNOWLEDGED],
      [RECONNECTING]: [
        'lesson mqtt.js 13b: what is published while the replay runs waits its turn, and arrives',
      ],
    },
    // Promises and the end settle.
    5: {
      [PUBLISHING]: [NO_PROMISE, ENDS],
      [SOCKETS]: ['lesson mqtt.js 07: disconnect settles on a link whose server reads no more'],
    },
    // One bad message does not end every connection.
    6: {
      [RECEIVING]: [BAD_ARGUMENTS],
      [PUBLISHING]: [LIMITS],
      'robust/poison.test.ts': [POISON],
    },
    // A slow link that moves is alive.
    7: { [RECEIVING]: [SLOW_LINK] },
    // No bytes of a server end the process, or leave the client deaf.
    8: {
      [RECEIVING]: [
        'lesson mqtt.js 17b: 32 03 00 01 61 ends the connection, not the process',
        ILLEGAL,
      ],
    },
    // A refusal does not end the trying, and many clients do not try at once.
    9: {
      [RECONNECTING]: [
        RARER,
        'lesson mqtt.js 02: a server that resets five hundred clients at once is not stormed',
        'lesson mqtt.js 23: 0x${reasonCode.toString(16)} while reconnecting does not end it on ${protocol}',
      ],
    },
    // Nothing is installed beside it. What it weighs is measured: `npm run size`, a part of the gate, holds its budgets.
    10: { 'tidy.test.ts': ['it has no dependencies'] },
  },
}

const FOLLOWS: Lessons = {
  list: 'follows',
  rows: 17,
  elsewhere: {
    16: 'another surface, put off there; docs/coming-from-mqttjs.md says what to call instead',
    17: 'a measurement: `npm run bench` compares the speed with that of other clients',
  },
  proofs: {
    // The core knows no platform, and its states are tables.
    1: {
      'quickjs.test.ts': ['${file} passes on QuickJS'],
      'engine/publish-states.test.ts': [
        'a step is what the table says, for every QoS, state and event',
      ],
      'engine/connection-states.test.ts': [
        'a connection that is ${state} is ${next} after "${event}"',
      ],
    },
    // A message has a number of its own; a packet id is bound when it is sent.
    2: {
      'engine/packet-ids.test.ts': [
        'are given when a message is sent: 70,000 may wait, and all go out in order',
      ],
      'outbox/outbox.test.ts': ['a number is never used again, also when everything was deleted'],
    },
    // The payload is kept until PUBCOMP, and the caller chooses what a lost session means.
    3: {
      [SESSION_TABLE]: [SESSION_KEPT, SESSION_LOST, ON_SESSION_LOSS],
    },
    // Subscriptions first, then all at once within Receive Maximum, in one order.
    4: {
      [SESSION_TABLE]: [SESSION_LOST],
      [PUBLISHING]: [
        'lesson mqtt.js 09: QoS 0 and 1 keep one order, also what waits',
        REPLAY,
        NEVER_ACKNOWLEDGED,
      ],
      'engine/flow-control.test.ts': ['is obeyed when a session is resumed with a smaller one'],
    },
    // Every promise settles, and an error says whether it was sent.
    5: {
      [UMQTT]: ['lesson umqtt 1: every wait has a deadline, also when nothing at all comes back'],
      [PUBLISHING]: [NO_PROMISE],
      'simple/publish.test.ts': ['"no" is said only of what the server cannot have'],
    },
    // The end always comes, also of a dial, and leaves no socket.
    6: {
      [PUBLISHING]: [ENDS],
      [RECONNECTING]: [
        'lesson scenario 24: disconnect while backing off ends the trying, and every wait',
      ],
      [SCENARIOS]: ['lesson scenario 24: disconnect while connecting, in each phase'],
      [SOCKETS]: ['lesson mqtt.js 41: disconnect before the upgrade leaves no socket'],
    },
    // Waits with a cap, begun anew after a stable spell; each reason has its consequence.
    7: {
      [SCHEDULE]: [FAIRLY_SPREAD, 'only after a connection that was stable'],
      [RECONNECTING]: [
        'lesson mqtt.js 22: two clients with one id do not throw each other out once a second',
      ],
      'robust/credentials.test.ts': [
        'has one normal attempt with fresh ones after a refusal, before the slow lane',
      ],
      'robust/reconnect.test.ts': ['as "${reference}" in CONNACK is followed at once'],
      'robust/refusals.test.ts': ['${name} in CONNACK means "${atConnack}"'],
    },
    // Any byte in is life, progress out as well; PINGRESP has its own bound; a connection is asked at once after a sleep,
    // and when the network is back.
    8: {
      [RECEIVING]: [SLOW_LINK],
      [SCENARIOS]: ['lesson scenario 22: the clock jumps an hour, as after a suspended night'],
      'simple/liveness.test.ts': [
        'takes any byte for life, also in the middle of a packet',
        'gives the connection up pingMs after a PINGREQ without any byte',
        'that takes writes bit by bit is alive; one that takes nothing is given up',
      ],
      'robust/reconnect.test.ts': [
        'retryNow asks a connection for a sign of life, and keeps it when one comes',
        'retryNow finds a connection that died while the device slept, long before keep alive does',
      ],
      'outbox/indexeddb-chromium.test.ts': [
        'is what a client is woken beside: online, or visible again, until it is disposed of',
      ],
    },
    // Checked at the call and against the server's limits; what ends connections is set aside.
    9: {
      [RECEIVING]: [BAD_ARGUMENTS],
      [PUBLISHING]: [LIMITS],
      'robust/poison.test.ts': [POISON],
    },
    // Everything has a bound by default, and queues cost the same at any length.
    10: {
      [PUBLISHING]: [
        'lesson mqtt.js 03: a flood without a connection is bounded, and says so',
        'lesson mqtt.js 40: 30,000 tiny messages that waited overflow no stack',
      ],
      [SOCKETS]: [
        'lesson mqtt.js 18: 200 MB against a limit of 10 kB cost neither memory nor time',
        'lesson mqtt.js 29: a stalled link costs bounded memory, and every promise settles',
        'lesson mqtt.js 03b: it grows with the number of messages, not with its square',
      ],
      'robust/courier-order.test.ts': [
        '200,000 mixed messages take time that grows with them alone',
      ],
    },
    // Handlers are waited for, and are no obstacle to control packets; one that throws harms nobody.
    11: {
      [RECEIVING]: [
        'lesson mqtt.js 16: slow handlers are bounded, and nothing is acknowledged before its end',
        'lesson mqtt.js 24: a handler that throws makes nobody deaf',
        'lesson mqtt.js 31: a handler of 6 s with a keep alive of 3 s costs no connection',
      ],
      'simple/back-pressure.test.ts': [
        'holds messages back while pings, acknowledgements and QoS 0 go on',
      ],
    },
    // A strict decoder, fuzzed: a violation ends the connection with its reason, and nothing throws.
    12: {
      [RECEIVING]: [ILLEGAL],
      'fuzz.test.ts': ['find nothing: ${name}', 'reach what is hard to reach'],
      'codec/properties.test.ts': ['that are random are packets or an error with a code'],
    },
    // Subscriptions are a wish that is made again filter by filter, in parts.
    13: {
      [PUBLISHING]: ['lesson mqtt.js 25: one refused filter of two takes nothing from the other'],
      [RECONNECTING]: [
        'lesson mqtt.js 32: five thousand subscriptions are made again in packets of a bounded size',
      ],
      'robust/subscriptions.test.ts': [
        'are made again with their options, and bring messages to the same handlers',
      ],
    },
    // DISCONNECT of the server ends it; its client id stays; expiry counts; servers have health.
    14: {
      [RECEIVING]: [
        'lesson mqtt.js 38: DISCONNECT of the server ends the connection, socket and all',
        'lesson mqtt.js 37: an assigned client id is used again, Server Keep Alive is kept',
      ],
      [PUBLISHING]: [
        'lesson mqtt.js 15: an expiry of 2 s is over after 5 s of waiting, and counts down before',
      ],
      [RECONNECTING]: ['lesson mqtt.js 34: a list with a dead and a silent server is walked once'],
      [CHAOS]: [
        'lesson scenario 26: an outage longer than the expiry costs what expired, and nothing else',
      ],
    },
    // Nothing is installed beside it. The 15 kB are not reached: `npm run size` holds what it weighs, and names its targets.
    15: { 'tidy.test.ts': ['it has no dependencies'] },
  },
}

export const FINDING_LISTS: readonly Lessons[] = [FINDINGS, FOLLOWS]
