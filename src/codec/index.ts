// `umqtt/codec`: MQTT 3.1.1 and 5.0 packets to bytes and back, without a connection.
// Names alone, for who imports the package; inside it everyone imports from where a name is defined.

export { CLIENT_PACKETS, SERVER_PACKETS } from './carriers.ts'
export type { Role } from './carriers.ts'
export type { Place, Shortcut } from './cursor.ts'
export { Decoder } from './decode.ts'
export type { DecoderOptions } from './decode.ts'
export { encode, encodedSize, write } from './encode.ts'
export { NO_PROPERTIES, PacketType } from './packets.ts'
export type {
  AckPacket,
  AuthPacket,
  ConnackPacket,
  ConnectPacket,
  DisconnectPacket,
  Packet,
  PingPacket,
  Properties,
  ProtocolVersion,
  PublishPacket,
  QoS,
  SubackPacket,
  SubscribePacket,
  SubscriptionRequest,
  UnsubackPacket,
  UnsubscribePacket,
  UserProperty,
  WillFields,
} from './packets.ts'
export { reasonName } from './reason-codes.ts'
export type { Sink } from './sink.ts'
export { checkFilter, checkTopic, topicMatches } from './topics.ts'
export type { TopicSource } from './utf8.ts'
