// What the entry point gives to the check: time, chance, and ways to a server. Tests own all of them.
// Nothing else in this folder meets a clock or a socket.

import type { ServerAddress, TlsOptions, TransportFactory } from '../simple.node.ts'
import type { CheckOptions } from './types.ts'

/** What the handshake of TLS showed. */
export interface TlsSight {
  /** Such as `TLSv1.3`. */
  readonly protocol: string
  readonly cipher: string
  /** Why the certificate is not trusted; undefined when it is. */
  readonly distrust: string | undefined
  /** When the first certificate of the server's chain to end does so, ms since 1970. */
  readonly validToMs: number
  readonly subject: string
}

/** The surroundings of a check. */
export interface CheckPlatform {
  /** Monotonic milliseconds. */
  now(): number
  /** Milliseconds since 1970, for the dates of certificates. */
  today(): number
  /** Calls `fire` once; what it returns cancels that. */
  setTimer(fire: () => void, delayMs: number): () => void
  /** From 0 to below 1. */
  random(): number
  readonly transports: { readonly [S in ServerAddress['scheme']]?: TransportFactory }
  /**
   * Reads the address, and refuses what a client would refuse: before anything is dialled.
   * @throws {TypeError} @throws {RangeError}
   */
  resolve(url: string, options: CheckOptions): ServerAddress
  /** Looks at the TLS of a server; undefined where the platform cannot. */
  readonly inspectTls?: (
    address: ServerAddress,
    tls: TlsOptions,
    signal: AbortSignal,
  ) => Promise<TlsSight>
}
