// Which server it is, by what it shows of itself: topics under $SYS, the shape of the client ids that it
// assigns, its address. A table; when nothing in it fits, that is said and nothing is guessed.

import type { Bench } from './lab.ts'
import type { RecognisedServer } from './types.ts'

/** How long retained $SYS messages may take after SUBACK, in ms: they come with the next bytes, or not at all. */
const LOOK_MS = 500

/** A topic that tells, and what its message says. */
interface TopicSign {
  readonly filter: string
  readonly topic: RegExp
  readonly payload: RegExp
  readonly product: string
}

const TOPICS: readonly TopicSign[] = [
  {
    filter: '$SYS/broker/version',
    topic: /^\$SYS\/broker\/version$/,
    payload: /^mosquitto version (\S+)/,
    product: 'mosquitto',
  },
  {
    // The message has the id of a client that has just come: ours does.
    filter: '$SYS/+/new/clients',
    topic: /^\$SYS\/[^/]+\/new\/clients$/,
    payload: /^umqtt-check-/,
    product: 'aedes',
  },
  {
    filter: '$SYS/brokers',
    topic: /^\$SYS\/brokers$/,
    payload: /^emqx/i,
    product: 'emqx',
  },
]

/** Client ids that servers assign. */
const ASSIGNED: readonly (readonly [shape: RegExp, product: string])[] = [
  [/^hmq_/, 'hivemq'],
  [/^auto-[\dA-F]{8}(-[\dA-F]{4}){3}-[\dA-F]{12}$/, 'mosquitto'],
  [/^nanomq-/, 'nanomq'],
  [/^\d{16,20}$/, 'ejabberd'],
]

/** Services by their address. */
const HOSTS: readonly (readonly [host: RegExp, product: string])[] = [
  [/\.iot\.[\w-]+\.amazonaws\.com(\.cn)?$/, 'aws-iot'],
  [/\.hivemq\.cloud$/, 'hivemq'],
  [/\.emqxsl\.com$/, 'emqx'],
  [/\.azure-devices\.net$/, 'azure-iot-hub'],
]

/** Looks; never rejects but for its signal. */
export async function recognise(bench: Bench): Promise<RecognisedServer> {
  const { host } = bench.lab.options.address
  try {
    return (await byTopic(bench)) ?? (await byAssignedId(bench)) ?? byHost(host)
  } catch (error) {
    if (bench.signal.aborted) throw error
    return byHost(host)
  }
}

async function byTopic(bench: Bench): Promise<RecognisedServer | undefined> {
  const wire = await bench.connect()
  await wire.subscribe(
    TOPICS.map(({ filter }) => filter),
    0,
  )
  await bench.connect()
  const found = (): RecognisedServer | undefined => {
    for (const { topic, text } of wire.messages) {
      for (const sign of TOPICS) {
        const match = sign.topic.test(topic) ? sign.payload.exec(text) : null
        if (match === null) continue
        const { product } = sign
        const evidence = `it publishes ${topic}`
        return { product, evidence, ...(match[1] !== undefined && { version: match[1] }) }
      }
    }
    return undefined
  }
  await wire.becomes(() => found() !== undefined, LOOK_MS)
  return found()
}

async function byAssignedId(bench: Bench): Promise<RecognisedServer | undefined> {
  if (bench.version === 4) return undefined
  const wire = await bench.connect({ clientId: '' })
  const assigned = wire.properties.assignedClientIdentifier ?? ''
  const product = ASSIGNED.find(([shape]) => shape.test(assigned))?.[1]
  if (product === undefined) return undefined
  return { product, evidence: 'the shape of the client ids that it assigns' }
}

function byHost(host: string): RecognisedServer {
  const product = HOSTS.find(([shape]) => shape.test(host))?.[1]
  if (product !== undefined) return { product, evidence: 'its address' }
  return {
    product: 'unknown',
    evidence: 'neither $SYS topics nor assigned client ids nor the address tell',
  }
}
