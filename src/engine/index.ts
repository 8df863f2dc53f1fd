// `umqtt/engine`: the protocol state of one client without sockets, clocks or promises.
// Names alone, for who imports the package; inside it everyone imports from where a name is defined.

export { CONNECTION_TRANSITIONS, RECEIVABLE } from './connection-states.ts'
export type { ConnectionEvent, ConnectionState } from './connection-states.ts'
export { Engine } from './engine.ts'
export { InboundMessage } from './inbound-message.ts'
export {
  PingOperation,
  PublishOperation,
  SubscribeOperation,
  UnsubscribeOperation,
} from './operations.ts'
export type { IdentifiedOperation, Operation } from './operations.ts'
export { OutboundBuffer } from './outbound-buffer.ts'
export type { Batch } from './outbound-buffer.ts'
export { PayloadPool } from './payload-pool.ts'
export { PUBLISH_TRANSITIONS } from './publish-states.ts'
export type { PublishEvent, PublishState } from './publish-states.ts'
export { EMPTY_SESSION } from './session.ts'
export type { Session, StoredPublish } from './session.ts'
export type { ServerLimits } from './server-limits.ts'
export { SlabPool } from './slab-pool.ts'
export { TIMER_REASONS } from './timers.ts'
export type { TimerReason } from './timers.ts'
export type {
  AuthOutput,
  ClosedOutput,
  CloseOutput,
  ConnectedOutput,
  ConnectSettings,
  EngineCounters,
  EngineOptions,
  EngineRuntime,
  Output,
} from './types.ts'
