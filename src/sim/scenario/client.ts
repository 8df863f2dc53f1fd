// The client of a scenario: that of `umqtt/robust`, whose messages are noted on their way out. Rule: an
// application finds no other behaviour than on a real device, but that a dead process refuses to go on.

import { RobustClient } from '../../robust/client.ts'
import type { RobustPlatform } from '../../robust/platform.ts'
import type {
  Outcome,
  Receipt,
  RobustConnectOptions,
  RobustEvents,
  RobustOptions,
  RobustPublishOptions,
} from '../../robust/types.ts'
import { payloadBytes } from '../../simple/checks.ts'
import type {
  ConnectResult,
  MessageHandler,
  Payload,
  SubscribeOptions,
  Subscription,
} from '../../simple/types.ts'
import { numbered } from './ledger.ts'
import type { SimulatedClientClass } from './types.ts'

/** What a process of a scenario is told of its client. */
export interface ClientWatcher {
  /** @throws {Error} the process is dead */
  checkAlive(what: string): void
  nextNumber(): number
  notePublish(published: Published): void
  /** An outcome that an event told. */
  noteOutcome(receiptId: string, outcome: Outcome): void
  noteWarning(code: string, text: string): void
  /** A receipt that was looked up for the notes before the application has asked for it; given once. */
  takeReceipt(id: string): Promise<Receipt | undefined>
}

export interface Published {
  readonly number: number
  readonly topic: string
  readonly payload: Payload
  readonly options: RobustPublishOptions
  readonly receipt: Receipt
}

/** Makes the class of the clients of one process. */
export function simulatedClient(
  platform: RobustPlatform,
  watcher: ClientWatcher,
): SimulatedClientClass {
  return class MQTTClient extends RobustClient {
    constructor(clientId: string, server: string, options: RobustOptions = {}) {
      super(clientId, server, options, platform)
    }

    override connect(options?: RobustConnectOptions): Promise<ConnectResult> {
      watcher.checkAlive('connect')
      return super.connect(options)
    }

    override subscribe(
      filter: string | readonly string[],
      options?: SubscribeOptions,
      handler?: MessageHandler,
    ): Promise<Subscription> {
      watcher.checkAlive('subscribe')
      return super.subscribe(filter, options, handler)
    }

    override publish(topic: string, payload: Payload, options: RobustPublishOptions = {}): Receipt {
      watcher.checkAlive(`publish to "${topic}"`)
      payloadBytes('payload', payload)
      const number = watcher.nextNumber()
      const kept = typeof payload === 'string' ? payload : payload.slice()
      const receipt = super.publish(topic, numbered(number, payload), options)
      watcher.notePublish({ number, topic, payload: kept, options, receipt })
      return receipt
    }

    override async receipt(id: string): Promise<Receipt | undefined> {
      return (await watcher.takeReceipt(id)) ?? super.receipt(id)
    }

    override on<E extends keyof RobustEvents>(
      event: E,
      listener: (detail: RobustEvents[E]) => void,
    ): () => void {
      if (typeof listener !== 'function') return super.on(event, listener)
      return super.on(event, (detail: RobustEvents[E]) => {
        if (event === 'settled') {
          const { receipt, outcome } = detail as RobustEvents['settled']
          watcher.noteOutcome(receipt.id, outcome)
        } else if (event === 'warning') {
          const { code, message } = detail as RobustEvents['warning']
          watcher.noteWarning(code, message)
        }
        listener(detail)
      })
    }
  }
}

/** The receipt of a message, as the client itself has it. */
export function ownReceipt(client: RobustClient, id: string): Promise<Receipt | undefined> {
  return RobustClient.prototype.receipt.call(client, id)
}
