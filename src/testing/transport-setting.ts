// What the contract of transports is given: a transport, somebody for it to talk to, and where transports may differ.
// Types alone, with the words in which a transport of one's own is described.

import type { ServerAddress, TransportFactory, TransportOptions } from '../transport/transport.ts'
import type { TransportPeer } from './transport-peer.ts'

/** What a transport and its kind of connection can do, where they differ. What is false is not checked. */
export interface TransportTraits {
  /** Whether `pause` slows the peer down, so that bytes stay with it. */
  readonly slowsPeer: boolean
  /** Whether a peer that has ended still takes what the client had written before. */
  readonly halfCloses: boolean
  /** Whether a peer can break the connection, and the client is told. */
  readonly breaks: boolean
  /** Whether a server can leave a dial unanswered; if so, a setting has a `silentAddress`. */
  readonly canBeSilent: boolean
}

/** A transport and somebody to talk to, for one check. */
export interface TransportSetting {
  /** The transport. */
  readonly dial: TransportFactory
  /** What it is dialled with. @default a read buffer of 65,536 bytes, and nothing else */
  readonly options?: TransportOptions
  /** Where a dial succeeds. */
  readonly address: ServerAddress
  /** Where a dial fails. */
  readonly refusedAddress: ServerAddress
  /** Where a dial is never answered; needed when `canBeSilent`. */
  readonly silentAddress?: ServerAddress
  /** The peer of the next connection to `address` that was not taken yet; waits for one. */
  accept(): Promise<TransportPeer>
  /** Frees everything. Called once, after the check, also when it has failed. */
  close(): Promise<void>
}

/** How the suite gets at a transport. */
export interface TransportContract {
  readonly traits: TransportTraits
  /** Makes a setting of its own for one check. */
  open(): Promise<TransportSetting>
}
