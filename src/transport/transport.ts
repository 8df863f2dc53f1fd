// The byte pipe under a connection: the contract that every transport keeps and the driver relies on.
// A transport knows nothing of MQTT, of time limits or of reconnecting: the driver bounds dialling,
// writing and closing, and calls `destroy` when a bound is reached.

/** Where to connect to, parsed once from what the application wrote. */
export interface ServerAddress {
  readonly scheme: 'mqtt' | 'mqtts' | 'ws' | 'wss' | 'unix'
  /** Host name or IP address without brackets; empty for `unix`. */
  readonly host: string
  /** 1 to 65,535; 0 for `unix`. */
  readonly port: number
  /** Path and query of a WebSocket URL, or the file of a Unix socket. */
  readonly path: string
  /** The address as a URL without credentials, for messages. */
  readonly href: string
}

/** Reads a server as an application writes it; see address.ts. */
export type ParseServer = (
  server: string,
  options?: { readonly port?: number; readonly tls?: boolean },
) => ServerAddress

/** TLS settings; every check is on unless it is switched off by name. */
export interface TlsOptions {
  /** Certificate authorities to trust instead of the platform's, PEM. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[]
  /** Client certificate chain, PEM. */
  readonly cert?: string | Uint8Array
  /** Private key of the client certificate, PEM. */
  readonly key?: string | Uint8Array
  /** Passphrase of the private key. */
  readonly passphrase?: string
  /** Application protocols to offer, such as `['mqtt']`. */
  readonly alpnProtocols?: readonly string[]
  /** Name for SNI and certificate checks, when it is not the host. */
  readonly servername?: string
  /** False accepts any certificate: no protection against an impostor. @default true */
  readonly rejectUnauthorized?: boolean
  /** The lowest TLS version. @default "TLSv1.2" — RFC 8996 forbids those below. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
}

/** What a factory gets beside the address. */
export interface TransportOptions {
  readonly tls?: TlsOptions | undefined
  /**
   * One buffer for all sockets that read into a given buffer: bytes in it are valid only during
   * `received`, which is why every transport of a process may share it.
   */
  readonly readBuffer: Uint8Array
  /**
   * The largest WebSocket message to take, where that can be set (the package `ws`): at least the
   * largest packet, since a message holds whole packets as a rule, and may hold several.
   * @default 16,777,216 — bounds what a server can make us hold before a byte of it is decoded
   */
  readonly maxFrameBytes?: number | undefined
}

/** The driver's side. Nothing is called before the factory has returned, nor after `closed`. */
export interface TransportHandler {
  /** The pipe is open: bytes may be written. Called once, before any `received`. */
  opened(): void
  /**
   * Bytes came in. They are valid only during the call.
   * @param bytes what they are in
   * @param length how many, from offset 0 on; at least 1
   */
  received(bytes: Uint8Array, length: number): void
  /**
   * The last `write` is done: its chunks may be reused and the next `write` may come. Called later than
   * `write`, and never for one that failed; after `close` it may be left out.
   */
  written(): void
  /**
   * It is over. Called exactly once.
   * @param error why; undefined for an orderly end by either side
   */
  closed(error: Error | undefined): void
}

/** One open or opening byte pipe. */
export interface Transport {
  /**
   * Sends the chunks, in order. At most one write is under way at a time; the chunks stay as they are
   * until `written`. They are read alone: what is in them may be sent again. Calls after the end do nothing.
   * @param chunks in the order in which their bytes go
   */
  write(chunks: readonly Uint8Array[]): void
  /** Stops `received` until `resume`; what the kernel holds then slows the peer down. */
  pause(): void
  /** Lets `received` come again. */
  resume(): void
  /**
   * Orderly end: sends what was written, then the end of the stream; `closed` follows when the peer has
   * ended too. What comes in meanwhile is thrown away. While dialling it is the same as `destroy`.
   */
  close(): void
  /**
   * Immediate end, also while dialling: frees the socket; `closed` follows, later and without an error.
   * Idempotent.
   */
  destroy(): void
}

/** Dials; returns at once. Whatever goes wrong later comes through `handler.closed`. */
export type TransportFactory = (
  address: ServerAddress,
  handler: TransportHandler,
  options: TransportOptions,
) => Transport
