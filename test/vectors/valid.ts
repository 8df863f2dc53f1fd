// Every packet type in both versions, in every direction that it has, byte for byte. §3

import { NO_PROPERTIES } from '../../src/codec/packets.ts'
import { hex } from '../support/hex.ts'
import { longer, valid, type ValidVector } from './vector.ts'

const none = NO_PROPERTIES
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

const WILL = { topic: 'w', payload: bytes(0xff), retain: true, properties: none } as const

const CONNECT: readonly ValidVector[] = [
  valid(
    4,
    'client',
    'CONNECT with nothing but a client id',
    hex`10 0d 00 04 'MQTT' 04 02 00 3c 00 01 'a'`,
    { type: 1, version: 4, clientId: 'a', cleanStart: true, keepAlive: 60, properties: none },
  ),
  valid(
    4,
    'client',
    'CONNECT with everything',
    hex`
      10 1c                    // 28 bytes follow
      00 04 'MQTT' 04          // protocol name and level, §3.1.2.1
      f4                       // user name, password, Will Retain, Will QoS 2, Will
      00 00                    // Keep Alive off
      00 01 'a' 00 01 'w' 00 01 ff 00 02 'me' 00 03 00 01 02
    `,
    {
      type: 1,
      version: 4,
      clientId: 'a',
      cleanStart: false,
      keepAlive: 0,
      will: { ...WILL, qos: 2 },
      userName: 'me',
      password: bytes(0, 1, 2),
      properties: none,
    },
  ),
  valid(
    4,
    'client',
    'CONNECT with an empty client id and no clean session, for the server to refuse',
    hex`10 0c 00 04 'MQTT' 04 00 ff ff 00 00`,
    { type: 1, version: 4, clientId: '', cleanStart: false, keepAlive: 65_535, properties: none },
  ),
  valid(
    5,
    'client',
    'CONNECT with nothing but a client id',
    hex`10 0e 00 04 'MQTT' 05 02 00 3c 00 00 01 'a'`,
    { type: 1, version: 5, clientId: 'a', cleanStart: true, keepAlive: 60, properties: none },
  ),
  valid(
    5,
    'client',
    'CONNECT with a password alone [MQTT-3.1.2-19]',
    hex`10 10 00 04 'MQTT' 05 40 00 00 00 00 00 00 01 07`,
    {
      type: 1,
      version: 5,
      clientId: '',
      cleanStart: false,
      keepAlive: 0,
      password: bytes(7),
      properties: none,
    },
  ),
  valid(
    5,
    'client',
    'CONNECT with every property, and a Will with all of its own',
    hex`
      10 61 00 04 'MQTT' 05 0c 00 0a
      26                          // 38 bytes of properties, §3.1.2.11
      11 00 00 00 0a              // Session Expiry Interval
      21 00 14                    // Receive Maximum
      27 00 00 01 00              // Maximum Packet Size
      22 00 05                    // Topic Alias Maximum
      19 01 17 00                 // Request Response and Problem Information
      26 00 01 'n' 00 01 'v'      // User Property
      15 00 04 'SCRM'             // Authentication Method
      16 00 01 2a                 // Authentication Data
      00 01 'a'
      26                          // 38 bytes of Will Properties, §3.1.3.2
      18 00 00 00 05              // Will Delay Interval
      01 01                       // Payload Format Indicator
      02 00 00 00 07              // Message Expiry Interval
      03 00 01 't'                // Content Type
      08 00 03 'r/t'              // Response Topic
      09 00 02 01 02              // Correlation Data
      26 00 00 00 00              // User Property, both empty
      26 00 01 'x' 00 00
      00 01 'w' 00 01 ff
    `,
    {
      type: 1,
      version: 5,
      clientId: 'a',
      cleanStart: false,
      keepAlive: 10,
      will: {
        topic: 'w',
        payload: bytes(0xff),
        qos: 1,
        retain: false,
        properties: {
          willDelayInterval: 5,
          payloadFormatIndicator: 1,
          messageExpiryInterval: 7,
          contentType: 't',
          responseTopic: 'r/t',
          correlationData: bytes(1, 2),
          userProperties: [
            ['', ''],
            ['x', ''],
          ],
        },
      },
      properties: {
        sessionExpiryInterval: 10,
        receiveMaximum: 20,
        maximumPacketSize: 256,
        topicAliasMaximum: 5,
        requestResponseInformation: true,
        requestProblemInformation: false,
        userProperties: [['n', 'v']],
        authenticationMethod: 'SCRM',
        authenticationData: bytes(42),
      },
    },
  ),
]

const CONNACK: readonly ValidVector[] = [
  valid(4, 'server', 'CONNACK of a kept session', hex`20 02 01 00`, {
    type: 2,
    sessionPresent: true,
    reasonCode: 0,
    properties: none,
  }),
  ...[1, 2, 3, 4, 5].map((code) =>
    valid(4, 'server', `CONNACK that refuses with ${code}`, hex`20 02 00 ${code}`, {
      type: 2,
      sessionPresent: false,
      reasonCode: code,
      properties: none,
    }),
  ),
  valid(5, 'server', 'CONNACK of a kept session', hex`20 03 01 00 00`, {
    type: 2,
    sessionPresent: true,
    reasonCode: 0,
    properties: none,
  }),
  valid(5, 'server', 'CONNACK that moves the client', hex`20 08 00 9d 05 1c 00 02 'b2'`, {
    type: 2,
    sessionPresent: false,
    reasonCode: 0x9d,
    properties: { serverReference: 'b2' },
  }),
  valid(
    5,
    'server',
    'CONNACK with every property',
    hex`
      20 40 00 00 3d
      11 00 00 00 01              // Session Expiry Interval
      21 ff ff                    // Receive Maximum
      24 01                       // Maximum QoS
      25 00                       // Retain Available
      27 ff ff ff ff              // Maximum Packet Size
      12 00 01 'c'                // Assigned Client Identifier
      22 00 0a                    // Topic Alias Maximum
      1f 00 02 'ok'               // Reason String
      26 00 01 'a' 00 01 'b'      // User Property
      28 01 29 00 2a 01           // wildcards, identifiers, shared subscriptions
      13 00 1e                    // Server Keep Alive
      1a 00 01 'i'                // Response Information
      1c 00 01 's'                // Server Reference
      15 00 01 'm' 16 00 01 00    // Authentication Method and Data
    `,
    {
      type: 2,
      sessionPresent: false,
      reasonCode: 0,
      properties: {
        sessionExpiryInterval: 1,
        receiveMaximum: 65_535,
        maximumQoS: 1,
        retainAvailable: false,
        maximumPacketSize: 4_294_967_295,
        assignedClientIdentifier: 'c',
        topicAliasMaximum: 10,
        reasonString: 'ok',
        userProperties: [['a', 'b']],
        wildcardSubscriptionAvailable: true,
        subscriptionIdentifiersAvailable: false,
        sharedSubscriptionAvailable: true,
        serverKeepAlive: 30,
        responseInformation: 'i',
        serverReference: 's',
        authenticationMethod: 'm',
        authenticationData: bytes(0),
      },
    },
  ),
]

const EMPTY = { type: 3, payload: bytes(), properties: none } as const
const QOS0 = { qos: 0, retain: false, dup: false, packetId: 0 } as const

const PUBLISH: readonly ValidVector[] = (['client', 'server'] as const).flatMap((from) => [
  valid(4, from, 'PUBLISH at QoS 0', hex`30 05 00 01 'a' 01 02`, {
    ...EMPTY,
    ...QOS0,
    topic: 'a',
    payload: bytes(1, 2),
  }),
  valid(4, from, 'PUBLISH at QoS 0, retained and empty', hex`31 03 00 01 'a'`, {
    ...EMPTY,
    ...QOS0,
    topic: 'a',
    retain: true,
  }),
  valid(4, from, 'PUBLISH at QoS 1, again', hex`3a 06 00 01 'a' ff fe 00`, {
    type: 3,
    topic: 'a',
    payload: bytes(0),
    qos: 1,
    retain: false,
    dup: true,
    packetId: 65_534,
    properties: none,
  }),
  valid(5, from, 'PUBLISH at QoS 0', hex`30 06 00 01 'a' 00 01 02`, {
    ...EMPTY,
    ...QOS0,
    topic: 'a',
    payload: bytes(1, 2),
  }),
  valid(5, from, 'PUBLISH at QoS 2, retained', hex`35 06 00 01 'a' 00 01 00`, {
    ...EMPTY,
    topic: 'a',
    qos: 2,
    retain: true,
    dup: false,
    packetId: 1,
  }),
  valid(5, from, 'PUBLISH with an alias for a topic', hex`30 07 00 00 03 23 00 07 00`, {
    ...EMPTY,
    ...QOS0,
    topic: '',
    payload: bytes(0),
    properties: { topicAlias: 7 },
  }),
  valid(
    5,
    from,
    'PUBLISH to a topic with a byte order mark and a pair of surrogates [MQTT-1.5.4-3]',
    hex`30 0b 00 08 ef bb bf f0 9f 8c a1 '/' 00`,
    { ...EMPTY, ...QOS0, topic: '\u{feff}\u{1f321}/' },
  ),
  valid(
    5,
    from,
    'PUBLISH with every property',
    hex`
      32 2b 00 01 'a' 00 0a 24
      01 00                       // Payload Format Indicator
      02 ff ff ff ff              // Message Expiry Interval
      03 00 02 'ct'               // Content Type
      08 00 02 'rt'               // Response Topic
      09 00 00                    // Correlation Data, empty
      23 ff ff                    // Topic Alias
      26 00 01 'a' 00 01 'b'      // User Property, twice the same
      26 00 01 'a' 00 00
      2a
    `,
    {
      ...EMPTY,
      topic: 'a',
      payload: bytes(42),
      qos: 1,
      retain: false,
      dup: false,
      packetId: 10,
      properties: {
        payloadFormatIndicator: 0,
        messageExpiryInterval: 4_294_967_295,
        contentType: 'ct',
        responseTopic: 'rt',
        correlationData: bytes(),
        topicAlias: 65_535,
        userProperties: [
          ['a', 'b'],
          ['a', ''],
        ],
      },
    },
  ),
])

const IDENTIFIED: ValidVector = valid(
  5,
  'server',
  'PUBLISH that matched three subscriptions, one of them twice',
  hex`30 12 00 01 'a' 0c 0b 01 0b ff ff ff 7f 0b 80 01 0b 01 00 00`,
  {
    ...EMPTY,
    ...QOS0,
    topic: 'a',
    payload: bytes(0, 0),
    properties: { subscriptionIdentifiers: [1, 268_435_455, 128, 1] },
  },
)

const ACK_FIRST = { 4: 0x40, 5: 0x50, 6: 0x62, 7: 0x70 } as const
const ACK_NAMES = { 4: 'PUBACK', 5: 'PUBREC', 6: 'PUBREL', 7: 'PUBCOMP' } as const

const ACKS: readonly ValidVector[] = ([4, 5, 6, 7] as const).flatMap((type) =>
  (['client', 'server'] as const).flatMap((from) => {
    const name = ACK_NAMES[type]
    const first = ACK_FIRST[type]
    const code = type < 6 ? 0x87 : 0x92
    const said = { type, packetId: 258, reasonCode: 0, properties: none } as const
    const reasonString = { reasonString: 'x' }
    return [
      valid(4, from, name, hex`${first} 02 01 02`, said),
      valid(5, from, `${name} of success`, hex`${first} 02 01 02`, said),
      valid(5, from, `${name} with a code`, hex`${first} 03 01 02 ${code}`, {
        ...said,
        reasonCode: code,
      }),
      valid(5, from, `${name} with a string`, hex`${first} 08 01 02 00 04 1f 00 01 'x'`, {
        ...said,
        properties: reasonString,
      }),
      longer(5, from, `${name} with code 0 written out`, hex`${first} 03 01 02 00`, said),
      longer(5, from, `${name} with no properties written out`, hex`${first} 04 01 02 00 00`, said),
      longer(5, from, `${name} with a code, no properties`, hex`${first} 04 01 02 ${code} 00`, {
        ...said,
        reasonCode: code,
      }),
    ]
  }),
)

const FLAGS = { noLocal: false, retainAsPublished: false, retainHandling: 0 } as const

const REQUESTS: readonly ValidVector[] = [
  valid(4, 'client', 'SUBSCRIBE to two filters', hex`82 0c 00 01 00 01 'a' 00 00 03 '+/#' 02`, {
    type: 8,
    packetId: 1,
    subscriptions: [
      { filter: 'a', qos: 0, ...FLAGS },
      { filter: '+/#', qos: 2, ...FLAGS },
    ],
    properties: none,
  }),
  valid(
    5,
    'client',
    'SUBSCRIBE with every option and property',
    hex`
      82 1e 00 0a
      0a 0b 80 01 26 00 01 'a' 00 01 'b'  // Subscription Identifier 128, User Property
      00 01 'a' 2d                        // QoS 1, No Local, Retain As Published, Handling 2
      00 0a '$share/g/#' 18               // Retain As Published, Handling 1
    `,
    {
      type: 8,
      packetId: 10,
      subscriptions: [
        { filter: 'a', qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 },
        {
          filter: '$share/g/#',
          qos: 0,
          noLocal: false,
          retainAsPublished: true,
          retainHandling: 1,
        },
      ],
      properties: { subscriptionIdentifiers: [128], userProperties: [['a', 'b']] },
    },
  ),
  valid(4, 'client', 'UNSUBSCRIBE from two filters', hex`a2 0a 00 01 00 01 'a' 00 03 'b/#'`, {
    type: 10,
    packetId: 1,
    filters: ['a', 'b/#'],
    properties: none,
  }),
  valid(
    5,
    'client',
    'UNSUBSCRIBE with a user property',
    hex`a2 0b ff ff 05 26 00 00 00 00 00 01 '#'`,
    { type: 10, packetId: 65_535, filters: ['#'], properties: { userProperties: [['', '']] } },
  ),
  valid(4, 'server', 'SUBACK with every code', hex`90 06 00 01 00 01 02 80`, {
    type: 9,
    packetId: 1,
    reasonCodes: [0, 1, 2, 0x80],
    properties: none,
  }),
  valid(5, 'server', 'SUBACK with a string', hex`90 0a 00 01 05 1f 00 02 'no' 97 02`, {
    type: 9,
    packetId: 1,
    reasonCodes: [0x97, 2],
    properties: { reasonString: 'no' },
  }),
  valid(4, 'server', 'UNSUBACK, which has no codes', hex`b0 02 00 01`, {
    type: 11,
    packetId: 1,
    reasonCodes: [],
    properties: none,
  }),
  valid(5, 'server', 'UNSUBACK', hex`b0 06 00 01 00 00 11 87`, {
    type: 11,
    packetId: 1,
    reasonCodes: [0, 0x11, 0x87],
    properties: none,
  }),
]

const END = { type: 14, reasonCode: 0, properties: none } as const

const REST: readonly ValidVector[] = [
  ...([4, 5] as const).flatMap((version) => [
    valid(version, 'client', 'PINGREQ', hex`c0 00`, { type: 12 }),
    valid(version, 'server', 'PINGRESP', hex`d0 00`, { type: 13 }),
    valid(version, 'client', 'DISCONNECT', hex`e0 00`, END),
  ]),
  valid(5, 'server', 'DISCONNECT', hex`e0 00`, END),
  valid(5, 'client', 'DISCONNECT with the Will', hex`e0 01 04`, { ...END, reasonCode: 4 }),
  longer(5, 'client', 'DISCONNECT with code 0 written out', hex`e0 01 00`, END),
  longer(5, 'client', 'DISCONNECT with no properties written out', hex`e0 02 00 00`, END),
  valid(5, 'client', 'DISCONNECT with an expiry', hex`e0 07 00 05 11 00 00 0e 10`, {
    ...END,
    properties: { sessionExpiryInterval: 3600 },
  }),
  valid(5, 'server', 'DISCONNECT that moves the client', hex`e0 09 9c 07 1c 00 04 'b:18'`, {
    ...END,
    reasonCode: 0x9c,
    properties: { serverReference: 'b:18' },
  }),
  valid(5, 'server', 'AUTH that goes on', hex`f0 0a 18 08 15 00 01 'm' 16 00 01 00`, {
    type: 15,
    reasonCode: 0x18,
    properties: { authenticationMethod: 'm', authenticationData: bytes(0) },
  }),
  valid(5, 'client', 'AUTH that begins again', hex`f0 06 19 04 15 00 01 'm'`, {
    type: 15,
    reasonCode: 0x19,
    properties: { authenticationMethod: 'm' },
  }),
  valid(5, 'server', 'AUTH of a success, left out', hex`f0 00`, {
    type: 15,
    reasonCode: 0,
    properties: none,
  }),
]

/** Every packet as it is read, and, if canonical, as it is written. */
export const VALID: readonly ValidVector[] = [
  ...CONNECT,
  ...CONNACK,
  ...PUBLISH,
  IDENTIFIED,
  ...ACKS,
  ...REQUESTS,
  ...REST,
]
