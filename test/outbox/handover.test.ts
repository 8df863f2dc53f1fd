// A client that is disposed of and not waited for, and made again at once with the same outbox, as a component of a
// page is that is shown twice, or whose code is replaced: the new one waits until the old one has let go.

import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FileStore } from '../../src/outbox/file.ts'
import { IndexedDbStore } from '../../src/outbox/indexeddb.ts'
import { SqliteStore } from '../../src/outbox/sqlite.ts'
import type { OutboxStore } from '../../src/outbox/store.ts'
import { guaranteed } from '../../src/robust/policies.ts'
import { MQTTClient } from '../../src/robust.node.ts'
import { memoryOrigin } from '../support/memory-origin.ts'
import { firstly } from '../support/pace.ts'
import { absent } from '../support/skip.ts'
import { inFolder } from '../support/temporary-folder.ts'
import { ToyServer } from '../support/toy-server.ts'

type MakeStore = () => OutboxStore

const KINDS: readonly {
  readonly name: string
  readonly skip: string | false
  make(folder: string): MakeStore
}[] = [
  {
    name: 'IndexedDB',
    skip: false,
    make: () => {
      const origin = memoryOrigin()
      return () => new IndexedDbStore('door', origin)
    },
  },
  { name: 'a folder', skip: false, make: (folder) => () => new FileStore(folder) },
  { name: 'SQLite', skip: absent('sqlite'), make: (folder) => () => new SqliteStore(folder) },
]

/** A client that has subscribed, and what it has heard. */
interface Mounted {
  readonly client: MQTTClient
  readonly subscribed: Promise<unknown>
  readonly heard: string[]
}

for (const { name, skip, make } of KINDS.slice(firstly(0, -1))) {
  describe(`an outbox in ${name} that is handed over`, { skip }, () => {
    /** Makes clients of one id on one outbox, and fails when one of them warns. */
    async function withMounts(
      run: (mount: () => Mounted) => Promise<void>,
      shared: boolean,
    ): Promise<void> {
      await inFolder(async (folder) => {
        const server = await ToyServer.start()
        const makeStore = make(folder)
        const one = makeStore()
        const clients: MQTTClient[] = []
        const warnings: string[] = []
        try {
          await run(() => {
            const outbox = shared ? one : makeStore()
            const client = new MQTTClient('door-7', server.url, { outbox })
            clients.push(client)
            client.on('warning', ({ code, message }) => {
              if (code !== 'outbox-evictable') warnings.push(message)
            })
            const heard: string[] = []
            const subscribed = client.subscribe('door/#', { qos: 1 }, (topic) => {
              heard.push(topic)
            })
            return { client, subscribed, heard }
          })
          deepEqual(warnings, [])
        } finally {
          for (const client of clients) await client[Symbol.asyncDispose]()
          await server.stop()
        }
      })
    }

    /** It keeps a message, delivers it, and hears it. */
    async function works({ client, subscribed, heard }: Mounted): Promise<void> {
      const receipt = client.publish('door/7', 'open', { delivery: guaranteed() })
      await receipt.stored
      await subscribed
      equal((await receipt.settled).status, 'delivered')
      await client.publish('door/8', 'shut', { delivery: guaranteed() }).settled
      deepEqual(heard.slice(-1), ['door/8'])
    }

    for (const shared of [false, true]) {
      const which = shared ? 'one store for both' : 'a store of each'
      test(`is taken over from a client that has only begun, with ${which}`, () =>
        withMounts(async (mount) => {
          const first = mount()
          const failed = first.subscribed.catch((error: { code: string }) => error.code)
          void first.client[Symbol.asyncDispose]()
          await works(mount())
          equal(await failed, 'ERR_MQTT_CLOSED')
        }, shared))

      test(`is taken over from a client that is connected, with ${which}`, () =>
        withMounts(async (mount) => {
          const first = mount()
          await works(first)
          void first.client[Symbol.asyncDispose]()
          await works(mount())
        }, shared))
    }

    test('is taken over from one that was made and disposed of in between', () =>
      withMounts(async (mount) => {
        for (let i = 0; i < 3; i++) {
          const { client, subscribed } = mount()
          subscribed.catch(() => undefined)
          void client[Symbol.asyncDispose]()
        }
        await works(mount())
      }, false))
  })
}
