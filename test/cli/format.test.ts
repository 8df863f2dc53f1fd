// `-F` of `umqtt sub`: what it prints is what mosquitto_sub prints for the same message, and what the
// `strftime` of bash prints for the same moment; what is unknown is refused with what there is.

import { deepEqual, equal, match, throws } from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { readFormat } from '../../src/cli/sub/format.ts'
import { strftime, TIME_LETTERS } from '../../src/cli/sub/strftime.ts'
import { MQTTClient, type Message, type PublishProperties } from '../../src/simple.node.ts'
import { startUmqtt, umqttHere } from '../support/command-line.ts'
import { startServer } from '../support/servers.ts'
import { requireOrSkip } from '../support/skip.ts'

const message = (payload: string, properties: PublishProperties = {}): Message => ({
  topic: 'hall/a',
  payload: new TextEncoder().encode(payload),
  text: () => payload,
  json: () => payload,
  qos: 1,
  retain: true,
  dup: false,
  properties,
  acknowledge: () => undefined,
})

const at = new Date(2026, 0, 2, 13, 4, 5, 67)

const printed = (format: string, payload = 'on', properties: PublishProperties = {}): string =>
  Buffer.from(readFormat(format, '')({ message: message(payload, properties), at })).toString()

describe('a format', () => {
  for (const [format, text] of [
    ['%t %p', 'hall/a on'],
    ['%q%r%d%l', '1102'],
    ['[%10t][%-10t][%.4t][%6.2t]', '[    hall/a][hall/a    ][hall][    ha]'],
    ['[%5p][%-5p][%05l][%-05l]', '[   on][on   ][00002][2    ]'],
    ['%x %X %8x %08X', '6f6e 6F6E     6f6e 00006F6E'],
    ['%C|%D|%E|%F|%R|%S|%P', '||||||'],
    ['\\t\\\\\\0\\a\\e\\n\\r\\v%%@@', '\t\\\0\u0007\u001b\n\r\v%@'],
    ['@F @T.@N @j @e', '2026-01-02 13:04:05.067000000 002  2'],
    ['plain', 'plain'],
    ['', ''],
  ] as const) {
    test(`prints ${JSON.stringify(format)}`, () => equal(printed(format), text))
  }

  test('prints the properties', () => {
    const properties = {
      contentType: 'text',
      correlationData: new TextEncoder().encode('id'),
      messageExpirySeconds: 30,
      payloadFormatIndicator: 1,
      responseTopic: 'answer',
      subscriptionIds: [4, 5],
      userProperties: [
        ['a', 'b'],
        ['c', 'd'],
      ],
    } as const
    equal(printed('%C|%D|%E|%F|%R|%S|%P', 'on', properties), 'text|id|30|1|answer|4 5|a:b c:d')
  })

  test('prints JSON with the payload as text, or as it is', () => {
    const { tst, ...said } = JSON.parse(printed('%j', '{"a": 1}')) as Record<string, unknown>
    match(String(tst), /^2026-01-02T13:04:05\.067000[+-]\d{4}$/)
    deepEqual(said, { topic: 'hall/a', qos: 1, retain: 1, payloadlen: 8, payload: '{"a": 1}' })
    match(printed('%J', '{"a": 1}'), /"payload":\{"a":1\}\}$/)
    throws(() => printed('%J', 'on'), { name: 'TypeError', message: 'the payload is no JSON' })
  })

  for (const [format, pattern] of [
    ['%z', /Cannot use "%z" in -F: after "%" write one of /],
    ['100%', /Cannot use "%" in -F/],
    ['%m', /packet identifiers belong to the connection/],
    ['%A', /topic aliases are resolved/],
    ['%5q', /%q has no width/],
    ['%.2x', /%x has no largest width/],
    ['@Q', /after "@" write one of /],
    ['\\q', /after "\\" write one of /],
  ] as const) {
    test(`refuses ${JSON.stringify(format)}`, () =>
      throws(() => readFormat(format, ''), { name: 'UsageError', message: pattern }))
  }

  test('is refused before anything is sent', async () => {
    const { code, err } = await umqttHere(['sub', '-t', 'a', '-F', '%z'])
    equal(code, 2)
    match(err, /Cannot use "%z"/)
  })
})

describe('the times of a format', () => {
  test('are those of strftime, as bash calls it', (t) => {
    if (!requireOrSkip(t, 'bash')) return
    // Of what is ours alone, it knows nothing.
    const letters = Array.from(TIME_LETTERS).filter((letter) => !'@N'.includes(letter))
    for (const moment of [0, 951_782_399, 1_230_768_000, 1_751_328_000, 1_798_675_199]) {
      const format = letters.map((letter) => `${letter}=%(%${letter})T`).join('|')
      const times = letters.map(() => moment).join(' ')
      const { stdout } = spawnSync('bash', ['-c', `printf '${format}' ${times}`], {
        encoding: 'utf8',
        env: { ...process.env, LC_ALL: 'C' },
      })
      const ours = letters
        .map((letter) => `${letter}=${strftime(letter, new Date(moment * 1_000))}`)
        .join('|')
      equal(ours, stdout)
    }
  })
})

describe('umqtt sub and mosquitto_sub', { timeout: 60_000 }, () => {
  const FORMATS = ['%t|%p|%q%r|%l|%x|%X|%5l|%-8t|%08l|%10.2t|@d', '%C|%D|%E|%F|%R|%P|%8C|%-8R']

  test('print the same', async (t) => {
    if (!requireOrSkip(t, 'mosquitto') || !requireOrSkip(t, 'mosquitto-clients')) return
    const server = await startServer('mosquitto', { anonymous: true })
    try {
      const { port } = new URL(server.urls.tcp as string)
      const publisher = new MQTTClient('publisher', server.urls.tcp as string)
      await publisher.connect()
      await publisher.publish('same', 'päyload', {
        qos: 1,
        retain: true,
        properties: {
          contentType: 'text',
          correlationData: new TextEncoder().encode('id'),
          payloadFormatIndicator: 1,
          responseTopic: 'answer',
          userProperties: [
            ['a', 'b'],
            ['c', 'd'],
          ],
        },
      })
      for (const format of FORMATS) {
        const args = ['-p', port, '-t', 'same', '-q', '1', '-C', '1', '-V', '5', '-F', format]
        const theirs = spawn('mosquitto_sub', args)
        let text = ''
        theirs.stdout.setEncoding('utf8').on('data', (more: string) => (text += more))
        await once(theirs, 'close')
        const { stdout } = await startUmqtt(['sub', ...args]).ended
        equal(stdout, text)
        match(text, /\|/)
      }
      await publisher.publish('same', '', { retain: true })
      await publisher.disconnect()
    } finally {
      await server.remove()
    }
  })
})
