// What an IndexedDbStore stands on, in memory: the databases of fake-indexeddb, and locks as a browser has them for
// the tabs of one origin. Each origin is one of its own.

import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import type { IndexedDbPlatform } from '../../src/outbox/indexeddb.ts'

/** Locks as a browser has them: who asks for one that is held waits for it in a line. */
export class Locks {
  readonly held = new Map<string, (error: Error) => void>()
  /** What is to be done when one is free. */
  readonly #line = new Map<string, (() => void)[]>()

  async request(
    name: string,
    { signal }: { readonly signal: AbortSignal },
    granted: (lock: unknown) => Promise<void>,
  ): Promise<void> {
    await undefined
    while (this.held.has(name)) {
      await new Promise<void>((go, fail) => {
        const line = this.#line.get(name) ?? []
        this.#line.set(name, [...line, go])
        signal.addEventListener('abort', () => fail(signal.reason as Error))
      })
    }
    const stolen = new Promise<never>((_, reject) => this.held.set(name, reject))
    await Promise.race([granted({ name }), stolen]).finally(() => {
      this.held.delete(name)
      for (const go of this.#line.get(name)?.splice(0) ?? []) go()
    })
  }

  /** Takes every lock from who has it. */
  steal(): void {
    for (const reject of this.held.values()) reject(new Error('The lock was stolen'))
  }
}

/** What makes databases. */
export type Factory = NonNullable<IndexedDbPlatform['factory']>
const MemoryFactory = IDBFactory as unknown as new () => Factory

/** What the pages of one origin share. */
export interface Origin {
  readonly factory: Factory
  readonly keyRange: NonNullable<IndexedDbPlatform['keyRange']>
  readonly locks: Locks
}

/** An origin with nothing in it. */
export function memoryOrigin(): Origin {
  return { factory: new MemoryFactory(), keyRange: IDBKeyRange, locks: new Locks() }
}
