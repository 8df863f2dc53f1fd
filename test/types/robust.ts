// The types of `umqtt/robust`: names and meanings that applications rely on, said once more and compared with
// what is exported, and calls that must not compile. What it shares with umqtt/simple is in simple.ts.
// Compiled with the tests, never run.

import { MQTTClient as BrowserClient } from '../../src/robust.browser.ts'
import {
  type ClientOptions,
  type ConnectResult,
  type Credentials,
  type DeliveryPolicy,
  type Duration,
  fleeting,
  guaranteed,
  latest,
  type Message,
  type MessageHandler,
  MQTTClient,
  type OnSessionLoss,
  type Outcome,
  type OutboxEntry,
  type OutboxStore,
  type OutboxView,
  type Payload,
  type PublishProperties,
  type QoS,
  type Receipt,
  type ReconnectOptions,
  type RobustConnectOptions,
  type RobustDisconnectOptions,
  type RobustEvents,
  type RobustLimits,
  type RobustOptions,
  type RobustPublishOptions,
  type RobustState,
  type SimpleEvents,
  type Stage,
  type Statistics,
  type Stored,
  type SubscribeOptions,
  type Subscription,
  type TlsOptions,
  UNTIL_DELIVERED,
  type Will,
  within,
} from '../../src/robust.node.ts'
import { MQTTClient as SimpleClient } from '../../src/simple.node.ts'

type Equals<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type Extends<A, B> = A extends B ? true : false

/** Compiles when the type is `true`. */
function holds<_T extends true>(): void {}

// Policies.

/** A policy that says everything, which any version may be given. */
interface WholePolicy {
  readonly qos: QoS
  readonly expiresAfterMs: number
  readonly offline: 'drop' | 'wait'
  readonly collapseKey?: string | true
  readonly durable: 'no' | 'if-available' | 'required'
  readonly priority: 0 | 1 | 2 | 3 | 4
  readonly onSessionLoss: 'resend' | 'report' | 'drop'
  readonly energy: 'none' | 'ride' | 'normal' | 'urgent' | 'frugal'
}

holds<Equals<keyof DeliveryPolicy, keyof WholePolicy>>()
holds<Equals<Required<DeliveryPolicy>, Required<WholePolicy>>>()
holds<Extends<WholePolicy, DeliveryPolicy>>()
// Left out, it goes by the QoS that `publish` names, so that a maker cannot say it beforehand.
holds<Equals<DeliveryPolicy['onSessionLoss'], OnSessionLoss | undefined>>()
holds<Extends<Omit<WholePolicy, 'onSessionLoss' | 'collapseKey'>, DeliveryPolicy>>()
holds<Extends<DeliveryPolicy, Omit<WholePolicy, 'onSessionLoss'>>>()
holds<Equals<typeof UNTIL_DELIVERED, DeliveryPolicy>>()
for (const make of [fleeting, latest]) {
  holds<Equals<Parameters<typeof make>, [options?: Partial<DeliveryPolicy> | undefined]>>()
  holds<Equals<ReturnType<typeof make>, DeliveryPolicy>>()
}
holds<
  Equals<
    Parameters<typeof within>,
    [deadline: Duration, options?: Partial<DeliveryPolicy> | undefined]
  >
>()
holds<Equals<ReturnType<typeof within>, DeliveryPolicy>>()
holds<
  Extends<
    [options?: Partial<WholePolicy> & { readonly expiresAfter?: Duration }],
    Parameters<typeof guaranteed>
  >
>()
holds<Equals<ReturnType<typeof guaranteed>, DeliveryPolicy>>()
holds<Extends<1500 | '250ms' | '15s' | '2m' | '12h' | '7d', Duration>>()
holds<Equals<Extends<'15sec' | '1w' | 's', Duration>, false>>()

// Stages, outcomes, receipts.

type Status =
  | 'delivered'
  | 'sent'
  | 'maybe-delivered'
  | 'expired'
  | 'cancelled'
  | 'superseded'
  | 'dropped'
  | 'evicted'
  | 'refused'
  | 'rejected'
  | 'poisoned'

holds<Equals<Outcome['status'], Status>>()
holds<Equals<Stage, 'accepted' | 'stored' | 'sent' | 'received' | Status>>()
holds<Equals<Stored, 'disk' | 'memory' | 'settled'>>()
holds<
  Equals<
    Outcome,
    {
      readonly status: Status
      readonly attempts: number
      readonly latencyMs: number
      readonly possiblyDuplicated: boolean
      readonly subscribers?: 'none'
      readonly reasonCode?: number
      readonly error?: Error
    }
  >
>()
holds<
  Equals<
    Receipt,
    {
      readonly id: string
      readonly topic: string
      readonly stage: Stage
      readonly stored: Promise<'disk' | 'memory' | 'settled'>
      readonly settled: Promise<Outcome>
      stages(): AsyncIterable<Stage>
      wait(options: { readonly signal: AbortSignal }): Promise<Outcome>
      cancel(): boolean
    }
  >
>()
holds<Equals<Extends<Receipt, PromiseLike<unknown>>, false>>()

// Options: every one is optional, and those of umqtt/simple are taken as they are.

holds<Extends<object, RobustOptions & RobustLimits & ReconnectOptions & RobustPublishOptions>>()
holds<Extends<object, RobustConnectOptions & RobustDisconnectOptions & Credentials>>()
holds<Extends<ClientOptions, RobustOptions>>()
holds<Equals<RobustOptions['outbox'], string | OutboxStore | undefined>>()
holds<
  Equals<
    RobustOptions['servers'],
    readonly string[] | (() => Promise<readonly string[]>) | undefined
  >
>()
holds<Equals<RobustOptions['sharedSessions'], boolean | undefined>>()
holds<
  Extends<
    () => Promise<{ user?: string; password?: Payload }>,
    NonNullable<RobustOptions['credentials']>
  >
>()
holds<Equals<RobustOptions['delivery'], DeliveryPolicy | undefined>>()
holds<Equals<RobustOptions['connection'], 'always' | 'on-demand' | undefined>>()
holds<
  Equals<
    NonNullable<RobustOptions['session']>,
    { readonly expirySeconds?: number; readonly adopt?: boolean }
  >
>()
holds<
  Equals<
    ReconnectOptions,
    {
      readonly floorMs?: number
      readonly capMs?: number
      readonly stableAfterMs?: number
      readonly budget?: { readonly attempts: number; readonly perMs: number }
      readonly whenRefused?: 'slow' | 'stop'
    }
  >
>()
holds<Equals<RobustOptions['reconnect'], ReconnectOptions | undefined>>()
holds<Extends<TlsOptions | (() => Promise<TlsOptions>), NonNullable<RobustOptions['tls']>>>()
holds<Extends<Will | (() => Promise<Will>), NonNullable<RobustOptions['will']>>>()

// The client, the same everywhere.

/** What an application may call, and have back. */
interface Surface extends AsyncDisposable {
  setCallback(handler: MessageHandler | undefined): void
  setLastWill(topic: string, payload: Payload, options?: Omit<Will, 'topic' | 'payload'>): void
  subscribe(
    filter: string | readonly string[],
    options?: SubscribeOptions,
    handler?: MessageHandler,
  ): Promise<Subscription>
  unsubscribe(filter: string | readonly string[]): Promise<void>
  ping(): Promise<number>
  waitMsg(options?: { signal?: AbortSignal }): Promise<Message>
  checkMsg(): Message | undefined
  messages(): AsyncIterable<Message>
  reauthenticate(data?: Uint8Array): Promise<void>
  readonly statistics: Statistics
  open(): Promise<void>
  connect(options?: { retry?: boolean; signal?: AbortSignal }): Promise<ConnectResult>
  publish(
    topic: string,
    payload: Payload,
    options?: {
      delivery?: DeliveryPolicy
      qos?: QoS
      retain?: boolean
      properties?: PublishProperties
      transfer?: boolean
    },
  ): Receipt
  receipt(id: string): Promise<Receipt | undefined>
  readonly outbox: OutboxView
  retryNow(): void
  readonly idle: boolean
  drain(options?: { signal?: AbortSignal }): Promise<void>
  nextWake(): number | undefined
  disconnect(options?: { drain?: boolean; timeoutMs?: number }): Promise<void>
  on<E extends keyof RobustEvents>(
    event: E,
    listener: (detail: RobustEvents[E]) => void,
  ): () => void
  readonly state: RobustState
}

holds<Extends<MQTTClient, Surface>>()
// Nothing beside it that is not meant, and nothing of it lost.
holds<Equals<keyof MQTTClient, keyof Surface>>()
holds<Equals<keyof BrowserClient, keyof MQTTClient>>()
holds<Extends<BrowserClient, Surface>>()
holds<Equals<Exclude<keyof SimpleClient, keyof MQTTClient>, never>>()
holds<
  Equals<
    ConstructorParameters<typeof MQTTClient>,
    [clientId: string, server: string, options?: RobustOptions | undefined]
  >
>()
holds<Equals<RobustState, 'idle' | 'connecting' | 'connected' | 'waiting' | 'closing' | 'closed'>>()
holds<Equals<MQTTClient['state'], RobustState>>()
holds<Equals<ReturnType<MQTTClient['publish']>, Receipt>>()
holds<Equals<ReturnType<MQTTClient['nextWake']>, number | undefined>>()

// What may be overridden: to call the inherited one is allowed too.

/** An application's own way to connect again. */
export class OwnClient extends MQTTClient {
  protected override async delay(
    attempt: number,
    error: Error,
    context: { suggestedMs: number; signal: AbortSignal },
  ): Promise<void> {
    const waited: Promise<void> = super.delay(attempt, error, context)
    await waited
  }

  protected override delayMs(attempt: number, error: Error, suggestedMs: number): number {
    return super.delayMs(attempt, error, suggestedMs)
  }

  protected override reconnect(): Promise<ConnectResult> {
    return super.reconnect()
  }

  protected override log(inReconnect: boolean, error: Error): void {
    super.log(inReconnect, error)
  }
}

// The outbox, as an application sees it.

holds<
  Extends<
    OutboxView,
    {
      readonly count: number
      readonly sizeBytes: number
      entries(): AsyncIterable<OutboxEntry>
      quarantined(): AsyncIterable<{ readonly id: string; readonly reason: string }>
      resubmit(id: string): Promise<Receipt>
    }
  >
>()
holds<
  Equals<
    OutboxEntry,
    {
      readonly id: string
      readonly topic: string
      readonly sizeBytes: number
      readonly stage: Stage
      readonly expiresInMs: number
    }
  >
>()

// Events: those of umqtt/simple, with states of its own, and what an attempt is told by.

holds<
  Equals<
    Exclude<keyof RobustEvents, keyof SimpleEvents>,
    'attempt' | 'waiting' | 'connected' | 'session-lost' | 'settled'
  >
>()
holds<Equals<Exclude<keyof SimpleEvents, keyof RobustEvents>, never>>()
holds<Equals<RobustEvents['state'], RobustState>>()
holds<Equals<RobustEvents['attempt'], { readonly number: number; readonly server: string }>>()
holds<
  Equals<
    RobustEvents['waiting'],
    { readonly delayMs: number; readonly error: Error; readonly slowLane: boolean }
  >
>()
holds<Equals<RobustEvents['connected'], ConnectResult>>()
holds<
  Equals<
    RobustEvents['session-lost'],
    { readonly fromMs: number; readonly toMs: number; readonly inFlight: number }
  >
>()
holds<Equals<RobustEvents['settled'], { readonly receipt: Receipt; readonly outcome: Outcome }>>()
holds<Equals<RobustEvents['warning'], { readonly code: string; readonly message: string }>>()
holds<Equals<RobustEvents['connection-lost'], Error>>()

/** Calls that must and must not compile. */
export async function program(client: MQTTClient, whole: WholePolicy): Promise<void> {
  const receipt = client.publish('a', 'b', { delivery: guaranteed({ expiresAfter: '7d' }) })
  for await (const stage of receipt.stages()) holds<Equals<typeof stage, Stage>>()
  client.publish('a', new Uint8Array(1), { delivery: whole, qos: 2, retain: true, transfer: true })
  client.publish('a', 'b', { delivery: { ...within('15s'), onSessionLoss: 'drop' } })
  client.on('settled', ({ outcome }) => holds<Equals<typeof outcome.status, Status>>())
  client.on('state', (state) => holds<Equals<typeof state, RobustState>>())
  for await (const { id } of client.outbox.quarantined()) await client.outbox.resubmit(id)

  // @ts-expect-error a deadline has a unit that there is
  within('15 seconds')
  // @ts-expect-error a deadline is the first argument, not an option
  within({ expiresAfterMs: 5 })
  // @ts-expect-error a field that does not exist
  latest({ prio: 1 })
  // @ts-expect-error the highest priority is 4
  fleeting({ priority: 5 })
  // @ts-expect-error a policy says what it may spend
  client.publish('a', 'b', { delivery: { qos: 1, offline: 'wait', priority: 2, durable: 'no' } })
  // @ts-expect-error a policy is no word
  client.publish('a', 'b', { delivery: 'guaranteed' })
  // @ts-expect-error an outcome is not changed
  ;(await receipt.settled).attempts = 2
  // @ts-expect-error a wait has a bound: without one there is `settled`
  void receipt.wait()
  // @ts-expect-error an event that does not exist
  client.on('reconnecting', () => undefined)
  // @ts-expect-error a budget has both of its numbers
  void new MQTTClient('a', 'b', { reconnect: { budget: { attempts: 6 } } })
  // @ts-expect-error the trying is slow or stops
  void new MQTTClient('a', 'b', { reconnect: { whenRefused: 'retry' } })
  // @ts-expect-error whether a session is kept is an option of the client
  void client.connect({ cleanStart: true })
  // @ts-expect-error hooks are not called from outside
  void client.delayMs(1, new Error('a'), 1000)
  // @ts-expect-error the inside of the client is private
  void client.core
}
