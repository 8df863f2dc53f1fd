// What a person is told of a client that does not get its connection: nobody waits for one, and nobody listens.

import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { within } from '../../src/robust/policies.ts'
import { HeldStore } from '../support/kept-store.ts'
import {
  accepted,
  connectedRig,
  refused,
  type RobustRig,
  robustClient,
  type RobustRigOptions,
} from '../support/robust-rig.ts'
import { elapse, settle } from '../support/scripted-memory.ts'

/** Something has to be delivered, and nobody looks at it. */
function publishing(options: RobustRigOptions = {}): RobustRig {
  const rig = robustClient(options)
  rig.client.publish('a', 'x', { delivery: within('1d') })
  return rig
}

const codes = ({ warnings }: RobustRig): string[] => warnings.map(({ code }) => code)

const UNHEARD: RobustRigOptions = { listens: false }

describe('a person is told', () => {
  test('once that the server refuses the client, though nothing but a message waits', async () => {
    const rig = publishing(UNHEARD)
    const heard: string[] = []
    rig.client.on('warning', ({ message }) => heard.push(message))
    await refused(rig, 0x86)
    await refused(rig, 0x87)
    equal(heard.length, 1)
    match(heard[0] ?? '', /tries rarely.+0x86/)
  })

  test('once that there was no connection in three attempts, and why', async () => {
    const rig = publishing(UNHEARD)
    for (const expected of [[], [], ['connection-failed'], ['connection-failed']]) {
      await refused(rig, 0x88)
      deepEqual(codes(rig), expected)
    }
    match(rig.warnings[0]?.message ?? '', /3 attempts.+0x88/)
  })

  test('of credentials() that gives none, as nothing else would say so', async () => {
    const rig = publishing({
      credentials: () => Promise.resolve({ name: 'u' } as never),
      ...UNHEARD,
    })
    await elapse(rig.clock, 600_000)
    deepEqual(codes(rig), ['connection-failed'])
    match(rig.warnings[0]?.message ?? '', /credentials\(\).+"?name"?|credentials\(\)\.name/)
  })
})

describe('a person is not told', () => {
  test('of an outage, however long', async () => {
    const rig = publishing(UNHEARD)
    const connection = await accepted(rig)
    connection.destroy()
    for (let attempt = 0; attempt < 10; attempt += 1) await refused(rig, 0x88)
    deepEqual(codes(rig), [])
  })

  test('of an outage in which the process began that has the outbox of one which was connected', async () => {
    const outbox = new HeldStore()
    const before = await connectedRig({ outbox }, { connack: { sessionExpiryInterval: 3600 } })
    await settle()
    const rig = publishing({ outbox: await outbox.copy(), ...UNHEARD })
    for (let attempt = 0; attempt < 5; attempt += 1) await refused(rig, 0x88)
    deepEqual([codes(before), codes(rig)], [[], []])
  })

  test('of attempts that fail, when a listener hears of each', async () => {
    const rig = publishing()
    for (let attempt = 0; attempt < 10; attempt += 1) await refused(rig, 0x88)
    await refused(rig, 0x86)
    deepEqual(codes(rig), [])
  })

  test('that it tries rarely, when it tries no more', async () => {
    const rig = publishing({ reconnect: { whenRefused: 'stop' }, ...UNHEARD })
    await refused(rig, 0x86)
    await elapse(rig.clock, 600_000)
    deepEqual(codes(rig), [])
    deepEqual(rig.client.state, 'closed')
  })
})
