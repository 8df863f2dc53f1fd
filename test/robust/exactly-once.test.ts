// What a durable message of QoS 2 costs: how many group commits its path waits for, and what each of them holds. Held
// commits show what waits for which; many messages at once share them; and on a disk each is one `fdatasync`.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Packet, PacketType } from '../../src/codec/packets.ts'
import { checksum, newId } from '../../src/outbox/folder.ts'
import { LogStore } from '../../src/outbox/log/log-store.ts'
import { COUNTERS_KEY } from '../../src/outbox/records.ts'
import type { Op, SyncLevel } from '../../src/outbox/store.ts'
import { MQTTClient } from '../../src/robust.node.ts'
import { guaranteed } from '../../src/robust/policies.ts'
import type { Receipt } from '../../src/robust/types.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { ScriptedServer } from '../../src/testing/scripted-server.ts'
import { CountedFiles } from '../support/counted-files.ts'
import { HeldStore } from '../support/kept-store.ts'
import { accepted, brief, connectedRig, robustClient } from '../support/robust-rig.ts'
import { settle } from '../support/scripted-memory.ts'
import { inFolder } from '../support/temporary-folder.ts'

const TIMEOUT_MS = 30_000
const MANY = 1000
const EXACTLY_ONCE = { delivery: guaranteed({ qos: 2 }) }

/** Notes what each commit holds, and how safe it is to be. */
class NotedStore extends HeldStore {
  commits: string[] = []

  override commit(ops: readonly Op[], sync?: SyncLevel): Promise<void> {
    // The counters go with every commit.
    const words = ops.filter(([, key]) => key !== COUNTERS_KEY).map(wordsOf)
    this.commits.push(`${sync}: ${words.join(', ')}`)
    return super.commit(ops)
  }
}

/** An operation, with how far the exchange of a packet id is. */
function wordsOf([kind, key, value]: Op): string {
  const isStage = kind === 'set' && key.startsWith('o')
  if (!isStage) return `${kind} ${key}`
  const { state } = JSON.parse(new TextDecoder().decode(value)) as { state: string }
  return `${kind} ${key} ${state}`
}

/** What has happened to a message, as it goes on: packets to the server, and what its receipt says. */
class Progress {
  readonly #said: string[] = []
  readonly #connection: ScriptedConnection | undefined
  #seen = 0

  constructor(receipt: Receipt, connection?: ScriptedConnection) {
    this.#connection = connection
    void receipt.stored.then(() => this.#said.push('stored'))
    void receipt.settled.then(({ status }) => this.#said.push(status))
  }

  /** What is new since it was asked before, once everything has settled. */
  async next(): Promise<string[]> {
    await settle()
    const all = this.#said.splice(0)
    const packets = brief(this.#connection?.received ?? []).filter((packet) => packet !== 'CONNECT')
    all.push(...packets.slice(this.#seen))
    this.#seen = packets.length
    return all
  }
}

const answer = (type: 5 | 7, packetId = 1): Packet => ({
  ...{ type, packetId, reasonCode: 0, properties: {} },
})

describe('a durable message of QoS 2', () => {
  test('waits for two group commits while its client is connected, and leaves with a third', async () => {
    const outbox = new NotedStore()
    const { client, connection } = await connectedRig({ outbox })
    outbox.commits = []
    outbox.isHeld = true
    const progress = new Progress(client.publish('a', 'x', EXACTLY_ONCE), connection)

    // The message and its packet id go together, and nothing leaves before.
    deepEqual(await progress.next(), [])
    deepEqual(outbox.commits, ['power: put 1, set o1 sent'])
    await outbox.letOne()
    deepEqual(await progress.next(), ['stored', 'PUBLISH a 1'])

    // That it has its PUBREC is safe before PUBREL.
    connection.send(answer(PacketType.PUBREC))
    deepEqual(await progress.next(), [])
    deepEqual(outbox.commits.slice(1), ['power: set o1 released'])
    await outbox.letOne()
    deepEqual(await progress.next(), ['PUBREL 1'])

    // Its outcome waits for nothing: were its removal lost, PUBREL would come to the same one.
    connection.send(answer(PacketType.PUBCOMP))
    deepEqual(await progress.next(), ['delivered'])
    deepEqual(outbox.commits.slice(2), ['power: delete 1, unset o1'])
    await outbox.letOne()
    deepEqual(await progress.next(), [])
    equal(outbox.commits.length, 3)
  })

  test('waits for three when it was stored before there was a connection', async () => {
    const outbox = new NotedStore()
    const rig = robustClient({ outbox })
    await rig.client.open()
    outbox.commits = []
    outbox.isHeld = true
    const receipt = rig.client.publish('a', 'x', EXACTLY_ONCE)

    const before = new Progress(receipt)
    deepEqual(await before.next(), [])
    deepEqual(outbox.commits, ['power: put 1'])
    await outbox.letOne()
    deepEqual(await before.next(), ['stored'])

    // With its packet id goes what the first connection of a client has to write.
    const connection = await accepted(rig)
    const progress = new Progress(receipt, connection)
    deepEqual(await progress.next(), ['stored'])
    deepEqual(outbox.commits.slice(1), ['power: unset unmade, unset unsent, set o1 sent'])
    await outbox.letOne()
    deepEqual(await progress.next(), ['PUBLISH a 1'])

    connection.send(answer(PacketType.PUBREC))
    deepEqual(await progress.next(), [])
    deepEqual(outbox.commits.slice(2), ['power: set o1 released'])
    await outbox.letOne()
    deepEqual(await progress.next(), ['PUBREL 1'])

    connection.send(answer(PacketType.PUBCOMP))
    deepEqual(await progress.next(), ['delivered'])
    deepEqual(outbox.commits.slice(3), ['power: delete 1, unset o1'])
  })
})

describe('many durable messages of QoS 2 at once', () => {
  test('share the three commits of one when they are answered together', async () => {
    const outbox = new NotedStore()
    const { client, connection } = await connectedRig({ outbox })
    outbox.commits = []
    const ids = Array.from({ length: MANY }, (_, i) => i + 1)
    const outcomes = ids.map(() => client.publish('a', 'x', EXACTLY_ONCE).settled)
    await settle()
    connection.send(...ids.map((packetId) => answer(PacketType.PUBREC, packetId)))
    await settle()
    connection.send(...ids.map((packetId) => answer(PacketType.PUBCOMP, packetId)))
    for (const { status } of await Promise.all(outcomes)) equal(status, 'delivered')
    await settle()
    const each = (words: (id: number) => string): string => `power: ${ids.map(words).join(', ')}`
    deepEqual(outbox.commits, [
      each((id) => `put ${id}, set o${id} sent`),
      each((id) => `set o${id} released`),
      each((id) => `delete ${id}, unset o${id}`),
    ])
  })

  for (const receiveMaximum of [20, 65_535]) {
    test(`share them when each is answered by itself, with a window of ${receiveMaximum}`, async () => {
      const outbox = new NotedStore()
      const { client, connection } = await connectedRig({ outbox }, { connack: { receiveMaximum } })
      outbox.commits = []
      connection.autoRespond()
      const outcomes = Array.from(
        { length: MANY },
        () => client.publish('a', 'x', EXACTLY_ONCE).settled,
      )
      for (const { status } of await Promise.all(outcomes)) equal(status, 'delivered')
      await settle()
      // This store is done at once. A disk takes longer, so that more share each of its commits.
      const { length } = outbox.commits
      ok(length <= MANY / 4, `${length} commits for ${MANY} messages`)
    })
  }
})

/** A log that can be waited for. */
class TrackedLog extends LogStore {
  #last: Promise<unknown> = Promise.resolve()

  override commit(ops: readonly Op[], sync: SyncLevel): Promise<void> {
    const done = super.commit(ops, sync)
    this.#last = done
    return done
  }

  /** Settles when no commit is under way, nor about to begin. */
  async idle(): Promise<void> {
    for (let last; last !== this.#last;) {
      last = this.#last
      await last
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

interface DiskRig {
  readonly client: MQTTClient
  readonly connection: ScriptedConnection
  readonly files: CountedFiles
  readonly log: TrackedLog
}

/** A client that is connected, on a log that has its first segment; both are gone afterwards. */
async function onDisk(run: (rig: DiskRig) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const files = new CountedFiles(folder)
    const log = new TrackedLog(files, { newId: newId(), checksum })
    const server = await ScriptedServer.start()
    const client = new MQTTClient('disk', server.url, { outbox: log })
    try {
      const connecting = client.connect()
      const connection = await server.connection()
      await connection.accept()
      await connecting
      await log.idle()
      await run({ client, connection, files, log })
    } finally {
      await client[Symbol.asyncDispose]()
      await server.close()
    }
  })
}

describe('on a disk', { timeout: TIMEOUT_MS }, () => {
  test('a message of QoS 2 is three syncs, of which its outcome waits for two', () =>
    onDisk(async ({ client, connection, files, log }) => {
      const happened: string[] = []
      files.onSynced = () => happened.push('synced')
      const receipt = client.publish('a', 'x', EXACTLY_ONCE)
      void receipt.stored.then(() => happened.push('stored'))
      for (const type of [PacketType.PUBLISH, PacketType.PUBREL]) {
        const packet = await connection.next(type)
        happened.push(...brief([packet]))
        connection.acknowledge(packet)
      }
      happened.push((await receipt.settled).status)
      await log.idle()
      deepEqual(happened, [
        ...['synced', 'stored', 'PUBLISH a 1'],
        ...['synced', 'PUBREL 1'],
        ...['delivered', 'synced'],
      ])
    }))

  test('many at once share their syncs', () =>
    onDisk(async ({ client, connection, files, log }) => {
      const before = files.syncs
      connection.autoRespond()
      const outcomes = Array.from(
        { length: MANY },
        () => client.publish('a', 'x', EXACTLY_ONCE).settled,
      )
      for (const { status } of await Promise.all(outcomes)) equal(status, 'delivered')
      await log.idle()
      const syncs = files.syncs - before
      ok(syncs >= 3 && syncs <= MANY / 10, `${syncs} syncs for ${MANY} messages`)
    }))
})
