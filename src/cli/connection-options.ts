// The options that every command with a connection has, and what the clients are given for them.
// A password comes from an option, a file or the environment, and goes into no message.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { ClientOptions, TlsOptions } from '../simple.node.ts'
import type { Values } from './options.ts'
import { checkTls } from './tls-check.ts'
import { shown, UsageError } from './usage-error.ts'

/** Where, as whom, and how. */
export const CONNECTION_OPTIONS = {
  host: {
    kind: 'text',
    short: 'h',
    placeholder: 'HOST',
    essential: true,
    help: 'the server [localhost]',
  },
  port: {
    kind: 'integer',
    short: 'p',
    placeholder: 'PORT',
    min: 1,
    max: 65_535,
    essential: true,
    help: 'its port [1883, or 8883 with TLS]',
  },
  url: {
    kind: 'text',
    short: 'L',
    placeholder: 'URL',
    essential: true,
    help: 'both in one: mqtt(s)://, ws(s):// or unix:, with user and topic [$UMQTT_SERVER]',
  },
  user: {
    kind: 'text',
    short: 'u',
    placeholder: 'NAME',
    essential: true,
    help: 'user name [$UMQTT_USER]',
  },
  password: {
    kind: 'text',
    short: 'P',
    placeholder: 'TEXT',
    help: 'password, which others can see among the processes [$UMQTT_PASSWORD]',
  },
  passwordFile: {
    kind: 'text',
    placeholder: 'FILE',
    offers: 'file',
    help: 'a file whose first line is the password',
  },
  id: { kind: 'text', short: 'i', placeholder: 'ID', help: 'client identifier [one of its own]' },
  mqttVersion: {
    kind: 'choice',
    short: 'V',
    words: ['5', 'mqttv5', '311', 'mqttv311'],
    help: 'version of MQTT [5, and 3.1.1 where the server knows no other]',
  },
  keepalive: {
    kind: 'integer',
    short: 'k',
    placeholder: 'SECONDS',
    min: 0,
    max: 65_535,
    help: 'keep alive [60]',
  },
  tls: { kind: 'flag', help: 'TLS with the certificates that the system trusts' },
  cafile: {
    kind: 'text',
    placeholder: 'FILE',
    offers: 'file',
    help: 'certificates to trust, PEM; means TLS',
  },
  capath: {
    kind: 'text',
    placeholder: 'DIR',
    offers: 'folder',
    help: 'the same, all files of a folder that hold some',
  },
  cert: { kind: 'text', placeholder: 'FILE', offers: 'file', help: 'our certificate, PEM' },
  key: { kind: 'text', placeholder: 'FILE', offers: 'file', help: 'its private key, PEM' },
  keyPassphraseFile: {
    kind: 'text',
    placeholder: 'FILE',
    offers: 'file',
    help: 'a file whose first line is the passphrase of the key',
  },
  servername: {
    kind: 'text',
    placeholder: 'NAME',
    help: 'the name that the certificate must have [the host]',
  },
  tlsVersion: {
    kind: 'choice',
    words: ['tlsv1.2', 'tlsv1.3'],
    help: 'the lowest version of TLS [tlsv1.2]',
  },
  alpn: { kind: 'text', placeholder: 'NAME', help: 'protocol to ask for in the TLS handshake' },
  insecure: { kind: 'flag', help: 'take any certificate: then anybody can be the server' },
} as const

/** What a client is made of. */
export interface Connection {
  readonly server: string
  /** Undefined: the command chooses one. */
  readonly clientId: string | undefined
  /** The topic in the URL. */
  readonly topic: string | undefined
  readonly options: ClientOptions
}

type Env = Readonly<Record<string, string | undefined>>

/**
 * What the options say, with the environment behind them.
 * @throws {UsageError} options that contradict each other, or a file that cannot be read
 */
export function readConnection(values: Values<typeof CONNECTION_OPTIONS>, env: Env): Connection {
  if (values.url !== undefined && (values.host !== undefined || values.port !== undefined)) {
    throw new UsageError('Cannot use --url with --host or --port: write them in the URL')
  }
  const address =
    values.host === undefined && values.port === undefined
      ? readUrl(values.url ?? env['UMQTT_SERVER'] ?? 'localhost')
      : { server: values.host ?? 'localhost' }
  const user = values.user ?? address.user ?? env['UMQTT_USER']
  const password =
    values.password ??
    (values.passwordFile === undefined
      ? undefined
      : firstLine('--password-file', values.passwordFile)) ??
    address.password ??
    env['UMQTT_PASSWORD']
  const tls = readTls(values)
  return {
    server: address.server,
    clientId: values.id,
    topic: address.topic,
    options: {
      ...(values.port !== undefined && { port: values.port }),
      ...(user !== undefined && { user }),
      ...(password !== undefined && { password }),
      ...(values.keepalive !== undefined && { keepAliveSeconds: values.keepalive }),
      ...(values.mqttVersion !== undefined && {
        protocol: values.mqttVersion.endsWith('5') ? (5 as const) : (4 as const),
      }),
      ...(tls !== undefined && { tls }),
    },
  }
}

interface Address {
  readonly server: string
  readonly user?: string
  readonly password?: string
  readonly topic?: string
}

/** Takes who and what out of a URL, which the clients take without. */
function readUrl(url: string): Address {
  const [, scheme, , userInfo, rest = ''] =
    /^([a-z][a-z\d+.-]*):\/\/(([^/?#@]*)@)?(.*)$/is.exec(url) ?? []
  if (scheme === undefined || scheme.toLowerCase() === 'unix') return { server: url }
  const [, user = '', password] = /^([^:]*)(?::(.*))?$/s.exec(userInfo ?? '') ?? []
  const who = {
    ...(user !== '' && { user: decoded(user) }),
    ...(password !== undefined && { password: decoded(password) }),
  }
  const [, authority = '', topic = ''] = /^([^/]*)\/?(.*)$/s.exec(rest) ?? []
  if (/^wss?$/i.test(scheme)) return { server: `${scheme}://${rest}`, ...who }
  return {
    server: `${scheme}://${authority}`,
    ...who,
    ...(topic !== '' && { topic: decoded(topic) }),
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    // It may be a password: it is not shown.
    throw new UsageError('Cannot read the URL: write "%25" for a "%" in user, password or topic')
  }
}

function readTls(values: Values<typeof CONNECTION_OPTIONS>): TlsOptions | undefined {
  const { cafile, capath, cert, key, keyPassphraseFile, tls, servername, alpn, insecure } = values
  const { tlsVersion } = values
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError('--cert and --key belong together: give both')
  }
  if (cafile !== undefined && capath !== undefined) {
    throw new UsageError('Cannot use --cafile with --capath: leave one')
  }
  const given: TlsOptions = {
    ...(cafile !== undefined && { ca: fileOf('--cafile', cafile) }),
    ...(capath !== undefined && { ca: certificatesOf(capath) }),
    ...(tlsVersion !== undefined && { minVersion: MIN_VERSIONS[tlsVersion] }),
    ...(cert !== undefined && { cert: fileOf('--cert', cert) }),
    ...(key !== undefined && { key: fileOf('--key', key) }),
    ...(keyPassphraseFile !== undefined && {
      passphrase: firstLine('--key-passphrase-file', keyPassphraseFile),
    }),
    ...(servername !== undefined && { servername }),
    ...(alpn !== undefined && { alpnProtocols: [alpn] }),
    ...(insecure && { rejectUnauthorized: false }),
  }
  checkTls(given, values)
  return tls || Object.keys(given).length > 0 ? given : undefined
}

const MIN_VERSIONS = { 'tlsv1.2': 'TLSv1.2', 'tlsv1.3': 'TLSv1.3' } as const

/** What there is of certificates in a folder; one that is there twice, such as by a link with its hash, counts once. */
function certificatesOf(folder: string): string[] {
  const texts = filesOf(folder).map((path) => fileOf('--capath', path))
  const found = [...new Set(texts.filter((text) => text.includes('-----BEGIN CERTIFICATE-----')))]
  if (found.length > 0) return found
  throw new UsageError(
    `Cannot use --capath ${shown(folder)}: no file in it has a certificate in PEM`,
  )
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
      .map((name) => join(folder, name))
      .filter((path) => statSync(path).isFile())
  } catch (error) {
    throw unreadable('--capath', folder, error, 'name a folder that can be read')
  }
}

function firstLine(name: string, path: string): string {
  const [line = ''] = fileOf(name, path).split(/\r?\n/, 1)
  return line
}

/** @throws {UsageError} the file cannot be read */
export function fileOf(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw unreadable(name, path, error, 'name a file that can be read')
  }
}

function unreadable(name: string, path: string, error: unknown, what: string): UsageError {
  const why = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
  return new UsageError(`Cannot read ${name} ${shown(path)}${why}: ${what}`)
}
