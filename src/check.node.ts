// `umqtt/check` on Node, Bun and Deno.
// Wiring alone: it gives the check its platform, with a look at certificates that only Node's TLS allows.

import { connect, type DetailedPeerCertificate } from 'node:tls'
import type { CheckPlatform, TlsSight } from './check/platform.ts'
import { runCheck } from './check/run.ts'
import type { CheckOptions, CheckReport } from './check/types.ts'
import { nodePlatform } from './node.ts'
import { MQTTClient } from './simple.node.ts'
import { tlsConnectionOptions } from './transport/tls.ts'
import type { ServerAddress, TlsOptions } from './transport/transport.ts'

export type {
  CheckBounds,
  CheckId,
  CheckOptions,
  CheckReport,
  CheckResult,
  CheckTimeouts,
  CheckVerdict,
  Conclusion,
  Facts,
  RecognisedServer,
  Restarts,
} from './check/types.ts'
export { CHECK_IDS } from './check/ids.ts'

/** How long a handshake may take, in ms. */
const HANDSHAKE_MS = 10_000

const platform: CheckPlatform = {
  now: nodePlatform.clock.now,
  today: Date.now,
  setTimer: (fire, delayMs) => {
    const { clock } = nodePlatform
    const handle = clock.setTimer(fire, delayMs)
    return () => clock.clearTimer(handle)
  },
  random: Math.random,
  transports: nodePlatform.transports,
  resolve: resolveAddress,
  inspectTls,
}

/**
 * Finds out whether a server keeps what a robust client needs: sessions, messages for who is away, QoS 1 and
 * 2, limits and expiry, and with `restart` whether all that outlives a restart and a crash.
 *
 * It talks to the server as clients of its own do, with client ids `umqtt-check-…` and topics under one random
 * name, beside whatever else the server does; nobody else's sessions or topics are touched. When it ends, its
 * sessions and retained messages are removed, also when it fails or `signal` ends it. It takes about ten
 * seconds, at most `timeouts.totalMs` and `timeouts.cleanUpMs`, and what restarts need.
 *
 * @param url as for a client, such as `mqtts://server.example`
 * @param options who we are, and how far to go; see {@link CheckOptions}
 * @returns what was found, as plain data; `verdict` has it in a sentence
 * @throws {TypeError | RangeError} an option cannot be used; nothing has been sent
 * @throws {ConnectRefusedError} ERR_MQTT_CONNECT_REFUSED — the server does not let us in
 * @throws {ConnectionLostError} ERR_MQTT_CONNECTION_LOST — it cannot be reached
 * @throws {TimeoutError} ERR_MQTT_TIMEOUT — it does not answer
 * @throws the reason of `signal`, after cleaning up
 * @example
 * ```js types
 * import { check } from 'umqtt/check'
 *
 * const { verdict, results } = await check('mqtt://localhost', {
 *   onResult: ({ title, verdict, seen }) => console.log(verdict, title, seen),
 * })
 * console.log(verdict.text, results.length)
 * ```
 */
export async function check(url: string, options: CheckOptions = {}): Promise<CheckReport> {
  return runCheck(url, options, platform)
}

/** A client that is never connected refuses what a client refuses. */
function resolveAddress(url: string, options: CheckOptions): ServerAddress {
  const { port, user, password, tls, transport, protocol } = options
  const given = { port, user, password, tls, transport, protocol }
  const client = Object.entries(given).filter(([, value]) => value !== undefined)
  new MQTTClient('umqtt-check', url, Object.fromEntries(client))
  const parse = nodePlatform.parseServer as NonNullable<typeof nodePlatform.parseServer>
  return parse(url, { ...(port !== undefined && { port }), tls: tls !== undefined })
}

/** A handshake of its own, whose certificate is looked at whether it is trusted or not. */
function inspectTls(
  address: ServerAddress,
  tls: TlsOptions,
  signal: AbortSignal,
): Promise<TlsSight> {
  const { host, port } = address
  const settings = { ...tlsConnectionOptions(address, tls), rejectUnauthorized: false }
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: HANDSHAKE_MS, ...settings })
    const stop = (): void => void socket.destroy(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
    socket.once('timeout', () => socket.destroy(new Error('The TLS handshake takes too long')))
    socket.once('error', reject)
    socket.once('close', () => signal.removeEventListener('abort', stop))
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerCertificate(true)
      resolve({
        protocol: socket.getProtocol() ?? 'unknown',
        cipher: socket.getCipher().name,
        distrust: socket.authorized ? undefined : String(socket.authorizationError),
        validToMs: firstEnd(certificate),
        subject: String(certificate.subject?.CN ?? host),
      })
      socket.destroy()
    })
  })
}

/** When the first certificate of a chain ends. */
function firstEnd(leaf: DetailedPeerCertificate): number {
  let end = Infinity
  const seen = new Set<string>()
  for (let one = leaf; one?.valid_to !== undefined && !seen.has(one.fingerprint256);) {
    seen.add(one.fingerprint256)
    end = Math.min(end, Date.parse(one.valid_to))
    one = one.issuerCertificate
  }
  return end
}
