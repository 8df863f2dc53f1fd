// A received application message on its way through the application. It belongs to the connection it
// came on; a late acknowledgement never goes to another's packet.

import type { PublishPacket } from '../codec/packets.ts'

/**
 * An application message from the server, until it is acknowledged; `poll` makes them.
 * @example
 * ```ts
 * import { type Engine, InboundMessage } from 'umqtt/engine'
 *
 * function takeAll(engine: Engine, now = performance.now()): void {
 *   for (let output = engine.poll(); output !== undefined; output = engine.poll()) {
 *     if (!(output instanceof InboundMessage)) continue
 *     console.log(output.topic, output.packet.payload)
 *     engine.acknowledge(output, 0, now)
 *   }
 * }
 * ```
 */
export class InboundMessage {
  declare readonly packet: PublishPacket
  /** The topic, also where the packet has an alias for it. */
  declare readonly topic: string
  /** The number of the connection that it came on last; 0 when its session is gone. */
  declare connection: number
  /** The reason code of its acknowledgement; undefined while the application has it. */
  handled: number | undefined = undefined

  /**
   * @param packet as it came
   * @param topic of it, or of its alias
   * @param connection the number of that which it came on
   */
  constructor(packet: PublishPacket, topic: string, connection: number) {
    this.packet = packet
    this.topic = topic
    this.connection = connection
  }

  /** What `poll` tells it apart by. */
  get kind(): 'message' {
    return 'message'
  }
}
