// TLS settings that cannot be meant throw at the constructor, in words that name the setting and no secret.

import { equal, match, ok, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MQTTClient as RobustClient } from '../../src/robust.node.ts'
import { MQTTClient as SimpleClient } from '../../src/simple.node.ts'
import { browserPlatform } from '../../src/browser.ts'
import { SimpleClient as Client } from '../../src/simple/client.ts'
import { CertificateAuthority } from '../support/certificates.ts'

const authority = new CertificateAuthority('umqtt test authority')
const { cert, key } = authority.issue({ name: 'client' })
const other = authority.issue({ name: 'other' })
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const WRONG: readonly (readonly [what: string, tls: object, expected: RegExp])[] = [
  ['a number as ca', { ca: 5 }, /options\.tls\.ca of type "number": give PEM/],
  ['no ca in a list', { ca: [] }, /options\.tls\.ca of type "object": give PEM/],
  [
    'a ca that is no certificate',
    { ca: 'ca.pem' },
    /options\.tls\.ca: it has no certificate in PEM/,
  ],
  [
    'bytes that are no certificate',
    { ca: [bytes(key)] },
    /options\.tls\.ca: it has no certificate/,
  ],
  ['a cert alone', { cert }, /options\.tls\.cert without key: give both/],
  ['a key alone', { key }, /options\.tls\.key without cert: give both/],
  ['a servername of nothing', { servername: '' }, /options\.tls\.servername of type "string"/],
  ['one name of a protocol', { alpnProtocols: 'mqtt' }, /options\.tls\.alpnProtocols of type/],
  ['an empty name of a protocol', { alpnProtocols: [''] }, /give a list of names of 1 to 255/],
  ['rejectUnauthorized as text', { rejectUnauthorized: 'no' }, /give true or false/],
  ['an old version', { minVersion: 'TLSv1' }, /give "TLSv1\.2" or "TLSv1\.3"/],
  ['a name that is unknown', { caFile: 'ca.pem' }, /options\.tls\.caFile: the known ones are/],
]

/** What OpenSSL finds. */
const UNREADABLE: typeof WRONG = [
  ['a cert that is none', { cert: 'cert.pem', key }, /options\.tls\.cert: .+/],
  ['a key that is none', { cert, key: 'hush' }, /options\.tls\.key: .+/],
  ['the key of another', { cert, key: other.key }, /options\.tls\.cert with key: .+/],
]

describe('options.tls', () => {
  for (const [what, tls, expected] of [...WRONG, ...UNREADABLE]) {
    it(`refuses ${what}`, () => {
      for (const Made of [SimpleClient, RobustClient]) {
        throws(
          () => new Made('id', 'mqtts://localhost', { tls: tls as never }),
          (error: Error) => {
            equal(error.name, 'TypeError')
            match(error.message, /^Cannot use /)
            match(error.message, expected)
            ok(!error.message.includes('hush'))
            ok(!error.message.includes('PRIVATE'))
            return true
          },
        )
      }
    })
  }

  it('takes what fits, as text and as bytes', () => {
    for (const tls of [
      {},
      { ca: authority.cert },
      { ca: [bytes(authority.cert)] },
      { ca: `# A comment\n${authority.cert}`, cert: bytes(cert), key },
      { servername: 'a.example', alpnProtocols: ['mqtt'], minVersion: 'TLSv1.3' as const },
    ]) {
      equal(new RobustClient('id', 'mqtts://localhost', { tls }).state, 'idle')
    }
  })

  it('is refused where the platform has its own, as a browser', () => {
    throws(() => new Client('id', 'wss://localhost', { tls: {} }, browserPlatform), {
      name: 'TypeError',
      message: 'Cannot use options.tls "Object": this platform has its own, and takes none',
    })
  })
})
