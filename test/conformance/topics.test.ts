// portable
// Topic names and topic filters, shared subscriptions included. §4.7, §4.8.2

import { deepEqual, equal, throws } from 'node:assert/strict'
import { testClient } from '../support/scripted-memory.ts'
import { connected, endedFor, hex, only } from './conversation.ts'
import { rule } from './rule.ts'

type Client = ReturnType<typeof testClient>['client']

/** Every call that takes a topic name. */
const NAME_CALLS: readonly ((client: Client, topic: string) => unknown)[] = [
  (client, topic) => client.publish(topic, ''),
  (client, topic) => client.setLastWill(topic, ''),
]

/** Every call that takes a topic filter. */
const FILTER_CALLS: readonly ((client: Client, filter: string) => unknown)[] = [
  (client, filter) => client.subscribe(filter),
  (client, filter) => client.subscribe(['a', filter]),
  (client, filter) => client.unsubscribe(filter),
]

function refuses(version: 4 | 5, calls: typeof NAME_CALLS, ...texts: string[]): void {
  const { client } = testClient({ protocol: version })
  for (const text of texts) for (const call of calls) throws(() => call(client, text), `${text}`)
}

/** The filters go out as they are. */
function takes(version: 4 | 5, ...filters: string[]): void {
  const talk = connected(version)
  talk.subscribe(...filters)
  deepEqual(
    only(talk, 8).subscriptions.map(({ filter }) => filter),
    filters,
  )
  const { client } = testClient({ protocol: version })
  for (const filter of filters) {
    for (const call of FILTER_CALLS)
      (call(client, filter) as Promise<unknown>).catch(() => undefined)
  }
}

rule(
  'wildcards are for filters, not for names',
  { v4: 'MQTT-4.7.1-1', v5: 'MQTT-4.7.0-1' },
  (version) => {
    refuses(version, NAME_CALLS, '#', '+', 'a/#', '+/a', 'a/+/b', 'a#', '+a')
    takes(version, '#', '+', 'a/#', '+/a', 'a/+/b')
  },
)

rule(
  '"#" stands alone or after "/", and last',
  { v4: 'MQTT-4.7.1-2', v5: 'MQTT-4.7.1-1' },
  (version) => {
    refuses(version, FILTER_CALLS, 'a#', '#a', '#/a', 'a/#/b', '##', 'a/#b', '+#', 'a/b#')
    takes(version, '#', 'a/#', '/#', '+/#', 'a//#')
  },
)

rule('"+" fills a whole level', { v4: 'MQTT-4.7.1-3', v5: 'MQTT-4.7.1-2' }, (version) => {
  refuses(version, FILTER_CALLS, 'a+', '+a', 'a/+b', 'a+/b', '++', 'a/b+/c')
  takes(version, '+', '+/a', 'a/+', '/+', '+/+', 'a/+/b', '+//+')
})

rule('names and filters have at least one character', { both: 'MQTT-4.7.3-1' }, (version) => {
  refuses(version, NAME_CALLS, '')
  refuses(version, FILTER_CALLS, '')
  takes(version, '/', ' ')
})

rule(
  'a received name without a character ends the connection',
  { both: 'MQTT-4.7.3-1' },
  (version) => {
    const bytes = version === 5 ? '30 04 00 00 00 78' : '30 03 00 00 78'
    const talk = connected(version).receiveBytes(hex(bytes))
    equal(talk.messages.length, 0)
    endedFor(talk, 0x82)
  },
)

rule('names and filters have no U+0000', { both: 'MQTT-4.7.3-2' }, (version) => {
  refuses(version, NAME_CALLS, '\0', 'a\0', 'a/\0/b')
  refuses(version, FILTER_CALLS, '\0', 'a\0', 'a/\0/#')
})

rule('a received name with U+0000 ends the connection', { both: 'MQTT-4.7.3-2' }, (version) => {
  const bytes = version === 5 ? '30 06 00 02 61 00 00 78' : '30 05 00 02 61 00 78'
  endedFor(connected(version).receiveBytes(hex(bytes)), 0x81)
})

rule('names and filters have at most 65,535 bytes', { both: 'MQTT-4.7.3-3' }, (version) => {
  // 21,845 characters of 3 bytes are just short enough.
  const longest = '€'.repeat(21_845)
  refuses(version, NAME_CALLS, `${longest}a`, 'a'.repeat(65_536))
  refuses(version, FILTER_CALLS, `${longest}a`, 'a'.repeat(65_536))
  takes(version, longest)
  const talk = connected(version)
  talk.publish(longest)
  equal(only(talk, 3).topic, longest)
})

rule('$share/ is followed by a share name', { v5: 'MQTT-4.8.2-1' }, () => {
  refuses(5, FILTER_CALLS, '$share/', '$share//a', '$share//')
  takes(5, '$share/g/a', '$share/g/#', '$share/a b/+/c')
})

rule('a share name has no wildcard, and a filter follows', { v5: 'MQTT-4.8.2-2' }, () => {
  refuses(
    5,
    FILTER_CALLS,
    '$share/g',
    '$share/g/',
    '$share/+/a',
    '$share/#/a',
    '$share/g+/a',
    '$share/g#/a',
  )
  takes(5, '$share/g//', '$share/g/+', '$shared', '$share')
})
