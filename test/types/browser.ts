// What an application in a browser gives to the store there. Compiled by tsconfig.published.json, which knows
// the DOM; never run.

import type { IndexedDbPlatform } from 'umqtt/outbox/indexeddb'

/** The browser's own interfaces, as their types are. */
export const platform: IndexedDbPlatform = {
  factory: indexedDB,
  keyRange: IDBKeyRange,
  locks: navigator.locks,
  storage: navigator.storage,
}
