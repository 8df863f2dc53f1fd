// A server of MQTT 5.0 for tests on a machine without one: what one client publishes goes to those who
// subscribed, shared subscriptions in turn. Keeps no sessions, no retained messages and no wills.

import { type Packet, PacketType, type PublishPacket, type QoS } from '../../src/codec/packets.ts'
import { parseSharedFilter, topicMatches } from '../../src/codec/topics.ts'
import type { ScriptedConnection } from '../../src/testing/scripted-connection.ts'
import { ScriptedServer } from '../../src/testing/scripted-server.ts'

interface Subscription {
  readonly connection: ScriptedConnection
  readonly filter: string
  readonly shareName: string | undefined
  readonly qos: QoS
}

/** A server that passes messages on. */
export interface ScriptedRouter {
  readonly url: string
  close(): Promise<void>
}

export async function startScriptedRouter(): Promise<ScriptedRouter> {
  const listener = await ScriptedServer.start()
  const subscriptions: Subscription[] = []
  /** How many messages each share has had. */
  const turns = new Map<string, number>()

  const route = ({ topic, payload, qos, properties }: PublishPacket): void => {
    const matching = subscriptions.filter(
      ({ connection, filter }) => !connection.ended && topicMatches(filter, topic),
    )
    const shares = new Set(matching.map(({ shareName }) => shareName))
    for (const share of shares) {
      const members = matching.filter(({ shareName }) => shareName === share)
      const turn = turns.get(share ?? '') ?? 0
      turns.set(share ?? '', turn + 1)
      const chosen =
        share === undefined ? members : members.filter((_, i) => i === turn % members.length)
      for (const { connection, qos: granted } of chosen) {
        connection.publish(topic, payload, { qos: qos < granted ? qos : granted, properties })
      }
    }
  }

  const handle = (connection: ScriptedConnection, packet: Packet): void => {
    if (packet.type === PacketType.PUBLISH) route(packet)
    if (packet.type !== PacketType.SUBSCRIBE) return
    for (const { filter, qos } of packet.subscriptions) {
      const shared = parseSharedFilter(filter)
      const inner = shared?.filter ?? filter
      subscriptions.push({ connection, filter: inner, shareName: shared?.shareName, qos })
    }
  }

  const serve = async (connection: ScriptedConnection): Promise<void> => {
    connection.autoRespond()
    for (;;) {
      const packet = await connection.next().catch(() => undefined)
      if (packet === undefined) return
      handle(connection, packet)
    }
  }

  const acceptAll = async (): Promise<void> => {
    for await (const connection of listener) void serve(connection)
  }
  void acceptAll()
  return { url: listener.url, close: () => listener.close() }
}
