// The names that `umqtt/testing` publishes on every platform: the contracts of stores and transports, and the
// server's side of one connection.
// Names alone: what is missing here is missing on purpose.

export { MemoryStore } from '../outbox/memory.ts'
export type {
  Damage,
  Op,
  OpenResult,
  OutboxStore,
  StoredRecord,
  StoreTraits,
  SyncLevel,
} from '../outbox/store.ts'
export { outboxContract } from './outbox-contract.ts'
export type { OutboxContract, RegisterCheck } from './outbox-contract.ts'
export { ScriptedConnection } from './scripted-connection.ts'
export type { ScriptedPipe, ScriptedPublish } from './scripted-connection.ts'
