// What waits for a client that is away: how many messages at each QoS, in which order, and for how long.
// Nobody is told how much a server keeps: it is filled until something is missing, within a bound.

import type { QoS } from '../../codec/index.ts'
import type { Bench } from '../lab.ts'
import { bad, type CheckRow, count, type Finding, limited, ok } from '../row.ts'
import { reason } from '../wire.ts'

/** At QoS 0 a few show whether any are kept: MQTT asks for none. §3.1.2.4 */
const QOS0_MESSAGES = 10
/** How long messages are published: a server that writes each to its disk takes fewer than a fast one. */
const PUBLISHING_MS = 4_000
const SHORT_SECONDS = 1
const LONG_SECONDS = 60
/** How long they wait: the short one is over, and the long one has become visibly shorter. */
const WAIT_MS = 3_000

const queue =
  (qos: QoS) =>
  async (bench: Bench): Promise<Finding> => {
    const topic = bench.topic('queue')
    const { clientId, granted } = await bench.absent(topic, qos)
    if (granted !== qos)
      return limited(
        granted > 2
          ? `refuses the filter with ${reason(granted)}`
          : `grants QoS ${granted} instead`,
        { granted },
      )
    const wanted = qos === 0 ? QOS0_MESSAGES : bench.lab.options.bounds.queuedMessages
    const publisher = await bench.connect()
    const { sent, refused } = await publisher.publishAll(topic, wanted, { qos }, PUBLISHING_MS)
    // Answered, so that the server has taken what was sent at QoS 0.
    if (qos === 0) await publisher.ping(bench.answerMs)
    const again = await bench.back(clientId)
    await bench.drain(again, publisher, topic, 1)
    return judge({ qos, wanted, sent, refused }, bench.texts(again, topic).map(Number))
  }

/** What was published. */
interface Probe {
  readonly qos: QoS
  readonly wanted: number
  readonly sent: number
  readonly refused: number
}

function judge({ qos, wanted, sent, refused }: Probe, got: readonly number[]): Finding {
  const kept = new Set(got).size
  const inOrder = got.every((n, i) => i === 0 || n > (got[i - 1] ?? 0))
  const facts = { sent, kept, inOrder, refused, duplicates: got.length - kept }
  if (qos === 0) {
    return ok(
      kept === sent ? `all of ${sent} kept` : `${kept} of ${sent} kept; MQTT asks for none`,
      facts,
    )
  }
  if (kept === 0) return bad(`none of ${sent} kept`, facts)
  if (got.length > kept) {
    return bad(`${count(got.length - kept, 'message')} came twice, of ${sent}`, facts)
  }
  if (!inOrder) return bad(`${kept} of ${sent} kept, and handed over out of order`, facts)
  const slowly = sent < wanted ? `, and no more were taken in ${PUBLISHING_MS / 1_000} s` : ''
  if (kept === sent) return ok(`all of ${sent} kept, in order${slowly}`, facts)
  const which =
    got[0] === 0 && got.at(-1) === kept - 1
      ? 'the first '
      : got.at(-1) === sent - 1
        ? 'the last '
        : ''
  const told =
    refused > 0 ? `; the publisher was told of ${refused}` : ', and the publisher is not told'
  return limited(`${which}${kept} of ${sent} kept${told}`, facts)
}

async function messageExpiry(bench: Bench): Promise<Finding> {
  const topic = bench.topic('expiry')
  const retained = bench.topic('expiry-retained')
  const { clientId } = await bench.absent(topic, 1)
  const publisher = await bench.connect()
  const short = { messageExpiryInterval: SHORT_SECONDS }
  const long = { messageExpiryInterval: LONG_SECONDS }
  await publisher.publish(topic, 'short', { qos: 1, properties: short })
  await publisher.publish(topic, 'long', { qos: 1, properties: long })
  if (publisher.properties.retainAvailable !== false) {
    await publisher.publish(retained, 'retained', { qos: 1, retain: true, properties: short })
  }
  await bench.pass(WAIT_MS)
  const again = await bench.back(clientId)
  await again.subscribe([retained])
  await bench.drain(again, publisher, topic)
  const texts = bench.texts(again, topic)
  if (!texts.includes('long')) return bad(`a message that had ${LONG_SECONDS} s is gone after 3 s`)
  if (texts.includes('short')) return limited('hands over a message whose time is over')
  if (bench.texts(again, retained).length > 0) {
    return limited('keeps a retained message whose time is over')
  }
  return ok('honoured, for messages that wait and for retained ones')
}

async function expiryClock(bench: Bench): Promise<Finding> {
  const topic = bench.topic('clock')
  const { clientId } = await bench.absent(topic, 1)
  const publisher = await bench.connect()
  const properties = { messageExpiryInterval: LONG_SECONDS }
  const from = bench.now()
  await publisher.publish(topic, 'long', { qos: 1, properties })
  await bench.pass(WAIT_MS)
  const again = await bench.back(clientId)
  await again.wait('the message that waited', () => again.messages.length > 0)
  const passed = Math.round(((again.messages[0]?.atMs ?? 0) - from) / 1_000)
  const left = again.messages[0]?.properties.messageExpiryInterval
  if (left === undefined) return limited('the message comes without the time that it has left')
  const facts = { asked: LONG_SECONDS, left, waited: passed }
  // [MQTT-3.3.2-6]; a second of rounding either way.
  if (Math.abs(LONG_SECONDS - passed - left) <= 1) {
    return ok(`of ${LONG_SECONDS} s, ${left} s are left after ${passed} s`, facts)
  }
  const what = left === LONG_SECONDS ? 'the time at the server is not taken off' : 'it is off'
  return limited(`of ${LONG_SECONDS} s, ${left} s are left after ${passed} s: ${what}`, facts)
}

export const QUEUE_ROWS: readonly CheckRow[] = [
  { id: 'queue-qos0', title: 'Waiting messages, QoS 0', run: queue(0) },
  { id: 'queue-qos1', title: 'Waiting messages, QoS 1', run: queue(1) },
  { id: 'queue-qos2', title: 'Waiting messages, QoS 2', failing: 'limited', run: queue(2) },
  { id: 'message-expiry', title: 'Expiry of messages', since: 5, slow: true, run: messageExpiry },
  { id: 'expiry-clock', title: 'Expiry while waiting', since: 5, slow: true, run: expiryClock },
]
