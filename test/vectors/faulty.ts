// What no decoder may take: bytes that are no packet, and packets that are not allowed.
// Each is as near to a valid packet as it can be: one thing is wrong with it.

import { hex } from '../support/hex.ts'
import { type FaultyVector, forbidden, malformed } from './vector.ts'

const SIDES = ['client', 'server'] as const
const VERSIONS = [4, 5] as const

/** One vector for each version, with clauses of their own. */
function each<T>(make: (version: 4 | 5, clause: (of4: string, of5: string) => string) => T): T[] {
  return VERSIONS.map((version) => make(version, (of4, of5) => (version === 4 ? of4 : of5)))
}

/** The property length 0 that only MQTT 5.0 has. */
function none(version: 4 | 5): number[] {
  return version === 5 ? [0] : []
}

const HEADERS: readonly FaultyVector[] = [
  ...each((version) => malformed(version, 'server', 'type 0', hex`00 00`, '§2.1.2', 0)),
  ...each((version) => malformed(version, 'client', 'type 0', hex`0f 00`, '§2.1.2', 0)),
  // What only the other side may send. Table 2-1
  ...([0x10, 0x82, 0xa2, 0xc0] as const).flatMap((first) =>
    each((version) =>
      forbidden(version, 'server', `type ${first >> 4}`, hex`${first} 00`, '§2.1.2', 0),
    ),
  ),
  ...([0x20, 0x90, 0xb0, 0xd0] as const).flatMap((first) =>
    each((version) =>
      forbidden(version, 'client', `type ${first >> 4}`, hex`${first} 00`, '§2.1.2', 0),
    ),
  ),
  forbidden(4, 'server', 'DISCONNECT', hex`e0 00`, '§2.1.2', 0),
  ...SIDES.map((side) => forbidden(4, side, 'AUTH', hex`f0 00`, '§2.1.2', 0)),
  // Reserved flags. §2.1.3
  ...([0x21, 0x42, 0x51, 0x60, 0x6a, 0x72, 0x91, 0xb2, 0xd4] as const).flatMap((first) =>
    each((version, clause) =>
      malformed(
        version,
        'server',
        `flags ${first & 15} of type ${first >> 4}`,
        hex`${first} 02 00 00`,
        clause('MQTT-2.2.2-2', 'MQTT-2.1.3-1'),
        0,
      ),
    ),
  ),
  ...([0x11, 0x80, 0x83, 0xa0, 0xc1, 0xe1] as const).flatMap((first) =>
    each((version, clause) =>
      malformed(
        version,
        'client',
        `flags ${first & 15} of type ${first >> 4}`,
        hex`${first} 02 00 00`,
        clause('MQTT-2.2.2-2', 'MQTT-2.1.3-1'),
        0,
      ),
    ),
  ),
  malformed(5, 'server', 'DISCONNECT with a flag', hex`e8 00`, 'MQTT-2.1.3-1', 0),
  malformed(5, 'server', 'AUTH with a flag', hex`f1 00`, 'MQTT-2.1.3-1', 0),
  // Remaining Length. §2.1.4
  ...each((version, clause) =>
    malformed(
      version,
      'server',
      'a length of five bytes',
      hex`30 ff ff ff ff 01`,
      clause('§2.2.3', '§1.5.5'),
      4,
    ),
  ),
  malformed(5, 'server', 'a length of 0 in two bytes', hex`d0 80 00`, 'MQTT-1.5.5-1', 2),
  malformed(
    5,
    'server',
    'a length of 2 in four bytes',
    hex`40 82 80 80 00 00 01`,
    'MQTT-1.5.5-1',
    4,
  ),
  ...each((version, clause) =>
    malformed(
      version,
      'server',
      'PINGRESP with a byte',
      hex`d0 01 00`,
      clause('§2.2.3', '§2.1.4'),
      2,
    ),
  ),
  ...each((version, clause) =>
    malformed(
      version,
      'client',
      'PINGREQ with a byte',
      hex`c0 01 00`,
      clause('§2.2.3', '§2.1.4'),
      2,
    ),
  ),
]

const CONNECTS: readonly FaultyVector[] = [
  ...each((version) =>
    forbidden(
      version,
      'client',
      'CONNECT of MQTT 3.1',
      hex`10 11 00 06 'MQIsdp' 03 02 00 3c 00 03 'abc'`,
      'MQTT-3.1.2-1',
      2,
      0x84,
    ),
  ),
  forbidden(
    5,
    'client',
    'CONNECT with the name in small letters',
    hex`10 0e 00 04 'mqtt' 05 02 00 3c 00 00 01 'a'`,
    'MQTT-3.1.2-1',
    2,
    0x84,
  ),
  ...[3, 6, 0x84].map((level) =>
    forbidden(
      5,
      'client',
      `CONNECT of level ${level}`,
      hex`10 0d 00 04 'MQTT' ${level} 02 00 3c 00 01 'a'`,
      'MQTT-3.1.2-2',
      8,
      0x84,
    ),
  ),
  ...each((version) =>
    malformed(
      version,
      'client',
      'CONNECT with the reserved flag',
      hex`10 ${version + 9} 00 04 'MQTT' ${version} 03 00 3c ${none(version)} 00 01 'a'`,
      'MQTT-3.1.2-3',
      9,
    ),
  ),
  ...each((version, clause) =>
    malformed(
      version,
      'client',
      'CONNECT with Will QoS 3',
      hex`10 0d 00 04 'MQTT' ${version} 1e 00 3c 00 01 'a'`,
      clause('MQTT-3.1.2-14', 'MQTT-3.1.2-12'),
      9,
    ),
  ),
  ...[0x0a, 0x12, 0x22].flatMap((flags) =>
    each((version, clause) =>
      malformed(
        version,
        'client',
        `CONNECT with flags ${flags} and no Will`,
        hex`10 0d 00 04 'MQTT' ${version} ${flags} 00 3c 00 01 'a'`,
        clause('MQTT-3.1.2-13', 'MQTT-3.1.2-11'),
        9,
      ),
    ),
  ),
  malformed(
    4,
    'client',
    'CONNECT with a password and no user name',
    hex`10 10 00 04 'MQTT' 04 42 00 3c 00 01 'a' 00 01 'p'`,
    'MQTT-3.1.2-22',
    9,
  ),
  ...each((version, clause) =>
    malformed(
      version,
      'client',
      'CONNECT without the user name that it announces',
      hex`10 ${version + 9} 00 04 'MQTT' ${version} 82 00 3c ${none(version)} 00 01 'a'`,
      clause('§2.2.3', '§2.1.4'),
      version + 11,
    ),
  ),
  ...each((version, clause) =>
    malformed(
      version,
      'client',
      'CONNECT without a client id',
      hex`10 ${version + 6} 00 04 'MQTT' ${version} 02 00 3c ${none(version)}`,
      clause('§2.2.3', '§2.1.4'),
      version + 8,
    ),
  ),
  malformed(
    5,
    'client',
    'CONNECT without properties',
    hex`10 0a 00 04 'MQTT' 05 02 00 3c`,
    '§2.1.4',
    12,
  ),
  ...each((version, clause) =>
    malformed(
      version,
      'client',
      'CONNECT with a byte too many',
      hex`10 ${version + 10} 00 04 'MQTT' ${version} 02 00 3c ${none(version)} 00 01 'a' 00`,
      clause('§2.2.3', '§2.1.4'),
      version + 11,
    ),
  ),
  ...each((version, clause) =>
    malformed(
      version,
      'client',
      'CONNECT with U+0000 in its client id',
      hex`10 ${version + 9} 00 04 'MQTT' ${version} 02 00 3c ${none(version)} 00 01 00`,
      clause('MQTT-1.5.3-2', 'MQTT-1.5.4-2'),
      version + 8,
    ),
  ),
  ...each((version) =>
    forbidden(
      version,
      'client',
      'CONNECT with a wildcard in its Will Topic',
      hex`
        10 ${version === 4 ? 19 : 21} 00 04 'MQTT' ${version} 06 00 3c ${none(version)}
        00 01 'a' ${none(version)} 00 01 '#' 00 01 'x'
      `,
      'MQTT-3.3.2-2',
      version === 4 ? 15 : 17,
      0x90,
    ),
  ),
  forbidden(
    5,
    'client',
    'CONNECT with an empty Will Topic',
    hex`10 14 00 04 'MQTT' 05 06 00 3c 00 00 01 'a' 00 00 00 00 01 'x'`,
    'MQTT-4.7.3-1',
    17,
    0x90,
  ),
  ...(
    [
      ['Receive Maximum 0', [0x21, 0, 0]],
      ['Maximum Packet Size 0', [0x27, 0, 0, 0, 0]],
      ['Request Problem Information 2', [0x17, 2]],
      ['Request Response Information 255', [0x19, 255]],
    ] as const
  ).map(([name, property]) =>
    forbidden(
      5,
      'client',
      `CONNECT with ${name}`,
      hex`10 ${14 + property.length} 00 04 'MQTT' 05 02 00 3c ${property.length} ${property} 00 01 'a'`,
      '§3.1',
      14,
    ),
  ),
  forbidden(
    5,
    'client',
    'CONNECT with Session Expiry Interval twice',
    hex`10 18 00 04 'MQTT' 05 02 00 3c 0a 11 00 00 00 01 11 00 00 00 01 00 01 'a'`,
    '§3.1',
    18,
  ),
  forbidden(
    5,
    'client',
    'CONNECT with Authentication Data and no method',
    hex`10 12 00 04 'MQTT' 05 02 00 3c 04 16 00 01 00 00 01 'a'`,
    '§3.1',
    16,
  ),
  malformed(
    5,
    'client',
    'CONNECT with a Will Delay Interval outside the Will',
    hex`10 13 00 04 'MQTT' 05 02 00 3c 05 18 00 00 00 01 00 01 'a'`,
    '§2.2.2.2',
    13,
  ),
  malformed(
    5,
    'client',
    'CONNECT with a Topic Alias in its Will',
    hex`10 18 00 04 'MQTT' 05 06 00 3c 00 00 01 'a' 03 23 00 01 00 01 'w' 00 01 'x'`,
    '§2.2.2.2',
    17,
  ),
  forbidden(
    5,
    'client',
    'CONNECT with Payload Format Indicator 2 in its Will',
    hex`10 17 00 04 'MQTT' 05 06 00 3c 00 00 01 'a' 02 01 02 00 01 'w' 00 01 'x'`,
    '§3.1',
    18,
  ),
  malformed(
    5,
    'client',
    'CONNECT with properties that are longer than what follows',
    hex`10 0e 00 04 'MQTT' 05 02 00 3c 09 00 01 'a'`,
    '§2.2.2.1',
    12,
  ),
]

const CONNACKS: readonly FaultyVector[] = [
  ...each((version) =>
    malformed(
      version,
      'server',
      'CONNACK with a reserved flag',
      hex`20 ${version - 2} 02 00 ${none(version)}`,
      'MQTT-3.2.2-1',
      2,
    ),
  ),
  ...each((version, clause) =>
    forbidden(
      version,
      'server',
      'CONNACK that refuses and keeps a session',
      hex`20 ${version - 2} 01 ${version === 4 ? 5 : 0x87} ${none(version)}`,
      clause('MQTT-3.2.2-4', 'MQTT-3.2.2-6'),
      3,
    ),
  ),
  ...[6, 0x80, 0xff].map((code) =>
    forbidden(4, 'server', `CONNACK with code ${code}`, hex`20 02 00 ${code}`, '§3.2.2.3', 3),
  ),
  ...[1, 0x11, 0x7f, 0x8b, 0x92, 0xa0, 0xff].map((code) =>
    forbidden(
      5,
      'server',
      `CONNACK with code ${code}`,
      hex`20 03 00 ${code} 00`,
      'MQTT-3.2.2-8',
      3,
    ),
  ),
  ...each((version, clause) =>
    malformed(
      version,
      'server',
      'CONNACK of one byte',
      hex`20 01 00`,
      clause('§2.2.3', '§2.1.4'),
      3,
    ),
  ),
  ...each((version, clause) =>
    malformed(version, 'server', 'CONNACK of no bytes', hex`20 00`, clause('§2.2.3', '§2.1.4'), 2),
  ),
  malformed(5, 'server', 'CONNACK without properties', hex`20 02 00 00`, '§2.1.4', 4),
  malformed(4, 'server', 'CONNACK with properties', hex`20 03 00 00 00`, '§2.2.3', 4),
  malformed(5, 'server', 'CONNACK with a byte too many', hex`20 04 00 00 00 00`, '§2.1.4', 5),
  ...(
    [
      ['Maximum QoS 2', [0x24, 2]],
      ['Retain Available 2', [0x25, 2]],
      ['Receive Maximum 0', [0x21, 0, 0]],
      ['Maximum Packet Size 0', [0x27, 0, 0, 0, 0]],
      ['Wildcard Subscription Available 2', [0x28, 2]],
      ['Subscription Identifiers Available 3', [0x29, 3]],
      ['Shared Subscription Available 128', [0x2a, 128]],
    ] as const
  ).map(([name, property]) =>
    forbidden(
      5,
      'server',
      `CONNACK with ${name}`,
      hex`20 ${3 + property.length} 00 00 ${property.length} ${property}`,
      '§3.2',
      6,
    ),
  ),
  ...(
    [
      ['Server Keep Alive', [0x13, 0, 1]],
      ['Assigned Client Identifier', [0x12, 0, 0]],
      ['Reason String', [0x1f, 0, 0]],
      ['Retain Available', [0x25, 0]],
      ['Authentication Method', [0x15, 0, 0]],
    ] as const
  ).map(([name, property]) =>
    forbidden(
      5,
      'server',
      `CONNACK with ${name} twice`,
      hex`20 ${3 + 2 * property.length} 00 00 ${2 * property.length} ${property} ${property}`,
      '§3.2',
      5 + property.length,
    ),
  ),
  ...[0x01, 0x17, 0x18, 0x23, 0x00, 0x04, 0x2b, 0x7f].map((id) =>
    malformed(
      5,
      'server',
      `CONNACK with property ${id}`,
      hex`20 05 00 00 02 ${id} 00`,
      '§2.2.2.2',
      5,
    ),
  ),
  malformed(
    5,
    'server',
    'CONNACK with property 16,384',
    hex`20 06 00 00 03 80 80 01`,
    '§2.2.2.2',
    7,
  ),
  malformed(
    5,
    'server',
    'CONNACK with a property id that is too long',
    hex`20 07 00 00 04 a5 00 01 00`,
    'MQTT-1.5.5-1',
    6,
  ),
  malformed(
    5,
    'server',
    'CONNACK with a property length that is too long',
    hex`20 04 00 00 80 00`,
    'MQTT-1.5.5-1',
    5,
  ),
  malformed(
    5,
    'server',
    'CONNACK with a property length of five bytes',
    hex`20 07 00 00 80 80 80 80 00`,
    '§1.5.5',
    7,
  ),
  malformed(
    5,
    'server',
    'CONNACK with a string that runs past its properties',
    hex`20 08 00 00 04 1f 00 02 'o' 00`,
    '§2.1.4',
    8,
  ),
  malformed(
    5,
    'server',
    'CONNACK with half a User Property',
    hex`20 08 00 00 05 26 00 02 'ab'`,
    '§2.1.4',
    10,
  ),
  malformed(
    5,
    'server',
    'CONNACK with a surrogate in a string',
    hex`20 09 00 00 06 1f 00 03 ed a0 80`,
    'MQTT-1.5.4-1',
    6,
  ),
  malformed(
    5,
    'server',
    'CONNACK with U+0000 in the value of a User Property',
    hex`20 09 00 00 06 26 00 00 00 01 00`,
    'MQTT-1.5.4-2',
    8,
  ),
]

/** Each way to be no UTF-8. §1.5.4 */
const ILL_FORMED: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ['a lone continuation byte', hex`80`],
  ['the byte FF', hex`ff`],
  ['a sequence that is cut off', hex`c3`],
  ['a sequence of three bytes that is cut off', hex`e2 82`],
  ['a sequence of four bytes that is cut off', hex`f0 9f 8c`],
  ['a sequence that goes on with a letter', hex`c3 'a'`],
  ['an overlong slash of two bytes', hex`c0 af`],
  ['an overlong slash of three bytes', hex`e0 80 af`],
  ['an overlong slash of four bytes', hex`f0 80 80 af`],
  ['an overlong U+0000', hex`c0 80`],
  ['a high surrogate', hex`ed a0 80`],
  ['a low surrogate', hex`ed bf bf`],
  ['a pair of surrogates', hex`ed a0 80 ed b0 80`],
  ['a value above U+10FFFF', hex`f4 90 80 80`],
  ['a sequence of five bytes', hex`f8 88 80 80 80`],
]

const PUBLISHES: readonly FaultyVector[] = [
  ...SIDES.flatMap((side) => [
    ...each((version) =>
      malformed(
        version,
        side,
        'PUBLISH at QoS 3',
        hex`36 ${version + 1} 00 01 'a' 00 01 ${none(version)}`,
        'MQTT-3.3.1-4',
        0,
      ),
    ),
    ...each((version) =>
      malformed(
        version,
        side,
        'PUBLISH at QoS 0 with DUP',
        hex`38 ${version - 1} 00 01 'a' ${none(version)}`,
        'MQTT-3.3.1-2',
        0,
      ),
    ),
    ...each((version, clause) =>
      malformed(
        version,
        side,
        'PUBLISH with packet id 0',
        hex`32 ${version + 1} 00 01 'a' 00 00 ${none(version)}`,
        clause('MQTT-2.3.1-1', 'MQTT-2.2.1-3'),
        5,
      ),
    ),
    ...['#', '+', 'a/#', 'a+'].flatMap((topic) =>
      each((version) =>
        forbidden(
          version,
          side,
          `PUBLISH to "${topic}"`,
          hex`
            30 ${version - 2 + topic.length}
            00 ${topic.length} ${[...topic].map((c) => c.charCodeAt(0))} ${none(version)}
          `,
          'MQTT-3.3.2-2',
          2,
          0x90,
        ),
      ),
    ),
  ]),
  ...ILL_FORMED.flatMap(([name, bytes]) =>
    each((version, clause) =>
      malformed(
        version,
        'server',
        `PUBLISH to a topic with ${name}`,
        hex`30 ${version - 1 + bytes.length} 00 ${bytes.length + 1} 'a' ${bytes} ${none(version)}`,
        clause('MQTT-1.5.3-1', 'MQTT-1.5.4-1'),
        2,
      ),
    ),
  ),
  ...each((version, clause) =>
    malformed(
      version,
      'server',
      'PUBLISH to a topic with U+0000',
      hex`30 ${version} 00 02 'a' 00 ${none(version)}`,
      clause('MQTT-1.5.3-2', 'MQTT-1.5.4-2'),
      2,
    ),
  ),
  ...each((version, clause) =>
    forbidden(
      version,
      'server',
      'PUBLISH to no topic',
      hex`30 ${version - 2} 00 00 ${none(version)}`,
      clause('MQTT-4.7.3-1', '§3.3.2.1'),
      version === 4 ? 2 : 4,
    ),
  ),
  ...each((version, clause) =>
    malformed(
      version,
      'server',
      'PUBLISH with a topic that runs past the end',
      hex`30 03 00 02 'a'`,
      clause('§2.2.3', '§2.1.4'),
      4,
    ),
  ),
  ...each((version, clause) =>
    malformed(
      version,
      'server',
      'PUBLISH at QoS 1 without a packet id',
      hex`32 03 00 01 'a'`,
      clause('§2.2.3', '§2.1.4'),
      5,
    ),
  ),
  ...each((version, clause) =>
    malformed(
      version,
      'server',
      'PUBLISH of one byte',
      hex`30 01 00`,
      clause('§2.2.3', '§2.1.4'),
      2,
    ),
  ),
  malformed(5, 'server', 'PUBLISH without properties', hex`30 03 00 01 'a'`, '§2.1.4', 5),
  malformed(
    5,
    'server',
    'PUBLISH with more properties than bytes',
    hex`30 05 00 01 'a' 03 01`,
    '§2.2.2.1',
    5,
  ),
  ...SIDES.map((side) =>
    forbidden(
      5,
      side,
      'PUBLISH with Topic Alias 0',
      hex`30 07 00 01 'a' 03 23 00 00`,
      '§3.3',
      7,
      0x94,
    ),
  ),
  ...(
    [
      ['Payload Format Indicator', [0x01, 1]],
      ['Message Expiry Interval', [0x02, 0, 0, 0, 1]],
      ['Content Type', [0x03, 0, 0]],
      ['Response Topic', [0x08, 0, 1, 0x72]],
      ['Correlation Data', [0x09, 0, 0]],
      ['Topic Alias', [0x23, 0, 1]],
    ] as const
  ).map(([name, property]) =>
    forbidden(
      5,
      'server',
      `PUBLISH with ${name} twice`,
      hex`30 ${4 + 2 * property.length} 00 01 'a' ${2 * property.length} ${property} ${property}`,
      '§3.3',
      6 + property.length,
    ),
  ),
  forbidden(
    5,
    'server',
    'PUBLISH with Payload Format Indicator 2',
    hex`30 06 00 01 'a' 02 01 02`,
    '§3.3',
    7,
  ),
  forbidden(
    5,
    'server',
    'PUBLISH with Subscription Identifier 0',
    hex`30 06 00 01 'a' 02 0b 00`,
    '§3.3',
    7,
  ),
  malformed(
    5,
    'server',
    'PUBLISH with a Subscription Identifier that is too long',
    hex`30 07 00 01 'a' 03 0b 81 00`,
    'MQTT-1.5.5-1',
    8,
  ),
  malformed(
    5,
    'client',
    'PUBLISH with a Subscription Identifier',
    hex`30 06 00 01 'a' 02 0b 01`,
    '§2.2.2.2',
    6,
  ),
  forbidden(
    5,
    'server',
    'PUBLISH with a wildcard in its Response Topic',
    hex`30 08 00 01 'a' 04 08 00 01 '#'`,
    'MQTT-3.3.2-2',
    7,
    0x90,
  ),
  forbidden(
    5,
    'server',
    'PUBLISH with an empty Response Topic',
    hex`30 07 00 01 'a' 03 08 00 00`,
    'MQTT-4.7.3-1',
    7,
    0x90,
  ),
  malformed(
    5,
    'server',
    'PUBLISH with a Reason String',
    hex`30 07 00 01 'a' 03 1f 00 00`,
    '§2.2.2.2',
    6,
  ),
  malformed(
    5,
    'server',
    'PUBLISH with a Will Delay',
    hex`30 09 00 01 'a' 05 18 00 00 00 01`,
    '§2.2.2.2',
    6,
  ),
]

const FIRST = { 4: 0x40, 5: 0x50, 6: 0x62, 7: 0x70 } as const
const ACK_NAMES = { 4: 'PUBACK', 5: 'PUBREC', 6: 'PUBREL', 7: 'PUBCOMP' } as const

const ACKS: readonly FaultyVector[] = ([4, 5, 6, 7] as const).flatMap((type) => {
  const first = FIRST[type]
  const name = ACK_NAMES[type]
  return [
    ...each((version, clause) =>
      malformed(
        version,
        'server',
        `${name} with packet id 0`,
        hex`${first} 02 00 00`,
        clause('MQTT-2.3.1-1', 'MQTT-2.2.1-3'),
        2,
      ),
    ),
    ...each((version, clause) =>
      malformed(
        version,
        'client',
        `${name} of one byte`,
        hex`${first} 01 00`,
        clause('§2.2.3', '§2.1.4'),
        2,
      ),
    ),
    malformed(4, 'server', `${name} with a code`, hex`${first} 03 00 01 00`, '§2.2.3', 4),
    ...(type < 6 ? [1, 0x92, 0x9e, 0xff] : [0x10, 0x80, 0x97, 0xff]).map((code) =>
      forbidden(
        5,
        'server',
        `${name} with code ${code}`,
        hex`${first} 03 00 01 ${code}`,
        `MQTT-3.${type}.2-1`,
        4,
      ),
    ),
    malformed(
      5,
      'server',
      `${name} with a byte after its properties`,
      hex`${first} 05 00 01 00 00 00`,
      '§2.1.4',
      6,
    ),
    malformed(
      5,
      'server',
      `${name} with a Topic Alias`,
      hex`${first} 07 00 01 00 03 23 00 01`,
      '§2.2.2.2',
      6,
    ),
    forbidden(
      5,
      'server',
      `${name} with Reason String twice`,
      hex`${first} 0a 00 01 00 06 1f 00 00 1f 00 00`,
      `§3.${type}`,
      9,
    ),
  ]
})

const OF_SERVERS_ALONE: readonly FaultyVector[] = [
  forbidden(5, 'client', 'PUBACK with code 16', hex`40 03 00 01 10`, 'MQTT-3.4.2-1', 4),
  forbidden(5, 'client', 'PUBREC with code 16', hex`50 03 00 01 10`, 'MQTT-3.5.2-1', 4),
]

const REQUESTS: readonly FaultyVector[] = [
  ...each((version, clause) =>
    malformed(
      version,
      'client',
      'SUBSCRIBE with packet id 0',
      hex`82 ${version + 2} 00 00 ${none(version)} 00 01 'a' 00`,
      clause('MQTT-2.3.1-1', 'MQTT-2.2.1-3'),
      2,
    ),
  ),
  ...each((version, clause) =>
    forbidden(
      version,
      'client',
      'SUBSCRIBE to nothing',
      hex`82 ${version - 2} 00 01 ${none(version)}`,
      clause('MQTT-3.8.3-3', 'MQTT-3.8.3-2'),
      version === 4 ? 2 : 4,
    ),
  ),
  ...each((version, clause) =>
    malformed(
      version,
      'client',
      'SUBSCRIBE without options',
      hex`82 ${version + 1} 00 01 ${none(version)} 00 01 'a'`,
      clause('§2.2.3', '§2.1.4'),
      version + 3,
    ),
  ),
  ...[0x40, 0x80].map((options) =>
    malformed(
      5,
      'client',
      `SUBSCRIBE with options ${options}`,
      hex`82 07 00 01 00 00 01 'a' ${options}`,
      'MQTT-3.8.3-5',
      8,
    ),
  ),
  ...[0x03, 0x33, 0x30, 0x3c].map((options) =>
    forbidden(
      5,
      'client',
      `SUBSCRIBE with options ${options}`,
      hex`82 07 00 01 00 00 01 'a' ${options}`,
      '§3.8.3.1',
      8,
    ),
  ),
  ...[0x04, 0x08, 0x10, 0x20, 0x40, 0x80].map((options) =>
    malformed(
      4,
      'client',
      `SUBSCRIBE with options ${options}`,
      hex`82 06 00 01 00 01 'a' ${options}`,
      'MQTT-3-8.3-4',
      7,
    ),
  ),
  forbidden(4, 'client', 'SUBSCRIBE at QoS 3', hex`82 06 00 01 00 01 'a' 03`, 'MQTT-3-8.3-4', 7),
  forbidden(
    5,
    'client',
    'SUBSCRIBE with No Local to a shared subscription',
    hex`82 10 00 01 00 00 0a '$share/g/a' 04`,
    'MQTT-3.8.3-4',
    17,
  ),
  ...(
    [
      ['', 'MQTT-4.7.3-1'],
      ['a/#/b', 'MQTT-4.7.1-1'],
      ['a#', 'MQTT-4.7.1-1'],
      ['a+', 'MQTT-4.7.1-2'],
      ['+a/b', 'MQTT-4.7.1-2'],
      ['$share/', 'MQTT-4.8.2-2'],
      ['$share//a', 'MQTT-4.8.2-2'],
      ['$share/g', 'MQTT-4.8.2-2'],
      ['$share/g/', 'MQTT-4.8.2-2'],
      ['$share/+/a', 'MQTT-4.8.2-2'],
    ] as const
  ).flatMap(([filter, clause]) => {
    const text = [...filter].map((c) => c.charCodeAt(0))
    return [
      forbidden(
        5,
        'client',
        `SUBSCRIBE to "${filter}"`,
        hex`82 ${6 + text.length} 00 01 00 00 ${text.length} ${text} 00`,
        clause,
        5,
        0x8f,
      ),
      forbidden(
        5,
        'client',
        `UNSUBSCRIBE from "${filter}"`,
        hex`a2 ${5 + text.length} 00 01 00 00 ${text.length} ${text}`,
        clause,
        5,
        0x8f,
      ),
    ]
  }),
  ...each((version, clause) =>
    malformed(
      version,
      'client',
      'SUBSCRIBE to a filter that is no UTF-8',
      hex`82 ${version + 2} 00 01 ${none(version)} 00 01 ff 00`,
      clause('MQTT-1.5.3-1', 'MQTT-1.5.4-1'),
      version === 4 ? 4 : 5,
    ),
  ),
  forbidden(
    5,
    'client',
    'SUBSCRIBE with two Subscription Identifiers',
    hex`82 0b 00 01 04 0b 01 0b 02 00 01 'a' 00`,
    '§3.8',
    7,
  ),
  forbidden(
    5,
    'client',
    'SUBSCRIBE with Subscription Identifier 0',
    hex`82 09 00 01 02 0b 00 00 01 'a' 00`,
    '§3.8',
    6,
  ),
  malformed(
    5,
    'client',
    'SUBSCRIBE with a Reason String',
    hex`82 0a 00 01 03 1f 00 00 00 01 'a' 00`,
    '§2.2.2.2',
    5,
  ),
  ...each((version, clause) =>
    malformed(
      version,
      'client',
      'UNSUBSCRIBE with packet id 0',
      hex`a2 ${version + 1} 00 00 ${none(version)} 00 01 'a'`,
      clause('MQTT-2.3.1-1', 'MQTT-2.2.1-3'),
      2,
    ),
  ),
  ...each((version) =>
    forbidden(
      version,
      'client',
      'UNSUBSCRIBE from nothing',
      hex`a2 ${version - 2} 00 01 ${none(version)}`,
      'MQTT-3.10.3-2',
      version === 4 ? 2 : 4,
    ),
  ),
  malformed(
    5,
    'client',
    'UNSUBSCRIBE with a Subscription Identifier',
    hex`a2 08 00 01 02 0b 01 00 01 'a'`,
    '§2.2.2.2',
    5,
  ),
]

const ANSWERS: readonly FaultyVector[] = [
  ...each((version, clause) =>
    malformed(
      version,
      'server',
      'SUBACK with packet id 0',
      hex`90 ${version - 1} 00 00 ${none(version)} 00`,
      clause('MQTT-2.3.1-1', 'MQTT-2.2.1-3'),
      2,
    ),
  ),
  ...each((version) =>
    forbidden(
      version,
      'server',
      'SUBACK without a code',
      hex`90 ${version - 2} 00 01 ${none(version)}`,
      'MQTT-3.9.3-2',
      version === 4 ? 2 : 4,
    ),
  ),
  ...[3, 4, 0x7f, 0x81, 0x83, 0xff].map((code) =>
    forbidden(
      4,
      'server',
      `SUBACK with code ${code}`,
      hex`90 04 00 01 00 ${code}`,
      'MQTT-3.9.3-2',
      5,
    ),
  ),
  ...[3, 0x10, 0x11, 0x92, 0x99, 0xff].map((code) =>
    forbidden(
      5,
      'server',
      `SUBACK with code ${code}`,
      hex`90 05 00 01 00 00 ${code}`,
      'MQTT-3.9.3-2',
      6,
    ),
  ),
  malformed(5, 'server', 'SUBACK without properties', hex`90 02 00 01`, '§2.1.4', 4),
  malformed(4, 'server', 'UNSUBACK with packet id 0', hex`b0 02 00 00`, 'MQTT-2.3.1-1', 2),
  malformed(5, 'server', 'UNSUBACK with packet id 0', hex`b0 04 00 00 00 00`, 'MQTT-2.2.1-3', 2),
  malformed(4, 'server', 'UNSUBACK with a code', hex`b0 03 00 01 00`, '§2.2.3', 4),
  forbidden(5, 'server', 'UNSUBACK without a code', hex`b0 03 00 01 00`, 'MQTT-3.11.3-2', 4),
  ...[1, 0x10, 0x97, 0x9e].map((code) =>
    forbidden(
      5,
      'server',
      `UNSUBACK with code ${code}`,
      hex`b0 04 00 01 00 ${code}`,
      'MQTT-3.11.3-2',
      5,
    ),
  ),
]

const ENDS: readonly FaultyVector[] = [
  malformed(4, 'client', 'DISCONNECT with a code', hex`e0 01 00`, '§2.2.3', 2),
  ...[1, 0x87, 0x8b, 0x9c, 0x84, 0xff].map((code) =>
    forbidden(5, 'client', `DISCONNECT with code ${code}`, hex`e0 01 ${code}`, 'MQTT-3.14.2-1', 2),
  ),
  ...[1, 4, 0x84, 0x92, 0xff].map((code) =>
    forbidden(5, 'server', `DISCONNECT with code ${code}`, hex`e0 01 ${code}`, 'MQTT-3.14.2-1', 2),
  ),
  malformed(
    5,
    'server',
    'DISCONNECT with a Session Expiry Interval',
    hex`e0 07 00 05 11 00 00 00 01`,
    '§2.2.2.2',
    4,
  ),
  malformed(
    5,
    'client',
    'DISCONNECT with a Server Reference',
    hex`e0 05 00 03 1c 00 00`,
    '§2.2.2.2',
    4,
  ),
  malformed(5, 'server', 'DISCONNECT with a byte too many', hex`e0 03 00 00 00`, '§2.1.4', 4),
  malformed(5, 'server', 'AUTH with a code alone', hex`f0 01 18`, '§2.1.4', 3),
  forbidden(5, 'server', 'AUTH without a method', hex`f0 02 18 00`, '§3.15', 3),
  forbidden(5, 'server', 'AUTH with data alone', hex`f0 06 18 04 16 00 01 00`, '§3.15', 7),
  forbidden(
    5,
    'server',
    'AUTH that begins again',
    hex`f0 06 19 04 15 00 01 'm'`,
    'MQTT-3.15.2-1',
    2,
  ),
  forbidden(5, 'client', 'AUTH of a success', hex`f0 06 00 04 15 00 01 'm'`, 'MQTT-3.15.2-1', 2),
  forbidden(5, 'server', 'AUTH with code 128', hex`f0 06 80 04 15 00 01 'm'`, 'MQTT-3.15.2-1', 2),
]

/** Everything that a decoder refuses, with the error that it gives. */
export const FAULTY: readonly FaultyVector[] = [
  ...HEADERS,
  ...CONNECTS,
  ...CONNACKS,
  ...PUBLISHES,
  ...ACKS,
  ...OF_SERVERS_ALONE,
  ...REQUESTS,
  ...ANSWERS,
  ...ENDS,
]
