// What an entry point wires together and the client is given: the clock, the transports and the
// buffers that clients share. The client itself names no platform.

import type { EngineRuntime } from '../engine/types.ts'
import type {
  ParseServer,
  ServerAddress,
  TlsOptions,
  TransportFactory,
} from '../transport/transport.ts'
import type { Clock } from './clock.ts'

/** The default surroundings of a client; one is made for a process. */
export interface Platform {
  readonly clock: Clock
  /** How to reach a server, by the scheme of its address. */
  readonly transports: { readonly [S in ServerAddress['scheme']]?: TransportFactory }
  readonly runtime: EngineRuntime
  /** How an address is read; one that remembers saves each client its own copy. */
  readonly parseServer?: ParseServer
  /** Throws for TLS settings that its transports cannot use; without it they can use none. */
  checkTls?(tls: TlsOptions): void
  /** Bytes come in here and are gone when the call that reports them returns. */
  readonly readBuffer: Uint8Array
  /** Tells a person what no listener of the application took. */
  warn(code: string, message: string): void
}
