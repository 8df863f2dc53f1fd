// Looks at certificates and keys before anything is connected: with one that cannot be used, every attempt would fail
// in the same way. Reads no file, and no secret is in what it says.

import { createSecureContext, type SecureContextOptions } from 'node:tls'
import type { TlsOptions } from '../simple.node.ts'
import { shown, UsageError } from './usage-error.ts'

/** The files that they come from. */
export interface TlsFiles {
  readonly cafile: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/

/** @throws {UsageError} one of them cannot be used, or they do not belong together */
export function checkTls(
  { ca, cert, key, passphrase }: Pick<TlsOptions, 'ca' | 'cert' | 'key' | 'passphrase'>,
  files: TlsFiles,
): void {
  // OpenSSL takes a text without any, and trusts nobody then.
  if (files.cafile !== undefined && !CERTIFICATE.test(String(ca))) {
    throw new UsageError(`Cannot use --cafile ${shown(files.cafile)}: it has no certificate in PEM`)
  }
  if (cert === undefined || key === undefined) return
  const secret = { key, ...(passphrase !== undefined && { passphrase }) } as SecureContextOptions
  checkContext(`--cert ${shown(files.cert ?? '')}`, { cert } as SecureContextOptions)
  checkContext(`--key ${shown(files.key ?? '')}`, secret)
  checkContext('--cert with --key', { cert, ...secret } as SecureContextOptions)
}

/** What OpenSSL means. */
const MEANINGS: Readonly<Record<string, string>> = {
  ERR_OSSL_PEM_NO_START_LINE: 'it is no PEM of that kind',
  ERR_OSSL_UNSUPPORTED: 'it is no PEM of that kind',
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'the key is that of another certificate',
  ERR_OSSL_BAD_DECRYPT: 'its pass phrase is another one: write --key-passphrase-file FILE',
}

function checkContext(what: string, options: SecureContextOptions): void {
  try {
    createSecureContext(options)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const why = Object.hasOwn(MEANINGS, code) ? `${MEANINGS[code]} (${code})` : message
    throw new UsageError(`Cannot use ${what}: ${why}`)
  }
}
