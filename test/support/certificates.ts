// Throw-away certificates for tests of TLS, made on the spot with Node's own cryptography: an authority,
// and what it signs. Just as much of X.509 (RFC 5280 §4.1) as a handshake looks at.

import { type KeyObject, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'

/** A certificate and its private key, PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** What a certificate shall say. */
export interface CertificateOptions {
  /** The common name of the subject. */
  readonly name: string
  /** Host names and IPv4 addresses that it is for. @default none */
  readonly altNames?: readonly string[]
  /** @default an hour ago */
  readonly notBefore?: Date
  /** @default in a day */
  readonly notAfter?: Date
}

const HOUR_MS = 3_600_000

const OID = {
  commonName: [0x55, 0x04, 0x03],
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  subjectAltName: [0x55, 0x1d, 0x11],
  basicConstraints: [0x55, 0x1d, 0x13],
} as const

const TRUE = der(0x01, [0xff])
const ALGORITHM = sequence(der(0x06, OID.ecdsaWithSha256))

/** An authority that signs certificates, and may be trusted by its own. */
export class CertificateAuthority implements Certificate {
  readonly cert: string
  readonly key: string
  readonly #name: string
  readonly #key: KeyObject

  constructor(name: string) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#name = name
    this.#key = privateKey
    this.key = privateKeyPem(privateKey)
    this.cert = this.#sign({ name }, publicKey, true)
  }

  /** A certificate with a key of its own. */
  issue(options: CertificateOptions): Certificate {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    return { cert: this.#sign(options, publicKey, false), key: privateKeyPem(privateKey) }
  }

  #sign(options: CertificateOptions, publicKey: KeyObject, authority: boolean): string {
    const now = Date.now()
    const { altNames = [] } = options
    const { notBefore = new Date(now - HOUR_MS), notAfter = new Date(now + 24 * HOUR_MS) } = options
    const constraints = authority ? sequence(TRUE) : sequence()
    const extensions = [extension(OID.basicConstraints, constraints)]
    if (altNames.length > 0) {
      extensions.push(extension(OID.subjectAltName, sequence(...altNames.map(altName))))
    }
    const body = sequence(
      der(0xa0, der(0x02, [2])),
      der(0x02, [0x40, ...randomBytes(15)]),
      ALGORITHM,
      distinguishedName(this.#name),
      sequence(time(notBefore), time(notAfter)),
      distinguishedName(options.name),
      publicKey.export({ type: 'spki', format: 'der' }),
      der(0xa3, sequence(...extensions)),
    )
    const signature = sign('sha256', body, this.#key)
    return pem(sequence(body, ALGORITHM, der(0x03, [0, ...signature])))
  }
}

function der(tag: number, content: readonly number[] | Uint8Array): Buffer {
  const { length } = content
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.from([tag, ...size, ...content])
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function extension(oid: readonly number[], value: Buffer): Buffer {
  return sequence(der(0x06, oid), TRUE, der(0x04, value))
}

function distinguishedName(name: string): Buffer {
  const attribute = sequence(der(0x06, OID.commonName), der(0x0c, Buffer.from(name)))
  return sequence(der(0x31, attribute))
}

function altName(name: string): Buffer {
  return isIPv4(name)
    ? der(0x87, name.split('.').map(Number))
    : der(0x82, Buffer.from(name, 'latin1'))
}

/** UTCTime, which is asked for up to the year 2049. RFC 5280 §4.1.2.5 */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '')
  return der(0x17, Buffer.from(digits.slice(2), 'latin1'))
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').replace(/.{64}/g, '$&\n').trimEnd()
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}

function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string
}
