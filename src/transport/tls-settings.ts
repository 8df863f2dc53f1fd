// TLS settings as an application gives them, looked at before anything is dialled: what Node cannot use would
// fail every attempt in the same way. No key and no pass phrase is in what it says.

import { createSecureContext } from 'node:tls'
import type { TlsOptions } from './transport.ts'

interface Kind {
  is(value: unknown): boolean
  readonly advice: string
}

const PEM: Kind = {
  is: (value) => typeof value === 'string' || value instanceof Uint8Array,
  advice: 'give PEM as text or bytes',
}
const TEXT: Kind = { is: (value) => typeof value === 'string', advice: 'give a string' }

const KINDS: { readonly [K in keyof TlsOptions]-?: Kind } = {
  ca: {
    is: (value) => (Array.isArray(value) ? value.length > 0 && value.every(PEM.is) : PEM.is(value)),
    advice: 'give PEM as text or bytes, or a list of such',
  },
  cert: PEM,
  key: PEM,
  passphrase: TEXT,
  alpnProtocols: {
    is: (value) =>
      Array.isArray(value) &&
      value.length > 0 &&
      value.every((name) => typeof name === 'string' && name.length > 0 && name.length < 256),
    advice: 'give a list of names of 1 to 255 characters',
  },
  servername: {
    is: (value) => typeof value === 'string' && value.length > 0,
    advice: 'give a host name or an IP address',
  },
  rejectUnauthorized: { is: (value) => typeof value === 'boolean', advice: 'give true or false' },
  minVersion: {
    is: (value) => value === 'TLSv1.2' || value === 'TLSv1.3',
    advice: 'give "TLSv1.2" or "TLSv1.3"',
  },
}

const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/

/** What OpenSSL means. */
const MEANINGS: Readonly<Record<string, string>> = {
  ERR_OSSL_PEM_NO_START_LINE: 'it is no PEM of that kind',
  ERR_OSSL_UNSUPPORTED: 'it is no PEM of that kind',
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'the key is that of another certificate',
  ERR_OSSL_BAD_DECRYPT: 'its pass phrase is another one',
}

/**
 * @throws {TypeError} for a setting that cannot be meant, or that Node cannot use; Deno finds out when it dials
 */
export function checkTlsSettings(tls: TlsOptions): void {
  for (const [name, value] of Object.entries(tls)) {
    if (!Object.hasOwn(KINDS, name)) {
      const known = Object.keys(KINDS).join(', ')
      throw new TypeError(`Cannot use options.tls.${name}: the known ones are ${known}`)
    }
    const { is, advice } = KINDS[name as keyof TlsOptions]
    if (value === undefined || is(value)) continue
    throw new TypeError(`Cannot use options.tls.${name} of type "${typeof value}": ${advice}`)
  }
  const { ca = [], cert, key } = tls
  for (const one of [ca].flat()) {
    // OpenSSL takes a text without any, and trusts nobody then.
    if (CERTIFICATE.test(textOf(one))) continue
    throw new TypeError('Cannot use options.tls.ca: it has no certificate in PEM')
  }
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key']
    throw new TypeError(`Cannot use options.tls.${given} without ${missing}: give both`)
  }
  checkContext(tls)
}

function checkContext({ ca, cert, key, passphrase }: TlsOptions): void {
  const secret = { key, ...(passphrase !== undefined && { passphrase }) }
  if (ca === undefined && cert === undefined) return
  const why = faultOf({ ca, cert, ...secret })
  if (why === undefined) return
  for (const [name, part] of Object.entries({ ca: { ca }, cert: { cert }, key: secret })) {
    const fault = faultOf(part)
    if (fault !== undefined) throw new TypeError(`Cannot use options.tls.${name}: ${fault}`)
  }
  throw new TypeError(`Cannot use options.tls.cert with key: ${why}`)
}

/** What OpenSSL has against them. */
function faultOf(parts: object): string | undefined {
  try {
    createSecureContext(parts)
    return undefined
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    return Object.hasOwn(MEANINGS, code) ? `${MEANINGS[code]} (${code})` : message
  }
}

function textOf(pem: string | Uint8Array): string {
  return typeof pem === 'string' ? pem : Buffer.from(pem).toString('latin1')
}
