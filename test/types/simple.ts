// The types of `umqtt/simple`: names and meanings that applications rely on, said once more and compared
// with what is exported, and calls that must not compile. Compiled with the tests, never run.

import {
  type AnyMqttError,
  type Authentication,
  type ClientOptions,
  type ClientState,
  type ConnectOptions,
  type ConnectResult,
  type DisconnectOptions,
  type Grant,
  type Limits,
  type Message,
  type MessageHandler,
  MqttError,
  type MqttErrorCode,
  MQTTClient,
  type Payload,
  type PublishOptions,
  type PublishProperties,
  type PublishResult,
  type QoS,
  type Sent,
  type ServerLimits,
  type SimpleEvents,
  type Statistics,
  type SubscribeOptions,
  type SubscribeProperties,
  type Subscription,
  type Timeouts,
  type TlsOptions,
  type Transport,
  type TransportFactory,
  type Will,
} from '../../src/simple.node.ts'
import { MQTTClient as BrowserClient } from '../../src/simple.browser.ts'
import { MQTTClient as RootClient } from '../../src/index.ts'

type Equals<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type Extends<A, B> = A extends B ? true : false

/** Compiles when the type is `true`. */
function holds<_T extends true>(): void {}

// The small types.

holds<Equals<QoS, 0 | 1 | 2>>()
holds<Equals<Payload, Uint8Array | string>>()
holds<Equals<ClientState, 'idle' | 'connecting' | 'connected' | 'closing' | 'closed'>>()
holds<Equals<Sent, 'no' | 'maybe'>>()
holds<Equals<ReturnType<MessageHandler>, unknown>>()
holds<Equals<Parameters<MessageHandler>, [topic: string, payload: Uint8Array, message: Message]>>()

// Messages and their properties.

holds<Equals<Message['payload'], Uint8Array>>()
holds<Equals<Message['qos'], QoS>>()
holds<Equals<ReturnType<Message['text']>, string>>()
holds<Equals<ReturnType<Message['json']>, unknown>>()
holds<Equals<Message['properties'], PublishProperties>>()
holds<Equals<Parameters<Message['acknowledge']>, [reasonCode?: number | undefined]>>()
holds<Equals<PublishProperties['payloadFormatIndicator'], 0 | 1 | undefined>>()
holds<Equals<PublishProperties['messageExpirySeconds'], number | undefined>>()
holds<Equals<PublishProperties['correlationData'], Uint8Array | undefined>>()
holds<Equals<PublishProperties['subscriptionIds'], readonly number[] | undefined>>()
holds<
  Extends<readonly (readonly [string, string])[], NonNullable<PublishProperties['userProperties']>>
>()

// Results.

holds<Equals<ConnectResult['sessionPresent'], boolean>>()
holds<Equals<ConnectResult['protocol'], 4 | 5>>()
holds<Equals<ConnectResult['clientId'], string>>()
holds<Equals<ConnectResult['limits'], ServerLimits>>()
holds<Equals<ServerLimits[string], number | boolean | undefined>>()
holds<Equals<PublishResult['reasonCode'], number>>()
holds<Equals<PublishResult['subscribers'], 'none' | undefined>>()
holds<Equals<Grant['qos'], QoS | undefined>>()
holds<Equals<Subscription['granted'], readonly Grant[]>>()
holds<Extends<Subscription, AsyncIterable<Message> & AsyncDisposable>>()
holds<Equals<Statistics[string], number>>()

// The client, the same everywhere.

holds<Extends<MQTTClient, AsyncDisposable>>()
holds<Equals<keyof BrowserClient, keyof MQTTClient>>()
holds<Equals<typeof RootClient, typeof MQTTClient>>()
holds<
  Equals<
    ConstructorParameters<typeof MQTTClient>,
    [clientId: string, server: string, options?: ClientOptions | undefined]
  >
>()
holds<Equals<MQTTClient['state'], ClientState>>()
holds<Equals<MQTTClient['statistics'], Statistics>>()
holds<Equals<ReturnType<MQTTClient['connect']>, Promise<ConnectResult>>>()
holds<Equals<ReturnType<MQTTClient['publish']>, Promise<PublishResult>>>()
holds<Equals<ReturnType<MQTTClient['subscribe']>, Promise<Subscription>>>()
holds<Equals<ReturnType<MQTTClient['unsubscribe']>, Promise<void>>>()
holds<Equals<ReturnType<MQTTClient['ping']>, Promise<number>>>()
holds<Equals<Parameters<MQTTClient['ping']>, []>>()
holds<Equals<ReturnType<MQTTClient['waitMsg']>, Promise<Message>>>()
holds<Equals<ReturnType<MQTTClient['checkMsg']>, Message | undefined>>()
holds<Extends<ReturnType<MQTTClient['messages']>, AsyncIterable<Message>>>()
holds<Equals<ReturnType<MQTTClient['disconnect']>, Promise<void>>>()
holds<Equals<ReturnType<MQTTClient['setCallback']>, void>>()
holds<Equals<ReturnType<MQTTClient['reauthenticate']>, Promise<void>>>()
holds<
  Equals<
    Parameters<MQTTClient['setLastWill']>,
    [topic: string, payload: Payload, options?: Omit<Will, 'topic' | 'payload'> | undefined]
  >
>()
holds<Equals<ReturnType<MQTTClient['on']>, () => void>>()
holds<Equals<SimpleEvents['state'], ClientState>>()
holds<Equals<SimpleEvents['connection-lost'], Error>>()
holds<
  Equals<SimpleEvents['handler-error'], { readonly error: unknown; readonly message: Message }>
>()

// Options: every one is optional, and has the kind that its name says.

holds<Extends<object, ConnectOptions & PublishOptions & SubscribeOptions & DisconnectOptions>>()
holds<Extends<object, ClientOptions & Limits & Timeouts & TlsOptions>>()
holds<Equals<ClientOptions['protocol'], 4 | 5 | undefined>>()
holds<Equals<ClientOptions['acknowledge'], 'handled' | 'manual' | undefined>>()
holds<Equals<ClientOptions['onHandlerError'], 'acknowledge' | 'reject' | 'hold' | undefined>>()
holds<Equals<ClientOptions['transport'], TransportFactory | undefined>>()
holds<Equals<SubscribeOptions['retainHandling'], 0 | 1 | 2 | undefined>>()
holds<Equals<SubscribeOptions['properties'], SubscribeProperties | undefined>>()
holds<Equals<SubscribeProperties['subscriptionId'], number | undefined>>()
holds<Equals<PublishOptions['signal'], AbortSignal | undefined>>()
holds<Extends<Record<keyof Limits | keyof Timeouts, number>, Limits & Timeouts>>()
holds<Extends<{ topic: string; payload: string }, Will>>()
holds<Extends<{ method: string }, Authentication>>()
holds<Extends<ReturnType<TransportFactory>, Transport>>()

// Errors, told apart by their code.

holds<Equals<MqttErrorCode, AnyMqttError['code']>>()

/** Every code has its case; a new one does not compile until it has one. */
export function whoIsToBlame(error: AnyMqttError): string {
  switch (error.code) {
    case 'ERR_MQTT_MALFORMED_PACKET':
      return `${error.clause} ${error.offset}`
    case 'ERR_MQTT_PROTOCOL_ERROR':
      return `${error.clause} ${error.reasonCode}`
    case 'ERR_MQTT_PACKET_TOO_LARGE':
      return error.limitedBy
    case 'ERR_MQTT_CONNECT_REFUSED':
    case 'ERR_MQTT_SERVER_DISCONNECT':
      return error.serverReference ?? 'server'
    case 'ERR_MQTT_REJECTED':
      return `${error.reasonCode} ${error.packetType}`
    case 'ERR_MQTT_CONNECTION_LOST':
      return 'network'
    case 'ERR_MQTT_TIMEOUT':
      return `${error.operation} ${error.afterMs}`
    case 'ERR_MQTT_CLOSED':
      return error.sent ?? 'caller'
    case 'ERR_MQTT_NOT_SUPPORTED':
      return error.limit
    case 'ERR_MQTT_QUEUE_FULL':
      return `${error.limit} ${error.limitValue}`
    case 'ERR_MQTT_STORE_CORRUPT':
    case 'ERR_MQTT_STORE_FULL':
    case 'ERR_MQTT_STORE_UNAVAILABLE':
      return error.position ?? 'store'
    default: {
      const never: never = error
      return never
    }
  }
}

/** Narrowing by the brand, and calls that must and must not compile. */
export async function program(client: MQTTClient, caught: unknown): Promise<void> {
  if (MqttError.is(caught)) holds<Equals<typeof caught, AnyMqttError>>()
  client.setCallback((topic, payload, message) => {
    holds<Equals<typeof topic, string>>()
    holds<Equals<typeof payload, Uint8Array>>()
    holds<Equals<typeof message, Message>>()
  })
  client.setCallback(async () => {})
  client.setCallback(undefined)
  client.on('state', (state) => holds<Equals<typeof state, ClientState>>())
  client.on('handler-error', ({ error }) => holds<Equals<typeof error, unknown>>())
  await client.connect({ cleanStart: false, sessionExpirySeconds: 60 })
  await client.subscribe(['a', 'b'] as const, { qos: 1 }, () => undefined)
  for await (const message of client.messages()) holds<Equals<typeof message, Message>>()
  for await (const { topic } of await client.subscribe('a')) holds<Equals<typeof topic, string>>()

  // @ts-expect-error QoS 3 does not exist
  await client.publish('a', 'b', { qos: 3 })
  // @ts-expect-error a number is no payload
  await client.publish('a', 21.5)
  // @ts-expect-error retain is an option, not the third argument
  await client.publish('a', 'b', true)
  // @ts-expect-error a typing mistake in an option
  await client.publish('a', 'b', { reatin: true })
  // @ts-expect-error subscription identifiers are the server's
  await client.publish('a', 'b', { properties: { subscriptionIds: ['1'] } })
  // @ts-expect-error an event that does not exist
  client.on('conected', () => undefined)
  // @ts-expect-error the detail of this event is an error
  client.on('connection-lost', (detail: string) => detail)
  // @ts-expect-error a timeout has a unit in its name
  void new MQTTClient('a', 'b', { timeouts: { connect: 5 } })
  // @ts-expect-error MQTT 3.1 is not spoken
  void new MQTTClient('a', 'b', { protocol: 3 })
  // @ts-expect-error a will has a payload
  void new MQTTClient('a', 'b', { will: { topic: 'a' } })
  // @ts-expect-error undefined is said by leaving it out
  void new MQTTClient('a', 'b', { user: undefined })
  // @ts-expect-error the client id comes first
  void new MQTTClient('mqtt://localhost')
  // @ts-expect-error results are read only
  ;(await client.connect()).sessionPresent = true
  // @ts-expect-error so are messages
  ;(await client.waitMsg()).topic = 'a'
  // @ts-expect-error the inside of the client is private
  void client.core
}
