// The names that `umqtt/simple` publishes beside its client, the same on every platform.
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
  UserProperty,
  Will,
} from './types.ts'
export type {
  ServerAddress,
  Transport,
  TransportFactory,
  TransportHandler,
  TransportOptions,
} from '../transport/transport.ts'
