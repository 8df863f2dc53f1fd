// What an application in a browser writes: what it gives to the store there, and how it ends a client, with the
// libraries that a new project for pages has. Compiled by tsconfig.published.json and tsconfig.page.json, which
// know the DOM, nothing of Node and nothing later than ES2022; never run.

import { MQTTClient } from 'umqtt/robust'
import type { IndexedDbPlatform } from 'umqtt/outbox/indexeddb'
import { MQTTClient as OneConnection } from 'umqtt/simple'

/** The browser's own interfaces, as their types are. */
export const platform: IndexedDbPlatform = {
  factory: indexedDB,
  keyRange: IDBKeyRange,
  locks: navigator.locks,
  storage: navigator.storage,
}

/** What is disposed of, which `lib` ES2022 has no words for: the declarations of the package bring them. */
export async function dispose(): Promise<void> {
  const client = new MQTTClient('page-1', 'wss://example.org')
  const subscription = await client.subscribe('hall/#')
  await subscription[Symbol.asyncDispose]()
  await client[Symbol.asyncDispose]()
  await new OneConnection('page-2', 'wss://example.org')[Symbol.asyncDispose]()
}

// @ts-expect-error nothing of the package brings the types of Node
export type NoBuffer = Buffer
