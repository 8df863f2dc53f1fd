// The contract of an outbox store: where messages wait, with the session's own state, so that both change
// together and agree after a crash. Rule: an adapter stays this small; what all of them share (group
// commit, checks of each record, quota) is in outbox.ts. It knows nothing of messages: a record is bytes.

/**
 * How safe a commit is when it resolves: `power` survives the loss of power, `process` the death of
 * the process, `lazy` promises nothing yet and is safe with the next stronger commit.
 */
export type SyncLevel = 'power' | 'process' | 'lazy'

/**
 * One change. `put` adds a record or replaces the one of that number, `delete` removes it, and `set`
 * and `unset` do the same for a key of the session table. What is not there is deleted in silence.
 */
export type Op =
  | readonly ['put', seq: number, record: Uint8Array]
  | readonly ['delete', seq: number]
  | readonly ['set', key: string, value: Uint8Array]
  | readonly ['unset', key: string]

/** A record under its sequence number, which is 1 to 2^53 - 1. */
export type StoredRecord = readonly [seq: number, record: Uint8Array]

/** What a store keeps of its promises. Told honestly, never assumed. */
export interface StoreTraits {
  /** A `power` commit survives the loss of power. */
  readonly power: boolean
  /** A `process` commit survives the death of the process. */
  readonly process: boolean
  /** What is underneath, such as `memory` or `log`. */
  readonly engine: string
  /**
   * Whether the platform may clear it by itself, as a browser does that lacks room: then a commit survives
   * everything but that. Absent where nobody does; it may change while the store is open.
   */
  readonly evictable?: boolean
  /** The version of its format, 1 and up. */
  readonly formatVersion: number
}

/** Something that was there and cannot be read. What is beside it is not touched by it. */
export interface Damage {
  readonly reason: string
  /** The record, where its number is known. */
  readonly seq?: number
  /** Where it is, in the words of the store, such as a file and an offset. */
  readonly position?: string
}

/** What a store found when it was opened. */
export interface OpenResult {
  /** How many records it holds. */
  readonly count: number
  /** The lowest and highest number it holds; 0 when it holds none. */
  readonly lowest: number
  readonly highest: number
  /** The bytes of all records. */
  readonly sizeBytes: number
  readonly damaged: readonly Damage[]
}

/** One place where messages wait. It has one owner; nobody calls it before `open` has resolved. */
export interface OutboxStore {
  readonly traits: StoreTraits
  /**
   * Opens it and looks through what is there.
   *
   * It is probed: something is written, read back and deleted. What is damaged is reported in the
   * result and left out; it is no reason to refuse.
   *
   * @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE it belongs to somebody else, cannot be written, or
   * is of a newer version, and was not touched; ERR_MQTT_STORE_FULL there is no room for it
   */
  open(): Promise<OpenResult>
  /**
   * Makes all the changes, in order, or none of them; resolves when they are as safe as `sync` says.
   * The store may keep the bytes that it was given: they must not change afterwards.
   *
   * On a full disk, changes without a new record still succeed, so that it can drain.
   *
   * @param ops the changes, any number of them
   * @param sync how safe they have to be
   * @throws {StoreError} ERR_MQTT_STORE_FULL there is no room and none of them was made;
   * ERR_MQTT_STORE_UNAVAILABLE it cannot be written: whether they were made shows when it is opened
   */
  commit(ops: readonly Op[], sync: SyncLevel): Promise<void>
  /**
   * Gives the records from a number on, lowest first.
   *
   * @param from the lowest number that is wanted, 0 and up
   * @param limit how many at most, 1 and up; fewer come only when no more are there
   * @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE it cannot be read
   */
  scan(from: number, limit: number): Promise<readonly StoredRecord[]>
  /**
   * Gives the session table as it is after the last commit.
   *
   * @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE it cannot be read
   */
  state(): Promise<ReadonlyMap<string, Uint8Array>>
  /**
   * Makes everything safe that can be and lets go of it; a closed store may be opened again.
   *
   * @throws {StoreError} ERR_MQTT_STORE_UNAVAILABLE something could not be made safe; it is closed all the same
   */
  close(): Promise<void>
}
