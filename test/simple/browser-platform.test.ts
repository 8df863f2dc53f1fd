// What the platform of a browser makes of a warning that no listener took: a line of its console, and no error that
// a page's tracker of errors would report.

import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { browserPlatform } from '../../src/browser.ts'

test('a warning that nobody listens to is a warning of the console, with its code', (t) => {
  const warn = t.mock.method(console, 'warn', () => undefined)
  browserPlatform.warn('outbox-slow', 'The store does not answer')
  deepEqual(
    warn.mock.calls.map((call) => call.arguments),
    [['The store does not answer (outbox-slow)']],
  )
})
