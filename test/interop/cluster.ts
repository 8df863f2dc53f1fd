// Three nodes of RabbitMQ as a cluster: a client that knows them all loses its node and keeps its word, and
// a group of consumers loses a member and a node. Not in the gate, because the nodes take their time to
// start: `npm run cluster`, which also prints the throughput.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MQTTClient } from '../../src/robust.node.ts'
import { guaranteed } from '../../src/robust/policies.ts'
import type { RobustOptions } from '../../src/robust/types.ts'
import { Cluster } from '../support/servers/cluster.ts'
import { PASSWORD, USER } from '../support/servers/server.ts'
import { absent } from '../support/skip.ts'
import { inFolder } from '../support/temporary-folder.ts'
import { firsts } from './robust-link.ts'
import { Collected, Watchers } from './setting.ts'

const START_TIMEOUT_MS = 240_000
const TEST_TIMEOUT_MS = 120_000
/** More than consumers, so that each has several and a dead one's can be dealt out. */
const PARTITIONS = 8
/** What a consumer does for each message. */
const WORK_MS = 4
const MAIN = fileURLToPath(new URL('../support/consumer-main.js', import.meta.url))

describe('a cluster of three nodes', { skip: absent('rabbitmq') }, () => {
  let cluster: Cluster
  let urls: readonly string[] = []
  before(
    async () => {
      cluster = await Cluster.start('rabbitmq')
      urls = cluster.nodes.map((node) => node.urls.tcp ?? '')
    },
    { timeout: START_TIMEOUT_MS },
  )
  after(() => cluster.remove())

  /** The list with one of them in front. */
  const from = (node: number): string[] => [...urls.slice(node), ...urls.slice(0, node)]

  const clientAt = (node: number, clientId: string, options: RobustOptions = {}): MQTTClient => {
    const [server = '', ...servers] = from(node)
    return new MQTTClient(clientId, server, {
      servers,
      user: USER,
      password: PASSWORD,
      protocol: 4,
      reconnect: { floorMs: 50, capMs: 1000 },
      ...options,
    })
  }

  test(
    'keeps the word of clients whose nodes are killed, in their sessions',
    { timeout: TEST_TIMEOUT_MS },
    () =>
      inFolder(async (outbox) => {
        await using receiver = clientAt(0, 'receiver')
        await using sender = clientAt(0, 'sender', { outbox })
        const lost: string[] = []
        for (const client of [receiver, sender]) {
          client.on('session-lost', ({ fromMs }) => lost.push(`${fromMs}`))
        }
        const received = new Collected()
        await receiver.subscribe('promise', { qos: 1 }, (_t, _p, message) => received.add(message))
        // RabbitMQ keeps a session for its subscriptions alone.
        await sender.subscribe('promise/none', { qos: 1 })
        const statuses: Promise<string>[] = []
        const publish = (): void => {
          const text = `${statuses.length}`
          const receipt = sender.publish('promise', text, { delivery: guaranteed() })
          statuses.push(receipt.settled.then(({ status }) => status))
        }
        for (let i = 0; i < 200; i += 1) publish()
        await received.until(100)
        await cluster.nodes[0]?.kill()
        for (let i = 0; i < 200; i += 1) publish()
        deepEqual([...new Set(await Promise.all(statuses))], ['delivered'])
        await received.when(() => firsts(received.texts).length === 400)
        deepEqual(
          firsts(received.texts)
            .map(Number)
            .sort((a, b) => a - b),
          Array.from({ length: 400 }, (_, i) => i),
        )
        deepEqual(lost, [])
        await cluster.nodes[0]?.start()
      }),
  )

  for (const count of [1, 2, 4]) {
    test(`is worked off by ${count} of a group`, { timeout: TEST_TIMEOUT_MS }, async (t) => {
      const group = new Group(from, `${count}`)
      try {
        await group.start(count)
        const total = 600 * count
        const feeding = publishAll(clientAt(0, 'feeder'), total, `${count}`)
        await group.until(() => group.handled.length > 0)
        const begin = performance.now()
        await group.until(() => new Set(group.handled).size === total)
        const perSecond = (total * 1000) / (performance.now() - begin)
        await feeding
        t.diagnostic(`${count} consumers: ${Math.round(perSecond)} messages a second`)
      } finally {
        await group.end()
      }
    })
  }

  test(
    'handles every message at least once when a consumer and a node are killed',
    { timeout: TEST_TIMEOUT_MS },
    async (t) => {
      const group = new Group(from, 'kill')
      try {
        await group.start(3)
        const total = 2000
        const feeding = publishAll(clientAt(0, 'feeder'), total, 'kill')
        await group.until(() => group.handled.length >= 300)
        // The consumer of the second node dies, and at the same time the third node under another one.
        group.kill(1)
        await cluster.nodes[2]?.kill()
        await feeding
        await group.until(() => new Set(group.handled).size === total)
        const again = group.handled.length - total
        t.diagnostic(`${total} messages, each handled; ${again} of them once more`)
        ok(again < total / 4, `${again} were handled again`)
      } finally {
        await group.end()
        await cluster.nodes[2]?.start()
      }
    },
  )
})

/** Consumers that are processes, and who has which partition. */
class Group {
  readonly handled: string[] = []
  readonly #from: (node: number) => string[]
  readonly #prefix: string
  readonly #watchers = new Watchers()
  readonly #members: (ChildProcess | undefined)[] = []
  readonly #taken = new Set<string>()

  /** @param prefix of its messages: those of a group before it, which was killed, do not count */
  constructor(from: (node: number) => string[], prefix: string) {
    this.#from = from
    this.#prefix = prefix
  }

  /** Starts some, spread over the nodes, and deals the partitions out to them. */
  async start(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      const args = [MAIN, `${i}`, `${WORK_MS}`, ...this.#from(i % 3)]
      const member = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
      createInterface(member.stdout).on('line', (line) => this.#hear(line))
      this.#members.push(member)
    }
    for (let i = 0; i < PARTITIONS; i += 1) this.#deal(i % count, i)
    await this.until(() => this.#taken.size === PARTITIONS)
  }

  /** Kills a member, and deals its partitions out to the others. */
  kill(member: number): void {
    this.#members[member]?.kill('SIGKILL')
    this.#members[member] = undefined
    const others = [...this.#members.keys()].filter((i) => this.#members[i] !== undefined)
    const count = this.#members.length
    for (let i = 0; i < PARTITIONS; i += 1) {
      if (i % count === member) this.#deal(others[i % others.length] ?? 0, i)
    }
  }

  until(condition: () => boolean): Promise<void> {
    return this.#watchers.until(condition)
  }

  async end(): Promise<void> {
    for (const member of this.#members) {
      if (member === undefined) continue
      const exited = once(member, 'exit')
      member.kill('SIGKILL')
      await exited
    }
  }

  #deal(member: number, partition: number): void {
    this.#members[member]?.stdin?.write(`${partition}\n`)
  }

  #hear(line: string): void {
    const [word, what = ''] = line.split(' ')
    if (word === 'taken') this.#taken.add(what)
    else if (what.startsWith(`${this.#prefix}-`)) this.handled.push(what)
    this.#watchers.look()
  }
}

/** Publishes to all partitions, until the cluster has everything. */
async function publishAll(client: MQTTClient, total: number, prefix: string): Promise<void> {
  const receipts = Array.from({ length: total }, (_, i) =>
    client.publish(`work/${i % PARTITIONS}`, `${prefix}-${i}`, { qos: 1 }),
  )
  for (const { settled } of receipts) equal((await settled).status, 'delivered')
  await client.disconnect()
}
