// portable
// How servers are read: a table of what is good and bad, and properties over what nobody would write.

import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type ParseServerOptions,
  parseServer,
  rememberingParser,
} from '../../src/transport/address.ts'
import { runs } from '../support/seed.ts'

/** What is written, and what it means: scheme, host, port, path, href. */
const GOOD: readonly (readonly [string, string, string, number, string, string])[] = [
  ['localhost', 'mqtt', 'localhost', 1883, '', 'mqtt://localhost:1883'],
  ['Server.Example', 'mqtt', 'server.example', 1883, '', 'mqtt://server.example:1883'],
  ['server.example.', 'mqtt', 'server.example.', 1883, '', 'mqtt://server.example.:1883'],
  ['my_server-1:1884', 'mqtt', 'my_server-1', 1884, '', 'mqtt://my_server-1:1884'],
  ['bücher.example', 'mqtt', 'bücher.example', 1883, '', 'mqtt://bücher.example:1883'],
  ['192.0.2.1', 'mqtt', '192.0.2.1', 1883, '', 'mqtt://192.0.2.1:1883'],
  ['192.0.2.255:1', 'mqtt', '192.0.2.255', 1, '', 'mqtt://192.0.2.255:1'],
  ['[::1]', 'mqtt', '::1', 1883, '', 'mqtt://[::1]:1883'],
  ['[2001:DB8::1]:65535', 'mqtt', '2001:db8::1', 65_535, '', 'mqtt://[2001:db8::1]:65535'],
  ['[1:2:3:4:5:6:7:8]', 'mqtt', '1:2:3:4:5:6:7:8', 1883, '', 'mqtt://[1:2:3:4:5:6:7:8]:1883'],
  ['[::ffff:192.0.2.1]', 'mqtt', '::ffff:192.0.2.1', 1883, '', 'mqtt://[::ffff:192.0.2.1]:1883'],
  ['[fe80::1%eth0]', 'mqtt', 'fe80::1%eth0', 1883, '', 'mqtt://[fe80::1%eth0]:1883'],
  ['mqtt://h', 'mqtt', 'h', 1883, '', 'mqtt://h:1883'],
  ['mqtt://h:08883/', 'mqtt', 'h', 8883, '', 'mqtt://h:8883'],
  ['MQTTS://H', 'mqtts', 'h', 8883, '', 'mqtts://h:8883'],
  ['tcp://h', 'mqtt', 'h', 1883, '', 'mqtt://h:1883'],
  ['ssl://h', 'mqtts', 'h', 8883, '', 'mqtts://h:8883'],
  ['tls://h:443', 'mqtts', 'h', 443, '', 'mqtts://h:443'],
  ['ws://h', 'ws', 'h', 80, '/mqtt', 'ws://h:80/mqtt'],
  ['ws://h/', 'ws', 'h', 80, '/', 'ws://h:80/'],
  ['wss://h:8443/a//b%20c', 'wss', 'h', 8443, '/a//b%20c', 'wss://h:8443/a//b%20c'],
  ['wss://h/a?token=secret', 'wss', 'h', 443, '/a?token=secret', 'wss://h:443/a'],
  ['wss://h?token=secret', 'wss', 'h', 443, '/mqtt?token=secret', 'wss://h:443/mqtt'],
  ['ws://[::1]:99/x', 'ws', '::1', 99, '/x', 'ws://[::1]:99/x'],
  ['unix:/run/mqtt.sock', 'unix', '', 0, '/run/mqtt.sock', 'unix:/run/mqtt.sock'],
  ['unix:///run/mqtt.sock', 'unix', '', 0, '/run/mqtt.sock', 'unix:/run/mqtt.sock'],
  ['UNIX:./a@b c', 'unix', '', 0, './a@b c', 'unix:./a@b c'],
]

const BAD: readonly (readonly [string, RegExp])[] = [
  ['', /^Cannot use the server "": it names no host, as "localhost" or /],
  [' ', /names no host/],
  ['a b', /^Cannot use the server "a b": it names no host/],
  ['a\nb', /^Cannot use the server "a\\nb": it names no host/],
  ['a..b', /names no host/],
  ['.a', /names no host/],
  ['a\u3000b', /names no host/],
  ['mqtt://', /names no host/],
  ['mqtt:///', /names no host/],
  ['1883', /names no host/],
  ['256.0.0.1', /names no host/],
  ['1.2.3', /names no host/],
  ['1.2.3.4.5', /names no host/],
  ['1.2.3.4.', /names no host/],
  ['[]', /names no host/],
  ['[::g]', /names no host/],
  ['[1.2.3.4]', /names no host/],
  ['[1:2:3:4:5:6:7]', /names no host/],
  ['[1:2:3:4:5:6:7:8:9]', /names no host/],
  ['[1::2::3]', /names no host/],
  ['[1:2:3:4:5:6:7::8]', /names no host/],
  ['[12345::]', /names no host/],
  ['[::1]x', /names no host/],
  ['[::1', /names no host/],
  ['a'.repeat(254), /names no host/],
  ['::1', /write the IPv6 address as "\[::1\]"/],
  ['mqtt://2001:db8::1', /write the IPv6 address as "\[2001:db8::1\]"/],
  [
    'http://h',
    /^Cannot use the server "http:\/\/h": use "mqtt:", "mqtts:", "ws:", "wss:" or "unix:"$/,
  ],
  ['constructor://h', /use "mqtt:"/],
  ['://h', /use "mqtt:"/],
  ['h/mqtt', /only "ws:" and "wss:" have a path$/],
  ['h/', /only "ws:" and "wss:" have a path$/],
  ['mqtt://h/a', /only "ws:" and "wss:" have a path$/],
  ['mqtts://h?a=b', /^Cannot use the server "mqtts:\/\/h\?…": only/],
  ['ws://h/ä', /needs encoding$/],
  ['ws://h/a b', /needs encoding$/],
  ['ws://h/#a', /needs encoding$/],
  ['unix:', /names no file, as "unix:\/run\/mqtt\.sock" does$/],
  ['unix://', /names no file/],
  ['unix://run/mqtt.sock', /names no file/],
  ['unix:/a\0b', /names no file/],
  ['user@h', /^Cannot use a server with "@": use the options "user" and "password"/],
  ['mqtt://user:password@h', /^Cannot use a server with "@"/],
]

describe('parseServer', () => {
  for (const [server, scheme, host, port, path, href] of GOOD) {
    it(`reads ${JSON.stringify(server)}`, () => {
      deepEqual(parseServer(server), { scheme, host, port, path, href })
    })
  }

  for (const [server, message] of BAD) {
    it(`refuses ${JSON.stringify(server.slice(0, 40))}`, () => {
      throws(() => parseServer(server), { message })
    })
  }

  for (const port of ['', '0', '65536', '-1', '1.5', '1e3', '0x10', ' 1', 'mqtt', '9'.repeat(30)]) {
    it(`refuses the port "${port}"`, () => {
      const expected = { name: 'RangeError', message: /write a whole number from 1 to 65,535$/ }
      throws(() => parseServer(`mqtt://h:${port}`), expected)
    })
  }

  it('refuses what is no string', () => {
    for (const server of [undefined, null, 5, {}, ['h'], new Date(0)]) {
      throws(() => parseServer(server as string), { name: 'TypeError', message: /^Cannot use the/ })
    }
  })

  it('takes the port of the options when the server names none', () => {
    equal(parseServer('h', { port: 1884 }).port, 1884)
    equal(parseServer('wss://h', { port: 1 }).port, 1)
    equal(parseServer('[::1]', { port: 65_535 }).href, 'mqtt://[::1]:65535')
    equal(parseServer('h', { port: undefined }).port, 1883)
  })

  it('refuses a port of the options that is none', () => {
    for (const port of [0, -1, 1.5, NaN, Infinity, 65_536]) {
      throws(() => parseServer('h', { port }), {
        name: 'RangeError',
        message: `Cannot use the port "${port}": write a whole number from 1 to 65,535`,
      })
      throws(() => parseServer('h:1', { port }), { name: 'RangeError' })
    }
  })

  it('refuses two ports that differ, and names both', () => {
    equal(parseServer('h:1884', { port: 1884 }).port, 1884)
    const expected = { name: 'RangeError', message: /1884 of the server and 1885 of the options/ }
    throws(() => parseServer('mqtt://h:1884', { port: 1885 }), expected)
  })

  it('means TLS by a bare host when TLS settings are given', () => {
    equal(parseServer('h', { tls: true }).href, 'mqtts://h:8883')
    equal(parseServer('h:1883', { tls: true }).href, 'mqtts://h:1883')
    equal(parseServer('wss://h', { tls: true }).href, 'wss://h:443/mqtt')
    equal(parseServer('h', { tls: false }).scheme, 'mqtt')
  })

  it('refuses TLS settings where they would have no effect', () => {
    throws(() => parseServer('mqtt://h', { tls: true }), { message: /TLS settings need "mqtts:"$/ })
    throws(() => parseServer('tcp://h', { tls: true }), { message: /TLS settings need "mqtts:"$/ })
    throws(() => parseServer('ws://h', { tls: true }), { message: /TLS settings need "wss:"$/ })
    throws(() => parseServer('unix:/a', { tls: true }), { message: /neither a port nor TLS$/ })
    throws(() => parseServer('unix:/a', { port: 1 }), { message: /neither a port nor TLS$/ })
  })

  it('throws nothing but TypeError and RangeError, of bounded length', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.constantFrom('mqtt', 'mqtts', 'ws', 'wss', 'unix', '://', ':', '//', '/', '?', '#', '@'),
        fc.constantFrom('[', ']', '::', '1', '65535', '65536', '192.0.2.1', '::1', '%', '.', ' '),
        fc.string({ unit: 'binary', maxLength: 5 }),
      ),
      { maxLength: 12 },
    )
    const options: fc.Arbitrary<ParseServerOptions> = fc.record(
      { port: fc.oneof(fc.integer(), fc.double()), tls: fc.boolean() },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(pieces, options, (parts, given) => {
        const server = parts.join('')
        try {
          const address = parseServer(server, given)
          ok(address.scheme === 'unix' || (address.port >= 1 && address.port <= 65_535))
          // What was read can be read again.
          deepEqual(parseServer(address.href).host, address.host)
          equal(parseServer(address.href).port, address.port)
        } catch (error) {
          ok(error instanceof TypeError || error instanceof RangeError, String(error))
          match(error.message, /^Cannot use /)
        }
      }),
      runs(2000),
    )
  })

  it('never shows user information or a query', () => {
    const secret = 'S3CRET'
    const around = fc.string({ unit: 'grapheme-ascii', maxLength: 6 })
    const forms = fc.oneof(
      fc.tuple(around, around).map(([a, b]) => `mqtt://user:${a}${secret}${b}@host`),
      fc.tuple(around, around).map(([a, b]) => `${a}${secret}${b}@host:1883`),
      fc.tuple(around, around).map(([a, b]) => `wss://${a}${secret}${b}@host/path`),
      fc.tuple(around, around).map(([a, b]) => `wss://host${a}?${b}${secret}`),
      fc.tuple(around, around).map(([a, b]) => `ws://${a}/?${secret}${b}`),
    )
    const options: fc.Arbitrary<ParseServerOptions> = fc.record({
      port: fc.constantFrom(undefined, 1, 0),
      tls: fc.boolean(),
    })
    fc.assert(
      fc.property(forms, options, (server, given) => {
        let shown: string
        try {
          shown = parseServer(server, given).href
        } catch (error) {
          shown = (error as Error).message
        }
        ok(!shown.includes(secret), shown)
      }),
      runs(2000),
    )
  })
})

describe('rememberingParser', () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `host-${i}`)

  it('gives the same object for each of a few servers, whatever was asked for between', () => {
    const parse = rememberingParser()
    const first = names(16).map((name) => parse(name))
    const again = names(16).map((name) => parse(name))
    ok(first.every((address, i) => address === again[i]))
    deepEqual(first[3], parseServer('host-3'))
  })

  it('tells options apart', () => {
    const parse = rememberingParser()
    deepEqual(
      [parse('a', { port: 1 }), parse('a', { port: 2 }), parse('a', { tls: true }), parse('a')],
      [{ port: 1 }, { port: 2 }, { tls: true }, {}].map((options) => parseServer('a', options)),
    )
  })

  it('remembers no more than that of servers that are made up as it goes', () => {
    const parse = rememberingParser()
    const first = parse('host-0')
    for (const name of names(17)) parse(name)
    ok(parse('host-0') !== first)
  })

  it('refuses the same server each time', () => {
    const parse = rememberingParser()
    throws(() => parse('a@b'), TypeError)
    throws(() => parse('a@b'), TypeError)
  })
})
