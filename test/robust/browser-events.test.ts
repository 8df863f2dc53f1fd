// `umqtt/robust` in a browser where nothing tells of events: a bundle for pages that runs on a server, or in a shell of
// an application that has WebSocket and no window.

import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { MQTTClient } from '../../src/robust.browser.ts'

test('a client is made and disposed of where nothing tells of events', async () => {
  const names = ['addEventListener', 'removeEventListener'] as const
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name))
  for (const name of names) Object.assign(globalThis, { [name]: undefined })
  try {
    const client = new MQTTClient('page-1', 'wss://a.example')
    await client[Symbol.asyncDispose]()
    equal(client.state, 'closed')
  } finally {
    names.forEach((name, i) => {
      Reflect.deleteProperty(globalThis, name)
      const was = before[i]
      if (was !== undefined) Object.defineProperty(globalThis, name, was)
    })
  }
})
