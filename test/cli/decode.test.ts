// `umqtt decode`: every vector is read or refused with its clause, in every form of hex, and no bytes break it.

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'node:test'
import { hex, toHex } from '../support/hex.ts'
import { runHere } from '../support/command-rig.ts'
import { runs } from '../support/seed.ts'
import { FAULTY } from '../vectors/faulty.ts'
import { VALID } from '../vectors/valid.ts'

interface Line {
  readonly kind: string
  readonly offset: number
  readonly type: string
  readonly [field: string]: unknown
}

const linesOf = (stdout: string): Line[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)

const decode = async (
  bytes: Uint8Array,
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly lines: Line[]; readonly stderr: string }> => {
  const { code, stdout, stderr } = await runHere(['decode', '--raw', '--json', ...args], {
    stdin: [bytes],
  })
  return { code, lines: linesOf(stdout), stderr }
}

const flagsOf = ({
  version,
  from,
}: {
  readonly version: 4 | 5
  readonly from: string
}): string[] => [...['-V', version === 5 ? '5' : '311'], ...['--from', from]]

/** One connection of MQTT 5.0, both ways. */
const CLIENT = hex`
  10 16 00 04 'MQTT' 05 c2 00 3c 00 00 01 'a' 00 02 'me' 00 02 'pw'
  82 0b 00 07 00 00 05 'a/b/+' 01
  32 0c 00 01 'a' 00 09 03 23 00 05 'hey'
  30 06 00 00 03 23 00 05
`
const SERVER = hex`20 03 00 00 00  90 04 00 07 00 87  40 02 00 09  d0 00`

const readText = async (
  bytes: Uint8Array | string,
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> =>
  runHere(['decode', ...args], {
    stdin: [typeof bytes === 'string' ? Buffer.from(bytes) : bytes],
  })

describe('umqtt decode', () => {
  test('reads every valid packet', async () => {
    for (const vector of VALID) {
      const { code, lines } = await decode(vector.bytes, ...flagsOf(vector))
      assert.deepEqual([code, lines.length], [0, 1], vector.name)
      assert.equal(lines[0]?.['sizeBytes'], vector.bytes.length, vector.name)
    }
  })

  test('refuses every faulty packet with its clause and what was expected', async () => {
    for (const vector of FAULTY) {
      const { code, lines } = await decode(vector.bytes, ...flagsOf(vector))
      const fault = lines.find(({ kind }) => kind === 'fault')
      assert.equal(code, 8, vector.name)
      if (fault?.['error'] === 'cut') continue
      assert.deepEqual(
        [fault?.['clause'], fault?.['at'], fault?.['reasonCode']],
        [vector.clause, vector.offset, vector.reasonCode],
        vector.name,
      )
      assert.equal(typeof fault?.['expected'], 'string', `${vector.clause} has no words`)
    }
  })

  test('says what was asked by what it answers, and the topic behind an alias', async () => {
    const { code, lines } = await decode(Buffer.concat([CLIENT, SERVER]))
    assert.equal(code, 0)
    const note = lines.find(({ kind }) => kind === 'note')
    assert.match(String(note?.['text']), /Both directions/)
    const packets = lines.filter(({ kind }) => kind === 'packet')
    assert.deepEqual(
      packets.map(({ type, from, answers }) => [type, from, answers]),
      [
        ['CONNECT', 'client', undefined],
        ['SUBSCRIBE', 'client', undefined],
        ['PUBLISH', 'client', undefined],
        ['PUBLISH', 'client', undefined],
        ['CONNACK', 'server', undefined],
        ['SUBACK', 'server', 24],
        ['PUBACK', undefined, 37],
        ['PINGRESP', 'server', undefined],
      ],
    )
    assert.equal(packets[3]?.['aliasedTopic'], 'a')
    const { stdout } = await readText(Buffer.concat([CLIENT, SERVER]))
    assert.match(stdout, /Reason Code: 0x87 Not authorized for "a\/b\/\+"/)
    assert.match(stdout, /Topic Name: "a" by its alias/)
  })

  test('shows a password when it is asked for it alone', async () => {
    for (const args of [[], ['--json'], ['--whole']]) {
      const { stdout } = await readText(CLIENT, ...args)
      assert.doesNotMatch(stdout, /pw|70 77|cHc=/)
    }
    assert.match((await readText(CLIENT, '--show-secrets')).stdout, /Password: "pw"/)
    const { lines } = await decode(CLIENT, '--show-secrets')
    assert.equal(lines[0]?.['password'], 'pw')
    // One that is broken behind its password shows none of its bytes.
    const broken = Uint8Array.from([...CLIENT.subarray(0, 24)])
    broken[9] = 0xc3
    // A length that is short of the password leaves it to what follows.
    const short = Uint8Array.from(CLIENT)
    short[1] = 0x12
    assert.doesNotMatch((await readText(short)).stdout, /pw|70 77/)
    const { code, stdout } = await readText(broken)
    assert.equal(code, 8)
    assert.doesNotMatch(stdout, /pw|70 77/)
  })

  test('finds out the version, and says when it cannot', async () => {
    const of4 = await decode(hex`30 07 00 01 'a' 'hell'`)
    assert.equal(of4.lines[0]?.['version'], '3.1.1')
    const refused4 = await decode(hex`20 02 00 05`)
    assert.deepEqual(
      [refused4.lines[0]?.['version'], refused4.lines[0]?.['reasonName']],
      ['3.1.1', 'Connection Refused, not authorized'],
    )
    const of5 = await decode(hex`90 04 00 01 00 01`)
    assert.match(String(of5.lines[0]?.['text']), /No packet tells the version/)
    assert.equal(of5.lines[1]?.['version'], '5.0')
    const told = await decode(hex`90 04 00 01 00 01`, '-V', '311')
    assert.deepEqual(told.lines[0]?.['reasonNames'], ['Granted QoS 0', 'Granted QoS 1'])
  })

  test('goes on after a packet that is wrong, where its length says', async () => {
    const { code, lines } = await decode(hex`36 03 00 01 'a'  c0 00`, '--from', 'client')
    assert.equal(code, 8)
    assert.deepEqual(
      lines.map(({ kind, offset, goesOn }) => [kind, offset, goesOn]),
      [
        ['fault', 0, true],
        ['packet', 5, undefined],
      ],
    )
    const endless = await readText(hex`c0 00 30 ff ff ff ff c0 00`, '--raw')
    assert.match(endless.stdout, /stopped: where the next packet begins cannot be known\n$/)
    assert.equal(endless.code, 8)
  })

  test('tells how much of the last packet is missing', async () => {
    const { code, stdout } = await readText(hex`30 ff 01 00 01 'a' 00`, '--raw')
    assert.equal(code, 8)
    assert.match(stdout, /PUBLISH CUT OFF\n.*after 7 of 258 bytes\n.*missing: 251 bytes/)
    const header = await readText(hex`30 ff`, '--raw')
    assert.match(header.stdout, /end in the header/)
  })

  test('goes over what is too large, and reads on', async () => {
    const large = new Uint8Array(1_003).fill(0x61)
    large.set(hex`30 e8 07 00 01`)
    const { code, lines } = await decode(Buffer.concat([large, hex`c0 00`]), '--largest', '100')
    assert.equal(code, 0)
    assert.deepEqual(
      lines.map(({ kind, offset, sizeBytes }) => [kind, offset, sizeBytes]),
      [
        ['large', 0, 1_003],
        ['packet', 1_003, 2],
      ],
    )
  })

  test('lets nothing of the bytes at the terminal', async () => {
    const payload = Buffer.from('\u001b[2J\u202ebad\u0007\u009b31m and more text')
    const { stdout } = await readText(
      Uint8Array.from([0x30, payload.length + 3, 0, 1, 0x61, ...payload]),
      ...['--raw', '-V', '311'],
    )
    const isHarmless = (letter: string): boolean =>
      letter === '\n' || /^[^\p{Cc}\p{Cf}]$/u.test(letter)
    assert.equal(
      Array.from(stdout).find((letter) => !isHarmless(letter)),
      undefined,
    )
    assert.match(stdout, /\\u\{1b\}\[2J\\u\{202e\}bad/)
  })

  for (const [name, bytes, words] of [
    ['HTTP', Buffer.from('POST /mqtt HTTP/1.1\r\nHost: a\r\n\r\n'), /This is HTTP.*no WebSocket/],
    [
      'a refusal in HTTP',
      Buffer.from('HTTP/1.1 403 No\r\n\r\n'),
      /byte 19: "HTTP\/1.1 403 No" opens no/,
    ],
    ['TLS', hex`16 03 01 02 00 01 00 01 fc 03 03 00 00 00`, /This is TLS/],
    ['masked WebSocket frames', hex`82 82 01 02 03 04 c1 02`, /WebSocket frames/],
    ['WebSocket frames of a server', hex`82 04 20 02 00 00`, /WebSocket frames.*write --websocket/],
    ['a file of tcpdump', hex`d4 c3 b2 a1 02 00 04 00 00 00`, /tcpdump -nr FILE -X/],
    ['what gzip made', hex`1f 8b 08 00 00 00 00 00`, /gzip -dc/],
  ] as const) {
    test(`says that it is ${name}`, async () => {
      const { code, stdout, stderr } = await readText(bytes)
      assert.deepEqual([code, stdout], [8, ''])
      assert.match(stderr, words)
    })
  }
})

describe('hex', () => {
  const BYTES = hex`10 0d 00 04 'MQTT' 04 02 00 3c 00 01 'a' 30 05 00 01 'a' 'hi' c0 00`
  const digits = toHex(BYTES)
  const rows = (size: number): Uint8Array[] =>
    Array.from({ length: Math.ceil(BYTES.length / size) }, (_, row) =>
      BYTES.subarray(row * size, (row + 1) * size),
    )
  const offset = (row: number, width: number): string =>
    (row * 16).toString(16).padStart(width, '0')
  const ascii = (row: Uint8Array): string =>
    Buffer.from(row)
      .toString('latin1')
      .replaceAll(/[^ -~]/g, '.')
  const pairs = (row: Uint8Array): string =>
    toHex(row)
      .replaceAll(' ', '')
      .replaceAll(/(.{4})(?=.)/g, '$1 ')

  const FORMS: Readonly<Record<string, string>> = {
    'digits alone': digits.replaceAll(' ', ''),
    pairs: digits,
    'capital letters': digits.toUpperCase(),
    'pairs with colons': digits.replaceAll(' ', ':'),
    'pairs with dashes': digits.replaceAll(' ', '-'),
    'an array of C': `{ 0x${digits.replaceAll(' ', ', 0x')}, };`,
    'an array with single digits': `[${Array.from(BYTES, (byte) => `0x${byte.toString(16)}`).join(', ')}]`,
    'escapes of a string': `"\\x${digits.replaceAll(' ', String.raw`\x`)}"`,
    'a buffer of Node': `<Buffer ${digits}>`,
    'lines with comments': `# a connection\n${digits.replace(' 30', ' // CONNECT\r\n30')}\r\n`,
    xxd: rows(16)
      .map((row, index) => `${offset(index, 8)}: ${pairs(row).padEnd(39)}  ${ascii(row)}`)
      .join('\n'),
    'hexdump -C': `${rows(16)
      .map((row, index) => {
        const both = `${toHex(row.subarray(0, 8))}  ${toHex(row.subarray(8))}`
        return `${offset(index, 8)}  ${both.padEnd(48)}  |${ascii(row)}|`
      })
      .join('\n')}\n${BYTES.length.toString(16).padStart(8, '0')}\n`,
    od: rows(16)
      .map((row, index) => `${offset(index, 6)} ${toHex(row)}`)
      .join('\n'),
    Wireshark: rows(16)
      .map((row, index) => `${offset(index, 4)}  ${toHex(row).padEnd(47)}   ${ascii(row)}`)
      .join('\n'),
  }

  for (const [name, text] of Object.entries(FORMS)) {
    test(`is read as ${name}, cut anywhere`, async () => {
      const expected = await decode(BYTES)
      assert.equal(expected.lines.length, 3)
      for (const size of [1, 7, text.length]) {
        const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
          Buffer.from(text.slice(index * size, (index + 1) * size)),
        )
        const { code, stdout, stderr } = await runHere(['decode', '--json'], { stdin: pieces })
        assert.deepEqual([code, stderr, linesOf(stdout)], [0, '', expected.lines])
      }
    })
  }

  test('of tcpdump is read without the heads of IP and TCP', async () => {
    const ip4 = (payload: Uint8Array): Uint8Array => {
      const total = 40 + payload.length
      return hex`45 00 00 ${total} 00 00 40 00 40 06 00 00 7f 00 00 01 7f 00 00 01
        a0 00 07 5b 00 00 00 01 00 00 00 02 50 18 02 00 00 00 00 00 ${payload}`
    }
    const print = (packet: Uint8Array): string =>
      Array.from({ length: Math.ceil(packet.length / 16) }, (_, row) => {
        const part = packet.subarray(row * 16, (row + 1) * 16)
        return `\t0x${offset(row, 4)}:  ${pairs(part).padEnd(39)}  ${ascii(part)}`
      }).join('\n')
    const text = [hex`10 0d 00 04 'MQTT' 04 02 00 3c 00 01 'a'`, hex``, hex`20 02 00 00`]
      .map(
        (payload) =>
          `12:00:00.000001 IP 127.0.0.1.40960 > 127.0.0.1.1883: Flags [P.]\n${print(ip4(payload))}\n`,
      )
      .join('')
    const { code, stdout } = await readText(text, '--json')
    assert.deepEqual(
      [code, linesOf(stdout).flatMap(({ kind, type }) => (kind === 'packet' ? [type] : []))],
      [0, ['CONNECT', 'CONNACK']],
    )
  })

  test('has lines that a star stands for', async () => {
    const zeros = '00 '.repeat(16).trim()
    const text = `00000000  30 7e 00 01 61 00 00 00  00 00 00 00 00 00 00 00  |0~.a|
00000010  ${zeros}  |................|
*
00000080
`
    const { code, stdout } = await readText(text, '--json', '-V', '311')
    assert.equal(code, 0)
    assert.equal(linesOf(stdout)[0]?.['sizeBytes'], 128)
  })

  for (const [name, text, words] of [
    ['half a byte', '30 0', /line 1 as hex: "0" has half a byte/],
    ['another letter', '30 05\n00 xy', /line 2 as hex: "xy" has other letters/],
    [
      'a line that is missing',
      `${'00000000: '}${'c000'.repeat(8)}\n00000020: 00`,
      /lines are missing/,
    ],
    ['words', '0000000 0530 0100 6861\n', /write hexdump -C/],
  ] as const) {
    test(`with ${name} is refused with its line`, async () => {
      const { code, stderr } = await readText(text)
      assert.equal(code, 8)
      assert.match(stderr, words)
    })
  }
})

describe('no bytes', () => {
  const whole = fc.constantFrom(...VALID, ...FAULTY)
  const stream = fc
    .array(whole, { minLength: 1, maxLength: 4 })
    .map((vectors) => Buffer.concat(vectors.map(({ bytes }) => bytes)))
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 })
  const mutated = fc.tuple(stream, changes, fc.nat()).map(([bytes, changed, end]) => {
    const copy = Uint8Array.from(bytes)
    for (const [at, byte] of changed) copy[at % copy.length] = byte
    return copy.subarray(0, end % 3 === 0 ? end % (copy.length + 1) : copy.length)
  })
  const flags = fc.subarray(['--whole', '--show-secrets', '--json'])
  const sides = fc.constantFrom([], ['--from', 'client'], ['--from', 'server'])
  const versions = fc.constantFrom([], ['-V', '5'], ['-V', '311'])

  test('break it, and wherever they are cut it says the same', async () => {
    await fc.assert(
      fc.asyncProperty(mutated, flags, sides, versions, fc.nat(), async (bytes, ...rest) => {
        const [some, side, version, cut] = rest
        const args = ['decode', '--raw', ...some, ...side, ...version]
        const at = cut % (bytes.length + 1)
        const one = await runHere(args, { stdin: [bytes] })
        const two = await runHere(args, { stdin: [bytes.subarray(0, at), bytes.subarray(at)] })
        assert.ok(one.code === 0 || one.code === 8, `${one.code} ${one.stderr}`)
        assert.doesNotMatch(one.stderr, /umqtt:/)
        assert.deepEqual(two, one)
      }),
      runs(300),
    )
  })

  test('of a beginning that is broken are judged before there are enough to tell what they are', async () => {
    const before311 = [16, 17, 0, 6, ...Buffer.from('MQIsdp'), 3, 2, 0, 60, 0, 3, 97, 98, 99]
    const tls = [0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]
    for (const bytes of [[16, 0, ...before311], before311, tls].map((some) =>
      Uint8Array.from(some),
    )) {
      const one = await runHere(['decode', '--raw'], { stdin: [bytes] })
      assert.match(one.stderr, /This is (?:MQTT 3\.1|TLS)/)
      for (let at = 1; at < bytes.length; at += 1) {
        const stdin = [bytes.subarray(0, at), bytes.subarray(at)]
        assert.deepEqual(await runHere(['decode', '--raw'], { stdin }), one)
      }
    }
  })

  test('break the reading of hex', async () => {
    const letters = fc.constantFrom(...'0123456789abcdefx:|*<>{},; \n\t-"#/.')
    const text = fc.array(letters, { maxLength: 200 }).map((all) => all.join(''))
    await fc.assert(
      fc.asyncProperty(text, async (given) => {
        const { code } = await readText(given)
        assert.ok(code === 0 || code === 8, String(code))
      }),
      runs(300),
    )
  })
})
