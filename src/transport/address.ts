// Reads what the application wrote as its server into a ServerAddress, once, before anything is dialled.
// A value that cannot be right is refused here, with words that say what to write instead; what may be
// secret (user information, a query) reaches no message. Knows no URL class, so that it runs everywhere.

import type { ParseServer, ServerAddress } from './transport.ts'

/** What is set beside the server. */
export interface ParseServerOptions {
  /** 1 to 65,535, for a server that names no port or the same one. @default the port of the scheme */
  readonly port?: number | undefined
  /** Whether TLS settings were given: a bare host name then means `mqtts:`. @default false */
  readonly tls?: boolean | undefined
}

type NetworkScheme = Exclude<ServerAddress['scheme'], 'unix'>

/** The longest host name, in characters. RFC 1035 §2.3.4 */
const HOST_MAX = 253

/** How many servers a parser remembers: more than a process has, unless it makes them up as it goes. */
const SERVERS_KEPT = 16

/** How much of a server an error shows, in characters. */
const SHOWN_MAX = 200

/** What may stand before `://`, with the port of each. */
const PORTS: Readonly<Record<NetworkScheme, number>> = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 }

/** Other clients' words for the same. */
const SYNONYMS: Readonly<Record<string, string>> = { tcp: 'mqtt', ssl: 'mqtts', tls: 'mqtts' }

/** Where most servers take MQTT over WebSocket; the specification names no path. */
const DEFAULT_PATH = '/mqtt'

/** Four numbers up to 255. */
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/

/** Eight groups, or up to seven around one `::`. RFC 4291 §2.2 */
const IPV6 =
  /^(?:(?:[\da-f]{1,4}:){7}[\da-f]{1,4}|(?!(?::*[\da-f]+\b){8})(?:(?:[\da-f]{1,4}:)*[\da-f]{1,4})?::(?:(?:[\da-f]{1,4}:)*[\da-f]{1,4})?)$/i

/**
 * Reads a server as an application writes it: a host name, `host:port`, an IPv4 address, an IPv6 address
 * in brackets, or a URL with the scheme `mqtt` (also written `tcp`), `mqtts` (also `ssl`, `tls`), `ws`,
 * `wss` or `unix`.
 *
 * The port is the URL's, else `options.port`, else 1883, 8883, 80 or 443. A WebSocket URL without a path
 * gets `/mqtt`; any other path, `/` too, is kept. `href` never holds a query, which may carry a token.
 *
 * @throws {TypeError} the server cannot be read, holds user information, or contradicts the options
 * @throws {RangeError} a port is not 1 to 65,535, or the two ports differ
 * @example
 * parseServer('localhost').href // 'mqtt://localhost:1883'
 */
export function parseServer(server: string, options: ParseServerOptions = {}): ServerAddress {
  const { port: portOption, tls = false } = options
  const refuse = (why: string): never => {
    const shown = `${server}`.slice(0, SHOWN_MAX).replace(/\?.*/s, '?…')
    throw new TypeError(`Cannot use the server ${JSON.stringify(shown)}: ${why}`)
  }
  if (typeof server !== 'string') refuse('write a host name or a URL')
  const [, file] = /^unix:(?:\/\/(?=\/))?(.*)$/is.exec(server) ?? []
  if (file !== undefined) {
    if (!/^(?!\/\/)[^\0]+$/.test(file)) refuse('it names no file, as "unix:/run/mqtt.sock" does')
    if (tls || portOption !== undefined) refuse('a Unix socket has neither a port nor TLS')
    return { scheme: 'unix', host: '', port: 0, path: file, href: `unix:${file}` }
  }
  if (server.includes('@')) {
    throw new TypeError(
      'Cannot use a server with "@": use the options "user" and "password", and write "%40" in a path',
    )
  }

  const [, prefix, authority = '', path = ''] =
    /^(?:([^/?#:]*):\/\/)?([^/?#]*)(.*)$/s.exec(server) ?? []
  const name = prefix?.toLowerCase() ?? (tls ? 'mqtts' : 'mqtt')
  const scheme = (Object.hasOwn(SYNONYMS, name) ? SYNONYMS[name] : name) as NetworkScheme
  if (!Object.hasOwn(PORTS, scheme)) refuse('use "mqtt:", "mqtts:", "ws:", "wss:" or "unix:"')
  const isWebSocket = scheme.startsWith('w')
  if (tls && (scheme === 'mqtt' || scheme === 'ws')) refuse(`TLS settings need "${scheme}s:"`)
  if (path !== '' && !isWebSocket && (path !== '/' || prefix === undefined)) {
    refuse('only "ws:" and "wss:" have a path')
  }
  if (/[^!-~]|#/.test(path)) refuse('its path has a character that needs encoding')

  if (isIPv6(authority)) refuse(`write the IPv6 address as "[${authority}]"`)
  const [, host = '', portText] = /^(\[.*\]|[^:]*)(?::(.*))?$/s.exec(authority.toLowerCase()) ?? []
  const bare = host.replace(/^\[(.*)\]$/s, '$1')
  if (!(bare === host ? isName(host) : isIPv6(bare))) {
    refuse('it names no host, as "localhost" or "mqtt://localhost:1883" does')
  }
  const port = checkPort(portText ?? portOption ?? PORTS[scheme])
  if (portOption !== undefined && port !== checkPort(portOption)) {
    throw new RangeError(
      `Cannot use both ports, ${port} of the server and ${portOption} of the options`,
    )
  }
  const fullPath = isWebSocket ? path.replace(/^(?!\/)/, DEFAULT_PATH) : ''
  return {
    scheme,
    host: bare,
    port,
    path: fullPath,
    href: `${scheme}://${host}:${port}${fullPath.replace(/\?.*/, '')}`,
  }
}

function checkPort(value: string | number): number {
  const port = /^\d+$/.test(`${value}`) ? Number(value) : 0
  if (port >= 1 && port <= 65_535) return port
  throw new RangeError(`Cannot use the port "${value}": write a whole number from 1 to 65,535`)
}

/** A host name or an IPv4 address; a name beyond ASCII is left to the resolver. */
function isName(host: string): boolean {
  return (
    host.length <= HOST_MAX &&
    /^(?!.*\.\.)(?!\.)(?:[\w.-]|[^\0-\xa0\s])+$/.test(host) &&
    (!/(?:^|\.)\d+\.?$/.test(host) || IPV4.test(host))
  )
}

/** Without its zone (RFC 4007 §11), and with two groups for an IPv4 address at its end. */
function isIPv6(text: string): boolean {
  const ends = text.replace(/%[\w.~-]+$/, '').replace(/:[\d.]+$/, (tail) => {
    return IPV4.test(tail.slice(1)) ? ':0:0' : tail
  })
  return IPV6.test(ends)
}

/**
 * A parser that gives the same object again for a server that it knows: ten thousand clients of one process,
 * or one with a list of servers, share a few.
 */
export function rememberingParser(): ParseServer {
  const known = new Map<string, ServerAddress>()
  return (server, options = {}) => {
    const key = `${options.port} ${options.tls} ${server}`
    let address = known.get(key)
    if (address === undefined) {
      address = parseServer(server, options)
      if (known.size >= SERVERS_KEPT) known.clear()
      known.set(key, address)
    }
    return address
  }
}
