// `umqtt outbox DIR export | umqtt pub --json`: all that waits in an outbox arrives at another server, as it is.

import { deepEqual, equal } from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { PacketType, type PublishPacket } from '../../src/codec/packets.ts'
import { guaranteed, MQTTClient } from '../../src/robust.node.ts'
import { startUmqttHere } from '../support/command-line.ts'
import { ScriptedServer } from '../../src/testing/scripted-server.ts'
import { inFolder } from '../support/temporary-folder.ts'

describe('umqtt outbox export', { timeout: 60_000 }, () => {
  test('feeds umqtt pub --json, with bytes, flags and properties', (t) =>
    inFolder(async (folder) => {
      const outbox = join(folder, 'spool')
      const client = new MQTTClient('door-7', 'mqtt://127.0.0.1:1', { outbox })
      const properties = {
        payloadFormatIndicator: 1,
        contentType: 'text/plain',
        responseTopic: 'answers',
        correlationData: Uint8Array.of(0, 255),
        userProperties: [
          ['who', 'me'],
          ['who', 'you\n"'],
        ],
      } as const
      const sent = [
        ['plain', 'grün\n', { delivery: guaranteed({ qos: 1 }) }],
        ['bytes/\u{1f6aa}', Uint8Array.of(0, 255, 10), { delivery: guaranteed({ qos: 2 }) }],
        ['all', 'x', { delivery: guaranteed({ qos: 2 }), retain: true, properties }],
        ['empty', '', { delivery: guaranteed({ qos: 1, expiresAfter: '7d' }), retain: true }],
      ] as const
      for (const [topic, payload, options] of sent) {
        await client.publish(topic, payload, options).stored
      }
      await client[Symbol.asyncDispose]()

      const server = await ScriptedServer.start()
      t.after(() => server.close())
      const exported = await startUmqttHere(['outbox', outbox, 'export']).ended
      deepEqual([exported.code, exported.stderr], [0, ''])
      const feeding = startUmqttHere(['pub', '-L', server.url, '--json'], {
        input: exported.stdout,
      })
      const connection = await server.connection()
      await connection.accept()
      connection.autoRespond()
      const came: PublishPacket[] = []
      while (came.length < sent.length) {
        came.push((await connection.next(PacketType.PUBLISH)) as PublishPacket)
      }
      equal((await feeding.ended).code, 0)
      const { messageExpiryInterval = 0 } = came[3]?.properties ?? {}
      deepEqual([messageExpiryInterval > 604_700, messageExpiryInterval <= 604_800], [true, true])
      deepEqual(
        came.map(({ topic, payload, qos, retain }) => [topic, [...payload], qos, retain]),
        [
          ['plain', [...Buffer.from('grün\n')], 1, false],
          ['bytes/\u{1f6aa}', [0, 255, 10], 2, false],
          ['all', [...Buffer.from('x')], 2, true],
          ['empty', [], 1, true],
        ],
      )
      const { topicAlias: _alias, correlationData, ...others } = came[2]?.properties ?? {}
      deepEqual([...(correlationData ?? [])], [0, 255])
      const { correlationData: _bytes, ...expected } = properties
      deepEqual(others, expected)
    }))
})
