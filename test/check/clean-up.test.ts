// The check leaves nothing behind, wherever it is interrupted: no session, no retained message. A second
// client looks, with every client id and every topic that the check has used.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CheckOptions, check } from '../../src/check.node.ts'
import { CLIENT_PACKETS, Decoder } from '../../src/codec/decode.ts'
import { PacketType } from '../../src/codec/packets.ts'
import { nodePlatform } from '../../src/node.ts'
import { MQTTClient } from '../../src/simple.node.ts'
import type { TransportFactory } from '../../src/transport/transport.ts'
import { PASSWORD, type TestServer, USER, startServer } from '../support/servers.ts'
import { absent } from '../support/skip.ts'

const TIMEOUT_MS = 120_000
const WHO = { user: USER, password: PASSWORD }
/** After how many packets of the check it is interrupted: from its first words to its last checks. */
const MOMENTS = [1, 3, 8, 20, 40, 60, 80, 100, 130, 170, 230, 320, 450, 700, 1_000, 1_500]

/** Everything that goes out: who connected, what was retained. */
class Witness {
  readonly clientIds = new Set<string>()
  readonly retained = new Set<string>()
  packets = 0
  onPacket: (count: number) => void = () => undefined

  readonly dial: TransportFactory = (address, handler, options) => {
    const maximumPacketSizeBytes = 268_435_460
    const decoder = new Decoder({ reads: CLIENT_PACKETS, version: 5, maximumPacketSizeBytes })
    const dial = nodePlatform.transports.mqtt as TransportFactory
    const inner = dial(address, handler, options)
    return {
      write: (chunks) => {
        inner.write(chunks)
        for (const chunk of chunks) {
          decoder.push(chunk, chunk.length)
          for (let p = decoder.next(); p !== undefined; p = decoder.next()) {
            if (p.type === PacketType.CONNECT) this.clientIds.add(p.clientId)
            if (p.type === PacketType.PUBLISH && p.retain) this.retained.add(p.topic)
            this.packets += 1
            this.onPacket(this.packets)
          }
        }
      },
      pause: () => inner.pause(),
      resume: () => inner.resume(),
      close: () => inner.close(),
      destroy: () => inner.destroy(),
    }
  }
}

/** What a second client finds. */
async function remains(server: TestServer, witness: Witness): Promise<string[]> {
  const found: string[] = []
  const url = server.urls.tcp ?? ''
  for (const clientId of witness.clientIds) {
    if (clientId === '') continue
    ok(clientId.startsWith('umqtt-check-') && clientId.length <= 23, clientId)
    for (const protocol of [5, 4] as const) {
      const client = new MQTTClient(clientId, url, { ...WHO, protocol })
      const options = protocol === 5 ? { cleanStart: false, sessionExpirySeconds: 0 } : {}
      const { sessionPresent } = await client.connect(options)
      if (sessionPresent) found.push(clientId)
      await client.disconnect()
    }
  }
  const looker = new MQTTClient('looker', url, WHO)
  await looker.connect()
  await looker.subscribe('#', {}, (topic) => found.push(topic))
  await looker.publish('looker', 'x', { qos: 1 })
  await looker.ping()
  await looker.disconnect()
  return found.filter((one) => one !== 'looker')
}

describe('cleaning up', { skip: absent('mosquitto'), timeout: TIMEOUT_MS }, () => {
  test('leaves nothing behind at the end', async (t) => {
    const server = await startServer('mosquitto')
    t.after(() => server.remove())
    const witness = new Witness()
    const options = { ...WHO, transport: witness.dial, bounds: { queuedMessages: 50 } }
    const { leftovers } = await check(server.urls.tcp ?? '', options)
    deepEqual(leftovers, [])
    ok(witness.clientIds.size > 40, `${witness.clientIds.size}`)
    ok(witness.retained.size >= 2)
    deepEqual(await remains(server, witness), [])
  })

  test('leaves nothing behind wherever it is interrupted', async (t) => {
    const server = await startServer('mosquitto')
    t.after(() => server.remove())
    for (const moment of MOMENTS) {
      const witness = new Witness()
      const controller = new AbortController()
      const reason = new Error(`Interrupted after ${moment} packets`)
      witness.onPacket = (count) => {
        if (count === moment) controller.abort(reason)
      }
      const left: string[] = []
      const running = check(server.urls.tcp ?? '', {
        ...WHO,
        transport: witness.dial,
        signal: controller.signal,
        onLeftover: (what) => left.push(what),
      })
      await rejects(running, reason)
      deepEqual(left, [])
      deepEqual(await remains(server, witness), [], `after ${moment} packets`)
    }
  })

  test('leaves nothing behind when a listener throws', async (t) => {
    const server = await startServer('mosquitto')
    t.after(() => server.remove())
    const witness = new Witness()
    const fault = new Error('A fault of the caller')
    const told: string[] = []
    const options: CheckOptions = {
      ...WHO,
      transport: witness.dial,
      onResult: ({ id, verdict }) => {
        if (verdict === 'skipped') return
        told.push(id)
        throw fault
      },
    }
    await rejects(check(server.urls.tcp ?? '', options), fault)
    equal(told.length, 1)
    deepEqual(await remains(server, witness), [])
  })

  test('tells what it could not remove', async (t) => {
    const server = await startServer('mosquitto')
    t.after(() => server.remove())
    const left: string[] = []
    const restart = {
      orderly: async () => {
        await server.stop()
        throw new Error('It does not come back')
      },
    }
    const { leftovers, results } = await check(server.urls.tcp ?? '', {
      ...WHO,
      only: ['restart'],
      restart,
      timeouts: { cleanUpMs: 500 },
      onLeftover: (what) => left.push(what),
    })
    const result = results.find(({ id }) => id === 'restart')
    equal(result?.verdict, 'unknown')
    equal(result?.seen, 'the restart failed: It does not come back')
    deepEqual(left, leftovers)
    ok(leftovers.some((what) => what.startsWith('session umqtt-check-')))
    ok(leftovers.some((what) => what.startsWith('retained message umqtt-check-')))
  })
})
