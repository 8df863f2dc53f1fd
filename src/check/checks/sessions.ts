// What the server remembers of a client that is away: whether at all, whether what it says of it is true,
// for how long, and what happens when the client comes twice.

import type { Bench } from '../lab.ts'
import { bad, type CheckRow, type Finding, limited, ok, unknown } from '../row.ts'
import { reason } from '../wire.ts'

/** What `umqtt/robust` asks for unless it is told: three days. */
const WANTED_SECONDS = 259_200
const SHORT_SECONDS = 1
/** Servers look for what has expired now and then: Mosquitto each second. */
const EXPIRY_SLACK_MS = 2_500

/** What Session Present, the message of meanwhile and a message of now make of it. */
const SESSION_FINDINGS: Readonly<Record<string, Finding>> = {
  'present stored live': ok(
    'kept over a broken connection: Session Present, the subscription, and the message that came meanwhile',
    { kept: true },
  ),
  'present stored': bad(
    'says that it has the session, hands over what waited, and has forgotten the subscription',
    { kept: false, lies: true },
  ),
  'present live': bad(
    'says that it has the session, and has forgotten the message that came meanwhile',
    { kept: false, lies: true },
  ),
  present: bad('says that it has the session, and has forgotten its subscription and messages', {
    kept: false,
    lies: true,
  }),
  'stored live': limited('kept, and yet the server says that it is not: clients subscribe again', {
    kept: true,
  }),
  stored: bad('hands over what waited, and has forgotten the subscription', { kept: false }),
  live: bad('keeps the subscription, and neither says so nor keeps messages', { kept: false }),
  '': bad('forgotten as soon as the connection ends', { kept: false }),
}

async function session(bench: Bench): Promise<Finding> {
  const topic = bench.topic('session')
  const clientId = bench.lab.newClientId()
  const first = await bench.connect({ clientId, keep: true })
  await first.subscribe([topic])
  await first.cutOff()
  const publisher = await bench.connect()
  await publisher.publish(topic, 'meanwhile', { qos: 1 })
  const again = await bench.back(clientId)
  await publisher.publish(topic, 'now', { qos: 1 })
  const has = (text: string): boolean => again.messages.some((message) => message.text === text)
  await again.becomes(() => has('now') && has('meanwhile'), bench.answerMs)
  const signs = [
    again.sessionPresent && 'present',
    has('meanwhile') && 'stored',
    has('now') && 'live',
  ]
  return SESSION_FINDINGS[signs.filter(Boolean).join(' ')] as Finding
}

async function takeover(bench: Bench): Promise<Finding> {
  const clientId = bench.lab.newClientId()
  const first = await bench.connect({ clientId, keep: true })
  await first.subscribe([bench.topic('takeover')])
  const second = await bench.back(clientId)
  const ended = await first.becomes(() => first.ended, bench.answerMs)
  if (!ended) return bad('leaves the old connection open: two clients of one id run side by side')
  if (!(await second.ping(bench.answerMs))) return bad('ends the new connection, not the old one')
  if (!second.sessionPresent) return bad('ends the old connection, and forgets the session')
  if (first.version === 4) return ok('ends the old connection; the session goes on in the new one')
  const said =
    first.farewell === undefined ? 'without a word' : `with ${reason(first.farewell.reasonCode)}`
  const seen = `ends the old connection ${said}; the session goes on in the new one`
  // [MQTT-3.1.4-3]
  return first.farewell?.reasonCode === 0x8e ? ok(seen) : limited(seen)
}

async function sessionExpiry(bench: Bench): Promise<Finding> {
  if (bench.version === 4) return unknown('MQTT 3.1.1 neither asks nor tells how long it is kept')
  const clientId = bench.lab.newClientId()
  const wanted = await bench.connect({ keep: true, sessionSeconds: WANTED_SECONDS })
  const grantedSeconds = wanted.properties.sessionExpiryInterval ?? WANTED_SECONDS
  await wanted.leave(true)
  const short = await bench.connect({ clientId, keep: true, sessionSeconds: SHORT_SECONDS })
  const shortSeconds = short.properties.sessionExpiryInterval ?? SHORT_SECONDS
  const facts = { askedSeconds: WANTED_SECONDS, grantedSeconds }
  if (shortSeconds <= SHORT_SECONDS) {
    await short.subscribe([bench.topic('expiry')])
    await short.leave()
    await bench.pass(SHORT_SECONDS * 1_000 + EXPIRY_SLACK_MS)
    const again = await bench.back(clientId)
    if (again.sessionPresent) {
      return limited(`still there ${EXPIRY_SLACK_MS / 1000} s after it should have expired`, {
        ...facts,
        honoured: false,
      })
    }
  }
  if (grantedSeconds < WANTED_SECONDS) {
    return limited(`grants ${grantedSeconds} s instead of ${WANTED_SECONDS} s`, facts)
  }
  return ok(`grants ${WANTED_SECONDS} s, and ends a session of ${SHORT_SECONDS} s in time`, facts)
}

export const SESSION_ROWS: readonly CheckRow[] = [
  { id: 'session', title: 'Session over a reconnect', run: session },
  { id: 'takeover', title: 'Takeover of a client id', run: takeover },
  { id: 'session-expiry', title: 'Expiry of sessions', slow: true, run: sessionExpiry },
]
