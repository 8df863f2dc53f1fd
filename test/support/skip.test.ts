// What is absent is skipped with words, or fails when it is required; and no skip goes unreported.

import { deepEqual, equal, throws } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { judge, parseRequirement } from './skip.ts'

const NOTHING = new Set<never>()

test('a test runs when all that it needs is there', () => {
  equal(
    judge(['mosquitto', 'openssl'], () => true, parseRequirement('all')),
    false,
  )
})

test('a test is skipped with the remedy when something is absent', () => {
  equal(
    judge(['mosquitto', 'openssl'], (name) => name === 'openssl', NOTHING),
    'mosquitto is absent: apt-get install mosquitto',
  )
})

test('a test fails when something is absent that UMQTT_REQUIRE names', () => {
  throws(
    () => judge(['openssl'], () => false, parseRequirement('mosquitto, openssl')),
    /UMQTT_REQUIRE/,
  )
  equal(typeof judge(['openssl'], () => false, parseRequirement('mosquitto')), 'string')
})

test('UMQTT_REQUIRE=all asks for what a package gives, and not for another machine', () => {
  const all = parseRequirement('all')
  equal(all.has('mosquitto'), true)
  equal(all.has('ipv6'), false)
})

test('UMQTT_REQUIRE rejects a name that nothing has', () => {
  throws(
    () => parseRequirement('mosquito'),
    /"mosquito", which is neither "all" nor one of "mosquitto"/,
  )
})

test('the reporter writes down every skipped test with its reason', () => {
  const output = execFileSync(
    process.execPath,
    [
      '--test',
      '--test-reporter=./scripts/lib/skip-reporter.mjs',
      'build/test/support/skip-fixture.js',
    ],
    { encoding: 'utf8', env: { ...process.env, NODE_TEST_CONTEXT: undefined } },
  )
  deepEqual(JSON.parse(output), [
    { name: 'skipped by an option', reason: 'mosquitto is absent: apt-get install mosquitto' },
    { name: 'skipped from inside', reason: 'openssl is absent: apt-get install openssl' },
    { name: 'skipped without a reason', reason: 'skipped, no reason given' },
    { name: 'a suite', reason: 'mosquitto is absent: apt-get install mosquitto' },
  ])
})
