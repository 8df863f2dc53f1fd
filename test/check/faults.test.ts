// Each check is shown a server that is right, and one that is wrong in the one thing that it is there to find.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CheckId, type CheckReport, check } from '../../src/check.node.ts'
import type { CheckVerdict } from '../../src/check/types.ts'
import { type Fault, ToyServer } from '../support/toy-server.ts'

const TIMEOUT_MS = 120_000
/** Several at once: most of them wait. */
const CONCURRENCY = 6

async function checked(faults: readonly Fault[], only?: readonly CheckId[]): Promise<CheckReport> {
  const server = await ToyServer.start(...faults)
  try {
    return await check(server.url, {
      ...(only !== undefined && { only }),
      protocol: 5,
      bounds: { queuedMessages: 300, payloadBytes: 100_000 },
      timeouts: { answerMs: 2_000 },
    })
  } finally {
    await server.stop()
  }
}

type Row = readonly [fault: Fault, id: CheckId, verdict: CheckVerdict, seen: RegExp]

const ROWS: readonly Row[] = [
  ['forgets sessions', 'session', 'bad', /^forgotten as soon/],
  ['forgets subscriptions', 'session', 'bad', /hands over what waited, and has forgotten the subs/],
  ['forgets what waits', 'session', 'bad', /has forgotten the message that came meanwhile/],
  ['denies sessions', 'session', 'limited', /^kept, and yet the server says that it is not/],
  ['ignores session expiry', 'session-expiry', 'limited', /^still there 2.5 s after/],
  ['lets two of one client id in', 'takeover', 'bad', /^leaves the old connection open/],
  ['ends the newcomer', 'takeover', 'bad', /^leaves the old connection open/],
  ['forgets sessions', 'takeover', 'bad', /forgets the session$/],
  ['forgets what waits', 'queue-qos1', 'bad', /^none of 300 kept/],
  ['keeps a hundred, the newest', 'queue-qos1', 'limited', /^the last 100 of 300 kept/],
  ['keeps a hundred, the oldest', 'queue-qos2', 'limited', /^the first 100 of 300 kept/],
  ['stands still for a while', 'queue-qos1', 'ok', /^all of 300 kept, in order$/],
  ['stands still for a while', 'queue-qos2', 'ok', /^all of 300 kept, in order$/],
  ['hands over in reverse', 'queue-qos1', 'bad', /out of order$/],
  ['hands over twice', 'queue-qos2', 'bad', /^300 messages came twice/],
  ['ignores message expiry', 'message-expiry', 'limited', /message whose time is over/],
  ['takes no time off', 'expiry-clock', 'limited', /the time at the server is not taken off$/],
  ['tells no time left', 'expiry-clock', 'limited', /without the time that it has left/],
  ['lowers to QoS 0', 'qos1', 'bad', /^hands QoS 1 over at QoS 0/],
  ['lowers to QoS 0', 'qos2', 'limited', /^hands QoS 2 over at QoS 0/],
  ['takes QoS 2 for QoS 1', 'qos2', 'limited', /^QoS 2 is answered with PUBACK/],
  ['takes QoS 2 for QoS 1', 'qos2-resent', 'limited', /^QoS 2 is answered with PUBACK/],
  ['loses messages', 'qos1', 'bad', /acknowledges a message, and does not hand it over/],
  ['routes again what is sent again', 'qos2-resent', 'bad', /arrives 2 times$/],
  ['forgets what was interrupted', 'qos2-resent', 'bad', /arrives 2 times$/],
  ['sends nothing again', 'qos2-unconfirmed', 'bad', /without PUBREC is not sent again/],
  ['sends again under another id', 'qos2-unconfirmed', 'bad', /under another packet id/],
  [
    'sends PUBLISH again after PUBREC',
    'qos2-unconfirmed',
    'bad',
    /^sends PUBLISH again after PUBREC/,
  ],
  ['sends again without DUP', 'qos2-unconfirmed', 'limited', /PUBLISH without DUP$/],
  ['ignores Receive Maximum', 'receive-maximum', 'limited', /sends 6 at once where we allow 2/],
  ['never cuts off', 'keep-alive', 'bad', /is silent for 13 s, and is not cut off/],
  ['cuts off early', 'keep-alive', 'bad', /^a silent client is cut off after 1\.\d s of 2 s/],
  ['answers no PINGREQ', 'keep-alive', 'bad', /^PINGREQ is not answered/],
  ['publishes no will', 'will', 'bad', /not published when the connection breaks/],
  ['publishes every will', 'will', 'bad', /published also after DISCONNECT/],
  ['delays no will', 'will-delay', 'limited', /^published after \d+ ms instead of 2 s/],
  ['cancels no will', 'will-delay', 'limited', /published though the client came back/],
  ['publishes no will', 'will-delay', 'limited', /never published/],
  ['retains nothing', 'retained', 'bad', /^acknowledged, and not kept/],
  ['retains the first', 'retained', 'bad', /one that was replaced/],
  ['clears nothing', 'retained', 'bad', /not removed by an empty one/],
  ['forgets the retain flag', 'retained', 'bad', /without its flag/],
  ['matches no parent', 'wildcards', 'bad', /^no message for …\/deep$/],
  ['matches too much', 'wildcards', 'bad', /match too much/],
  ['shares with all', 'shared', 'bad', /^40 copies of 20 come/],
  ['takes shares for filters', 'shared', 'limited', /taken for an ordinary filter/],
  ['gives no subscription id back', 'subscription-ids', 'bad', /taken, and not given back/],
  ['loses aliases', 'aliases-out', 'bad', /the message does not arrive/],
  ['takes small packets alone', 'packet-size', 'limited', /^payloads of 6250 bytes pass; larger/],
  ['tells no assigned client id', 'client-id', 'bad', /the one assigned not told/],
]

describe('check', { concurrency: CONCURRENCY, timeout: TIMEOUT_MS }, () => {
  test('finds nothing wrong with a server that is right', async () => {
    const { results, verdict } = await checked([])
    const worse = results.filter((one) => one.verdict !== 'ok' && one.verdict !== 'skipped')
    deepEqual(
      worse.map(({ id, seen }) => `${id}: ${seen}`),
      ['aliases-in: uses none, though we allow 10'],
    )
    equal(verdict.code, 'restart-untested')
  })

  for (const [fault, id, verdict, seen] of ROWS) {
    test(`"${id}", of a server that ${fault}, is ${verdict}`, async () => {
      const { results } = await checked([fault], [id])
      const result = results.find((one) => one.id === id)
      ok(result !== undefined)
      match(result.seen, seen)
      equal(result.verdict, verdict)
    })
  }
})
