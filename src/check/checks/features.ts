// What a client may use where the server has it: retained messages, wildcards, shared subscriptions,
// subscription identifiers, topic aliases. None of it decides about guaranteed delivery.

import { type Properties, reasonName } from '../../codec/index.ts'
import type { Bench } from '../lab.ts'
import { bad, type CheckRow, type Finding, limited, ok } from '../row.ts'
import { reason } from '../wire.ts'

async function retained(bench: Bench): Promise<Finding> {
  const topic = bench.topic('retained')
  const publisher = await bench.connect()
  if (publisher.properties.retainAvailable === false) return limited('has none, and says so')
  for (const payload of ['old', 'new']) {
    const code = await publisher.publish(topic, payload, { qos: 1, retain: true })
    if (code >= 0x80) return limited(`refuses one with ${reason(code)}`)
  }
  const late = await bench.connect()
  await late.subscribe([topic])
  const came = await late.becomes(() => late.messages.length > 0, bench.answerMs)
  if (!came) return bad('acknowledged, and not kept')
  const [message] = late.messages
  if (message?.text !== 'new') return bad('hands over one that was replaced')
  if (!message.retain) return bad('hands it over without its flag')
  await publisher.publish(topic, '', { qos: 1, retain: true })
  const later = await bench.connect()
  await later.subscribe([topic])
  await bench.drain(later, publisher, topic)
  if (bench.texts(later, topic).length > 0) return bad('not removed by an empty one')
  return ok('kept, replaced, removed')
}

async function wildcards(bench: Bench): Promise<Finding> {
  const base = bench.topic('wildcards')
  const subscriber = await bench.connect()
  const { wildcardSubscriptionAvailable = true } = subscriber.properties
  if (!wildcardSubscriptionAvailable) return limited('has none, and says so')
  const codes = await subscriber.subscribe([`${base}/+/c`, `${base}/deep/#`])
  const refused = codes.find((code) => code >= 0x80)
  if (refused !== undefined) return limited(`refuses them with ${reason(refused)}`)
  const publisher = await bench.connect()
  // The last two match neither; `deep/#` matches `deep` itself. §4.7.1.2
  const matching = [`${base}/b/c`, `${base}/deep`, `${base}/deep/er/still`]
  for (const topic of [...matching, base, `${base}/b/c/d`]) {
    await publisher.publish(topic, 'x', { qos: 1 })
  }
  await bench.drain(subscriber, publisher, `${base}/b/c`)
  const got = new Set(subscriber.messages.map(({ topic }) => topic))
  const missing = matching.filter((topic) => !got.has(topic))
  if (missing.length > 0) {
    return bad(
      `no message for ${missing.map((topic) => `…${topic.slice(base.length)}`).join(', ')}`,
    )
  }
  if (got.size > matching.length) return bad('they match too much')
  return ok('+ and # match as they should')
}

async function shared(bench: Bench): Promise<Finding> {
  const topic = bench.topic('shared')
  const messages = 20
  const members = [await bench.connect(), await bench.connect()]
  const [first] = members
  if (first?.properties.sharedSubscriptionAvailable === false) {
    return limited('has none, and says so')
  }
  for (const member of members) {
    const [code = 0x80] = await member.subscribe([`$share/check/${topic}`])
    if (code > 2) return limited(`refuses one with ${reason(code)}`)
  }
  const publisher = await bench.connect()
  await publisher.publishAll(topic, messages, { qos: 1 })
  const got = (): string[] => members.flatMap((member) => bench.texts(member, topic))
  await first?.becomes(() => got().length >= messages, bench.answerMs / 5)
  // A copy for each member would come behind these.
  await bench.quiet(...members)
  const texts = got()
  if (texts.length === 0) return limited('granted, and taken for an ordinary filter: nothing comes')
  const each = members.map((member) => member.messages.length)
  const facts = { sent: messages, arrived: texts.length }
  if (new Set(texts).size < messages) return bad(`${texts.length} of ${messages} come`, facts)
  if (texts.length > messages) return bad(`${texts.length} copies of ${messages} come`, facts)
  return ok(`${messages} messages to two members: ${each.join(' and ')}`, facts)
}

async function subscriptionIds(bench: Bench): Promise<Finding> {
  const topic = bench.topic('subscription-id')
  const subscriber = await bench.connect()
  const { subscriptionIdentifiersAvailable = true } = subscriber.properties
  if (!subscriptionIdentifiersAvailable) return limited('has none, and says so')
  const ours = 77
  const [code = 0x80] = await subscriber.subscribe([topic], 1, { subscriptionIdentifiers: [ours] })
  if (code > 2) return limited(`refuses one with ${reason(code)}`)
  await (await bench.connect()).publish(topic, 'x', { qos: 1 })
  await subscriber.wait('a message', () => subscriber.messages.length > 0)
  const ids = subscriber.messages[0]?.properties.subscriptionIdentifiers ?? []
  return ids.includes(ours) ? ok('come back with each message') : bad('taken, and not given back')
}

async function aliasesOut(bench: Bench): Promise<Finding> {
  const topic = bench.topic('alias')
  const publisher = await bench.connect()
  const { topicAliasMaximum = 0 } = publisher.properties
  const facts = { topicAliasMaximum }
  if (topicAliasMaximum === 0) return limited('takes none', facts)
  const subscriber = await bench.connect()
  await subscriber.subscribe([topic])
  const properties: Properties = { topicAlias: 1 }
  await publisher.publish(topic, 'named', { qos: 1, properties })
  await publisher.publish('', 'by alias', { qos: 1, properties })
  const came = await subscriber.becomes(() => subscriber.messages.length >= 2, bench.answerMs)
  if (!came) return bad('taken, and the message does not arrive', facts)
  if (subscriber.messages[1]?.topic !== topic) return bad('the topic is another', facts)
  return ok(`takes ${topicAliasMaximum}`, facts)
}

async function aliasesIn(bench: Bench): Promise<Finding> {
  const topic = bench.topic('alias')
  const subscriber = await bench.connect({ properties: { topicAliasMaximum: 10 } })
  await subscriber.subscribe([topic])
  const publisher = await bench.connect()
  for (const payload of ['1', '2', '3']) await publisher.publish(topic, payload, { qos: 1 })
  await subscriber.wait('messages', () => subscriber.messages.length >= 3)
  const used = subscriber.messages.some(({ alias }) => alias > 0)
  if (subscriber.messages.some((message) => message.topic !== topic)) {
    return bad('uses an alias that it has not set')
  }
  return used ? ok('uses those that we allow') : limited('uses none, though we allow 10')
}

async function packetSize(bench: Bench): Promise<Finding> {
  const topic = bench.topic('size')
  const bound = bench.lab.options.bounds.payloadBytes
  const probe = await bench.connect()
  const announced = probe.properties.maximumPacketSize
  const room = announced === undefined ? bound : announced - topic.length - OVERHEAD_BYTES
  const said = announced === undefined ? 'announces no limit' : `announces ${bytes(announced)}`
  for (let size = Math.min(bound, room); size >= SMALLEST_BYTES; size = Math.floor(size / 4)) {
    const outcome = await carries(bench, topic, size)
    if (outcome === undefined) {
      const facts = { announced: announced ?? 0, taken: size, tried: bound }
      if (size === bound) return ok(`payloads of ${bytes(size)} pass; ${said}`, facts)
      const more = size === room ? '' : '; larger ones do not'
      return limited(`payloads of ${bytes(size)} pass${more}; ${said}`, facts)
    }
  }
  return bad(`not even payloads of ${bytes(SMALLEST_BYTES)} pass; ${said}`, { taken: 0 })
}

/** What a PUBLISH has beside topic and payload, rounded up. §3.3 */
const OVERHEAD_BYTES = 16
const SMALLEST_BYTES = 256

/** Whether a payload of this size comes back whole; else why not. */
async function carries(bench: Bench, topic: string, size: number): Promise<string | undefined> {
  const wire = await bench.connect()
  try {
    await wire.subscribe([topic])
    const code = await wire.publish(topic, new Uint8Array(size).fill(0x61), { qos: 1 })
    if (code >= 0x80) return reasonName(code)
    await wire.wait('the message', () => wire.messages.length > 0)
    return wire.messages[0]?.payload.length === size ? undefined : 'it comes shortened'
  } catch (error) {
    if (bench.signal.aborted) throw error
    return (error as Error).message
  } finally {
    if (!bench.signal.aborted) await wire.leave()
  }
}

function bytes(n: number): string {
  if (n % 1_048_576 === 0) return `${n / 1_048_576} MiB`
  return n % 1_024 === 0 ? `${n / 1_024} KiB` : `${n} bytes`
}

export const FEATURE_ROWS: readonly CheckRow[] = [
  { id: 'retained', title: 'Retained messages', run: retained },
  { id: 'wildcards', title: 'Wildcards', run: wildcards },
  { id: 'shared', title: 'Shared subscriptions', failing: 'limited', run: shared },
  {
    id: 'subscription-ids',
    title: 'Subscription identifiers',
    since: 5,
    failing: 'limited',
    run: subscriptionIds,
  },
  { id: 'aliases-out', title: 'Topic aliases from us', since: 5, run: aliasesOut },
  { id: 'aliases-in', title: 'Topic aliases to us', since: 5, run: aliasesIn },
  { id: 'packet-size', title: 'Largest packet', slow: true, run: packetSize },
]
