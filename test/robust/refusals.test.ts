// portable
// What the server's reasons mean, row by row.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CONNACK, DISCONNECT, RECEIVED, SERVER_PACKETS } from '../../src/codec/carriers.ts'
import { reasonCarriers, reasonName } from '../../src/codec/reason-codes.ts'
import {
  ClosedError,
  ConnectionLostError,
  ConnectRefusedError,
  MalformedPacketError,
  PacketTooLargeError,
  ProtocolError,
  ServerDisconnectError,
  TimeoutError,
} from '../../src/errors.ts'
import {
  classifyFailure,
  isCausedByPacket,
  misansweredId,
  publishRefusal,
  REFUSALS,
} from '../../src/robust/refusals.ts'
import { isBareClose } from '../../src/simple/connecting.ts'

const refused = (reasonCode: number, serverReference?: string): ConnectRefusedError =>
  new ConnectRefusedError('Refused', { reasonCode, serverReference })
const ended = (reasonCode: number, serverReference?: string): ServerDisconnectError =>
  new ServerDisconnectError('Ended', { reasonCode, serverReference })
const hex = (code: number): string => `0x${code.toString(16).padStart(2, '0')}`

/** By code: CONNACK, DISCONNECT, and whether a PUBLISH of ours can have caused the latter. */
const TABLE: readonly (readonly [number, string | undefined, string | undefined, boolean])[] = [
  [0x00, undefined, 'retry', false],
  [0x80, 'retry', 'retry', true],
  [0x81, 'slow', 'retry', true],
  [0x82, 'slow', 'retry', true],
  [0x83, 'slow', 'retry', true],
  [0x84, 'protocol', undefined, false],
  [0x85, 'slow', undefined, false],
  [0x86, 'credentials', undefined, false],
  [0x87, 'credentials', 'retry', true],
  [0x88, 'retry', undefined, false],
  [0x89, 'busy', 'busy', false],
  [0x8a, 'slow', undefined, false],
  [0x8b, undefined, 'retry', false],
  [0x8c, 'slow', 'slow', false],
  [0x8d, undefined, 'retry', false],
  [0x8e, undefined, 'slow', false],
  [0x8f, undefined, 'slow', false],
  [0x90, 'slow', 'retry', true],
  [0x93, undefined, 'retry', false],
  [0x94, undefined, 'retry', true],
  [0x95, 'slow', 'retry', true],
  [0x96, undefined, 'busy', false],
  [0x97, 'busy', 'busy', false],
  [0x98, undefined, 'busy', false],
  [0x99, 'slow', 'retry', true],
  [0x9a, 'slow', 'retry', true],
  [0x9b, 'slow', 'retry', true],
  [0x9c, 'elsewhere', 'elsewhere', false],
  [0x9d, 'elsewhere', 'elsewhere', false],
  [0x9e, undefined, 'slow', false],
  [0x9f, 'busy', 'busy', false],
  [0xa0, undefined, 'retry', false],
  [0xa1, undefined, 'slow', false],
  [0xa2, undefined, 'slow', false],
]

describe('a reason of MQTT 5.0', () => {
  for (const [code, atConnack, atDisconnect, byPacket] of TABLE) {
    const name = `${hex(code)} (${reasonName(code)})`
    if (atConnack !== undefined) {
      test(`${name} in CONNACK means "${atConnack}"`, () => {
        equal(classifyFailure(refused(code, 'other'), 5).kind, atConnack)
        ok(!isCausedByPacket(refused(code)))
      })
    }
    if (atDisconnect !== undefined) {
      test(`${name} in DISCONNECT means "${atDisconnect}"`, () => {
        equal(classifyFailure(ended(code, 'other'), 5).kind, atDisconnect)
      })
      test(`${name} in DISCONNECT is ${byPacket ? '' : 'not '}laid to a packet`, () => {
        equal(isCausedByPacket(ended(code)), byPacket)
      })
    }
  }

  test('is in the table for each packet that a server may carry it in', () => {
    const carries = (code: number, carrier: number): boolean =>
      (reasonCarriers(code) & carrier & SERVER_PACKETS) !== 0
    for (let code = 0; code < 256; code += 1) {
      const row = TABLE.find(([one]) => one === code)
      const failing = code >= 0x80
      equal(row?.[1] !== undefined, failing && carries(code, CONNACK), hex(code))
      equal(row?.[2] !== undefined, carries(code, DISCONNECT), hex(code))
    }
  })
  test('has no row that is not tested', () => {
    const tested = [...TABLE.map(([code]) => code), 1, 2, 3, 4, 5]
    deepEqual(
      Object.keys(REFUSALS)
        .map(Number)
        .filter((code) => !tested.includes(code)),
      [],
    )
  })
  test('that no table has counts as one that stays, and as a loss after CONNACK', () => {
    equal(classifyFailure(refused(0xf0), 5).kind, 'slow')
    equal(classifyFailure(ended(0xf0), 5).kind, 'retry')
    ok(!isCausedByPacket(ended(0xf0)))
  })
})

describe('a code of MQTT 3.1.1', () => {
  const kinds = ['slow', 'slow', 'retry', 'credentials', 'credentials']
  for (const [i, kind] of kinds.entries()) {
    test(`${i + 1} means "${kind}"`, () => equal(classifyFailure(refused(i + 1), 4).kind, kind))
  }
})

describe('a refusal of the version', () => {
  for (const code of [0x01, 0x84]) {
    test(`${hex(code)} falls back from 5, and has nothing below 3.1.1`, () => {
      equal(classifyFailure(refused(code), 5).kind, 'protocol')
      equal(classifyFailure(refused(code), 4).kind, 'slow')
    })
  }
})

describe('another server', () => {
  test('is handed on as the server wrote it', () => {
    const failure = { kind: 'elsewhere', serverReference: 'b.example:1884 c.example' }
    deepEqual(classifyFailure(refused(0x9c, 'b.example:1884 c.example'), 5), failure)
    deepEqual(classifyFailure(ended(0x9d, 'b.example:1884 c.example'), 5), failure)
  })
  test('that is not named makes 0x9c a matter of time and 0x9d one of a person', () => {
    equal(classifyFailure(refused(0x9c), 5).kind, 'busy')
    equal(classifyFailure(ended(0x9d), 5).kind, 'slow')
  })
  test('is not followed from another reason', () => {
    equal(classifyFailure(refused(0x89, 'b.example'), 5).serverReference, undefined)
  })
})

test('an answer that does not fit a message is caused by it, for it would come again', () => {
  const error = new ProtocolError('Wrong', { clause: '§4.3', reasonCode: 0x82, packetId: 7 })
  equal(misansweredId(error), 7)
  equal(classifyFailure(error, 4).kind, 'retry')
  ok(isCausedByPacket(error))
})

describe('a failure without a reason of the server', () => {
  const malformed = { packetType: 3, offset: 0, clause: '§1', reasonCode: 0x81 }
  const cases = [
    [new ConnectionLostError('Lost'), 'retry'],
    [new TimeoutError('Late', { operation: 'pingResponse', afterMs: 1 }), 'retry'],
    [new MalformedPacketError('Garbage', malformed), 'retry'],
    [new ProtocolError('Forbidden', { clause: '§1', reasonCode: 0x82 }), 'retry'],
    [
      new PacketTooLargeError('Large', { sizeBytes: 2, limitBytes: 1, limitedBy: 'client' }),
      'slow',
    ],
    [new ClosedError('Closed'), 'slow'],
  ] as const
  for (const [error, kind] of cases) {
    test(`${error.name} means "${kind}" and is laid to no packet`, () => {
      equal(classifyFailure(error, 5).kind, kind)
      ok(!isCausedByPacket(error))
    })
  }

  test('is a bare close at the end of the stream alone', () => {
    const cause = (code: string): Error => Object.assign(new Error(code), { code })
    ok(isBareClose(new ConnectionLostError('Lost')))
    equal(isBareClose(new ConnectionLostError('Lost', { cause: cause('ECONNRESET') })), false)
    for (const code of ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN']) {
      ok(!isBareClose(new ConnectionLostError('Lost', { cause: cause(code) })))
    }
    ok(!isBareClose(new ConnectionLostError('Lost', { cause: null })))
    ok(!isBareClose(new TimeoutError('Late', { operation: 'pingResponse', afterMs: 1 })))
    ok(!isBareClose(ended(0x81)))
  })
})

describe('a refused publish', () => {
  const later = [0x80, 0x83, 0x91, 0x97]
  const codes = Array.from({ length: 128 }, (_, i) => 128 + i).filter(
    (code) => (reasonCarriers(code) & RECEIVED & SERVER_PACKETS) !== 0,
  )
  test('has seven reasons', () => {
    deepEqual(codes.map(hex), ['0x80', '0x83', '0x87', '0x90', '0x91', '0x97', '0x99'])
  })
  for (const code of codes) {
    const meaning = later.includes(code) ? 'later' : 'rejected'
    test(`with ${hex(code)} (${reasonName(code)}) is "${meaning}"`, () => {
      equal(publishRefusal(code), meaning)
    })
  }
  test('with a reason that no table has is "rejected"', () =>
    equal(publishRefusal(0xf0), 'rejected'))
})
