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
export type { RegisterCheck } from './assertions.ts'
export { outboxContract } from './outbox-contract.ts'
export type { OutboxContract } from './outbox-contract.ts'
export { ScriptedConnection } from './scripted-connection.ts'
export type { ScriptedPipe, ScriptedPublish } from './scripted-connection.ts'
export { transportContract } from './transport-contract.ts'
export { TransportPeer } from './transport-peer.ts'
export type { TransportContract, TransportSetting, TransportTraits } from './transport-setting.ts'
export type {
  ServerAddress,
  TlsOptions,
  Transport,
  TransportFactory,
  TransportHandler,
  TransportOptions,
} from '../transport/transport.ts'
