// What went wrong, in the words of who sits at a command line: the client names its options as code writes them, and
// here they have the names of the command's. Knows no command.

import { UsageError } from './usage-error.ts'

/** Options as the errors of a client name them, and as they are written here. */
const NAMES: Readonly<Record<string, string>> = {
  '"tls.ca"': '--cafile',
  '"tls.cert"': '--cert',
  '"tls.key"': '--key',
  '"tls.passphrase"': '--key-passphrase-file',
  '"tls.servername"': '--servername',
  '"tls.minVersion"': '--tls-version',
  '"tls.alpnProtocols"': '--alpn',
  'limits.outboxBytes': '--outbox-bytes',
  'limits.outboxMessages': '--outbox-messages',
  'options.user': '--user',
  'options.password': '--password',
}

const NAME = new RegExp(Object.keys(NAMES).join('|').replaceAll('.', '\\.'), 'g')

/** What an error says, and why, as far as it is known. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause, message } = error
  const why = cause instanceof Error && !message.includes(cause.message) ? `: ${cause.message}` : ''
  return inOptions(`${message || error.name}${why}`)
}

/** The same text with the names of options that the command has. */
export function inOptions(text: string): string {
  return text.replace(NAME, (name) => NAMES[name] ?? name)
}

/**
 * What the client makes of what was written.
 * @throws {UsageError} it cannot be meant
 */
export function madeOf<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof TypeError) && !(error instanceof RangeError)) throw error
    throw new UsageError(inOptions(error.message))
  }
}
