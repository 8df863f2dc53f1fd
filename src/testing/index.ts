// The entry point `umqtt/testing`: what somebody who writes a store of their own tests it with.
// Names alone: the contract, and the smallest store that fulfils it. The scripted server beside it is for
// the tests of this project.

export { MemoryStore } from '../outbox/memory.ts'
export { outboxContract } from './outbox-contract.ts'
export type { OutboxContract, RegisterCheck } from './outbox-contract.ts'
export type {
  Damage,
  Op,
  OpenResult,
  OutboxStore,
  StoredRecord,
  StoreTraits,
  SyncLevel,
} from '../outbox/store.ts'
