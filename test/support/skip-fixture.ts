// Tests that are skipped in every way there is, for skip.test.ts to run with the reporter of skips.

import { describe, test } from 'node:test'

test('runs', () => {})
test('skipped by an option', { skip: 'mosquitto is absent: apt-get install mosquitto' }, () => {})
test('skipped from inside', (t) => t.skip('openssl is absent: apt-get install openssl'))
test('skipped without a reason', { skip: true }, () => {})
describe('a suite', { skip: 'mosquitto is absent: apt-get install mosquitto' }, () => {
  test('inside', () => {})
})
