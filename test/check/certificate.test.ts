// What is said about TLS, for each kind of certificate, at a date that the test sets.

import { equal, match, ok } from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CheckPlatform, TlsSight } from '../../src/check/platform.ts'
import { runCheck } from '../../src/check/run.ts'
import type { CheckReport } from '../../src/check/types.ts'
import { nodePlatform } from '../../src/node.ts'
import { parseServer } from '../../src/transport/address.ts'
import type { TransportFactory } from '../../src/transport/transport.ts'
import { ToyServer } from '../support/toy-server.ts'

const TODAY_MS = Date.UTC(2030, 0, 1)
const DAY_MS = 86_400_000

/** A check whose `mqtts:` goes over TCP, and whose certificate is as the test says. */
async function checked(sight: Partial<TlsSight>): Promise<CheckReport> {
  const server = await ToyServer.start()
  const tcp = nodePlatform.transports.mqtt as TransportFactory
  const { clock } = nodePlatform
  const platform: CheckPlatform = {
    now: clock.now,
    today: () => TODAY_MS,
    setTimer: (fire, delayMs) => {
      const handle = clock.setTimer(fire, delayMs)
      return () => clock.clearTimer(handle)
    },
    random: () => 0,
    transports: { mqtts: tcp },
    resolve: (url) => parseServer(url),
    inspectTls: (address) => {
      equal(address.scheme, 'mqtts')
      return Promise.resolve({
        protocol: 'TLSv1.3',
        cipher: 'TLS_AES_256_GCM_SHA384',
        distrust: undefined,
        validToMs: TODAY_MS + 90 * DAY_MS,
        subject: 'server.example',
        ...sight,
      })
    },
  }
  try {
    return await runCheck(server.url.replace('mqtt:', 'mqtts:'), { only: ['tls'] }, platform)
  } finally {
    await server.stop()
  }
}

describe('the check of TLS', () => {
  const rows: readonly (readonly [sight: Partial<TlsSight>, verdict: string, seen: RegExp])[] = [
    [{}, 'ok', /^TLSv1\.3; the certificate of "server\.example" ends in 90 days$/],
    [{ validToMs: TODAY_MS + 30 * DAY_MS }, 'ok', /ends in 30 days$/],
    [{ validToMs: TODAY_MS + 30 * DAY_MS - 1 }, 'limited', /ends in 29 days$/],
    [{ validToMs: TODAY_MS - 1 }, 'bad', /ended 1 day ago$/],
    [{ distrust: 'self-signed certificate' }, 'bad', /is not trusted: self-signed certificate$/],
  ]
  for (const [sight, verdict, seen] of rows) {
    test(`is "${verdict}" for ${JSON.stringify(sight)}`, async () => {
      const { results, conclusions, leftovers } = await checked(sight)
      const result = results.find(({ id }) => id === 'tls')
      ok(result !== undefined)
      match(result.seen, seen)
      equal(result.verdict, verdict)
      const advice =
        sight.distrust === undefined ? /^renew the certificate$/ : /authority that signed/
      if (verdict === 'ok') equal(result.advice, undefined)
      else match(result.advice ?? '', advice)
      equal(conclusions[0]?.code, verdict === 'bad' ? 'untrusted' : 'partial')
      equal(leftovers.length, 0)
    })
  }
})
