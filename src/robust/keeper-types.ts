// What a keeper of the outbox finds when it is opened, and whom it tells of it. Types alone: the courier's side of
// the outbox is in keeper.ts.

import type { StoreError } from '../errors.ts'
import type { Entry } from './entry.ts'
import type { Clocks } from './entry-record.ts'

/** What was found when an outbox was opened. */
export interface Kept {
  /** The first number that is free. */
  readonly nextSeq: number
  /** Nothing from this number on can have been sent at QoS 1. */
  readonly unsentFrom: number
  /** Whether there is a session that this client may take up. */
  readonly hasSession: boolean
  /** QoS 2 ids of messages to us that must not be handed out again. */
  readonly receivedIds: readonly number[]
}

/** What the keeper tells the client. */
export interface KeeperOwner {
  readonly clocks: Clocks
  handleStored(entry: Entry): void
  handleStoreFailed(entry: Entry, error: StoreError): void
  readonly clientId: string
  /** A message of an earlier process; one that may be in flight is not `new`. */
  handleRestored(entry: Entry): void
  warn(code: string, message: string): void
}
