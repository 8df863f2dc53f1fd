// Lists that sum up what broke elsewhere: ten insights, the floor of what the best clients have, and defects of
// clients that hold on. A line over each row says what it asks for; the row names tests that fail without it.
// Those of a row with a test of its own are beside it, in insights.test.ts. rows.test.ts finds names that are gone.

import type { Lessons } from './rows.ts'

const UMQTT = 'lessons/umqtt.test.ts'
const ROBUST = 'lessons/robust.test.ts'
const RECONNECTING = 'lessons/robust-reconnecting.test.ts'
const SCENARIOS = 'lessons/scenarios.test.ts'
const PUBLISHING = 'lessons/mqtt-js-publishing.test.ts'
const RECEIVING = 'lessons/mqtt-js-receiving.test.ts'
const SESSION_TABLE = 'robust/session-table.test.ts'
const SCHEDULE = 'robust/schedule.test.ts'
const EVERY_CUT =
  'lesson scenario 1: cut after each single byte of every exchange, everything settles'
const REPLAY = 'lesson mqtt.js 10: what is sent again goes out at once, not one for each round trip'
const BAD_ARGUMENTS =
  'lesson mqtt.js 20: 15 bad publish arguments throw at the call, and nothing is stuck'
const LIMITS =
  'lesson mqtt.js 21: they are obeyed before a byte is sent, and nothing else is held up'
const ILLEGAL = 'lesson mqtt.js 17: every illegal packet ends the connection, with its reason on 5'
const RARER = 'lesson mqtt.js 01: tries become rarer, are spread, and are never below the floor'
const FAIRLY_SPREAD = 'never undercuts the floor and never exceeds the cap, with any settings'
const GROWS = 'grows until the cap bounds it, and then goes on being spread'
const SESSION_KEPT =
  'ours, and present: nothing is subscribed, all is sent again in its order with DUP'
const SESSION_LOST = 'ours, and lost: subscribed first, QoS 1 afresh without DUP, QoS 2 reported'
const ON_SESSION_LOSS = 'at QoS ${qos} with "${onSessionLoss}" comes to "${status}"'
const POISON = 'is found, and what came with it is delivered on ${protocol}'
const EACH_COMMIT = 'each group commit is one fdatasync, before "stored" is told'
const SETTLED = 'tells each outcome once, of any kind'

const INSIGHTS: Lessons = {
  list: 'insight',
  rows: 10,
  elsewhere: {},
  proofs: {
    // A waiter belongs to a connection, and settles by one rule when that ends.
    1: {
      [ROBUST]: [
        'lesson robust 3: a publish whose PUBACK cannot come any more rejects and is not lost in silence',
        'lesson robust 4: a subscribe whose SUBACK cannot come any more rejects',
      ],
      [SCENARIOS]: [EVERY_CUT],
      'engine/inbound.test.ts': ['does not settle what got the same id on a later connection'],
    },
    // One framer, one dispatcher; unknown acknowledgements are counted, malformed input ends one connection.
    2: {
      [UMQTT]: ['lesson umqtt 32: acknowledgements of nothing are counted, and the stream goes on'],
      [ROBUST]: [
        'lesson robust 8: a publish from a callback, while one outside waits, takes nothing from it',
      ],
      [RECEIVING]: [ILLEGAL],
      'codec/properties.test.ts': ['are the same wherever the stream is cut in two'],
    },
    // Session Present has a table, and each of its cells a test.
    3: {
      [SESSION_TABLE]: [
        SESSION_KEPT,
        SESSION_LOST,
        'none, and none: made as new',
        'none, and present: adopted, what waited there comes to who asked for it before',
        'none, and present: the first QoS 2 use of an id is preceded by PUBREL',
        'with adopt false a session that outlived ours is not taken up',
      ],
    },
    // A policy for each message, and an outcome for each.
    4: {
      'robust/courier.test.ts': [
        'is dropped without a connection',
        'the newest replaces the one that waits and takes the end',
        'something of strictly lower priority goes, the oldest of the lowest first',
      ],
      'robust/receipts.test.ts': [
        'expires while it waits, exactly then, and is never sent',
        'keeps the newest of each topic while it waits',
      ],
      'robust/events.test.ts': [SETTLED],
    },
    // Bytes that come in are life, and nothing that goes out is; the time to notice is a formula.
    5: {
      [UMQTT]: [
        'lesson umqtt 3: nobody has to set a timeout: the defaults notice a dead server',
        'lesson umqtt 12: ping tells its round trip, and is bounded as disconnect is',
        'lesson umqtt 14: a link that drops in silence is noticed although writing works',
      ],
      'engine/keep-alive.test.ts': [
        'goes out when we only send: nothing shows that the server is there',
        'is not prolonged by more PINGREQs, of ours or of the application',
      ],
      'engine/deadlines.test.ts': [
        'is not put off by what we send meanwhile, which only fills buffers',
      ],
      'docs.test.ts': ['works out the time to notice a dead link'],
    },
    // Failures have a class; what may pass is tried again by one machine, within a budget.
    6: {
      'robust/refusals.test.ts': [
        '${name} in CONNACK means "${atConnack}"',
        '${name} in DISCONNECT means "${atDisconnect}"',
        '${error.name} means "${kind}" and is laid to no packet',
      ],
      [SCHEDULE]: [
        'only after a connection that was stable',
        'is kept over any hour, whatever is urgent and however it fails',
      ],
      'robust/reconnect.test.ts': ['retryNow does, but for the floor'],
      [UMQTT]: ['lesson umqtt 33: what is wrong is a real error with a code, never an assertion'],
      [RECONNECTING]: [
        'lesson umqtt 10: the first connect is as patient as later ones, or fails at once',
      ],
      [SCENARIOS]: ['lesson scenario 16: a handler throws'],
    },
    // Nothing blocks or recurses; a full inbox stops the reading.
    7: {
      [RECONNECTING]: ['lesson umqtt 7: checkMsg answers at once, whatever the connection does'],
      [UMQTT]: [
        'lesson umqtt 25: publishing from the callback neither recurses nor waits for ever',
      ],
      [SCENARIOS]: [
        'lesson scenario 15: publish from a handler at QoS 1 and 2, nested',
        'lesson scenario 17: a handler is slow and the inbox is full',
      ],
      'simple/back-pressure.test.ts': [
        'is inboxBytes: what came with the last read is handled, the rest waits in the pipe',
        'keeps the order and loses nothing',
      ],
    },
    // Whole packets, checked first and written once; what is left of a broken connection is thrown away.
    8: {
      [RECEIVING]: [
        BAD_ARGUMENTS,
        'lesson mqtt.js 20b: a topic over 65,535 bytes throws, and the stream goes on',
      ],
      [PUBLISHING]: [LIMITS],
      [SCENARIOS]: ['lesson scenario 10: 70,000 publishes with one packet id stuck in flight'],
      'driver/driver.test.ts': ['are one a tick, whatever was written to the engine'],
      'engine/endings.test.ts': [
        'throws away what was not written',
        'in the middle of a packet leaves nothing of it to the next connection',
      ],
    },
    // The outbox: CONNECT in front, pipelined, in order, bounded by bytes, expiring offline, open to be read.
    9: {
      'simple/connect.test.ts': [
        'is the first packet and comes once, also when calls are made at once [MQTT-3.1.0-1]',
      ],
      [PUBLISHING]: [REPLAY],
      'robust/courier-order.test.ts': [
        'what is sent again goes first, in the order of sending, however it is handed back',
      ],
      'robust/courier.test.ts': ['nothing is given up for a message that has no place even then'],
      'robust/receipts.test.ts': ['expires while it waits, exactly then, and is never sent'],
      'robust/reopening.test.ts': [
        'knows what was in flight before it connects, wherever that is stored',
      ],
      'robust/drain.test.ts': ['wait for every message, also over a lost connection'],
      'robust/events.test.ts': [SETTLED],
      'robust/outbox-view.test.ts': [
        'has whole messages, before an end and after a restart, that may be published again',
      ],
    },
    // A simulator that can fail, with judges of the promises, and the same with a real server.
    10: {
      'sim/running.test.ts': [
        'goes the same way when it is repeated, with its trace or without',
        'is caught, and by a seed that finds nothing without it',
      ],
      'sim/seeds.ts': ['the simulator finds nothing with the seeds ${first} to ${last}'],
      'sim/link.test.ts': ['a cut at a byte lets pass what comes before it'],
      'interop/robust-handshakes.test.ts': [
        'publishes in MQTT ${protocol} from ${outbox}, whatever packet it is',
        'publishes over a link that is cut at a byte ${direction}',
      ],
    },
  },
}

const FLOOR: Lessons = {
  list: 'floor',
  rows: 12,
  elsewhere: {},
  proofs: {
    // Reconnects by itself, ever more rarely, spread, above a floor.
    1: { [SCHEDULE]: [FAIRLY_SPREAD, GROWS], [RECONNECTING]: [RARER] },
    // The waits begin anew only after a connection that has lived.
    2: {
      [SCHEDULE]: ['only after a connection that was stable'],
      'robust/reconnect.test.ts': ['that lasted 30 s the waits begin anew'],
    },
    // Credentials, servers and TLS settings are asked for before each attempt.
    3: {
      'robust/credentials.test.ts': [
        'is asked before each attempt on ${protocol}',
        'is asked before each attempt, and is checked',
      ],
      'robust/servers.test.ts': [
        'is asked before each attempt, and its list comes after the server of the constructor',
      ],
    },
    // A bounded queue with a rule for what is over, and a policy by QoS for what a connection leaves.
    4: {
      'robust/courier.test.ts': [
        'something of strictly lower priority goes, the oldest of the lowest first',
        'neither its like, nor one in flight, nor one stored as guaranteed goes',
        'is dropped when the connection ends while it waits, and lasts on a connection',
      ],
      [SESSION_TABLE]: [ON_SESSION_LOSS],
    },
    // Each publish has a result, with the reason code of the server.
    5: {
      'simple/publish.test.ts': [
        'rejects when the server refuses it at QoS ${qos}, and frees its packet id',
        'says that there are no subscribers when the server does',
      ],
      'robust/receipts.test.ts': [
        '0x${reasonCode.toString(16)} is "rejected", for good',
        'tell how long it took, how often it was tried, and that nobody listens',
      ],
    },
    // Receive Maximum both ways, aliases by use, keep alive, a bound on acknowledgements.
    6: {
      'engine/flow-control.test.ts': [
        'bounds QoS 1 and 2 messages together [MQTT-3.3.4-7]',
        'ends a connection whose server exceeds it, with 0x93 [MQTT-3.3.4-9]',
      ],
      'engine/aliases.test.ts': ['go from the topic that was used longest ago to a new one'],
      'engine/deadlines.test.ts': ['ends the connection when nothing moves: ${name}'],
      [UMQTT]: ['lesson umqtt 11: keep alive is kept: PINGREQ goes out by itself'],
    },
    // Events are paired.
    7: {
      'robust/events.test.ts': ['are strictly paired, whatever the network does'],
      'simple/events.test.ts': ['pair over many connections: each accepted one ends once'],
    },
    // Acknowledged by hand, in the order of arrival, and when all consumers are done.
    8: {
      'simple/acknowledgement.test.ts': [
        'leaves it to the application, and keeps the order of arrival',
        'wait for every consumer: callback, two handlers and an iterator',
      ],
    },
    // A table says which reasons end the trying.
    9: {
      'robust/refusals.test.ts': [
        '${name} in CONNACK means "${atConnack}"',
        '${name} in DISCONNECT means "${atDisconnect}"',
        'has no row that is not tested',
      ],
      [SCHEDULE]: ['is where "${kind}" leads, at the cap', 'is not where "${kind}" leads'],
    },
    // What becomes of a message when its session is lost is said, never silent.
    10: { [SESSION_TABLE]: [SESSION_LOST, ON_SESSION_LOSS] },
    // A store is tried when it is opened, and damaged records are set aside.
    11: {
      'outbox/damage.test.ts': [
        'loses one record at most for a byte that turned, and says so',
        'refuses to open where nothing has room',
      ],
      'outbox/outbox.test.ts': ['a damaged record is set aside, and the others are read'],
    },
    // Numbers say what is unfinished and unacknowledged.
    12: {
      'simple/liveness.test.ts': [
        'say what is under way, what waits, and how old the last byte is',
      ],
      'robust/outbox-view.test.ts': [
        'are all that has no outcome: in flight, then what waits, in the order of sending',
      ],
    },
  },
}

/** By their order, which has no numbers. */
const DEFECTS: Lessons = {
  list: 'defect',
  rows: 6,
  elsewhere: {},
  proofs: {
    // The draw before counts, the floor is none that draws reach from zero, and the spread is measured.
    1: {
      [SCHEDULE]: [
        'has three times a long draw as its next most',
        'is spread above the floor, not cut off at it',
        GROWS,
      ],
    },
    // Devices that start together part; any cap is kept; nothing is sent again on a live connection.
    2: {
      [SCHEDULE]: [FAIRLY_SPREAD],
      'engine/session.test.ts': ['sends nothing again while the connection lasts [MQTT-4.4.0-1]'],
    },
    // Synced before "stored", kept until it is acknowledged, safe in a replay, within Receive Maximum.
    3: {
      'outbox/system-calls.test.ts': [EACH_COMMIT],
      'outbox/crash.test.ts': [
        'has every promised commit, whole and in order, wherever the power goes',
      ],
      'robust/reopening.test.ts': [
        'knows what was in flight before it connects, wherever that is stored',
      ],
      [RECONNECTING]: [
        'lesson mqtt.js 13b: what is published while the replay runs waits its turn, and arrives',
      ],
      'engine/flow-control.test.ts': ['bounds QoS 1 and 2 messages together [MQTT-3.3.4-7]'],
    },
    // A message that ends connections is found.
    5: {
      'robust/poison.test.ts': [POISON],
      'robust/courier-poison.test.ts': [
        'is found and set aside, and all others are delivered, with sessions ${how}',
      ],
    },
    // A simulation shows that it can fail, that its faults happen, and which states it has seen.
    6: {
      'sim/running.test.ts': [
        'is caught, and by a seed that finds nothing without it',
        'is compared with every pair of the tables',
      ],
      'sim/log.test.ts': [
        'are one table: runs, seeds, commits, rare faults, rows that were not visited, failures',
      ],
    },
  },
}

export const INSIGHT_LISTS: readonly Lessons[] = [INSIGHTS, FLOOR, DEFECTS]
