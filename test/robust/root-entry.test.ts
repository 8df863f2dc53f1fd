// The entry point `umqtt`: both clients on every platform, with the names of their layers and no twins.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import * as browserRoot from '../../src/index.browser.ts'
import * as root from '../../src/index.ts'
import * as browserRobust from '../../src/robust.browser.ts'
import * as robust from '../../src/robust.node.ts'
import * as browserSimple from '../../src/simple.browser.ts'
import * as simple from '../../src/simple.node.ts'

const PLATFORMS: readonly [string, Record<string, unknown>, object, Record<string, unknown>][] = [
  ['Node', root, simple, robust],
  ['a browser', browserRoot, browserSimple, browserRobust],
]

for (const [name, all, one, holding] of PLATFORMS) {
  test(`umqtt has both clients, and all that goes with them, on ${name}`, () => {
    const { MQTTClient: RobustClient, ...rest } = holding
    deepEqual({ ...all }, { ...rest, ...one, RobustClient })
    ok(all['MQTTClient'] !== all['RobustClient'])
  })
}

test('an error of one client is an error of the other', () => {
  equal(root.MqttError, robust.MqttError)
  equal(root.MqttError, simple.MqttError)
})

test('a client of it does what that of its layer does', async () => {
  const client = new root.RobustClient('a', 'localhost')
  ok(client instanceof robust.MQTTClient)
  await client.disconnect()
})
