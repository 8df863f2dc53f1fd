// The published contract suite on the stores of the package that run here.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { FileStore, type FileStoreOptions } from '../../src/outbox/file.ts'
import { MemoryStore } from '../../src/outbox/memory.ts'
import type { OutboxStore } from '../../src/outbox/store.ts'
import { outboxContract } from '../../src/testing/outbox-contract.ts'

function fileContract(options: FileStoreOptions): void {
  const folders = new Map<OutboxStore, string>()
  const on = (folder: string): OutboxStore => {
    const store = new FileStore(folder, options)
    folders.set(store, folder)
    return store
  }
  outboxContract(test, {
    make: async () => on(await mkdtemp(join(tmpdir(), 'umqtt-outbox-'))),
    reopen: async (store) => on(folders.get(store)!),
    dispose: (store) => rm(folders.get(store)!, { recursive: true }),
  })
}

describe('the memory store', () => {
  outboxContract(test, { make: async () => new MemoryStore() })
})

describe('the file store', () => fileContract({}))

describe('the file store with small segments', () => {
  fileContract({ segmentBytes: 4096, reserveBytes: 0 })
})
