// The names that `umqtt/robust` publishes beside its client, the same on every platform.
// Names alone: an internal type that is missing here is missing on purpose.

export {
  ClosedError,
  ConnectionLostError,
  ConnectRefusedError,
  MalformedPacketError,
  MqttError,
  NotSupportedError,
  PacketTooLargeError,
  ProtocolError,
  QueueFullError,
  RejectedError,
  ServerDisconnectError,
  StoreError,
  TimeoutError,
} from '../errors.ts'
export type { AnyMqttError, MqttErrorCode, Sent } from '../errors.ts'
export type {
  Authentication,
  ClientOptions,
  ClientState,
  ConnectOptions,
  ConnectProperties,
  ConnectResult,
  DisconnectOptions,
  DisconnectProperties,
  Grant,
  Limits,
  Message,
  MessageHandler,
  Payload,
  PublishOptions,
  PublishProperties,
  PublishResult,
  QoS,
  ServerLimits,
  SimpleEvents,
  Statistics,
  SubscribeOptions,
  SubscribeProperties,
  Subscription,
  Timeouts,
  TlsOptions,
  UnsubscribeOptions,
  UnsubscribeProperties,
  UserProperty,
  Will,
} from '../simple/types.ts'
export type {
  ServerAddress,
  Transport,
  TransportFactory,
  TransportHandler,
  TransportOptions,
} from '../transport/transport.ts'
export type { OutboxStore } from '../outbox/store.ts'
export type { Duration } from './duration.ts'
export { fleeting, guaranteed, latest, UNTIL_DELIVERED, within } from './policies.ts'
export type { DeliveryPolicy, OnSessionLoss } from './policies.ts'
export type { ExportedMessage, OutboxEntry, OutboxView } from './outbox-view.ts'
export type { ReconnectOptions } from './schedule.ts'
export type {
  Credentials,
  Mark,
  Outcome,
  Receipt,
  RobustConnectOptions,
  RobustDisconnectOptions,
  RobustEvents,
  RobustLimits,
  RobustOptions,
  RobustPublishOptions,
  RobustState,
  Stage,
  Stored,
} from './types.ts'
