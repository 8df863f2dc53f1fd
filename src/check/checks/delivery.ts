// Messages on their way: QoS 1 and 2 both ways, and what becomes of a QoS 2 exchange that breaks at each of
// its steps and is taken up on a new connection. §4.3, §4.4

import { PacketType, type QoS } from '../../codec/index.ts'
import type { Bench } from '../lab.ts'
import { bad, type CheckRow, count, type Finding, limited, ok } from '../row.ts'
import { reason } from '../wire.ts'

const bothWays =
  (qos: 1 | 2) =>
  async (bench: Bench): Promise<Finding> => {
    const topic = bench.topic('qos')
    const subscriber = await bench.connect()
    const { maximumQoS = 2 } = subscriber.properties
    if (maximumQoS < qos) return worse(qos, `announces QoS ${maximumQoS} as its highest`)
    const [granted = 0x80] = await subscriber.subscribe([topic], qos)
    if (granted > 2) return worse(qos, `refuses a subscription with ${reason(granted)}`)
    const publisher = await bench.connect()
    const qualities: QoS[] = [0, qos]
    for (const quality of qualities) {
      const code = await publisher.publish(topic, `${quality}`, { qos: quality })
      if (code >= 0x80) return worse(qos, `refuses a message with ${reason(code)}`)
    }
    await bench.drain(subscriber, publisher, topic)
    const got = subscriber.messages.filter(({ text }) => text === `${qos}`)
    if (granted < qos) return worse(qos, `takes QoS ${qos}, and hands it over at QoS ${granted}`)
    if (got.length === 0) return bad(`acknowledges a message, and does not hand it over`)
    if (got.length > 1) return bad(`hands one message over ${got.length} times`)
    if (got[0]?.qos !== qos) return worse(qos, `hands QoS ${qos} over at QoS ${got[0]?.qos}`)
    return ok(`taken and handed over at QoS ${qos}`, { granted })
  }

/** Without QoS 1 there is no guarantee; QoS 2 is for those who ask for it. */
function worse(qos: 1 | 2, seen: string): Finding {
  return (qos === 1 ? bad : limited)(seen, { supported: false })
}

async function resent(bench: Bench): Promise<Finding> {
  const topic = bench.topic('resent')
  const clientId = bench.lab.newClientId()
  const subscriber = await bench.connect()
  await subscriber.subscribe([topic], 2)
  const first = await bench.connect({ clientId, keep: true })
  if ((first.properties.maximumQoS ?? 2) < 2) return limited('has no QoS 2', { supported: false })
  const packetId = 7
  const exchange = { qos: 2, packetId } as const
  first.sendPublish(topic, 'once', exchange)
  const { reasonCode } = await first.answer(PacketType.PUBREC, packetId)
  if (reasonCode >= 0x80)
    return limited(`refuses QoS 2 with ${reason(reasonCode)}`, { supported: false })
  await first.cutOff()
  const second = await bench.back(clientId)
  second.sendPublish(topic, 'once', { ...exchange, dup: true })
  await second.answer(PacketType.PUBREC, packetId)
  await second.release(packetId)
  await second.cutOff()
  const third = await bench.back(clientId)
  await third.release(packetId)
  // The id is free again: what comes under it now is another message.
  await third.publish(topic, 'another', exchange)
  await bench.drain(subscriber, third, topic)
  const texts = bench.texts(subscriber, topic)
  const copies = texts.filter((text) => text === 'once').length
  const facts = { copies }
  if (copies > 1) return bad(`a message that is sent again arrives ${copies} times`, facts)
  if (copies === 0) return bad('a message that was interrupted does not arrive', facts)
  if (!texts.includes('another')) return bad('a packet id is not free after PUBCOMP', facts)
  return ok('PUBLISH and PUBREL sent again over two reconnects: one copy arrives', facts)
}

async function unconfirmed(bench: Bench): Promise<Finding> {
  const topic = bench.topic('unconfirmed')
  const clientId = bench.lab.newClientId()
  const first = await bench.connect({ clientId, keep: true })
  const [granted] = await first.subscribe([topic], 2)
  if (granted !== 2) return limited(`grants QoS ${granted} instead`, { supported: false })
  first.acknowledges = false
  const publisher = await bench.connect()
  await publisher.publish(topic, 'once', { qos: 2 })
  await first.wait('the message', () => first.messages.length > 0)
  const packetId = first.messages[0]?.packetId ?? 0
  await first.cutOff()

  const second = await bench.back(clientId)
  second.acknowledges = false
  const again = await second.becomes(() => second.messages.length > 0, bench.answerMs)
  if (!again) return bad('a message without PUBREC is not sent again after a reconnect')
  const [resentMessage] = second.messages
  if (resentMessage?.packetId !== packetId) return bad('it is sent again under another packet id')
  second.sendAck(PacketType.PUBREC, packetId)
  await second.wait('PUBREL', () => second.released.includes(packetId))
  await second.cutOff()

  const third = await bench.back(clientId)
  third.acknowledges = false
  const released = await third.becomes(() => third.released.includes(packetId), bench.answerMs)
  if (!released) return bad('PUBREL without PUBCOMP is not sent again after a reconnect')
  third.sendAck(PacketType.PUBCOMP, packetId)
  third.acknowledges = true
  await bench.drain(third, publisher, topic)
  const more = bench.texts(third, topic).length
  if (more > 0) return bad(`sends PUBLISH again after PUBREC: ${count(more, 'copy')}`)
  // [MQTT-3.3.1-1]
  if (!resentMessage.dup) return limited('PUBLISH and PUBREL are sent again, PUBLISH without DUP')
  return ok('PUBLISH and PUBREL are sent again over two reconnects, under one packet id')
}

async function receiveMaximum(bench: Bench): Promise<Finding> {
  const topic = bench.topic('receive-maximum')
  const ours = 2
  const messages = 6
  const subscriber = await bench.connect({ properties: { receiveMaximum: ours } })
  // Absent, it is as many as there are packet ids. §3.2.2.3.3
  const announced = subscriber.properties.receiveMaximum ?? 65_535
  subscriber.acknowledges = false
  await subscriber.subscribe([topic])
  const publisher = await bench.connect()
  await publisher.publishAll(topic, messages, { qos: 1 })
  // Some send one at a time, whatever they may.
  await subscriber.wait('a message', () => subscriber.messages.length > 0)
  await bench.pass(OVERRUN_MS)
  const unasked = subscriber.messages.length
  subscriber.acknowledges = true
  for (const message of [...subscriber.messages]) subscriber.acknowledge(message)
  const all = await subscriber.becomes(() => subscriber.messages.length >= messages, bench.answerMs)
  const facts = { announced, ours, sentUnacknowledged: unasked }
  if (!all) return bad(`only ${subscriber.messages.length} of ${messages} come`, facts)
  const said = announced < 65_535 ? `announces ${announced}` : 'announces no limit'
  if (unasked > ours)
    return limited(`${said}; sends ${unasked} at once where we allow ${ours}`, facts)
  return ok(`${said}; keeps to ours`, facts)
}

/** How long a server has to send more than it may. */
const OVERRUN_MS = 300

export const DELIVERY_ROWS: readonly CheckRow[] = [
  { id: 'qos1', title: 'QoS 1 both ways', run: bothWays(1) },
  { id: 'qos2', title: 'QoS 2 both ways', failing: 'limited', run: bothWays(2) },
  { id: 'qos2-resent', title: 'QoS 2 sent again by us', failing: 'limited', run: resent },
  { id: 'qos2-unconfirmed', title: 'QoS 2 sent again to us', failing: 'limited', run: unconfirmed },
  { id: 'receive-maximum', title: 'Receive Maximum', since: 5, run: receiveMaximum },
]
