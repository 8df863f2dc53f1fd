// `umqtt/sim` as Node has it: the same scenarios as on any other engine, next to false timers of a test
// runner, and without holding up the platform.

import { equal, ok } from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { scenario as scenarioOnNode, simulate } from '../../src/sim.node.ts'
import type { ScenarioWorld } from '../../src/sim/scenario/types.ts'
import { scenario } from '../support/sim-rig.ts'

async function outage(world: ScenarioWorld): Promise<void> {
  world.server('mqtt://server')
  const door = world.device('door', { outbox: 'disk' }, (client, { every }) => {
    every('1m', () => client.publish('a', 'x', { qos: 2 }))
  })
  await world.pass('20m')
  door.link.partition()
  await world.pass('3m')
  door.powerCut()
  door.link.heal()
  door.start()
  await world.pass('20m')
}

describe('umqtt/sim on Node', () => {
  test('a scenario goes the same way as where there are microtasks alone', async () => {
    const [one, other] = [
      await scenarioOnNode({ seed: 5 }, outage),
      await scenario({ seed: 5 }, outage),
    ]
    equal(one.hash, other.hash)
  })

  test('false timers of a test runner do not stop it', async () => {
    mock.timers.enable()
    try {
      const { simulatedMs } = await scenarioOnNode({}, (world) => world.pass('1d'))
      equal(simulatedMs, 86_400_000)
    } finally {
      mock.timers.reset()
    }
  })

  test('the platform has its turns while one runs', async () => {
    let isOver = false
    let turns = 0
    const count = (): void => {
      turns += 1
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    await scenarioOnNode({}, async (world) => {
      world.server('mqtt://server')
      world.device('door', (_client, { every }) => void every(1, () => undefined))
      await world.pass('30s')
    })
    isOver = true
    ok(turns > 3, `${turns}`)
  })

  test('a seed of the simulation can be run', async () => {
    const { hash, simulatedMs } = await simulate(1)
    equal(hash.length, 16)
    ok(simulatedMs > 60_000)
  })
})
