// What a person reads when a socket fails, for codes that the other tests do not bring about.

import { equal, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseServer } from '../../src/transport/address.ts'
import { socketError } from '../../src/transport/socket-error.ts'

const ADDRESS = parseServer('mqtts://server.example')

/** Codes as Node reports them, and what a person must read. */
const CODES: readonly (readonly [string, RegExp])[] = [
  ['ECONNREFUSED', /nothing listens there/],
  ['ENOTFOUND', /no host has this name/],
  ['ETIMEDOUT', /does not answer/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /"tls\.ca"/],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', /does not accept the client certificate in "tls\.cert"/],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', /does not accept the client certificate/],
  ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', /does not accept the client certificate/],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /give one in "tls\.cert" and "tls\.key"/],
  ['ERR_OSSL_PEM_NO_START_LINE', /"tls\.passphrase" cannot be read/],
]

describe('socketError', () => {
  for (const [code, words] of CODES) {
    it(`says what ${code} means`, () => {
      const cause = Object.assign(new Error('raw words'), { code })
      const error = socketError(cause, ADDRESS, true)
      ok(words.test(error.message), error.message)
      ok(error.message.startsWith('Cannot connect to "mqtts://server.example:8883": '))
      ok(error.message.endsWith(`(${code})`))
      equal(error.cause, cause)
    })
  }

  it('is transient, but where a certificate or a setting is at fault', () => {
    const isTransient = (code: string): boolean =>
      socketError(Object.assign(new Error('raw words'), { code }), ADDRESS, true).transient
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'CERT_NOT_YET_VALID', 'ESTRANGE', 'toString'])
      equal(isTransient(code), true, code)
    for (const code of [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'CERT_HAS_EXPIRED',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'ERR_SSL_WRONG_VERSION_NUMBER',
      'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
      'ERR_OSSL_PEM_NO_START_LINE',
    ]) {
      equal(isTransient(code), false, code)
    }
    equal(socketError(new TypeError('of ca'), ADDRESS, true).transient, false)
    equal(socketError(new RangeError('too long'), ADDRESS, true).transient, false)
    equal(socketError(new Error('raw words'), ADDRESS, true).transient, true)
    // The package ws says with a RangeError that a frame is damaged.
    equal(socketError(new RangeError('RSV1 must be clear'), ADDRESS, false).transient, true)
  })

  it('tells a lost connection from one that never was', () => {
    const cause = Object.assign(new Error('raw words'), { code: 'ECONNRESET' })
    equal(
      socketError(cause, ADDRESS, false).message,
      'Lost the connection to "mqtts://server.example:8883": it was reset by the other side (ECONNRESET)',
    )
  })

  it("keeps the platform's words for a code that it does not know", () => {
    const words = (details: object): string =>
      socketError(Object.assign(new Error('raw words'), details), ADDRESS, true).message
    ok(words({ code: 'ESTRANGE' }).endsWith(': raw words (ESTRANGE)'))
    ok(words({ code: 'constructor' }).endsWith(': raw words (constructor)'))
    ok(words({ code: 'ERR_SSL_STRANGE', reason: 'short' }).endsWith(': short (ERR_SSL_STRANGE)'))
    ok(words({ code: 5 }).endsWith(': raw words'))
    ok(words({}).endsWith(': raw words'))
  })
})
