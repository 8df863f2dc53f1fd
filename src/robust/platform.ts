// What a client that holds on needs of its surroundings, beside what every client needs: chance, the wall
// clock, signals and folders. The entry points give it; the client names no platform itself.

import type { Platform } from '../driver/platform.ts'
import type { OutboxStore } from '../outbox/store.ts'
import type { Aborter } from './connector.ts'

export interface RobustPlatform extends Platform {
  /** From 0 to less than 1, different on each device. */
  random(): number
  /** Ms since 1970; it may jump. */
  epochNow(): number
  makeAborter(): Aborter
  /** The store of a folder; absent where there are no files. */
  openFolder?(folder: string): OutboxStore
}
