// A test that never ends: quickjs.test.ts expects the host to name it.

import { test } from 'node:test'

test('waits for ever', async () => {
  await new Promise<void>(() => {})
})
