// Chaos on two links, from a publisher to a server and from there to a receiver: faults that dice choose,
// one after another, while messages of every QoS go through. Says what was lost, doubled, out of order or
// had another outcome than it should, and how the heap has grown. Keeps nothing for each message but a
// byte, so that the heap is the clients'.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PacketType } from '../../src/codec/packets.ts'
import { MQTTClient } from '../../src/robust.node.ts'
import type { RobustOptions } from '../../src/robust/types.ts'
import type { QoS } from '../../src/simple/types.ts'
import { FaultProxy } from '../../src/testing/fault-proxy.ts'
import type { Direction } from '../../src/testing/fault-types.ts'
import { ServerRepeats } from './server-repeats.ts'
import { type Dice, dice } from './simulated-disk.ts'

/** How chaos is run. */
export interface ChaosOptions {
  /** The port of the server on 127.0.0.1. */
  readonly port: number
  readonly seconds: number
  readonly seed: number
  readonly protocol?: 4 | 5
  /** The highest QoS that the server keeps its word at. @default 2 */
  readonly topQos?: 1 | 2
  /** How long it may take at the end to send on what it has acknowledged. @default 20,000 */
  readonly patienceMs?: number
  /** Who may come in. @default anybody */
  readonly user?: string
  readonly password?: string
}

/** What came of it. */
export interface ChaosSummary {
  readonly published: number
  readonly received: number
  readonly faults: number
  /** Connections of both links. */
  readonly connections: number
  /** At QoS 1 and 2: the receiver has acknowledged it, and never handled it. */
  readonly lost: readonly number[]
  /** At QoS 2: the same, of those that the server sent under the packet id of another that was in flight. */
  readonly hiddenByServer: readonly number[]
  /** How many messages of QoS 2 the server sent under an id in use, which may cost it the one before too. */
  readonly idsReused: number
  /** At QoS 1 and 2: the server has acknowledged it, and the receiver has not. */
  readonly lostByServer: readonly number[]
  /** How often either client was told that the server had forgotten its session. */
  readonly sessionsLost: number
  /** At QoS 0 and 2. */
  readonly doubled: readonly number[]
  /** At QoS 2, which the server sent again although it had sent PUBREL: no client can tell. */
  readonly doubledByServer: number
  /** At QoS 1, which may be. */
  readonly doubledAtOne: number
  /** Of those that follow, the ones that were sent in another order. */
  readonly sentDisordered: readonly number[]
  /** Sent in another order than they were published, or handled in another than they arrived. */
  readonly disordered: readonly number[]
  /** Those that the server sent in another order than it got them. */
  readonly disorderedByServer: number
  /** By QoS and status. */
  readonly outcomes: Readonly<Record<string, number>>
  /** What the heap has grown between the first quarter and the end, bytes. */
  readonly heapGrowthBytes: number
}

const MESSAGES_MAX = 4_000_000
const PACKET_IDS = 65_536
const OPEN_MAX = 200
const TOPICS = 4
const WORST_FAULT_MS = 300
const PATIENCE_MS = 20_000

const OPTIONS: RobustOptions = {
  keepAliveSeconds: 1,
  timeouts: { connectMs: 400, acknowledgementMs: 500, pingMs: 400, writeMs: 500 },
  reconnect: { floorMs: 20, capMs: 60 },
}

/** What each QoS is promised, where the server forgets nothing. */
const PROMISED: readonly string[] = ['QoS 0 sent', 'QoS 1 delivered', 'QoS 2 delivered']
/** PUBCOMP of 3.1.1 does not say whether its session, after a CONNECT without an answer, is the one of PUBREC. */
const UNSURE = 'QoS 2 maybe-delivered'

/** Outcomes that nobody was promised, and those that nothing had; what MQTT 3.1.1 cannot know may be one of 20. */
export function strangeOutcomes(
  { outcomes, published }: Pick<ChaosSummary, 'outcomes' | 'published'>,
  protocol: 4 | 5,
): string[] {
  const isStrange = ([outcome, count]: readonly [string, number]): boolean =>
    outcome === UNSURE ? protocol === 5 || count >= published / 20 : !PROMISED.includes(outcome)
  return [
    ...Object.entries(outcomes)
      .filter(isStrange)
      .map(([outcome, count]) => `${count} are ${outcome}`),
    ...PROMISED.filter((outcome) => !(outcome in outcomes)).map((outcome) => `none is ${outcome}`),
  ]
}

/** Each as often as the others; a link that is cut alone heals with the next one. */
const FAULTS: readonly ((proxy: FaultProxy, roll: Dice) => unknown)[] = [
  (proxy) => proxy.cut(),
  (proxy) => proxy.cut(),
  (proxy) => proxy.stall(),
  (proxy) => proxy.stall('to-server'),
  (proxy) => proxy.stall('to-client'),
  (proxy, roll) => proxy.drip(1 + roll(80), 1 + roll(4)),
  (proxy) => proxy.blackHole(),
  (proxy) => {
    proxy.acceptThenClose()
    proxy.cut()
  },
  (proxy) => {
    proxy.cut()
    return proxy.refuse()
  },
]

/** Whether what comes is in the order of its topic; what came before does not count. */
class Order {
  readonly disordered = new Set<number>()
  readonly #seen = new Uint8Array(MESSAGES_MAX)
  readonly #newest = new Map<string, number>()

  /** @returns whether it is the first time */
  add(topic: string, number: number): boolean {
    if (this.#seen[number] === 1) return false
    this.#seen[number] = 1
    if (number < (this.#newest.get(topic) ?? -1)) this.disordered.add(number)
    else this.#newest.set(topic, number)
    return true
  }
}

/** The order in which messages first went over a link in one direction. */
function orderOn(
  proxy: FaultProxy,
  towards: Direction,
  topicOf: (number: number) => string,
): Order {
  const order = new Order()
  let newest = 0
  proxy.watch(({ packet, connection, direction, forwarded }) => {
    newest = Math.max(newest, connection)
    // What a stalled link held back and lets go after another has taken over is read by nobody.
    if (connection < newest || direction !== towards || !forwarded) return
    if (packet.type !== PacketType.PUBLISH) return
    const number = Number(Buffer.from(packet.payload).toString())
    if (number >= 0) order.add(topicOf(number), number)
  })
  return order
}

/** What the client of a link has acknowledged, also where the server never read it. */
function acknowledgedOn(proxy: FaultProxy): (number: number) => boolean {
  const numbers = new Int32Array(PACKET_IDS).fill(MESSAGES_MAX)
  const acknowledged = new Uint8Array(MESSAGES_MAX)
  proxy.watch(({ packet, direction, forwarded }) => {
    if (direction === 'to-client') {
      if (packet.type !== PacketType.PUBLISH || packet.qos === 0 || !forwarded) return
      const number = Number(Buffer.from(packet.payload).toString())
      // The "end" has none.
      numbers[packet.packetId] = number >= 0 ? number : MESSAGES_MAX
    } else if (packet.type === PacketType.PUBACK || packet.type === PacketType.PUBREC) {
      acknowledged[numbers[packet.packetId] as number] = 1
    }
  })
  return (number) => acknowledged[number] === 1
}

export async function chaos(options: ChaosOptions): Promise<ChaosSummary> {
  const { port, seconds, seed, protocol = 5, topQos = 2, user, password } = options
  const kinds = topQos + 1
  const qosOf = (number: number): QoS => (number % kinds) as QoS
  /** Each topic has messages of one QoS: the server gives no order over several. */
  const topicOf = (number: number): string => `${qosOf(number)}/${number % TOPICS}`
  const roll = dice(seed)
  const proxies = [await startProxy(port), await startProxy(port)] as const
  const settings = { ...OPTIONS, protocol, ...(user && { user }), ...(password && { password }) }
  const sender = new MQTTClient(`chaos-sender-${protocol}-${seed}`, proxies[0].url, settings)
  const receiver = new MQTTClient(`chaos-receiver-${protocol}-${seed}`, proxies[1].url, settings)
  let sessionsLost = 0
  for (const client of [sender, receiver]) client.on('session-lost', () => (sessionsLost += 1))
  const sent = orderOn(proxies[0], 'to-server', topicOf)
  const arrived = orderOn(proxies[1], 'to-client', topicOf)
  const repeats = new ServerRepeats()
  proxies[1].watch((passed) => repeats.add(passed))
  const handled = new Order()
  const isAcknowledged = acknowledgedOn(proxies[1])
  const counts = new Uint8Array(MESSAGES_MAX)
  let received = 0
  const outcomes: Record<string, number> = {}
  let published = 0
  let missing = 0
  let isThere = (): void => undefined
  const allThere = new Promise<void>((resolve) => (isThere = resolve))
  const publish = (): void => {
    const qos = qosOf(published)
    const topic = `chaos/${protocol}/${topicOf(published)}`
    sender.publish(topic, `${published}`, { qos })
    if (qos > 0) missing += 1
    published += 1
  }
  sender.on('settled', ({ receipt, outcome }) => {
    const { status, possiblyDuplicated } = outcome
    const qos = receipt.topic.split('/')[2] ?? ''
    if (receipt.topic.endsWith('/end')) return
    const key = `QoS ${qos} ${status}${possiblyDuplicated ? ', possibly duplicated' : ''}`
    outcomes[key] = (outcomes[key] ?? 0) + 1
  })
  try {
    await receiver.subscribe(`chaos/${protocol}/#`, { qos: 2 }, (topic, payload) => {
      const text = Buffer.from(payload).toString()
      if (text === 'end') {
        if (missing === 0) isThere()
        return
      }
      const number = Number(text)
      received += 1
      counts[number] = (counts[number] as number) + 1
      if (handled.add(topic, number) && qosOf(number) > 0) missing -= 1
    })
    // Some servers keep a session for its subscriptions alone.
    await sender.subscribe(`chaos/${protocol}/none`, { qos: 1 })
    const publishing = setInterval(() => {
      for (let i = 0; i < 4 && sender.outbox.count < OPEN_MAX; i += 1) publish()
    }, 2)
    const quarterMs = (seconds * 1000) / 4
    let faults = await misbehave(proxies, roll, quarterMs)
    const heapBytes = heapSizeBytes()
    faults += await misbehave(proxies, roll, 3 * quarterMs)
    clearInterval(publishing)
    await sender.drain()
    // Mosquitto lets what is new overtake what waits for a client of 3.1.1: the last is not the last.
    const asking = setInterval(() => {
      sender.publish(`chaos/${protocol}/${topQos}/end`, 'end', { qos: 1 })
    }, 100)
    const givingUp = setTimeout(() => isThere(), options.patienceMs ?? PATIENCE_MS)
    await allThere
    clearInterval(asking)
    clearTimeout(givingUp)
    const heapGrowthBytes = heapSizeBytes() - heapBytes
    const numbers = Array.from({ length: published }, (_, i) => i)
    const count = (number: number): number => counts[number] as number
    const doubled = numbers.filter((number) => qosOf(number) !== 1 && count(number) > 1)
    const isServers = (number: number): boolean => repeats.payloads.has(`${number}`)
    const unhandled = numbers.filter((number) => qosOf(number) > 0 && count(number) === 0)
    const missed = unhandled.filter(isAcknowledged)
    const isHidden = (number: number): boolean => repeats.hidden.has(`${number}`)
    return {
      published,
      received,
      faults,
      sessionsLost,
      connections: proxies[0].connections + proxies[1].connections,
      lost: missed.filter((number) => !isHidden(number)),
      hiddenByServer: missed.filter(isHidden),
      idsReused: repeats.hidden.size,
      lostByServer: unhandled.filter((number) => !isAcknowledged(number)),
      doubled: doubled.filter((number) => !isServers(number)),
      doubledByServer: doubled.filter(isServers).length,
      doubledAtOne: numbers.filter((number) => qosOf(number) === 1 && count(number) > 1).length,
      sentDisordered: [...sent.disordered],
      disordered: [
        ...sent.disordered,
        ...[...handled.disordered].filter((number) => !arrived.disordered.has(number)),
      ],
      disorderedByServer: arrived.disordered.size,
      outcomes,
      heapGrowthBytes,
    }
  } finally {
    for (const client of [sender, receiver]) await client[Symbol.asyncDispose]()
    for (const proxy of proxies) await proxy.close()
  }
}

function startProxy(port: number): Promise<FaultProxy> {
  return FaultProxy.start({ port }, { recordMax: 1000 })
}

/** One fault after another, and heals. @returns how many */
function misbehave(proxies: readonly FaultProxy[], roll: Dice, forMs: number): Promise<number> {
  const endAt = performance.now() + forMs
  return new Promise((resolve, reject) => {
    let faults = 0
    const next = async (): Promise<void> => {
      if (performance.now() >= endAt) {
        for (const proxy of proxies) await proxy.heal()
        resolve(faults)
        return
      }
      const proxy = proxies[roll(proxies.length)] as FaultProxy
      await proxy.heal()
      // Half the time all is well.
      if (roll(2) === 0) {
        faults += 1
        await FAULTS[roll(FAULTS.length)]?.(proxy, roll)
      }
      setTimeout(() => void next().catch(reject), roll(WORST_FAULT_MS))
    }
    next().catch(reject)
  })
}

function heapSizeBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}
